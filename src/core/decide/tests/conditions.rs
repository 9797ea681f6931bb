//! What the conditions say, and when they flip.

use serde_json::json;

use super::*;

/// A task that is done in so many seconds, by SMS's word.
fn due(id: &str, state: &str, seconds: Option<i64>) -> Task {
    let at = |seconds| Timestamp::from_second(START + seconds).unwrap();
    Details { estimated_completion: seconds.map(at), ..details(id, state) }.into()
}

#[test]
fn an_estimate_is_one_of_all_tasks_that_go_on() {
    let estimate = |tasks: Vec<Task>| {
        let mut world = World::new(json!({}));
        world.list(tasks);
        let time = world.status.summary.clone().unwrap().estimated_completion_time?;
        Some(time.0.as_second() - START)
    };
    let running = |seconds| due("a", "RUNNING", seconds);
    for (other, expected) in [
        (due("b", "RUNNING", Some(600)), Some(600)),
        (due("b", "RUNNING", Some(60)), Some(300)),
        (due("b", "MIGRATE_SUCCESS", None), Some(300)),
        (due("b", "MIGRATE_FAIL", Some(-600)), Some(300)),
        (due("b", "RUNNING", None), None),
        (due("b", "RUNNING", Some(-18_000)), None),
        (due("b", "RUNNING", Some(0)), None),
        (due("b", "READY", None), None),
        (due("b", "SYNCING", None), None),
        (due("b", "NOVEL", None), None),
    ] {
        assert_eq!(estimate(vec![running(Some(300)), other.clone()]), expected, "{other:?}");
    }
    assert_eq!(estimate(vec![due("a", "MIGRATE_SUCCESS", Some(300))]), None);
    assert_eq!(estimate(vec![]), None);
}

#[test]
fn where_nothing_matches_it_is_told_what_exists() {
    let message = |world: &World| find(&world.status.conditions, types::COMPLETED).unwrap().message.clone();
    let mut world = World::new(json!({"filter": {"name": "web"}}));
    world.list(vec![task("a", "RUNNING"), task("b", "READY")]);
    assert_eq!(message(&world), "No task matches; 2 exist, such as name-a.");
    // No sooner than any other message.
    let writes = world.writes;
    world.list(vec![task("b", "READY")]);
    assert_eq!(world.writes, writes);
    world.pass(60);
    world.list(vec![task("b", "READY")]);
    assert_eq!(
        (world.writes, message(&world)),
        (writes + 1, "No task matches; 1 exist, such as name-b.".to_owned())
    );
}

#[test]
fn an_estimate_that_has_passed_is_no_reason_to_write_but_goes_with_the_next_status() {
    let mut world = World::new(json!({}));
    let listing = || vec![due("a", "RUNNING", Some(90))];
    world.list(listing());
    let (writes, summary) = (world.writes, |world: &World| world.status.summary.clone().unwrap());
    assert!(summary(&world).estimated_completion_time.is_some());
    for _ in 0..4 {
        world.pass(60);
        world.list(listing());
    }
    assert_eq!(world.writes, writes);
    world.pass(60);
    world.list(listing());
    assert_eq!(
        (world.writes, summary(&world).estimated_completion_time),
        (writes + 1, None),
        "the heartbeat"
    );
}
use crate::core::conditions::expiry;

const MINUTE: i64 = 60;

fn all(states: &[&str]) -> Vec<Task> {
    states.iter().enumerate().map(|(i, state)| task(&format!("t{i}"), state)).collect()
}

#[test]
fn a_new_watch_is_pending_then_ready() {
    let mut world = World::new(json!({}));
    assert_eq!(world.condition(types::READY), (Truth::Unknown, "Pending"));
    assert_eq!(world.condition(types::RECONCILING).0, Truth::True);
    assert_eq!(world.condition(types::COMPLETED), (Truth::Unknown, "Pending"));
    world.list(all(&["READY"]));
    assert_eq!(world.condition(types::READY), (Truth::True, "Synced"));
    assert!(find(&world.status.conditions, types::RECONCILING).is_none());
    assert_eq!(world.status.observed_generation, Some(1));
}

