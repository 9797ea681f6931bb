use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::core::{known::Mark, task::Percent};

const NOW: i64 = 1_800_000_000;

fn known(state: &str, presence: Presence, idle: i64) -> Known {
    let state = TaskState::parse(state);
    let running = state == TaskState::Running;
    Known {
        state,
        name: Some("web".into()),
        source: None,
        presence,
        mark: Some(Mark { step: None, progress: Percent::default() }),
        last_progress: running.then(|| Timestamp::from_second(NOW - idle).unwrap()),
        last_transition: None,
        stalled_since: None,
    }
}

fn page<'a>(entries: &'a [Entry<'a>], written: &'a [&'a Task]) -> Page<'a> {
    Page {
        uid: "uid",
        entries,
        written,
        earlier_bits: 0,
        gone_by_source: true,
        stall_after: Some(Duration::from_secs(1800)),
        now: Timestamp::from_second(NOW).unwrap(),
    }
}

fn round_trip(tasks: &[(TaskId, Known)], room: usize) -> (Ledger, HashMap<TaskId, Known>, usize) {
    let entries: Vec<_> = tasks.iter().map(|(id, known)| Entry::Known(id, known)).collect();
    let text = page(&entries, &[]).encode(room).unwrap();
    let mut ledger = Ledger::decode("uid", &text).unwrap();
    let named = ledger.take_named().collect();
    (ledger, named, text.len())
}

fn any_known() -> impl Strategy<Value = Known> {
    let states =
        prop_oneof![Just("READY"), Just("RUNNING"), Just("RUNNING"), Just("SYNC_FAIL"), Just("NOVEL_STATE")];
    let presences = prop_oneof![
        4 => Just(Presence::Listed),
        1 => Just(Presence::Missed),
        1 => Just(Presence::MissedAfterEnd),
        1 => Just(Presence::Gone),
    ];
    (states, presences, 0i64..10_000).prop_map(|(state, presence, idle)| known(state, presence, idle))
}

proptest! {
    #[test]
    fn what_is_remembered_comes_back(tasks in prop::collection::vec(any_known(), 1..300)) {
        let tasks: Vec<_> =
            tasks.into_iter().enumerate().map(|(i, known)| (TaskId::new(&format!("task-{i}")), known)).collect();
        let (ledger, named, _) = round_trip(&tasks, MAX_LENGTH);
        for (id, known) in &tasks {
            let back = named.get(id).or_else(|| ledger.get(id.as_str())).unwrap();
            prop_assert_eq!((&back.state, back.presence), (&known.state, known.presence));
            if let Some(last) = known.last_progress {
                let back = back.last_progress.unwrap();
                let idle = NOW - last.as_second();
                // Rounded to the later, by less than a 32nd of stallAfter; beyond twice stallAfter it's all the same.
                prop_assert!(back >= last || idle > 3600);
                prop_assert!(back.as_second() - last.as_second() < 57 || idle >= 3600);
            }
            let stalled = known.last_progress.is_some_and(|last| NOW - last.as_second() >= 1800);
            prop_assert_eq!(back.stalled_since.is_some(), stalled);
            if known.presence != Presence::Listed {
                prop_assert_eq!(named.get(id).unwrap().name.as_deref(), Some("web"));
            }
        }
        prop_assert!(ledger.get("another").is_none());
    }

    #[test]
    fn garbage_is_an_error_and_nothing_worse(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        use base64::Engine;
        let mut versioned = vec![1, 40];
        versioned.extend(&bytes);
        for bytes in [bytes, versioned] {
            let _ = Ledger::decode("uid", &base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes));
        }
    }
}

#[test]
fn a_whole_account_fits() {
    // The worst case: every state, and running tasks of every age.
    let states =
        ["READY", "SYNCING", "MIGRATE_SUCCESS", "SYNC_FAIL", "ABORT", "SKIPPING", "DELETING", "RESETING"];
    let tasks: Vec<_> = (0..65_735u32)
        .map(|i| {
            let state = states.get(i as usize % 32).copied().unwrap_or("RUNNING");
            (TaskId::new(&format!("0a1b2c3d-{i:08}")), known(state, Presence::Listed, i64::from(i % 3600)))
        })
        .collect();
    let (ledger, named, length) = round_trip(&tasks, MAX_LENGTH);
    assert!(length <= MAX_LENGTH, "{length}");
    assert!(ledger.bits >= 32, "{} bits are too few to tell 65,735 tasks apart", ledger.bits);
    for (id, known) in &tasks {
        let back = named.get(id).or_else(|| ledger.get(id.as_str())).unwrap();
        assert_eq!(back.state, known.state);
    }
}

#[test]
fn ids_that_collide_are_written_out() {
    // 20,000 ids in 24 bits: about twelve pairs collide.
    let tasks: Vec<_> = (0..20_000)
        .map(|i| (TaskId::new(&format!("task-{i}")), known("READY", Presence::Listed, 0)))
        .collect();
    let entries: Vec<_> = tasks.iter().map(|(id, known)| Entry::Known(id, known)).collect();
    let page = page(&entries, &[]);
    let sorted = Sorted::new(&page);
    let text = format::encode(&page, &sorted.divide(format::LEAST_BITS, MAX_LENGTH).unwrap());
    let mut ledger = Ledger::decode("uid", &text).unwrap();
    let named: HashMap<_, _> = ledger.take_named().collect();
    assert!(named.len() >= 2, "{} are written out", named.len());
    assert_eq!(named.len() + ledger.hashed.len(), tasks.len());
    assert!(tasks.iter().all(|(id, _)| named.contains_key(id) != ledger.get(id.as_str()).is_some()));
}

#[test]
fn a_hash_survives_being_shortened() {
    let tasks: Vec<_> = (0..100)
        .map(|i| (TaskId::new(&format!("task-{i}")), known("SYNCING", Presence::Listed, 0)))
        .collect();
    let (first, _, _) = round_trip(&tasks, MAX_LENGTH);
    let entries: Vec<_> = first.iter().map(|(key, known)| Entry::Hashed(key, known)).collect();
    let text = Page { earlier_bits: first.bits, ..page(&entries, &[]) }.encode(700).unwrap();
    let second = Ledger::decode("uid", &text).unwrap();
    assert!(second.bits < first.bits);
    assert!(tasks.iter().all(|(id, _)| second.get(id.as_str()).is_some()));
}

#[test]
fn another_watch_and_another_version_remember_nothing() {
    let id = TaskId::new("task");
    let task = known("READY", Presence::Listed, 0);
    let text = page(&[Entry::Known(&id, &task)], &[]).encode(MAX_LENGTH).unwrap();
    assert!(Ledger::decode("uid", &text).unwrap().get(id.as_str()).is_some());
    assert!(Ledger::decode("another uid", &text).unwrap().get(id.as_str()).is_none());
    assert_eq!(Ledger::decode("uid", "Ag").unwrap_err(), LedgerError::UnknownVersion(2));
    assert_eq!(Ledger::decode("uid", "?").unwrap_err(), LedgerError::Damaged);
}

#[test]
fn a_ledger_that_is_longer_than_any_is_not_ours() {
    use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
    // Eight million times the same hash, in a bit each.
    let bytes = 1 << 20;
    let mut raw = vec![1, 24, 0, 0, 0, 1, 0, 0, 0];
    crate::core::leb128::put(&mut raw, 8 * bytes as u64);
    crate::core::leb128::put(&mut raw, bytes as u64);
    raw.extend(vec![0; bytes]);
    let text = STANDARD_NO_PAD.encode(raw);
    assert_eq!(Ledger::decode("uid", &text).unwrap_err(), LedgerError::Damaged);
}
