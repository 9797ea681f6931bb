//! Nothing is lost and nothing is told twice, however the operator ends.

use std::time::Duration;

use kube::api::DeleteParams;
use serde_json::json;
use sms_simulator::{Config, Task, TaskState};
use test_cluster::{Cluster, Options};

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
    assert!(operator.terminate().await.success());

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
        stage.request("wave-1", state).await;
        // Killed as soon as SMS has been asked: before, within or after the write and its events.
        stage.until_asked(usize::try_from(seen).unwrap() + 1, |_| true).await;
        operator.kill();
        operator = stage.operator();
        told.extend([reason; 6]);
        stage.until_told("wave-1", &told).await;
    }
    let watch = stage.watches().get("wave-1").await.unwrap();
    assert_eq!(status(&watch).summary.unwrap().failed, 6);
}

#[tokio::test]
async fn it_may_be_killed_at_any_moment() {
    const KILLS: u64 = 12;
    let stage = Stage::new("any-moment", Vec::new()).await;
    let task = |i: u64, state| Task::new(format!("web-{i:02}")).in_state(TaskState::new(state));
    (0..KILLS).for_each(|i| stage.sms.tasks().insert(task(i, "READY")));
    let mut operator = stage.operator();
    stage.apply("wave-1", json!({"taskLimit": 6})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    for i in 0..KILLS {
        let asked = stage.sms.requests().count(|_| true);
        stage.sms.tasks().insert(task(i, "MIGRATE_FAIL"));
        stage.request("wave-1", &i.to_string()).await;
        stage.until_asked(asked + 1, |record| !record.pending).await;
        // From the answer of SMS to the events these kills fall later and later.
        tokio::time::sleep(Duration::from_millis(3 * i)).await;
        operator.kill();
        operator = stage.operator();
    }
    let all = i64::try_from(KILLS).unwrap();
    stage.until("wave-1", |watch| status(watch).summary.is_some_and(|found| found.failed == all)).await;
    stage.refresh("wave-1", "last").await;
    let events = stage.events("wave-1").await;
    assert_eq!(events.len(), 1 + events.iter().filter(|(reason, _)| reason == "TaskFailed").count());
    for i in 0..KILLS {
        let of_task = events.iter().filter(|(_, note)| note.contains(&format!("web-{i:02}"))).count();
        assert_eq!(of_task, 1, "web-{i:02}: {events:#?}");
    }
}

#[tokio::test]
async fn a_watch_that_was_replaced_while_the_operator_was_down_starts_anew() {
    let stage = Stage::new("replaced", tasks("READY")).await;
    let operator = stage.operator();
    stage.apply("wave-1", json!({})).await.unwrap();
    stage.until_told("wave-1", &["WatchStarted"]).await;
    operator.kill();
    stage.watches().delete("wave-1", &DeleteParams::default()).await.unwrap();
    stage.sms.tasks().replace(tasks("SYNCING"));
    stage.apply("wave-1", json!({})).await.unwrap();
    let _operator = stage.operator();
    stage.until_condition("wave-1", "CutoverReady", ("True", "AllSynced")).await;
    stage.until_told("wave-1", &["WatchStarted", "WatchStarted"]).await;
}

#[tokio::test]
async fn an_outage_of_the_api_server_loses_nothing() {
    let mut cluster = Cluster::start(Options::default()).await.unwrap();
    let sms = Config { tasks: tasks("READY"), ..Config::default() };
    let stage = Stage::on(&cluster, "outage", sms).await;
    let _operator = stage.operator();
    stage.apply("wave-1", json!({})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    stage.until_told("wave-1", &["WatchStarted"]).await;
    let asked = stage.sms.requests().count(|_| true);
    cluster.stop_apiserver();
    stage.sms.tasks().replace(tasks("SYNCING"));
    cluster.start_apiserver().await.unwrap();
    stage.until_condition("wave-1", "CutoverReady", ("True", "AllSynced")).await;
    assert!(stage.sms.requests().count(|_| true) > asked);
    let mut told = vec!["WatchStarted"];
    told.extend(["TaskSyncing"; 6]);
    stage.until_told("wave-1", &told).await;
}

#[tokio::test]
async fn a_status_of_another_watch_is_not_believed() {
    let tasks = (0..60).map(|i| Task::new(format!("web-{i}")).with_id(format!("t{i}"))).collect();
    let stage = Stage::new("restored", tasks).await;
    let operator = stage.operator();
    let spec = serde_json::json!({"taskLimit": 5});
    let old = stage.apply("wave-1", spec.clone()).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    stage.until_told("wave-1", &["WatchStarted"]).await;
    let backup = crate::harness::status(&stage.watches().get("wave-1").await.unwrap());
    operator.kill();
    stage.watches().delete("wave-1", &kube::api::DeleteParams::default()).await.unwrap();
    let mut new = stage.apply("wave-1", spec).await.unwrap();
    assert_ne!(new.metadata.uid, old.metadata.uid);
    new.status = Some(backup);
    new.metadata.managed_fields = None;
    stage.watches().replace_status("wave-1", &kube::api::PostParams::default(), &new).await.unwrap();
    let _operator = stage.operator();
    // Of the old one and of the new one, and nothing of tasks.
    stage.until_told("wave-1", &["WatchStarted", "WatchStarted"]).await;
    stage.refresh("wave-1", "once-more").await;
    assert_eq!(stage.reasons("wave-1").await, ["WatchStarted", "WatchStarted"]);
}
