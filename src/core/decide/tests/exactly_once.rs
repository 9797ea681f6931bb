//! Invariant 3: every transition between two complete listings is told once, whatever happens to the operator.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::core::{conditions::any_gate_open, task::Phase};

const STATES: [&str; 8] =
    ["READY", "RUNNING", "SYNCING", "MIGRATE_SUCCESS", "SYNC_SUCCESS", "MIGRATE_FAIL", "ABORT", "NOVEL"];

/// The same rules, written as plainly as possible.
#[derive(Default)]
struct Oracle {
    tasks: BTreeMap<String, Remembered>,
    started: bool,
}

struct Remembered {
    phase: Phase,
    ended: bool,
    missed: u32,
    excused: bool,
}

impl Oracle {
    fn expect(&mut self, listing: &BTreeMap<String, &str>, gate_open: bool) -> Vec<String> {
        let mut told = Vec::new();
        for (id, state) in listing {
            let state = TaskState::parse(state);
            let phase = state.phase();
            let before = self.tasks.get(id).map(|task| task.phase);
            if self.started && before != Some(phase) {
                told.extend(match phase {
                    Phase::Running => Some(format!("TaskStarted {id}")),
                    Phase::Syncing => Some(format!("TaskSyncing {id}")),
                    Phase::Succeeded => Some(format!("TaskSucceeded {id}")),
                    Phase::Failed => Some(format!("TaskFailed {id}")),
                    Phase::Aborted => Some(format!("TaskAborted {id}")),
                    Phase::Pending | Phase::Other => None,
                });
            }
            self.tasks.insert(
                id.clone(),
                Remembered { phase, ended: state.has_ended(), missed: 0, excused: false },
            );
        }
        self.tasks.retain(|id, task| {
            if listing.contains_key(id) {
                return true;
            }
            task.missed += 1;
            if task.missed == 1 {
                task.excused = task.ended && gate_open;
            }
            if task.missed == 2 {
                told.push("TaskDisappeared".to_owned());
            }
            task.missed < 2 || task.excused
        });
        if !self.started {
            self.started = true;
            told.push("WatchStarted".to_owned());
        }
        told.sort();
        told
    }
}

/// Reason and id of each event.
fn summary(events: Vec<(String, String)>) -> Vec<String> {
    let mut told: Vec<_> = events
        .into_iter()
        .map(|(reason, note)| match note.split_once('(').and_then(|(_, rest)| rest.split_once(')')) {
            Some((id, _)) if reason != "TaskDisappeared" && reason != "WatchStarted" => {
                format!("{reason} {id}")
            }
            _ => reason,
        })
        .collect();
    told.sort();
    told
}

