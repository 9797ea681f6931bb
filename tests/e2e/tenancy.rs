//! Several namespaces, with Roles in these alone.

use kube::api::DeleteParams;
use serde_json::json;
use sms_simulator::{Account, Config, Record, Task};
use test_cluster::{Cluster, Options};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{Stage, status};

const FLAGS: [&str; 2] = ["--allowed-endpoints", "http://127.0.0.1:*"];

async fn stage(name: &str) -> Stage {
    Stage::new(name, vec![Task::new("web-1")]).await
}

/// What /readyz answers.
async fn readyz(stage: &Stage) -> String {
    let line = stage.until_logged(&["started", "health="]).await;
    let address = line.split("health=").nth(1).unwrap().split_whitespace().next().unwrap();
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap().to_owned()
}

#[tokio::test]
async fn roles_in_two_namespaces_are_enough_for_both() {
    let (a, b, c) = tokio::join!(stage("tenant-a"), stage("tenant-b"), stage("tenant-c"));
    a.confine().await;
    a.grant_in(&a.namespace).await;
    a.grant_in(&b.namespace).await;
    for stage in [&a, &b] {
        stage.apply("wave-1", json!({})).await.unwrap();
    }
    let untouched = c.apply("wave-1", json!({})).await.unwrap();
    // One of them twice.
    let _operator = a.operator_in(&[&a.namespace, &b.namespace, &a.namespace], &FLAGS, &[]);
    for stage in [&a, &b] {
        let watch = stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
        assert_eq!(status(&watch).summary.unwrap().total, 1);
        stage.until_told("wave-1", &["WatchStarted"]).await;
    }
    // Those of equal names are told apart, also when one of them goes.
    a.watches().delete("wave-1", &DeleteParams::default()).await.unwrap();
    b.refresh("wave-1", "1").await;
    // Begun while the operator runs.
    a.apply("wave-2", json!({})).await.unwrap();
    a.until_condition("wave-2", "Ready", ("True", "Synced")).await;
    assert!(readyz(&a).await.contains("200"));

    assert_eq!(c.sms.requests().counters().requests, 0);
    assert_eq!(c.watches().get("wave-1").await.unwrap(), untouched);
    let log = std::fs::read_to_string(a.log()).unwrap();
    assert!(!log.contains("forbidden"), "{log}");
}

#[tokio::test]
async fn a_namespace_that_may_not_be_seen_holds_up_no_other() {
    let (a, b) = tokio::join!(stage("seen"), stage("unseen"));
    a.confine().await;
    a.grant_in(&a.namespace).await;
    for stage in [&a, &b] {
        stage.apply("wave-1", json!({})).await.unwrap();
    }
    let both = format!("{}, {}", a.namespace, b.namespace);
    let _operator = a.operator_in(&[], &FLAGS, &[("WATCH_NAMESPACE", &both)]);
    a.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    let namespace = format!("namespace=\"{}\"", b.namespace);
    a.until_logged(&["WARN", &namespace, "get, list and watch on migrationtaskwatches"]).await;
    assert!(readyz(&a).await.contains("503"), "ready without the watches of a namespace");
    assert_eq!(b.sms.requests().counters().requests, 0);

    a.grant_in(&b.namespace).await;
    b.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    assert!(readyz(&a).await.contains("200"));
}

