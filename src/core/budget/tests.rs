use std::{cmp::Ordering, collections::BinaryHeap};

use proptest::prelude::*;

use super::*;

const KIB: usize = 1024;

/// 64 KiB a second, and 128 KiB at once.
fn budget(now: Instant) -> Budget<usize> {
    Budget::new("64KiB".parse().unwrap(), now)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[derive(Clone, Copy, Debug)]
struct Write {
    arrives: u64,
    urgency: Urgency,
    bytes: usize,
}

fn writes(most: usize) -> impl Strategy<Value = Vec<Write>> {
    let urgency = prop::sample::select(Urgency::ALL.to_vec());
    let write = (0u64..20_000, urgency, 1..most).prop_map(|(arrives, urgency, bytes)| Write {
        arrives,
        urgency,
        bytes,
    });
    prop::collection::vec(write, 1..40)
}

/// Lets all who wait ask every 100 ms, beginning with another each time. When each was let through, by place.
fn granted(writes: &[Write]) -> Vec<u64> {
    let start = Instant::now();
    let mut budget = budget(start);
    let mut granted = vec![None; writes.len()];
    for tick in 0..10_000 {
        let now = tick * 100;
        for i in 0..writes.len() {
            let who = (i + usize::try_from(tick).unwrap() * 7) % writes.len();
            let Write { arrives, urgency, bytes } = writes[who];
            if arrives <= now
                && granted[who].is_none()
                && budget.ask(&who, urgency, bytes, start + ms(now)) == Turn::Now
            {
                granted[who] = Some(now);
            }
        }
        if granted.iter().all(Option::is_some) {
            assert_eq!(budget.queue(start + ms(now)), Queue::default());
            return granted.into_iter().flatten().collect();
        }
    }
    panic!("some never got their turn: {granted:?}");
}

/// The first tick at which somebody asked.
fn asked(write: &Write) -> u64 {
    write.arrives.div_ceil(100) * 100
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_span_of_time_has_more_than_the_rate_and_the_burst(writes in writes(200 * KIB)) {
        let mut done: Vec<_> = granted(&writes).into_iter().zip(&writes).map(|(at, write)| (at, write.bytes)).collect();
        done.sort_by_key(|(at, _)| *at);
        for first in 0..done.len() {
            let mut sum = 0;
            for last in first..done.len() {
                // At one moment, the order isn't known: all of it counts.
                sum += done[last].1;
                let moment_ends = done.get(last + 1).is_none_or(|next| next.0 > done[last].0);
                let span = usize::try_from(done[last].0 - done[first].0).unwrap();
                let largest = done[first..=last].iter().map(|(_, bytes)| *bytes).max().unwrap_or(0);
                let most = span * 64 * KIB / 1000 + (128 * KIB).max(largest) + 1;
                prop_assert!(!moment_ends || sum <= most, "{sum} bytes in {span} ms");
            }
        }
    }

    #[test]
    fn no_one_passes_a_more_urgent_one_who_waits(writes in writes(200 * KIB)) {
        let granted = granted(&writes);
        for (first, urgent) in writes.iter().enumerate() {
            for (second, other) in writes.iter().enumerate() {
                // Within the time in which nobody has waited long enough to count for more.
                let is_young = granted[second] < asked(other) + 120_000;
                let is_ahead = urgent.urgency > other.urgency
                    || (urgent.urgency == other.urgency && asked(urgent) < asked(other));
                let passed = asked(urgent) < granted[second] && granted[second] < granted[first];
                prop_assert!(!(is_ahead && is_young && passed), "{second} passed {first}: {granted:?}");
            }
        }
    }

    #[test]
    fn nothing_is_held_back_while_there_is_room(writes in writes(2 * KIB)) {
        // Even all at once they fit.
        let granted = granted(&writes);
        for (at, write) in granted.iter().zip(&writes) {
            prop_assert_eq!(*at, asked(write));
        }
    }
}

/// Somebody who comes when they were told to, and a moment later as a timer does.
#[derive(PartialEq, Eq)]
struct Coming {
    at: Instant,
    who: usize,
    urgency: Urgency,
}

impl Ord for Coming {
    fn cmp(&self, other: &Self) -> Ordering {
        other.at.cmp(&self.at).then(other.who.cmp(&self.who))
    }
}

impl PartialOrd for Coming {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Runs until nobody waits or the time is over. Who was let through, when, and after how many questions of all.
fn run(
    coming: Vec<Coming>,
    bytes: usize,
    start: Instant,
    lasts: Duration,
) -> (Vec<(usize, Duration)>, usize) {
    let mut budget = budget(start);
    let mut coming = BinaryHeap::from(coming);
    let (mut through, mut questions) = (Vec::new(), 0);
    while let Some(Coming { at, who, urgency }) = coming.pop() {
        if at > start + lasts {
            break;
        }
        questions += 1;
        match budget.ask(&who, urgency, bytes, at) {
            Turn::Now => through.push((who, at - start)),
            Turn::At(turn) => coming.push(Coming { at: turn + ms(50), who, urgency }),
        }
    }
    (through, questions)
}

#[test]
fn a_fleet_is_told_rightly_when_to_come() {
    let start = Instant::now();
    let fleet = (0..300).map(|who| Coming { at: start, who, urgency: Urgency::Change }).collect();
    let (through, questions) = run(fleet, 20 * KIB, start, ms(200_000));
    assert_eq!(through.len(), 300);
    // 6,000 KiB, of which 128 are there at once.
    let last = through.last().unwrap().1;
    assert!(last >= ms(91_750) && last < ms(92_500), "{last:?}");
    assert!(questions <= 600, "{questions} questions for 300 writes");
    let order: Vec<_> = through.iter().map(|(who, _)| *who).collect();
    assert!(order.is_sorted(), "who came first is first: {order:?}");
}

#[test]
fn nobody_starves_while_more_comes_than_can_be_written() {
    let start = Instant::now();
    // Three times 30 KiB a second, of 64.
    let mut coming: Vec<_> = (0..1800u64)
        .map(|i| Coming {
            at: start + ms(i * 333),
            who: usize::try_from(i).unwrap(),
            urgency: Urgency::Change,
        })
        .collect();
    let after = start + ms(5000);
    coming.push(Coming { at: after, who: 5000, urgency: Urgency::Heartbeat });
    coming.push(Coming { at: after, who: 6000, urgency: Urgency::Progress });
    let (through, _) = run(coming, 30 * KIB, start, ms(600_000));
    let at = |who: usize| through.iter().find(|(other, _)| *other == who).map(|(_, at)| *at).unwrap();
    assert!(at(6000) > ms(120_000) && at(6000) < ms(180_000), "{:?}", at(6000));
    assert!(at(5000) > ms(240_000) && at(5000) < ms(400_000), "{:?}", at(5000));
}

#[test]
fn what_is_larger_than_the_burst_is_written_and_paid_for() {
    let start = Instant::now();
    let mut budget = budget(start);
    assert_eq!(budget.ask(&1, Urgency::Change, 512 * KIB, start), Turn::Now);
    // 384 KiB are owed, and 64 more are needed.
    let Turn::At(turn) = budget.ask(&2, Urgency::Change, 64 * KIB, start) else { panic!() };
    assert!(turn >= start + ms(7000) && turn < start + ms(7001));
    assert_eq!(budget.ask(&2, Urgency::Change, 64 * KIB, turn), Turn::Now);
}

#[test]
fn whoever_is_late_holds_up_nobody_and_is_first_all_the_same() {
    let start = Instant::now();
    let mut budget = budget(start);
    let mut ask = |who, urgency, bytes, at| match budget.ask(&who, urgency, bytes, at) {
        Turn::Now => None,
        Turn::At(turn) => Some(turn),
    };
    assert_eq!(ask(1, Urgency::Change, 128 * KIB, start), None);
    let turn = ask(2, Urgency::Change, 128 * KIB, start).unwrap();
    let heartbeat = Urgency::Heartbeat;
    assert!(ask(3, heartbeat, KIB, turn).is_some());
    assert!(ask(3, heartbeat, KIB, turn + ms(900)).is_some());
    assert_eq!(ask(3, heartbeat, KIB, turn + ms(1000)), None);
    // A kibibyte is missing again, and others have come meanwhile; but it comes first.
    let turn = ask(2, Urgency::Change, 128 * KIB, turn + ms(1000)).unwrap();
    assert!(ask(4, Urgency::Change, KIB, turn).unwrap() > turn);
    assert_eq!(ask(2, Urgency::Change, 128 * KIB, turn), None);
}

#[test]
fn whoever_stays_away_has_no_place_in_the_end() {
    let start = Instant::now();
    let mut budget = budget(start);
    assert_eq!(budget.ask(&1, Urgency::Change, 128 * KIB, start), Turn::Now);
    let Turn::At(turn) = budget.ask(&2, Urgency::Heartbeat, 128 * KIB, start) else { panic!() };
    assert_eq!(budget.queue(turn + ms(59_900)), Queue { length: 1, since: Some(start) });
    assert_eq!(budget.queue(turn + ms(60_000)), Queue::default());
}

#[test]
fn whoever_leaves_holds_up_nobody() {
    let start = Instant::now();
    let mut budget = budget(start);
    assert_eq!(budget.ask(&1, Urgency::Change, 128 * KIB, start), Turn::Now);
    let _ = budget.ask(&2, Urgency::Change, 128 * KIB, start);
    budget.leave(&2);
    assert_eq!(budget.queue(start), Queue::default());
    assert_eq!(budget.ask(&3, Urgency::Heartbeat, 64 * KIB, start + ms(1001)), Turn::Now);
}

#[test]
fn what_becomes_urgent_goes_ahead_and_has_waited_since_it_came() {
    let start = Instant::now();
    let mut budget = budget(start);
    assert_eq!(budget.ask(&0, Urgency::Change, 128 * KIB, start), Turn::Now);
    for who in 1..=3 {
        let _ = budget.ask(&who, Urgency::Progress, 64 * KIB, start + ms(who as u64));
    }
    let turn = |budget: &mut Budget<usize>, who: usize, urgency| match budget.ask(
        &who,
        urgency,
        64 * KIB,
        start + ms(10),
    ) {
        Turn::Now => panic!("there is nothing left"),
        Turn::At(turn) => (turn - start).as_millis(),
    };
    assert_eq!(turn(&mut budget, 3, Urgency::Progress), 3000);
    assert_eq!(turn(&mut budget, 3, Urgency::Change), 1000);
    assert_eq!(turn(&mut budget, 1, Urgency::Progress), 2000);
    assert_eq!(budget.queue(start + ms(10)), Queue { length: 3, since: Some(start + ms(1)) });
}

#[test]
fn without_a_bound_all_are_let_through() {
    let start = Instant::now();
    let mut budget = Budget::new(WriteRate::UNLIMITED, start);
    for who in 0..1000 {
        assert_eq!(budget.ask(&who, Urgency::Heartbeat, 512 * KIB, start), Turn::Now);
    }
    assert_eq!(budget.queue(start), Queue::default());
}
