//! What users do to a watch: refresh, suspend, edit, delete.

use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;
use sms_simulator::{Task, TaskState};

use crate::harness::{Stage, condition, status};

#[tokio::test]
async fn a_suspended_watch_rests_and_resumes() {
    let stage = Stage::new("suspend", vec![Task::new("web-1")]).await;
    let _operator = stage.operator();
    // Told apart by the enterprise project that they ask for.
    let wave = |suspend| json!({"suspend": suspend, "filter": {"enterpriseProjectId": "0"}});
    stage.apply("wave-1", wave(false)).await.unwrap();
    stage.apply("other", json!({})).await.unwrap();
    stage.until_condition("other", "Ready", ("True", "Synced")).await;
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    stage.apply("wave-1", wave(true)).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Suspended")).await;
    stage.sms.tasks().insert(Task::new("web-2"));
    // A listing under way has come to its end when the other watch's next one has.
    stage.refresh("other", "1").await;
    let of_wave = || stage.sms.requests().count(|record| record.query.contains("enterprise_project_id=0"));
    let before = of_wave();
    stage.further_requests(2).await;
    assert_eq!(of_wave(), before);
    let watch = stage.watches().get("wave-1").await.unwrap();
    assert_eq!(status(&watch).summary.unwrap().total, 1);
    assert_eq!(status(&watch).observed_generation, watch.metadata.generation);
    stage.apply("wave-1", wave(false)).await.unwrap();
    stage.until("wave-1", |watch| status(watch).summary.is_some_and(|summary| summary.total == 2)).await;
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
}

#[tokio::test]
async fn a_deleted_watch_is_no_longer_polled() {
    let stage = Stage::new("delete", vec![Task::new("web-1")]).await;
    let _operator = stage.operator();
    // Told apart by the enterprise project that they ask for.
    stage.apply("gone", json!({"filter": {"enterpriseProjectId": "0"}})).await.unwrap();
    stage.apply("stays", json!({})).await.unwrap();
    stage.until_condition("gone", "Ready", ("True", "Synced")).await;
    stage.until_condition("stays", "Ready", ("True", "Synced")).await;
    stage.watches().delete("gone", &DeleteParams::default()).await.unwrap();
    // The deletion is known once a later change on the same stream is.
    stage.refresh("stays", "1").await;
    let of_gone = || stage.sms.requests().count(|record| record.query.contains("enterprise_project_id=0"));
    let before = of_gone();
    stage.further_requests(2).await;
    assert_eq!(of_gone(), before);

    // Its name can be used again, for a watch that starts anew.
    stage.apply("gone", json!({"filter": {"enterpriseProjectId": "0"}})).await.unwrap();
    stage.until_condition("gone", "Ready", ("True", "Synced")).await;
    stage.until_told("gone", &["WatchStarted", "WatchStarted"]).await;
}

#[tokio::test]
async fn a_changed_filter_is_a_new_baseline() {
    let stage = Stage::new("filter", vec![Task::new("web-1"), Task::new("db-1")]).await;
    let _operator = stage.operator();
    stage.apply("wave-1", json!({"filter": {"name": "web-*"}})).await.unwrap();
    stage.until("wave-1", |watch| status(watch).summary.is_some_and(|summary| summary.total == 1)).await;
    let edited = stage.apply("wave-1", json!({"filter": {"name": "*-1"}})).await.unwrap();
    let watch =
        stage.until("wave-1", |watch| status(watch).observed_generation == edited.metadata.generation).await;
    assert_eq!(status(&watch).summary.unwrap().total, 2);
    stage.until_told("wave-1", &["WatchStarted", "WatchStarted"]).await;
}

#[tokio::test]
async fn a_filter_of_states_tells_what_leaves_it() {
    let stage =
        Stage::new("states", vec![Task::new("web-1").with_id("a").copying(10, 1.0), Task::new("web-2")])
            .await;
    let _operator = stage.operator();
    stage.apply("wave-1", json!({"filter": {"states": ["RUNNING"]}})).await.unwrap();
    let watch =
        stage.until("wave-1", |watch| status(watch).summary.is_some_and(|summary| summary.total == 1)).await;
    assert_eq!(condition(&watch, "Completed"), Some(("Unknown".to_owned(), "StatesFiltered".to_owned())));
    stage.sms.tasks().insert(Task::new("web-1").with_id("a").in_state(TaskState::new("MIGRATE_SUCCESS")));
    stage.refresh("wave-1", "1").await;
    stage.until("wave-1", |watch| status(watch).summary.is_some_and(|summary| summary.total == 0)).await;
    stage.until_told("wave-1", &["WatchStarted", "TaskSucceeded"]).await;
}

#[tokio::test]
async fn a_status_that_somebody_else_edits_heals_in_silence() {
    let stage = Stage::new("meddler", vec![Task::new("web-1").copying(10, 1.0)]).await;
    let _operator = stage.operator();
    stage.apply("wave-1", json!({})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    stage.until_told("wave-1", &["WatchStarted"]).await;
    let meddling = json!({"status": {"summary": {"total": 99}, "conditions": null}});
    let params = PatchParams { field_manager: Some("meddler".into()), ..PatchParams::default() };
    stage.watches().patch_status("wave-1", &params, &Patch::Merge(&meddling)).await.unwrap();
    stage.refresh("wave-1", "1").await;
    let watch = stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    assert_eq!(status(&watch).summary.unwrap().total, 1);
    assert_eq!(stage.reasons("wave-1").await, ["WatchStarted"]);
}

#[tokio::test]
async fn a_task_that_somebody_wipes_from_a_status_is_not_told_again() {
    let stage = Stage::new("wiped", vec![Task::new("web-1").copying(10, 1.0)]).await;
    let operator = stage.operator();
    stage.apply("wave-1", json!({})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    stage.until_told("wave-1", &["WatchStarted"]).await;
    let wiped = json!({"status": {"tasks": null, "summary": null, "outbox": null, "conditions": null}});
    stage.watches().patch_status("wave-1", &PatchParams::default(), &Patch::Merge(&wiped)).await.unwrap();
    stage.until("wave-1", |watch| status(watch).tasks.len() == 1).await;
    stage.refresh("wave-1", "1").await;
    assert_eq!(stage.reasons("wave-1").await, ["WatchStarted"]);

    // The operator knows what it has told.
    let nothing = Patch::Merge(json!({"status": null}));
    stage.watches().patch_status("wave-1", &PatchParams::default(), &nothing).await.unwrap();
    stage.until("wave-1", |watch| status(watch).tasks.len() == 1).await;
    stage.refresh("wave-1", "2").await;
    assert_eq!(stage.reasons("wave-1").await, ["WatchStarted"]);

    // The next one knows what the status says: with nothing to compare tasks with, it starts anew.
    operator.kill();
    stage.watches().patch_status("wave-1", &PatchParams::default(), &nothing).await.unwrap();
    let _operator = stage.operator();
    stage.until_told("wave-1", &["WatchStarted", "WatchStarted"]).await;
}
