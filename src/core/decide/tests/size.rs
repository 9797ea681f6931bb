//! Invariant 5: a status fits, whatever SMS sends.

use std::borrow::Cow;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::core::{
    layout::{MAX_STATUS, json_size},
    text::limits,
};

#[test]
fn fifteen_hundred_tasks_are_counted_and_the_failed_come_first() {
    let mut world = World::new(json!({"taskLimit": 2000}));
    let tasks: Vec<_> = (0..1500)
        .map(|i| match i % 10 {
            0 => failed(&format!("{i:04}"), "The disk of the source server is full."),
            1..=4 => at(&format!("{i:04}"), i % 100, 5.0),
            _ => task(&format!("{i:04}"), "MIGRATE_SUCCESS"),
        })
        .collect();
    world.list(tasks);
    let status = &world.status;
    let summary = status.summary.as_ref().unwrap();
    assert_eq!((summary.total, summary.failed, summary.running, summary.succeeded), (1500, 150, 600, 750));
    assert!(json_size(status) <= MAX_STATUS);
    assert_eq!(status.tasks.len() as i64 + status.omitted_tasks.unwrap(), 1500);
    assert!(status.tasks.len() > 1000, "only {} are written out", status.tasks.len());
    assert!(status.tasks[..150].iter().all(|task| task.phase == "Failed"));
    assert!(status.tasks[150..750].iter().all(|task| task.phase == "Running"));
}

#[test]
fn a_full_status_is_written_once_for_each_change() {
    let mut world = World::new(json!({"taskLimit": 2000}));
    let tasks = |failed_ones: usize, progress: i64| -> Vec<Task> {
        let failed = |i| failed(&format!("{i:04}"), &"The disk of the source server is full. ".repeat(8));
        let ready = |i| task(&format!("{i:04}"), "READY");
        let of = |i| if i < failed_ones { failed(i) } else { ready(i) };
        (0..1999).map(of).chain([at("1999", progress, 5.0)]).collect()
    };
    for (writes, failed_ones) in [(2, 1200), (3, 1215), (4, 1216)] {
        world.pass(60);
        world.list(tasks(failed_ones, 10));
        // Neither what is there after the write is another, nor a listing that has only progress to tell.
        world.settle();
        world.pass(10);
        world.list(tasks(failed_ones, 11));
        assert_eq!(world.writes, writes);
    }
    assert!(world.status.omitted_tasks > Some(100), "{:?}", world.status.omitted_tasks);
    assert!(json_size(&world.status) <= MAX_STATUS);
}

#[test]
fn a_whole_account_fits_and_is_remembered() {
    let mut world = World::new(json!({}));
    let tasks =
        |state: &'static str| (0..65_735).map(move |i| task(&format!("{i:032}"), state)).collect::<Vec<_>>();
    world.list(tasks("READY"));
    assert!(json_size(&world.status) <= MAX_STATUS);
    world.take_told();
    world.restart();
    world.pass(60);
    let mut next = tasks("READY");
    next[65_000] = failed("65000-is-new", "Full.");
    next[64_000] = task(&next[64_000].id(), "SYNCING");
    world.list(next);
    assert_eq!(world.reasons(), ["TaskFailed", "TaskSyncing"]);
    assert!(json_size(&world.status) <= MAX_STATUS);
}

/// State by state, SMS can list more tasks than the ledger is made for.
#[test]
fn an_account_beyond_the_ledger_starts_anew_after_a_restart_or_is_remembered() {
    for states in
        [&["READY"][..], &["READY", "RUNNING", "SYNCING", "MIGRATE_SUCCESS", "MIGRATE_FAIL", "ABORT"]]
    {
        let tasks =
            || (0..150_000).map(|i| task(&format!("{i:032}"), states[i % states.len()])).collect::<Vec<_>>();
        let mut world = World::new(json!({}));
        world.list(tasks());
        assert!(json_size(&world.status) <= MAX_STATUS);
        let is_remembered = world.status.ledger.is_some();
        world.take_told();
        world.restart();
        world.pass(60);
        world.list(tasks());
        let told = world.reasons();
        assert_eq!(told, if is_remembered { vec![] } else { vec!["WatchStarted"] }, "{states:?}");
    }
}

#[test]
fn a_ledger_that_somebody_removed_is_a_new_baseline() {
    let mut world = World::new(json!({"taskLimit": 1}));
    let tasks = || vec![task("a", "SYNCING"), task("b", "SYNCING")];
    world.list(tasks());
    world.take_told();
    world.status.ledger = None;
    world.restart();
    world.pass(60);
    world.list(tasks());
    let told = world.notes();
    assert_eq!(told.len(), 1);
    assert!(told[0].1.contains("is lost, since there is no ledger of the omitted ones"), "{told:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn long_texts_fit(count in 1usize..3000, text in "[\\x00-\\x7f\u{4e2d}\"\\\\]{1,40}", limit in 0usize..2000) {
        let long = |limit: usize| -> Cow<'_, str> { crate::core::text::cut(&text.repeat(limit), limit).to_owned().into() };
        let tasks = |state: &'static str| (0..count).map(|i| Task::from(Details {
            name: long(limits::NAME),
            sub_task: Some(SubTask { name: long(limits::NAME), progress: Percent::FULL }),
            error: Some(TaskError { code: Some(long(limits::CODE)), message: Some(long(limits::MESSAGE)) }),
            target: Server { name: Some(long(limits::NAME)), vm_id: Some(long(limits::ID)), ..Server::default() },
            ..details(&format!("{i:0100}"), state)
        })).collect::<Vec<_>>();
        let ids: Vec<String> = (0..2000).map(|i| format!("{i:064}")).collect();
        let mut world = World::new(json!({"taskLimit": limit, "filter": {"ids": ids}}));
        world.list(tasks("RUNNING"));
        world.plan = plan(json!({"taskLimit": limit}));
        world.list(tasks("RUNNING"));
        for state in ["MIGRATE_FAIL", "SYNCING", "ABORT"] {
            world.pass(60);
            world.see(tasks(state), 0);
            let status = world.decide().status.unwrap();
            prop_assert!(json_size(&status) <= MAX_STATUS, "{}", json_size(&status));
            world.settle();
        }
        world.pass(60);
        world.list(Vec::new());
        world.pass(60);
        world.list(Vec::new());
        prop_assert!(json_size(&world.status) <= MAX_STATUS);
    }
}
