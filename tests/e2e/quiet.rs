//! Nothing is written, asked or told without a reason.

use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use sms_simulator::Task;

use crate::harness::Stage;

#[tokio::test]
async fn a_quiet_account_costs_no_write_and_no_event() {
    let stage = Stage::new("quiet", vec![Task::new("web-1"), Task::new("web-2").copying(40, 3.0)]).await;
    let _operator = stage.operator();
    stage.apply("wave-1", json!({})).await.unwrap();
    let before = stage.until_condition("wave-1", "Ready", ("True", "Synced")).await.resource_version();
    let listed = stage.sms.requests().counters().requests;
    // The fourth listing begins after what the third had to say is written.
    stage.until_asked(usize::try_from(listed).unwrap() + 4, |_| true).await;
    assert_eq!(stage.watches().get("wave-1").await.unwrap().resource_version(), before);
    assert_eq!(stage.reasons("wave-1").await, ["WatchStarted"]);
}

#[tokio::test]
async fn a_label_is_no_reason_to_list() {
    let stage = Stage::new("label", vec![Task::new("web-1")]).await;
    let _operator = stage.operator();
    stage.apply("wave-1", json!({"interval": "1h"})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    let label = json!({"metadata": {"labels": {"a": "b"}}});
    stage.watches().patch("wave-1", &PatchParams::default(), &Patch::Merge(&label)).await.unwrap();
    // What asks for a listing comes after the label on the same stream.
    stage.refresh("wave-1", "1").await;
    assert_eq!(stage.sms.requests().counters().requests, 2);
}
