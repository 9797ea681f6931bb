//! Several operators, of which one works: however it ends, another goes on, nothing is lost and nothing is told twice.

use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api,
    api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
};
use serde_json::json;
use sms_simulator::{Task, TaskState};

use crate::harness::{Line, Replica, Stage, status};

/// The exit code of an operator that leads no more.
const LOST: i32 = 3;

fn tasks(state: &'static str) -> Vec<Task> {
    (0..6)
        .map(|i| Task::new(format!("web-{i}")).with_id(format!("t{i}")).in_state(TaskState::new(state)))
        .collect()
}

/// A stage where operators may stand for election, with a watch.
async fn stage(name: &str) -> Stage {
    let stage = Stage::new(name, tasks("READY")).await;
    stage.grant_lease().await;
    stage.apply("wave-1", json!({"taskLimit": 3})).await.unwrap();
    stage
}

/// Waits for the first listing by a leader.
async fn begin(stage: &Stage, leader: &Replica) {
    stage.until_led_by(leader).await;
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    stage.until_told("wave-1", &["WatchStarted"]).await;
}

/// Waits until all tasks sync, and were told once.
async fn until_synced(stage: &Stage) {
    stage.until("wave-1", |watch| status(watch).summary.is_some_and(|summary| summary.syncing == 6)).await;
    let mut told = vec!["WatchStarted"];
    told.extend(["TaskSyncing"; 6]);
    stage.until_told("wave-1", &told).await;
    // What would be told twice would be told by the next listing.
    stage.refresh("wave-1", "again").await;
    assert_eq!(stage.reasons("wave-1").await, told);
}

/// Whether it has written a status, by what it says itself.
fn has_written(replica: &Replica) -> bool {
    replica.operator.log().contains("status written")
}

#[tokio::test]
async fn one_works_and_the_others_stand_by() {
    let stage = stage("one").await;
    let first = stage.replica("first");
    begin(&stage, &first).await;
    let others = [stage.replica("second"), stage.replica("third")];
    for other in &others {
        other.operator.until_logged(&["standing by", "first_"]).await;
        assert_eq!(other.operator.get("health", "/readyz").await.0, 200);
        assert_eq!(other.operator.get("health", "/livez").await.0, 200);
        let (_, metrics) = other.operator.get("metrics", "/metrics").await;
        assert!(metrics.contains("\nmigration_task_watch_leader 0\n"), "{metrics}");
    }
    stage.sms.tasks().replace(tasks("SYNCING"));
    until_synced(&stage).await;
    assert_eq!(first.operator.get("health", "/readyz").await.0, 200);
    let (_, metrics) = first.operator.get("metrics", "/metrics").await;
    assert!(metrics.contains("\nmigration_task_watch_leader 1\n"), "{metrics}");
    assert!(has_written(&first) && first.operator.log().contains(" listed "), "{}", first.operator.log());
    for other in &others {
        assert!(!has_written(other), "{}", other.operator.log());
        assert!(!other.operator.log().contains(" listed "), "{}", other.operator.log());
    }
    let lease = stage.lease().await.unwrap().spec.unwrap();
    assert_eq!((lease.lease_duration_seconds, lease.lease_transitions), (Some(10), Some(0)));
}

#[tokio::test]
async fn another_tells_what_happened_when_the_leader_was_killed() {
    let stage = stage("killed").await;
    let first = stage.replica("first");
    begin(&stage, &first).await;
    let second = stage.replica("second");
    let third = stage.replica("third");
    second.operator.until_logged(&["standing by"]).await;
    third.operator.until_logged(&["standing by"]).await;
    first.operator.kill();
    stage.sms.tasks().replace(tasks("SYNCING"));
    let leader = stage.until_led(|holder| holder != "first").await;
    until_synced(&stage).await;
    let lease = stage.lease().await.unwrap().spec.unwrap();
    assert_eq!(lease.lease_transitions, Some(1));
    let idle = if leader == "second" { &third } else { &second };
    assert!(!has_written(idle), "{}", idle.operator.log());
}