#[test]
fn the_gates_open_when_all_are_there() {
    let cases: [(&[&str], _, _, _); 6] = [
        (&["RUNNING", "SYNCING"], "InProgress", "InProgress", "InProgress"),
        (&["SYNCING", "SYNCING"], "InProgress", "InProgress", "AllSynced"),
        (&["SYNCING", "MIGRATE_SUCCESS"], "InProgress", "InProgress", "AllSynced"),
        (&["SYNC_SUCCESS", "MIGRATE_SUCCESS"], "AllEnded", "AllSucceeded", "AllSynced"),
        (&["MIGRATE_FAIL", "MIGRATE_SUCCESS"], "AllEnded", "TasksFailed", "TasksFailed"),
        (&["SYNC_F_ROLLBACKING", "ABORT"], "InProgress", "TasksFailed", "TasksFailed"),
    ];
    for (states, completed, succeeded, cutover) in cases {
        let mut world = World::new(json!({}));
        world.list(all(states));
        let reasons =
            [types::COMPLETED, types::SUCCEEDED, types::CUTOVER_READY].map(|gate| world.condition(gate).1);
        assert_eq!(reasons, [completed, succeeded, cutover], "{states:?}");
        for gate in [types::COMPLETED, types::SUCCEEDED, types::CUTOVER_READY] {
            let (truth, reason) = world.condition(gate);
            assert_eq!(truth == Truth::True, reason.starts_with("All"));
        }
    }
}

#[test]
fn a_gate_needs_the_tasks_that_are_expected() {
    let mut world = World::new(json!({"expectedTasks": 3}));
    world.list(Vec::new());
    assert_eq!(world.condition(types::COMPLETED), (Truth::False, "NoTasks"));
    world.list(all(&["MIGRATE_SUCCESS", "MIGRATE_SUCCESS"]));
    assert_eq!(world.condition(types::COMPLETED), (Truth::False, "TasksMissing"));
    world.list(all(&["MIGRATE_SUCCESS", "MIGRATE_SUCCESS", "MIGRATE_SUCCESS"]));
    assert_eq!(world.condition(types::COMPLETED), (Truth::True, "AllEnded"));

    for filter in [json!({"ids": ["t0", "t1"]}), json!({"sourceServerIds": ["source-t0", "source-t1"]})] {
        let mut world = World::new(json!({"filter": filter}));
        world.list(all(&["MIGRATE_SUCCESS"]));
        assert_eq!(world.condition(types::SUCCEEDED), (Truth::False, "TasksMissing"));
        assert_eq!(world.status.missing.as_ref().unwrap().count, 1);
        world.list(all(&["MIGRATE_SUCCESS", "SYNC_SUCCESS"]));
        assert_eq!(world.condition(types::SUCCEEDED), (Truth::True, "AllSucceeded"));
    }
}

#[test]
fn an_ended_task_that_vanishes_does_not_close_an_open_gate() {
    for spec in [
        json!({"expectedTasks": 2}),
        json!({"expectedTasks": 2, "taskLimit": 0}),
        json!({"filter": {"ids": ["t0", "t1"]}}),
        json!({"filter": {"sourceServerIds": ["source-t0", "source-t1"]}}),
    ] {
        let mut world = World::new(spec);
        world.list(all(&["MIGRATE_SUCCESS", "MIGRATE_SUCCESS"]));
        for listing in
            [all(&["MIGRATE_SUCCESS"]), all(&["MIGRATE_SUCCESS"]), Vec::new(), Vec::new(), Vec::new()]
        {
            world.pass(MINUTE);
            world.restart();
            world.list(listing);
            assert_eq!(world.condition(types::SUCCEEDED), (Truth::True, "AllSucceeded"));
            assert_eq!(world.condition(types::COMPLETED), (Truth::True, "AllEnded"));
        }
        // But a task that comes and hasn't ended does.
        world.list(all(&["RUNNING"]));
        assert_eq!(world.condition(types::COMPLETED).0, Truth::False);
    }
}