#[tokio::test]
async fn a_watch_that_was_deleted_out_of_sight_is_forgotten() {
    let mut cluster = Cluster::start(Options::default()).await.unwrap();
    let sms = || Config { tasks: vec![Task::new("web-1")], ..Config::default() };
    let a = Stage::on(&cluster, "in-sight", sms()).await;
    let b = Stage::on(&cluster, "out-of-sight", sms()).await;
    a.confine().await;
    a.grant_in(&a.namespace).await;
    a.grant_in(&b.namespace).await;
    b.sms.accounts().insert(Account::new("d0d0", "AKGOING", "SKGOING"));
    b.secret("going", json!({"accessKey": "AKGOING", "secretKey": "SKGOING"})).await;
    let _operator = a.operator_in(&[&a.namespace, &b.namespace], &FLAGS, &[]);
    a.apply("wave-1", json!({})).await.unwrap();
    b.apply("going", json!({"credentials": {"secretRef": {"name": "going"}}})).await.unwrap();
    a.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    b.until_condition("going", "Ready", ("True", "Synced")).await;

    // Its stream ends with the API server, and may not begin again.
    a.revoke_in(&b.namespace).await;
    cluster.stop_apiserver();
    cluster.start_apiserver().await.unwrap();
    let namespace = format!("namespace=\"{}\"", b.namespace);
    a.until_logged(&["WARN", &namespace, "get, list and watch on migrationtaskwatches"]).await;
    b.watches().delete("going", &DeleteParams::default()).await.unwrap();
    a.refresh("wave-1", "1").await;

    a.grant_in(&b.namespace).await;
    b.apply("new", json!({})).await.unwrap();
    b.until_condition("new", "Ready", ("True", "Synced")).await;
    b.refresh("new", "1").await;
    let going = |record: &Record| format!("{:?}", record.credential).contains("AKGOING");
    let asked = b.sms.requests().count(going);
    // Three of the other's intervals, which are as long.
    b.further_requests(3).await;
    assert_eq!(b.sms.requests().count(going), asked);
}

#[tokio::test]
async fn without_the_flag_all_namespaces_are_looked_at() {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    let sms = || Config { tasks: vec![Task::new("web-1")], ..Config::default() };
    let a = Stage::on(&cluster, "one", sms()).await;
    let b = Stage::on(&cluster, "other", sms()).await;
    a.allow_watching_secrets().await;
    a.apply("wave-1", json!({})).await.unwrap();
    let flags = [&FLAGS[..], &["--watch-secrets"]].concat();
    let _operator = a.operator_in(&[], &flags, &[]);
    a.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    b.apply("wave-1", json!({"interval": "24h"})).await.unwrap();
    b.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    assert!(readyz(&a).await.contains("200"));
    b.change_secret("huawei", json!({"secretKey": "wrong"})).await;
    b.until_condition("wave-1", "Stalled", ("True", "CredentialsInvalid")).await;
}

#[tokio::test]
async fn what_can_be_no_namespace_is_refused_at_the_start() {
    for namespaces in ["Team-A", "a,,b", "", "a/b"] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_migration-task-watch"))
            .arg("run")
            .env("WATCH_NAMESPACE", namespaces)
            .output()
            .unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{namespaces:?}: {message}");
        assert!(message.contains("can't be a namespace"), "{namespaces:?}: {message}");
    }
}

#[tokio::test]
async fn a_secret_of_another_namespace_is_out_of_reach() {
    let (theirs, ours) = (stage("theirs").await, stage("ours").await);
    let key = &sms_simulator::Account::default().access_keys[0];
    theirs.secret("theirs", json!({"accessKey": key.id, "secretKey": key.secret})).await;
    // This operator could read it: its rights are those of a ClusterRole.
    let _operator = ours.operator();
    for name in ["theirs", &format!("{}.theirs", theirs.namespace)] {
        ours.apply(name, json!({"credentials": {"secretRef": {"name": name}}})).await.unwrap();
        ours.until_condition(name, "Stalled", ("True", "SecretNotFound")).await;
    }
    for name in [format!("{}/theirs", theirs.namespace), "../theirs".to_owned()] {
        let refused = ours.apply("slash", json!({"credentials": {"secretRef": {"name": name}}})).await;
        assert!(refused.is_err(), "{name}");
    }
    let spec = json!({"credentials": {"secretRef": {"name": "theirs", "namespace": theirs.namespace}}});
    assert!(ours.apply("namespace", spec).await.is_err(), "there is no such field");
}
