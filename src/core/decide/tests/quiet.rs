//! Invariants 1 and 2: the same inputs give the same status, and nothing is written without a reason.

use proptest::prelude::*;
use serde_json::json;

use super::*;

proptest! {
    #[test]
    fn a_decision_settles(states in prop::collection::vec(0usize..4, 0..20), limit in 0usize..10) {
        let names = ["READY", "RUNNING", "SYNCING", "MIGRATE_FAIL"];
        let tasks = || states.iter().enumerate().map(|(i, state)| task(&format!("t{i}"), names[*state])).collect();
        let mut world = World::new(json!({"taskLimit": limit}));
        world.list(tasks());
        world.pass(60);
        let (writes, status) = (world.writes, world.status.clone());
        world.list(tasks());
        prop_assert_eq!(world.writes, writes);
        // Nor does a restart change anything.
        world.restart();
        world.settle();
        world.list(tasks());
        prop_assert_eq!(world.writes, writes);
        prop_assert_eq!(&world.status, &status);
    }

    #[test]
    fn the_order_of_a_listing_means_nothing(order in Just((0..12).collect::<Vec<_>>()).prop_shuffle()) {
        let tasks = |order: &[usize]| order.iter().map(|i| task(&format!("t{i}"), ["RUNNING", "MIGRATE_FAIL", "READY"][i % 3])).collect::<Vec<_>>();
        let mut first = World::new(json!({"taskLimit": 7}));
        first.list(tasks(&(0..12).collect::<Vec<_>>()));
        let mut second = World::new(json!({"taskLimit": 7}));
        second.list(tasks(&order));
        prop_assert_eq!(first.status, second.status);
    }
}

#[test]
fn a_quiet_account_costs_a_heartbeat() {
    let mut world = World::new(json!({}));
    world.list(vec![task("a", "SYNCING")]);
    let writes = world.writes;
    for minute in 1..=20 {
        world.pass(60);
        world.list(vec![task("a", "SYNCING")]);
        assert_eq!(world.writes - writes, minute / 5, "after {minute} minutes");
    }
    assert_eq!(world.reasons(), ["WatchStarted"]);
}

#[test]
fn a_clock_that_is_set_back_silences_nobody() {
    let mut world = World::new(json!({}));
    world.list(vec![at("a", 10, 1.0)]);
    world.pass(-7200);
    let writes = world.writes;
    for minute in 1..=10 {
        world.pass(60);
        world.list(vec![at("a", 10 + minute, 1.0)]);
        assert_eq!(world.status.tasks[0].progress, 10 + minute, "after {minute} minutes");
    }
    assert_eq!(world.writes - writes, 10);
    world.pass(-7200);
    world.list(vec![at("a", 20, 1.0)]);
    assert_eq!(world.status.last_sync_time, Some(Time(world.now)));
}

/// When the heartbeats of 300 watches are due that were written at the same time, in seconds since then.
fn heartbeats(tasks: usize) -> Vec<i64> {
    let listing = || (0..tasks).map(|i| failed(&format!("{i:04}"), &"Full. ".repeat(60))).collect();
    let heartbeat = |watch| {
        let mut world = World::new(json!({"interval": "1h"}));
        world.identity.uid = format!("0a7e1c52-98d4-4c5e-9c0e-{watch:012x}");
        world.list(listing());
        world.pass(1);
        world.list(listing());
        world.wake.unwrap().as_second() - START
    };
    let mut due: Vec<i64> = (0..300).map(heartbeat).collect();
    due.sort_unstable();
    due
}

#[test]
fn heartbeats_of_watches_that_were_started_together_are_spread() {
    for (tasks, earliest, latest) in [(1, 270, 300), (150, 540, 600)] {
        let due = heartbeats(tasks);
        assert!(due.iter().all(|due| (earliest..=latest).contains(due)), "{due:?}");
        let most_at_once = due.chunk_by(|one, other| one == other).map(<[i64]>::len).max().unwrap();
        assert!(most_at_once <= 25, "{most_at_once} at once: {due:?}");
    }
}

#[test]
fn how_urgent_a_write_is_goes_by_what_it_is_for() {
    let urgency = |before: Task, after: Task, seconds| {
        let mut world = World::new(json!({}));
        world.list(vec![before]);
        world.pass(seconds);
        world.see(vec![after], 0);
        world.decide().urgency
    };
    let first = World::new(json!({}));
    assert_eq!(first.writes, 1);
    let new = World { status: MigrationTaskWatchStatus::default(), ..first };
    assert_eq!(new.decide().urgency, Some(Urgency::Change), "the first status of a watch");
    let running = || at("a", 10, 5.0);
    assert_eq!(urgency(running(), failed("a", "Full."), 1), Some(Urgency::Change));
    assert_eq!(urgency(running(), at("a", 11, 5.0), 60), Some(Urgency::Progress));
    assert_eq!(urgency(running(), at("a", 11, 5.0), 10), None);
    assert_eq!(urgency(running(), running(), 300), Some(Urgency::Heartbeat));
    assert_eq!(urgency(running(), running(), 200), None);
}

#[test]
fn progress_alone_is_written_once_a_minute() {
    let mut world = World::new(json!({"interval": "10s"}));
    world.list(vec![at("a", 0, 5.0)]);
    let writes = world.writes;
    for step in 1..=30 {
        world.pass(10);
        world.list(vec![at("a", step, 5.0)]);
    }
    assert_eq!(world.writes - writes, 5);
}

#[test]
fn progress_that_had_to_wait_is_written_without_another_listing() {
    let mut world = World::new(json!({"interval": "1h"}));
    world.list(vec![at("a", 0, 5.0)]);
    world.pass(10);
    world.list(vec![at("a", 1, 5.0)]);
    assert_eq!(world.status.tasks[0].progress, 0);
    assert_eq!(world.wake.unwrap().as_second(), START + 60);
    world.pass(50);
    world.settle();
    assert_eq!(world.status.tasks[0].progress, 1);
}

#[test]
fn a_wake_up_is_not_too_early_for_what_it_is_for() {
    let mut world = World::new(json!({"interval": "1h"}));
    world.now = Timestamp::from_millisecond(START * 1000 + 700).unwrap();
    world.list(vec![at("a", 0, 5.0)]);
    world.list(vec![at("a", 1, 5.0)]);
    world.now = world.wake.unwrap();
    world.settle();
    assert_eq!(world.status.tasks[0].progress, 1);
}

#[test]
fn speed_alone_is_not_written() {
    let mut world = World::new(json!({}));
    world.list(vec![at("a", 10, 5.0)]);
    let writes = world.writes;
    for speed in 1..5 {
        world.pass(60);
        world.list(vec![at("a", 10, f64::from(speed))]);
    }
    assert_eq!(world.writes, writes);
}

#[test]
fn a_state_change_is_written_at_once() {
    let mut world = World::new(json!({}));
    world.list(vec![at("a", 10, 5.0)]);
    let writes = world.writes;
    world.pass(1);
    world.list(vec![task("a", "MIGRATE_SUCCESS")]);
    assert_eq!(world.writes, writes + 2, "and once more when a second listing opens the gates");
}

#[test]
fn a_lasting_failure_is_written_once() {
    let mut world = World::new(json!({}));
    world.list(vec![task("a", "READY")]);
    world.pass(5);
    let writes = world.writes;
    for try_ in 0..10 {
        world.observation.failure = Some(Failure {
            request_id: Some(format!("request-{try_}")),
            ..Failure::new(FailureKind::CredentialsInvalid, "The key is wrong.")
        });
        world.settle();
        world.pass(60);
    }
    assert_eq!(world.writes, writes + 1);
}