#[tokio::test]
async fn a_leader_that_is_asked_to_end_hands_over() {
    let stage = stage("handover").await;
    let mut first = stage.replica("first");
    begin(&stage, &first).await;
    let second = stage.replica("second");
    second.operator.until_logged(&["standing by"]).await;
    stage.sms.tasks().replace(tasks("SYNCING"));
    first.operator.ask_to_end();
    assert!(first.operator.ended().await.success(), "{}", first.operator.log());
    // The Lease is free, or the other one has it already.
    assert_ne!(stage.holder().await.as_deref(), Some("first"));
    stage.until_led_by(&second).await;
    until_synced(&stage).await;
    // And the last one leaves it free.
    assert!(second.operator.terminate().await.success());
    let lease = stage.lease().await.unwrap().spec.unwrap();
    assert_eq!((lease.holder_identity, lease.lease_duration_seconds), (None, Some(1)));
    assert_eq!(lease.lease_transitions, Some(1));
}

#[tokio::test]
async fn one_that_stands_by_ends_when_it_is_asked_and_leaves_the_lease_alone() {
    let stage = stage("standby").await;
    let first = stage.replica("first");
    begin(&stage, &first).await;
    let second = stage.replica("second");
    second.operator.until_logged(&["standing by"]).await;
    assert!(second.operator.terminate().await.success());
    assert_eq!(stage.holder().await.as_deref(), Some("first"));
}

#[tokio::test]
async fn a_leader_that_was_paused_writes_nothing_and_ends() {
    let stage = stage("paused").await;
    let mut first = stage.replica("first");
    begin(&stage, &first).await;
    let second = stage.replica("second");
    second.operator.until_logged(&["standing by"]).await;
    first.operator.pause();
    stage.sms.tasks().replace(tasks("SYNCING"));
    stage.until_led_by(&second).await;
    until_synced(&stage).await;
    let before = first.operator.log().matches("status written").count();
    first.operator.resume();
    assert_eq!(first.operator.ended().await.code(), Some(LOST), "{}", first.operator.log());
    assert!(first.operator.log().contains("leads no more"), "{}", first.operator.log());
    assert_eq!(first.operator.log().matches("status written").count(), before);
    stage.refresh("wave-1", "after").await;
    let mut told = vec!["WatchStarted"];
    told.extend(["TaskSyncing"; 6]);
    assert_eq!(stage.reasons("wave-1").await, told);
    assert_eq!(stage.holder().await.as_deref(), Some("second"));
}

#[tokio::test]
async fn a_leader_that_was_paused_in_the_middle_of_a_listing_tells_nothing_twice() {
    let stage = stage("midway").await;
    let mut first = stage.replica("first");
    begin(&stage, &first).await;
    let second = stage.replica("second");
    second.operator.until_logged(&["standing by"]).await;
    stage.sms.tasks().replace(tasks("SYNCING"));
    let asked = stage.sms.requests().count(|_| true);
    stage.request("wave-1", "midway").await;
    // It has the answer, or will have it when it wakes: it may have written nothing, the status, or some of the events.
    stage.until_asked(asked + 1, |_| true).await;
    first.operator.pause();
    stage.until_led_by(&second).await;
    until_synced(&stage).await;
    first.operator.resume();
    assert_eq!(first.operator.ended().await.code(), Some(LOST), "{}", first.operator.log());
    until_synced(&stage).await;
}

#[tokio::test]
async fn a_lease_that_somebody_deletes_is_created_anew_by_the_leader() {
    let stage = stage("deleted").await;
    let first = stage.replica("first");
    begin(&stage, &first).await;
    let second = stage.replica("second");
    second.operator.until_logged(&["standing by"]).await;
    for _ in 0..3 {
        stage.leases().delete("migration-task-watch", &DeleteParams::default()).await.unwrap();
        stage.until_led_by(&first).await;
    }
    // Others may write on it, too.
    let label = json!({"metadata": {"labels": {"a": "b"}}});
    stage
        .leases()
        .patch("migration-task-watch", &PatchParams::default(), &Patch::Merge(&label))
        .await
        .unwrap();
    stage.sms.tasks().replace(tasks("SYNCING"));
    until_synced(&stage).await;
    assert!(!has_written(&second), "{}", second.operator.log());
    let lease = stage.lease().await.unwrap();
    assert_eq!(lease.metadata.labels.unwrap()["a"], "b");
    assert_eq!(lease.spec.unwrap().lease_transitions, Some(0));
}

