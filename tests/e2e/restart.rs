//! Nothing is lost and nothing is told twice, however the operator ends.

use serde_json::json;
use sms_simulator::{Task, TaskState};

use crate::harness::{Stage, status};

fn tasks(state: &'static str) -> Vec<Task> {
    (0..6)
        .map(|i| Task::new(format!("web-{i}")).with_id(format!("t{i}")).in_state(TaskState::new(state)))
        .collect()
}

#[tokio::test]
async fn what_happens_while_the_operator_is_down_is_told_once() {
    let stage = Stage::new("restart", tasks("READY")).await;
    let operator = stage.operator();
    // Three tasks are written out, three are remembered in the ledger.
    stage.apply("wave-1", json!({"taskLimit": 3})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    stage.until_told("wave-1", &["WatchStarted"]).await;
    assert!(operator.terminate().success());

    stage.sms.tasks().replace(tasks("SYNCING"));
    let operator = stage.operator();
    stage.until("wave-1", |watch| status(watch).summary.is_some_and(|summary| summary.syncing == 6)).await;
    let mut told = vec!["WatchStarted"];
    told.extend(["TaskSyncing"; 6]);
    stage.until_told("wave-1", &told).await;
    operator.kill();

    let _operator = stage.operator();
    stage.refresh("wave-1", "1").await;
    assert_eq!(stage.reasons("wave-1").await, told);
}

#[tokio::test]
async fn a_killed_operator_tells_each_transition_once() {
    let stage = Stage::new("killed", tasks("READY")).await;
    let mut operator = stage.operator();
    stage.apply("wave-1", json!({"taskLimit": 3})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    let mut told = vec!["WatchStarted"];
    for (state, reason) in [
        ("RUNNING", "TaskStarted"),
        ("SYNCING", "TaskSyncing"),
        ("MIGRATE_SUCCESS", "TaskSucceeded"),
        ("RUNNING", "TaskStarted"),
        ("MIGRATE_FAIL", "TaskFailed"),
    ] {
        stage.sms.tasks().replace(tasks(state));
        let seen = stage.sms.requests().counters().requests;
        let patch = json!({"metadata": {"annotations": {migration_task_watch::api::REQUESTED_AT: state}}});
        let patch = kube::api::Patch::Merge(&patch);
        stage.watches().patch("wave-1", &kube::api::PatchParams::default(), &patch).await.unwrap();
        // Killed as soon as SMS has been asked: before, within or after the write and its events.
        stage.sms.requests().wait_for(usize::try_from(seen).unwrap() + 1, |_| true).await;
        operator.kill();
        operator = stage.operator();
        told.extend([reason; 6]);
        stage.until_told("wave-1", &told).await;
    }
    let watch = stage.watches().get("wave-1").await.unwrap();
    assert_eq!(status(&watch).summary.unwrap().failed, 6);
}