#[test]
fn a_task_that_vanishes_before_the_gate_opened_counts_as_missing() {
    let mut world = World::new(json!({"expectedTasks": 2}));
    world.list(all(&["RUNNING", "MIGRATE_SUCCESS"]));
    for _ in 0..3 {
        world.pass(MINUTE);
        world.list(all(&["MIGRATE_SUCCESS"]));
        assert_eq!(world.condition(types::COMPLETED), (Truth::False, "TasksMissing"));
    }
}

#[test]
fn what_a_person_must_mend_is_stalled_at_once() {
    for kind in FailureKind::ALL.into_iter().filter(|kind| kind.is_told_at_once()) {
        let mut world = World::new(json!({}));
        world.list(all(&["READY"]));
        world.take_told();
        world.pass(1);
        world.fail(kind);
        assert_eq!(world.condition(types::READY), (Truth::False, kind.reason()));
        assert_eq!(world.condition(types::STALLED), (Truth::True, kind.reason()));
        assert_eq!(world.reasons(), [kind.reason()]);
        world.pass(1);
        world.list(all(&["READY"]));
        assert_eq!(world.condition(types::READY), (Truth::True, "Synced"));
        assert!(find(&world.status.conditions, types::STALLED).is_none());
        assert_eq!(world.reasons(), ["Recovered"]);
    }
}

#[test]
fn a_short_failure_flips_nothing_and_a_long_one_heals_by_itself() {
    let mut world = World::new(json!({"interval": "1m"}));
    world.list(all(&["READY"]));
    world.take_told();
    let writes = world.writes;
    world.pass(MINUTE);
    world.fail(FailureKind::ServerError);
    assert_eq!((world.writes, world.condition(types::READY)), (writes, (Truth::True, "Synced")));
    assert_eq!(world.wake.unwrap().as_second(), START + 2 * MINUTE);
    world.pass(MINUTE);
    world.settle();
    assert_eq!(world.condition(types::READY), (Truth::False, "ServerError"));
    assert_eq!(world.condition(types::RECONCILING).0, Truth::True);
    assert!(find(&world.status.conditions, types::STALLED).is_none());
    assert_eq!(world.condition(types::COMPLETED), (Truth::False, "InProgress"), "not stale yet");
    world.pass(13 * MINUTE);
    world.settle();
    assert_eq!(world.condition(types::COMPLETED), (Truth::Unknown, "Stale"));
    assert_eq!(world.condition(types::TASKS_FAILED), (Truth::Unknown, "Stale"));
    assert_eq!(world.status.summary.as_ref().unwrap().total, 1, "the last good listing stays");
    world.list(all(&["READY"]));
    assert_eq!(world.condition(types::COMPLETED), (Truth::False, "InProgress"));
    assert_eq!(world.reasons(), ["ServerError", "Recovered"]);
}

#[test]
fn a_certificate_that_nobody_trusts_is_stalled_after_the_grace() {
    let mut world = World::new(json!({}));
    world.observation.failure =
        Some(Failure { needs_a_person: true, ..Failure::new(FailureKind::TlsFailed, "Unknown issuer.") });
    world.settle();
    assert_eq!(world.condition(types::READY), (Truth::Unknown, "Pending"));
    world.pass(2 * MINUTE);
    world.settle();
    assert_eq!(world.condition(types::STALLED), (Truth::True, "TLSFailed"));
}

#[test]
fn what_is_seldom_tried_again_says_so() {
    let mut world = World::new(json!({"interval": "5s"}));
    world.pass(2 * MINUTE);
    let mut failure = Failure::new(FailureKind::ListIncomplete, "There are too many tasks.");
    failure.least_wait = Duration::from_mins(15);
    world.observation.failure = Some(failure);
    world.settle();
    let ready = find(&world.status.conditions, types::READY).unwrap();
    assert_eq!(
        ready.message,
        "There are too many tasks. Tried again about every 15m, since it takes many requests, and at once when the \
         filter changes or a listing is asked for."
    );
}