#[derive(Clone, Debug)]
struct Turn {
    listing: BTreeMap<u8, usize>,
    crash_before: bool,
    memory_lost_after_write: bool,
    lost_write: bool,
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let turn = (prop::collection::btree_map(0u8..14, 0..STATES.len(), 0..14), any::<[bool; 3]>()).prop_map(
        |(listing, [crash_before, memory_lost_after_write, lost_write])| Turn {
            listing,
            crash_before,
            memory_lost_after_write,
            lost_write,
        },
    );
    prop::collection::vec(turn, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn each_transition_is_told_once(turns in turns(), limit in 0usize..16) {
        let mut world = World::new(json!({"taskLimit": limit, "stallAfter": "0s"}));
        let mut oracle = Oracle::default();
        let mut told_names = BTreeSet::new();
        for turn in turns {
            world.pass(60);
            if turn.crash_before {
                world.restart();
                world.settle();
            }
            let listing: BTreeMap<String, &str> =
                turn.listing.iter().map(|(id, state)| (format!("t{id}"), STATES[*state])).collect();
            let gate_open = any_gate_open(&world.status.conditions);
            world.see(listing.iter().map(|(id, state)| task(id, state)).collect(), 0);
            if turn.lost_write {
                // A conflict: the decision is thrown away, and made again from the same status.
                let _ = world.decide();
            }
            let decision = world.decide();
            world.carried = decision.carried;
            if let Some(status) = decision.status {
                world.write(status);
            }
            if turn.memory_lost_after_write {
                // The memory is lost, as when somebody else has touched the status; the outbox is in the status.
                world.carried.memory = None;
            }
            world.deliver();
            world.settle();
            let told = world.notes();
            for (_, note) in &told {
                prop_assert!(note.len() <= 1024);
            }
            prop_assert_eq!(summary(told.clone()), oracle.expect(&listing, gate_open));
            told_names.extend(told);
            let counted = world.status.summary.clone().unwrap();
            prop_assert_eq!(counted.total, i64::try_from(listing.len()).unwrap());
            prop_assert_eq!(counted.by_state.values().sum::<i64>(), counted.total);
            let omitted = world.status.omitted_tasks.unwrap();
            prop_assert_eq!(i64::try_from(world.status.tasks.len()).unwrap() + omitted, counted.total);
        }
    }
}

#[test]
fn many_of_a_kind_are_told_together() {
    let mut world = World::new(json!({}));
    world.list((0..100).map(|i| task(&format!("{i:03}"), "READY")).collect());
    assert_eq!(world.reasons(), ["WatchStarted"]);
    world.pass(60);
    world.list((0..100).map(|i| at(&format!("{i:03}"), 0, 1.0)).collect());
    let told = world.notes();
    assert_eq!(told.len(), 1);
    let (reason, note) = &told[0];
    assert_eq!(reason, "TaskStarted");
    assert!(note.starts_with("100 tasks have started: name-000, name-001, "), "{note}");
    assert!(note.ends_with(" more") && note.len() <= 1024 && note.len() > 950, "{note}");
}

#[test]
fn a_failure_is_told_with_its_error() {
    let mut world = World::new(json!({}));
    world.list(vec![at("a", 10, 1.0)]);
    world.take_told();
    world.pass(60);
    world.list(vec![failed("a", "The network is busy.")]);
    let expected = "Task name-a (a) failed (MIGRATE_FAIL): SMS.0203: The network is busy.";
    assert_eq!(world.notes(), [("TaskFailed".to_owned(), expected.to_owned())]);
    assert_eq!(world.status.tasks[0].error.as_ref().unwrap().code.as_deref(), Some("SMS.0203"));
}

#[test]
fn a_task_that_leaves_the_states_is_told_by_its_new_one() {
    let mut world = World::new(json!({"filter": {"states": ["RUNNING"]}}));
    world.list(vec![at("a", 10, 1.0), task("b", "READY")]);
    assert_eq!(world.reasons(), ["WatchStarted"]);
    world.pass(60);
    world.list(vec![task("a", "MIGRATE_SUCCESS"), task("b", "MIGRATE_FAIL")]);
    assert_eq!(world.reasons(), ["TaskSucceeded"]);
    assert_eq!(world.status.summary.as_ref().unwrap().total, 0);
    assert_eq!(world.condition(types::COMPLETED), (Truth::Unknown, "StatesFiltered"));
}

#[test]
fn an_entry_that_cannot_be_read_may_be_the_missing_task() {
    let mut world = World::new(json!({}));
    world.list(vec![task("a", "READY"), task("b", "READY")]);
    world.take_told();
    for _ in 0..3 {
        world.pass(60);
        world.see(vec![task("a", "READY")], 0);
        Arc::make_mut(world.observation.snapshot.as_mut().unwrap()).unreadable = 1;
        world.settle();
        assert!(world.notes().is_empty());
    }
    world.list(vec![task("a", "READY")]);
    assert_eq!(summary(world.notes()), ["TaskDisappeared"]);
}

#[test]
fn a_state_that_is_left_out_once_is_no_transition() {
    let mut world = World::new(json!({}));
    world.list(vec![task("a", "RUNNING")]);
    world.take_told();
    for state in ["", "RUNNING", "", "MIGRATE_SUCCESS"] {
        world.pass(60);
        world.list(vec![task("a", state)]);
    }
    assert_eq!(summary(world.notes()), ["TaskSucceeded a"]);
}

#[test]
fn an_old_outbox_is_not_delivered_after_a_restart() {
    let mut world = World::new(json!({}));
    world.see(vec![task("a", "READY")], 0);
    let status = world.decide().status.unwrap();
    world.write(status);
    world.restart();
    world.pass(46 * 60);
    world.settle();
    assert!(world.notes().is_empty());
}

#[test]
fn sequences_rise_even_when_a_status_is_wiped() {
    let mut world = World::new(json!({}));
    world.list(vec![task("a", "READY")]);
    let first = world.status.outbox.clone().unwrap().sequence;
    world.status = MigrationTaskWatchStatus::default();
    world.restart();
    world.pass(60);
    world.list(vec![task("a", "READY")]);
    assert!(world.status.outbox.unwrap().sequence > first);
}

#[test]
fn stalls_are_told_and_so_is_their_end() {
    let mut world = World::new(json!({"stallAfter": "10m"}));
    world.list(vec![at("a", 10, 5.0)]);
    world.take_told();
    for _ in 0..9 {
        world.pass(60);
        world.list(vec![at("a", 10, 0.0)]);
        assert!(world.notes().is_empty());
    }
    world.pass(60);
    world.list(vec![at("a", 10, 0.0)]);
    assert_eq!(world.reasons(), ["TaskStalled"]);
    assert_eq!(world.condition(types::TASKS_STALLED), (Truth::True, "TasksStalled"));
    world.pass(60);
    world.restart();
    world.list(vec![at("a", 10, 0.0)]);
    assert!(world.reasons().is_empty());
    world.pass(60);
    world.list(vec![at("a", 11, 0.0)]);
    assert_eq!(world.reasons(), ["TaskResumed"]);
    assert_eq!(world.status.summary.as_ref().unwrap().stalled, 0);
}

#[test]
fn a_task_whose_data_moves_is_not_stalled() {
    let mut world = World::new(json!({"stallAfter": "10m"}));
    for _ in 0..30 {
        world.list(vec![at("a", 10, 0.5)]);
        world.pass(60);
    }
    assert_eq!(world.reasons(), ["WatchStarted"]);
}

#[test]
fn an_omitted_task_stalls_across_a_restart() {
    let mut world = World::new(json!({"stallAfter": "10m", "taskLimit": 0}));
    world.list(vec![at("a", 10, 0.0)]);
    for _ in 0..5 {
        world.pass(60);
        world.list(vec![at("a", 10, 0.0)]);
    }
    world.take_told();
    world.restart();
    for _ in 0..6 {
        world.pass(60);
        world.list(vec![at("a", 10, 0.0)]);
    }
    assert_eq!(world.reasons(), ["TaskStalled"]);
}

#[test]
fn a_status_that_somebody_wipes_is_written_again_and_nothing_is_lost_or_told_twice() {
    let mut world = World::new(json!({}));
    world.list(vec![task("a", "RUNNING"), task("b", "RUNNING")]);
    world.list(vec![task("a", "SYNCING"), task("b", "RUNNING")]);
    let before = world.status.clone();
    world.take_told();
    world.status = MigrationTaskWatchStatus::default();
    // In the same second.
    world.list(vec![task("a", "SYNCING"), task("b", "MIGRATE_FAIL")]);
    assert_eq!(world.reasons(), ["TaskFailed"]);
    let sequence = |status: &MigrationTaskWatchStatus| status.outbox.as_ref().unwrap().sequence;
    assert!(sequence(&world.status) > sequence(&before), "events of other names");
    assert_eq!(world.status.summary.as_ref().unwrap().total, 2);
    assert_eq!(world.status.observed_target, before.observed_target);
}
