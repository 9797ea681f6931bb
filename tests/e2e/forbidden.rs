//! What the operator may not do is said or done later, and never lost.

use kube::ResourceExt;
use serde_json::json;
use sms_simulator::{Task, TaskState};

use crate::harness::{Stage, status};

fn tasks(state: &'static str) -> Vec<Task> {
    (0..2)
        .map(|i| Task::new(format!("web-{i}")).with_id(format!("t{i}")).in_state(TaskState::new(state)))
        .collect()
}

#[tokio::test]
async fn secrets_that_may_not_be_read_are_told_and_heal() {
    let stage = Stage::new("no-secrets", tasks("READY")).await;
    stage.forbid("secrets").await;
    let _operator = stage.operator();
    stage.apply("wave-1", json!({})).await.unwrap();
    stage.until_condition("wave-1", "Stalled", ("True", "InternalError")).await;
    let message = stage.message("wave-1").await;
    assert!(message.contains("The Secret huawei can't be read"), "{message}");
    assert!(message.contains("verb get on secrets"), "{message}");
    assert_eq!(stage.sms.requests().counters().requests, 0);
    stage.forbid_nothing().await;
    stage.request("wave-1", "1").await;
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    stage.until_told("wave-1", &["InternalError", "WatchStarted", "Recovered"]).await;
}

#[tokio::test]
async fn events_that_may_not_be_created_are_owed() {
    let stage = Stage::new("no-events", tasks("READY")).await;
    let operator = stage.operator();
    stage.apply("wave-1", json!({})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    stage.until_told("wave-1", &["WatchStarted"]).await;

    stage.forbid("events").await;
    stage.sms.tasks().replace(tasks("SYNCING"));
    stage.request("wave-1", "1").await;
    let owing =
        stage.until("wave-1", |watch| status(watch).summary.is_some_and(|found| found.syncing == 2)).await;
    // Nothing else is written before they are told.
    stage.sms.tasks().replace(tasks("MIGRATE_SUCCESS"));
    stage.further_requests(3).await;
    let watch = stage.watches().get("wave-1").await.unwrap();
    assert_eq!(watch.resource_version(), owing.resource_version());
    assert_eq!(stage.reasons("wave-1").await, ["WatchStarted"]);

    operator.kill();
    stage.forbid_nothing().await;
    let _operator = stage.operator();
    stage.until_condition("wave-1", "Succeeded", ("True", "AllSucceeded")).await;
    let told = ["WatchStarted", "TaskSyncing", "TaskSyncing", "TaskSucceeded", "TaskSucceeded"];
    stage.until_told("wave-1", &told).await;
}

#[tokio::test]
async fn a_status_that_may_not_be_written_is_written_later() {
    let stage = Stage::new("no-status", tasks("READY")).await;
    let _operator = stage.operator();
    stage.apply("wave-1", json!({})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    stage.forbid("migrationtaskwatches/status").await;
    stage.sms.tasks().replace(tasks("SYNCING"));
    stage.further_requests(2).await;
    stage.forbid_nothing().await;
    stage.until_condition("wave-1", "CutoverReady", ("True", "AllSynced")).await;
    stage.until_told("wave-1", &["WatchStarted", "TaskSyncing", "TaskSyncing"]).await;
}