#[test]
fn a_long_pause_that_sms_asks_for_is_said_without_its_length() {
    for (seconds, says) in [(30, "about every 1m"), (61, "15m at most"), (999_999_999, "15m at most")] {
        let mut world = World::new(json!({"interval": "5s"}));
        world.pass(2 * MINUTE);
        let mut failure = Failure::new(FailureKind::Throttled, "Too much.");
        failure.retry_after = Some(Duration::from_secs(seconds));
        world.observation.failure = Some(failure);
        world.settle();
        let ready = find(&world.status.conditions, types::READY).unwrap();
        assert!(ready.message.contains(says), "{seconds} s: {}", ready.message);
    }
}

#[test]
fn a_restarted_operator_waits_before_it_calls_anything_stale() {
    let mut world = World::new(json!({}));
    world.list(all(&["MIGRATE_SUCCESS"]));
    world.pass(3600);
    world.restart();
    let writes = world.writes;
    world.settle();
    world.fail(FailureKind::EndpointUnreachable);
    assert_eq!(world.writes, writes, "nothing is known yet");
    assert_eq!(world.condition(types::COMPLETED), (Truth::True, "AllEnded"));
    world.pass(2 * MINUTE);
    world.settle();
    assert_eq!(world.condition(types::COMPLETED), (Truth::Unknown, "Stale"));
    assert_eq!(world.condition(types::READY), (Truth::False, "EndpointUnreachable"));
}

#[test]
fn a_suspended_watch_keeps_what_it_has() {
    let mut world = World::new(json!({}));
    world.list(all(&["MIGRATE_SUCCESS"]));
    world.change(json!({"suspend": true}));
    assert_eq!(world.condition(types::READY), (Truth::True, "Suspended"));
    world.pass(24 * 3600);
    world.restart();
    world.settle();
    assert_eq!(world.condition(types::READY), (Truth::True, "Suspended"));
    assert_eq!(world.condition(types::COMPLETED), (Truth::True, "AllEnded"));
    assert_eq!(world.status.observed_generation, Some(2));
    world.observation.polling_since = world.now;
    world.change(json!({}));
    world.list(all(&["MIGRATE_SUCCESS"]));
    assert_eq!(world.condition(types::READY), (Truth::True, "Synced"));
    assert_eq!(world.reasons(), ["WatchStarted"]);
}

#[test]
fn a_changed_filter_is_a_new_baseline() {
    let mut world = World::new(json!({}));
    world.list(all(&["READY", "RUNNING"]));
    world.change(json!({"filter": {"name": "t1"}}));
    assert_eq!(world.status.observed_generation, Some(1), "nothing is known of the new spec yet");
    world.list(all(&["MIGRATE_FAIL", "MIGRATE_SUCCESS"]));
    assert_eq!(world.status.observed_generation, Some(2));
    assert_eq!(world.reasons(), ["WatchStarted", "WatchStarted"]);
    assert_eq!(world.status.summary.as_ref().unwrap().total, 1);
}

#[test]
fn a_changed_expectation_is_judged_at_once() {
    let mut world = World::new(json!({}));
    world.list(all(&["MIGRATE_SUCCESS"]));
    world.change(json!({"expectedTasks": 2}));
    assert_eq!(world.condition(types::COMPLETED), (Truth::False, "TasksMissing"));
    assert_eq!(find(&world.status.conditions, types::COMPLETED).unwrap().observed_generation, Some(2));
    assert_eq!(world.reasons(), ["WatchStarted"]);
}

