use std::time::Instant;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::*;
use crate::core::schedule::seed;

const SECOND: Duration = Duration::from_secs(1);

fn timing() -> Timing {
    Timing::new(15 * SECOND, 10 * SECOND, 2 * SECOND).unwrap()
}

const TIME: &str = "2026-03-01T08:00:00.123456Z";

fn time() -> Timestamp {
    TIME.parse().unwrap()
}

fn lease(spec: serde_json::Value) -> Box<Lease> {
    let lease =
        json!({"metadata": {"name": "x", "resourceVersion": "7", "labels": {"a": "b"}}, "spec": spec});
    Box::new(serde_json::from_value(lease).unwrap())
}

fn held_by(holder: &str) -> Box<Lease> {
    lease(json!({"holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": 3,
        "renewTime": "2020-01-01T00:00:00.000000Z"}))
}

/// An elector that has had an answer to its first reading.
fn after_reading(found: Option<Box<Lease>>, start: Instant) -> Elector {
    let mut elector = Elector::new("me", timing(), start);
    assert_eq!(elector.step(start, time()), Step::Read);
    elector.take(Answer::Read(found), start, start);
    elector
}

/// An elector that has taken a free Lease, and the Lease.
fn leader(start: Instant) -> (Elector, Box<Lease>) {
    let mut elector = after_reading(None, start);
    let Step::Create(spec) = elector.step(start, time()) else { panic!() };
    let mut written = held_by("me");
    written.spec = Some(spec);
    elector.take(Answer::Written(written.clone()), start, start + SECOND);
    assert_eq!(elector.standing(start + SECOND), Standing::Leading(start + 10 * SECOND));
    (elector, written)
}

#[test]
fn durations_that_fit_together_are_told_from_others() {
    let ms = Duration::from_millis;
    let table = [
        ((15_000, 10_000, 2000), None),
        ((3000, 2000, 500), None),
        ((3_600_000, 3_599_999, 10), None),
        ((3000, 2400, 2000), Some(TimingError::RetryPeriod)),
        ((3000, 2401, 2000), None),
        ((10_000, 10_000, 2000), Some(TimingError::RenewDeadline)),
        ((9000, 10_000, 2000), Some(TimingError::RenewDeadline)),
        ((1500, 1000, 100), Some(TimingError::LeaseDuration)),
        ((0, 0, 0), Some(TimingError::LeaseDuration)),
        ((3_601_000, 10_000, 2000), Some(TimingError::LeaseDuration)),
        ((15_000, 10_000, 0), Some(TimingError::TooOften)),
        ((15_000, 0, 0), Some(TimingError::TooOften)),
        ((15_000, 0, 10), Some(TimingError::RetryPeriod)),
    ];
    for ((lease, renew, retry), error) in table {
        assert_eq!(Timing::new(ms(lease), ms(renew), ms(retry)).err(), error, "{lease} {renew} {retry}");
    }
    assert_eq!(Timing::new(15 * SECOND, 10 * SECOND, Duration::MAX).err(), Some(TimingError::RetryPeriod));
}

#[test]
fn pauses_are_a_retry_period_and_a_fifth_at_most() {
    let pauses: Vec<Duration> = (0..1000).map(|i| timing().pause(0x9e37_79b9_7f4a_7c15, i)).collect();
    assert!(pauses.iter().all(|pause| (2 * SECOND..=2400 * SECOND / 1000).contains(pause)));
    assert!(pauses.iter().any(|pause| *pause > 2100 * SECOND / 1000));
    assert_ne!(timing().pause(seed("a"), 1), timing().pause(seed("b"), 1));
}

#[test]
fn what_is_free_is_taken_at_once() {
    let start = Instant::now();
    let free = [
        lease(json!(null)),
        lease(json!({})),
        lease(json!({"holderIdentity": ""})),
        lease(json!({"leaseDurationSeconds": 1, "leaseTransitions": -7})),
        lease(json!({"holderIdentity": "", "leaseDurationSeconds": i32::MAX})),
    ];
    for found in free {
        let elector = after_reading(Some(found.clone()), start);
        let Step::Replace(written) = elector.step(start, time()) else { panic!("{found:?}") };
        // Its version, and what others keep there, stay.
        assert_eq!(written.metadata, found.metadata);
        let spec = written.spec.unwrap();
        assert_eq!(spec.holder_identity.as_deref(), Some("me"));
        assert_eq!(spec.lease_duration_seconds, Some(15));
        assert_eq!(spec.lease_transitions, Some(1));
        assert_eq!(spec.acquire_time, Some(TIME.to_owned()));
    }
    let Step::Create(spec) = after_reading(None, start).step(start, time()) else { panic!() };
    assert_eq!(spec.lease_transitions, Some(0));
}

