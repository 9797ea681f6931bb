//! The main job: from an applied watch to status and events.

use std::path::Path;

use serde_json::json;
use sms_simulator::{Task, TaskError, TaskState};

use crate::harness::{Operator, Stage, condition, status};

#[tokio::test]
async fn a_watch_follows_its_tasks_to_the_end() {
    let stage = Stage::new(
        "lifecycle",
        vec![Task::new("web-1").in_state(TaskState::new("READY")), Task::new("web-2").copying(40, 12.5)],
    )
    .await;
    let _operator = stage.operator();
    stage.apply("wave-1", json!({"expectedTasks": 2})).await.unwrap();
    let watch = stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    let found = status(&watch).summary.unwrap();
    assert_eq!((found.total, found.pending, found.running, found.progress), (2, 1, 1, 20));
    assert_eq!(condition(&watch, "Completed"), Some(("False".to_owned(), "InProgress".to_owned())));

    let ids: Vec<String> = status(&watch).tasks.into_iter().map(|task| task.id).collect();
    let [running, ready] = ids.as_slice() else { panic!("two tasks: {ids:?}") };
    stage.sms.tasks().insert(Task::new("web-1").with_id(ready).in_state(TaskState::new("SYNCING")));
    stage.sms.tasks().insert(
        Task::new("web-2").with_id(running).failed(TaskError::coded("SMS.0203", "The network is busy.")),
    );
    stage.refresh("wave-1", "1").await;
    let watch = stage.until_condition("wave-1", "TasksFailed", ("True", "TasksFailed")).await;
    let first = status(&watch).tasks[0].clone();
    assert_eq!(
        (first.name.as_deref(), first.error.unwrap().code.as_deref()),
        (Some("web-2"), Some("SMS.0203"))
    );

    stage.sms.tasks().insert(Task::new("web-1").with_id(ready).in_state(TaskState::new("MIGRATE_SUCCESS")));
    stage.refresh("wave-1", "2").await;
    stage.until_condition("wave-1", "Completed", ("True", "AllEnded")).await;
    stage.until_condition("wave-1", "Succeeded", ("False", "TasksFailed")).await;
    assert_eq!(stage.reasons("wave-1").await, ["WatchStarted", "TaskFailed", "TaskSyncing", "TaskSucceeded"]);
    let (_, note) = stage.events("wave-1").await.swap_remove(1);
    assert!(note.ends_with("failed (MIGRATE_FAIL): SMS.0203: The network is busy."), "{note}");
}

#[tokio::test]
async fn an_operator_whose_log_cannot_be_written_goes_on() {
    let stage = Stage::new("full-disk", vec![Task::new("web-1").copying(40, 12.5)]).await;
    let flags = ["--allowed-endpoints", "http://127.0.0.1:*"];
    let full = Path::new("/dev/full");
    let operator = Operator::start(stage.kubeconfig(), &[&stage.namespace], full, &flags, &[]);
    stage.apply("wave-1", json!({})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    assert_eq!(operator.terminate().await.code(), Some(0));
    let mut lost = Operator::start(Path::new("/nonexistent"), &[], full, &flags, &[]);
    assert_eq!(lost.ended().await.code(), Some(1), "its exit code still says how it ended");
}