#[test]
fn a_bad_spec_is_said_and_the_tasks_stay() {
    let mut world = World::new(json!({}));
    world.list(all(&["MIGRATE_SUCCESS"]));
    world.take_told();
    world.change(json!({"endpoint": "https://evil.example.com"}));
    assert_eq!(world.condition(types::STALLED), (Truth::True, "EndpointNotAllowed"));
    assert_eq!(world.status.summary.as_ref().unwrap().total, 1);
    assert_eq!(world.reasons(), ["EndpointNotAllowed"]);
    assert_eq!(world.condition(types::COMPLETED), (Truth::True, "AllEnded"));
    let writes = world.writes;
    world.now = world.wake.unwrap();
    world.settle();
    assert_eq!(world.condition(types::COMPLETED), (Truth::Unknown, "Stale"));
    world.pass(3600);
    world.settle();
    assert_eq!(world.writes, writes + 1);

    let mut refused = World::new(json!({"endpoint": "https://evil.example.com"}));
    refused.settle();
    assert_eq!(refused.condition(types::COMPLETED), (Truth::Unknown, "Pending"));
}

#[test]
fn ids_without_any_task_are_missing() {
    let mut world = World::new(json!({"filter": {"ids": ["absent"]}}));
    world.list(Vec::new());
    assert_eq!(world.condition(types::COMPLETED), (Truth::False, "TasksMissing"));
}

#[test]
fn a_condition_keeps_its_time_while_its_status_stays() {
    let mut world = World::new(json!({}));
    world.list(all(&["RUNNING"]));
    let since = |world: &World, kind| {
        find(&world.status.conditions, kind).unwrap().last_transition_time.0.as_second()
    };
    assert_eq!(since(&world, types::COMPLETED), START);
    world.pass(MINUTE);
    world.list(all(&["MIGRATE_FAIL"]));
    assert_eq!(since(&world, types::SUCCEEDED), START, "another reason, the same status");
    assert_eq!(since(&world, types::COMPLETED), START + MINUTE);
}

#[test]
fn a_request_is_answered_once_handled() {
    let mut world = World::new(json!({}));
    world.list(all(&["READY"]));
    let writes = world.writes;
    world.observation.handled_request = Some("now".to_owned());
    world.settle();
    assert_eq!(world.status.last_handled_reconcile_at.as_deref(), Some("now"));
    assert_eq!(world.writes, writes + 1);
}

#[test]
fn a_task_that_cannot_be_read_keeps_the_gates_closed() {
    for (spec, expected) in [
        (json!({}), (Truth::False, "TasksMissing")),
        (json!({"filter": {"ids": ["t0"]}}), (Truth::True, "AllEnded")),
    ] {
        let mut world = World::new(spec);
        for _ in 0..2 {
            world.see(all(&["MIGRATE_SUCCESS"]), 1);
            world.settle();
        }
        assert_eq!(world.condition(types::COMPLETED), expected);
    }
}

#[test]
fn the_end_of_credentials_is_told_an_hour_ahead_and_once() {
    let mut world = World::new(json!({}));
    let end = after(world.now, Duration::from_secs(3 * 3600));
    world.observation.credentials_expire = Some(end);
    world.list(all(&["RUNNING"]));
    let message = |world: &World| find(&world.status.conditions, types::READY).unwrap().message.clone();
    assert!(!message(&world).contains("credentials"), "{}", message(&world));
    assert_eq!(world.wake, Some(after(world.now, Duration::from_secs(900))), "staleness comes first");
    let mut seen = Vec::new();
    for _ in 0..4 * 60 {
        world.now = after(world.now, Duration::from_secs(60));
        world.list(all(&["RUNNING"]));
        seen.push(message(&world));
        assert_eq!(world.condition(types::READY), (Truth::True, "Synced"));
    }
    seen.dedup();
    let end = crate::core::time::whole_seconds(end);
    // Whoever shows the message can read the time back.
    let told: Vec<_> = seen.iter().map(|message| expiry(message)).collect();
    assert_eq!(told, [None, Some(end), Some(end)]);
    let seen: Vec<_> = seen.iter().map(|message| message.split("1m.").nth(1).unwrap().trim()).collect();
    let (before, past) = (
        format!("The credentials end at {end}; replace them before."),
        format!("The credentials ended at {end}; replace them."),
    );
    assert_eq!(seen, ["", before.as_str(), past.as_str()]);
}