#[test]
fn what_another_holds_is_left_alone_for_as_long_as_it_says() {
    let start = Instant::now();
    let table = [
        (json!({"holderIdentity": "a", "leaseDurationSeconds": 15}), 15),
        (json!({"holderIdentity": "a", "leaseDurationSeconds": 60}), 60),
        (json!({"holderIdentity": "a", "leaseDurationSeconds": 1}), 1),
        (json!({"holderIdentity": "a"}), 15),
        (json!({"holderIdentity": "a", "leaseDurationSeconds": 0}), 15),
        (json!({"holderIdentity": "a", "leaseDurationSeconds": -9}), 15),
        (json!({"holderIdentity": "a", "leaseDurationSeconds": i32::MAX}), 3600),
        (json!({"holderIdentity": " ", "renewTime": "0001-01-01T00:00:00.000000Z"}), 15),
        (json!({"holderIdentity": "a", "renewTime": "9999-12-31T23:59:59.999999Z", "strategy": "x"}), 15),
    ];
    for (spec, seconds) in table {
        let mut elector = after_reading(Some(lease(spec.clone())), start);
        let mut now = start;
        loop {
            match elector.step(now, time()) {
                Step::Wait(until) => now = until,
                // Nothing changes but the version: somebody has labelled it.
                Step::Read => {
                    let mut same = lease(spec.clone());
                    same.metadata.insert("resourceVersion".into(), json!(format!("{:?}", now - start)));
                    elector.take(Answer::Read(Some(same)), now, now);
                }
                Step::Replace(_) => break,
                other => panic!("{spec}: {other:?}"),
            }
        }
        assert_eq!(now, start + seconds * SECOND, "{spec}");
    }
}

#[test]
fn a_renewal_by_another_starts_its_time_anew() {
    let start = Instant::now();
    let mut elector = after_reading(Some(held_by("a")), start);
    let mut renewed = held_by("a");
    renewed.spec.as_mut().unwrap().renew_time = Some("2020-01-01T00:00:02.000000Z".to_owned());
    elector.take(Answer::Read(Some(renewed)), start + 14 * SECOND, start + 14 * SECOND);
    assert_ne!(elector.step(start + 15 * SECOND, time()), Step::Read);
    elector.take(Answer::Failed, start + 16 * SECOND, start + 16 * SECOND);
    // What may be old isn't written over.
    assert_eq!(elector.step(start + 30 * SECOND, time()), Step::Read);
}

#[test]
fn a_renewal_changes_the_record_even_when_the_clock_stands_still() {
    let before = Record::claim(None, "me", &timing(), time());
    let renewed = Record::claim(Some(&before), "me", &timing(), time());
    assert_ne!(renewed.renew_time, before.renew_time);
    assert_eq!(Record { renew_time: None, ..renewed }, Record { renew_time: None, ..before });
}

#[test]
fn a_takeover_counts_and_a_renewal_does_not() {
    let found = held_by("a").spec.unwrap();
    let taken = Record::claim(Some(&found), "me", &timing(), time());
    assert_eq!((taken.lease_transitions, taken.acquire_time.clone()), (Some(4), Some(TIME.to_owned())));
    let later = time().checked_add(SignedDuration::from_secs(5)).unwrap();
    let renewed = Record::claim(Some(&taken), "me", &timing(), later);
    assert_eq!((renewed.lease_transitions, renewed.acquire_time), (Some(4), taken.acquire_time));
    assert_eq!(renewed.renew_time, Some(format!("{later:.6}")));
    let most = Record { lease_transitions: Some(i32::MAX), ..found };
    assert_eq!(Record::claim(Some(&most), "me", &timing(), later).lease_transitions, Some(i32::MAX));
}

#[test]
fn leadership_ends_by_the_time_the_last_renewal_began() {
    let start = Instant::now();
    let (mut elector, written) = leader(start);
    let due = start + 2400 * SECOND / 1000;
    let Step::Replace(renewal) = elector.step(due, time()) else { panic!() };
    // The answer takes 4 seconds, and is worth nothing for these.
    elector.take(Answer::Written(renewal), due, due + 4 * SECOND);
    assert_eq!(elector.standing(due + 4 * SECOND), Standing::Leading(due + 10 * SECOND));
    // Each call ends with it.
    assert_eq!(elector.give_up_at(due + 4 * SECOND), due + 9 * SECOND);
    assert_eq!(elector.give_up_at(due + 8 * SECOND), due + 10 * SECOND);
    assert_eq!(elector.standing(due + 10 * SECOND), Standing::Lost(Loss::Expired));
    assert_eq!(elector.step(due + 10 * SECOND, time()), Step::End);
    // An answer that comes too late changes nothing.
    elector.take(Answer::Written(written), due + 5 * SECOND, due + 11 * SECOND);
    assert_eq!(elector.standing(due + 11 * SECOND), Standing::Lost(Loss::Expired));
    assert_eq!(elector.step(due + 11 * SECOND, time()), Step::End);
}