#[tokio::test]
async fn a_leader_whose_lease_another_takes_ends() {
    let stage = stage("taken").await;
    let mut first = stage.replica("first");
    begin(&stage, &first).await;
    let spec = json!({"spec": {"holderIdentity": "somebody_else", "leaseDurationSeconds": 3}});
    stage
        .leases()
        .patch("migration-task-watch", &PatchParams::default(), &Patch::Merge(&spec))
        .await
        .unwrap();
    assert_eq!(first.operator.ended().await.code(), Some(LOST), "{}", first.operator.log());
    assert!(first.operator.log().contains("somebody_else has taken the Lease"), "{}", first.operator.log());
}

#[tokio::test]
async fn whatever_is_in_a_lease_somebody_leads_in_the_end() {
    let stage = stage("garbage").await;
    // It has times that the typed one can't hold.
    let kind = ApiResource::erase::<Lease>(&());
    let leases: Api<DynamicObject> = Api::namespaced_with(stage.client.clone(), &stage.namespace, &kind);
    let garbage = [
        json!(null),
        json!({"leaseDurationSeconds": 1}),
        json!({"holderIdentity": "nobody", "leaseDurationSeconds": 1, "leaseTransitions": i32::MAX,
            "renewTime": "9999-12-31T23:59:59.999999Z", "acquireTime": "0001-01-01T00:00:01.000000Z"}),
    ];
    for (number, spec) in garbage.into_iter().enumerate() {
        let _ = leases.delete("migration-task-watch", &DeleteParams::default()).await;
        let mut lease = DynamicObject::new("migration-task-watch", &kind);
        lease.data = json!({"spec": spec});
        let stored = leases.create(&PostParams::default(), &lease).await.unwrap();
        assert_eq!(stored.data["spec"]["renewTime"], spec["renewTime"]);
        let mut replica = stage.replica(&format!("number-{number}"));
        replica.operator.until_logged(&["leading"]).await;
        stage.until_led_by(&replica).await;
        replica.operator.ask_to_end();
        assert!(replica.operator.ended().await.success());
    }
}

#[tokio::test]
async fn without_the_rights_on_the_lease_nobody_leads_until_they_are_given_back() {
    let stage = stage("rights").await;
    let mut first = stage.replica("first");
    begin(&stage, &first).await;
    stage.revoke_lease().await;
    assert_eq!(first.operator.ended().await.code(), Some(LOST), "{}", first.operator.log());
    first.operator.until_logged(&["needs get, create and update on leases"]).await;
    let second = stage.replica("second");
    second.operator.until_logged(&["needs get, create and update on leases"]).await;
    assert_eq!(second.operator.get("health", "/readyz").await.0, 503);
    stage.sms.tasks().replace(tasks("SYNCING"));
    stage.grant_lease().await;
    stage.until_led_by(&second).await;
    until_synced(&stage).await;
    assert_eq!(second.operator.get("health", "/readyz").await.0, 200);
}

#[tokio::test]
async fn a_leader_that_can_not_reach_the_api_server_ends_before_another_leads() {
    let stage = stage("cut").await;
    let line = Line::new(stage.kubeconfig()).await;
    let mut first = stage.replica_by(line.kubeconfig(), "first");
    begin(&stage, &first).await;
    let second = stage.replica("second");
    second.operator.until_logged(&["standing by"]).await;
    line.cut();
    stage.sms.tasks().replace(tasks("SYNCING"));
    assert_eq!(first.operator.ended().await.code(), Some(LOST), "{}", first.operator.log());
    first.operator.until_logged(&["leads no more", "couldn't be renewed in time"]).await;
    stage.until_led_by(&second).await;
    until_synced(&stage).await;

    // One that comes back stands by, once it can be reached again.
    let again = stage.replica_by(line.kubeconfig(), "again");
    again.operator.until_logged(&["didn't answer in time"]).await;
    assert_eq!(again.operator.get("health", "/readyz").await.0, 503);
    line.mend();
    again.operator.until_logged(&["standing by", "second_"]).await;
    assert_eq!(again.operator.get("health", "/readyz").await.0, 200);
}