#[test]
fn a_leader_that_is_refused_looks_at_once_and_not_in_a_loop() {
    let start = Instant::now();
    let (mut elector, written) = leader(start);
    let due = start + 3 * SECOND;
    assert!(matches!(elector.step(due, time()), Step::Replace(_)));
    elector.take(Answer::Refused, due, due);
    assert_eq!(elector.step(due, time()), Step::Read);
    elector.take(Answer::Read(Some(written)), due, due);
    assert!(matches!(elector.step(due, time()), Step::Replace(_)));
    elector.take(Answer::Refused, due, due);
    assert!(matches!(elector.step(due, time()), Step::Wait(until) if until > due + SECOND));
    assert!(matches!(elector.standing(due), Standing::Leading(_)));
}

#[test]
fn a_leader_learns_that_another_leads() {
    let start = Instant::now();
    let (mut elector, _) = leader(start);
    elector.take(Answer::Refused, start + 3 * SECOND, start + 3 * SECOND);
    elector.take(Answer::Read(Some(held_by("a"))), start + 3 * SECOND, start + 3 * SECOND);
    assert_eq!(elector.standing(start + 3 * SECOND), Standing::Lost(Loss::Taken { by: "a".to_owned() }));
    assert_eq!(elector.step(start + 3 * SECOND, time()), Step::End);
}

#[test]
fn a_deleted_lease_is_created_anew_by_who_leads() {
    let start = Instant::now();
    let (mut elector, _) = leader(start);
    elector.take(Answer::Refused, start + 3 * SECOND, start + 3 * SECOND);
    elector.take(Answer::Read(None), start + 3 * SECOND, start + 3 * SECOND);
    let Step::Create(spec) = elector.step(start + 3 * SECOND, time()) else { panic!() };
    assert_eq!((spec.holder_identity.as_deref(), spec.lease_transitions), (Some("me"), Some(0)));
}

#[test]
fn a_lease_that_is_deleted_while_another_holds_it_is_not_free_yet() {
    let start = Instant::now();
    let mut elector = after_reading(Some(held_by("a")), start);
    let gone = start + 12 * SECOND;
    elector.take(Answer::Read(None), gone, gone);
    assert_eq!(elector.standing(gone), Standing::Following(Some("a".to_owned())));
    assert!(matches!(elector.step(gone + 2 * SECOND, time()), Step::Wait(_)));
    elector.take(Answer::Read(None), gone + 14 * SECOND, gone + 14 * SECOND);
    assert!(!matches!(elector.step(gone + 14 * SECOND, time()), Step::Create(_)));
    let Step::Create(spec) = elector.step(gone + 15 * SECOND, time()) else { panic!() };
    assert_eq!(spec.lease_transitions, Some(4));
}

#[test]
fn who_resigns_frees_its_own_lease_alone() {
    let start = Instant::now();
    let (mut elector, written) = leader(start);
    elector.resign();
    assert_eq!(elector.standing(start + SECOND), Standing::Resigned);
    let Step::Replace(release) = elector.step(start + SECOND, time()) else { panic!() };
    assert_eq!(release.metadata, written.metadata);
    let spec = release.spec.clone().unwrap();
    assert_eq!(
        (spec.holder_identity, spec.lease_duration_seconds, spec.lease_transitions),
        (None, Some(1), Some(0))
    );
    // An own renewal was heard of too late: it is looked at again.
    elector.take(Answer::Refused, start + SECOND, start + SECOND);
    assert_eq!(elector.step(start + SECOND, time()), Step::Read);
    elector.take(Answer::Read(Some(written)), start + SECOND, start + SECOND);
    assert!(matches!(elector.step(start + SECOND, time()), Step::Replace(_)));
    elector.take(Answer::Written(release), start + SECOND, start + SECOND);
    assert_eq!(elector.step(start + SECOND, time()), Step::End);
    assert_eq!(elector.standing(start + SECOND), Standing::Resigned);

    let (mut elector, _) = leader(start);
    elector.resign();
    elector.take(Answer::Refused, start + SECOND, start + SECOND);
    elector.take(Answer::Read(Some(held_by("a"))), start + SECOND, start + SECOND);
    assert_eq!(elector.step(start + SECOND, time()), Step::End);

    let mut follower = after_reading(Some(held_by("a")), start);
    follower.resign();
    assert_eq!(follower.step(start, time()), Step::End);
}

#[test]
fn who_resigns_frees_a_lease_that_it_took_without_knowing() {
    let start = Instant::now();
    let mut elector = after_reading(None, start);
    assert!(matches!(elector.step(start, time()), Step::Create(_)));
    elector.take(Answer::Failed, start, start + 5 * SECOND);
    elector.resign();
    assert_eq!(elector.step(start + 5 * SECOND, time()), Step::Read);
    elector.take(Answer::Read(Some(held_by("me"))), start + 5 * SECOND, start + 5 * SECOND);
    assert!(matches!(elector.step(start + 5 * SECOND, time()), Step::Replace(_)));
}
