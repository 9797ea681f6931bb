//! `--watch-secrets`: a changed Secret is used at once.

use std::time::Duration;

use serde_json::{Value, json};
use sms_simulator::{Account, Record, Task};

use crate::harness::{Stage, status};

const FLAGS: [&str; 3] = ["--allowed-endpoints", "http://127.0.0.1:*", "--watch-secrets"];
/// Not a measure of speed: without the flag it would be a day.
const PATIENCE: Duration = Duration::from_secs(120);

async fn stage(name: &str) -> Stage {
    let stage = Stage::new(name, vec![Task::new("web-1")]).await;
    for i in 0..5 {
        stage.sms.accounts().insert(Account::new(format!("d{i}"), format!("AK{i}"), format!("SK{i}")));
    }
    stage.allow_watching_secrets().await;
    stage
}

fn key(i: u8) -> Value {
    json!({"accessKey": format!("AK{i}"), "secretKey": format!("SK{i}")})
}

fn by(i: u8) -> impl Fn(&Record) -> bool {
    move |record| format!("{:?}", record.credential).contains(&format!("AK{i}\""))
}

fn daily(secret: &str) -> Value {
    json!({"interval": "24h", "credentials": {"secretRef": {"name": secret}}})
}

async fn until_asked(stage: &Stage, count: usize, i: u8) {
    let asked = stage.sms.requests().clone();
    let waited = tokio::time::timeout(PATIENCE, asked.wait_for(count, by(i))).await;
    assert!(waited.is_ok(), "{:#?}\n{}", asked.records(), std::fs::read_to_string(stage.log()).unwrap());
}

#[tokio::test]
async fn a_changed_secret_is_used_at_once_and_by_nobody_else() {
    let stage = stage("changes").await;
    let _operator = stage.operator_with(&FLAGS, &[]);
    for (name, i) in [("changing", 0), ("other", 1)] {
        stage.secret(name, key(i)).await;
        stage.apply(name, daily(name)).await.unwrap();
        stage.until_condition(name, "Ready", ("True", "Synced")).await;
    }
    // Nobody's Secret appears, changes and goes.
    stage.secret("unrelated", key(4)).await;
    stage.change_secret("unrelated", key(3)).await;
    stage.delete_secret("unrelated").await;
    stage.change_secret("changing", key(2)).await;
    until_asked(&stage, 1, 2).await;
    // This listing comes at least a second after the one before, by which time a needless one would have come.
    stage.change_secret("changing", key(3)).await;
    until_asked(&stage, 1, 3).await;
    let asked = |i| stage.sms.requests().count(by(i));
    assert_eq!([0, 1, 2, 3, 4].map(asked), [1, 1, 1, 1, 0]);
    // A rotation is no new beginning, and nothing to tell.
    stage.until_told("changing", &["WatchStarted"]).await;
}

#[tokio::test]
async fn a_secret_that_goes_is_told_and_one_that_comes_is_used() {
    let stage = stage("comes-and-goes").await;
    let _operator = stage.operator_with(&FLAGS, &[]);
    stage.secret("huawei", key(0)).await;
    stage.apply("wave-1", daily("huawei")).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    stage.delete_secret("huawei").await;
    stage.until_condition("wave-1", "Stalled", ("True", "SecretNotFound")).await;
    stage.secret("huawei", key(1)).await;
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    stage.until_told("wave-1", &["WatchStarted", "SecretNotFound", "Recovered"]).await;
}

#[tokio::test]
async fn all_who_share_a_secret_use_what_it_became_but_the_suspended() {
    let stage = stage("shared").await;
    let _operator = stage.operator_with(&FLAGS, &[]);
    stage.secret("shared", key(0)).await;
    let names: Vec<String> = (0..5).map(|i| format!("wave-{i}")).collect();
    for name in &names {
        stage.apply(name, daily("shared")).await.unwrap();
        stage.until_condition(name, "Ready", ("True", "Synced")).await;
    }
    let mut suspended = daily("shared");
    suspended["suspend"] = json!(true);
    stage.apply("wave-0", suspended).await.unwrap();
    stage.until_condition("wave-0", "Ready", ("True", "Suspended")).await;

    // The others must not take this reading, a moment before the change, for one after it.
    stage.refresh("wave-1", "1").await;
    stage.change_secret("shared", key(1)).await;
    until_asked(&stage, 1, 1).await;
    stage.change_secret("shared", key(2)).await;
    until_asked(&stage, 1, 2).await;
    stage.change_secret("shared", key(3)).await;
    until_asked(&stage, 1, 3).await;
    let asked = |i| stage.sms.requests().count(by(i));
    let before = [0, 1, 2].map(asked);
    assert_eq!(before[1..], [1, 1], "one listing serves all");
    for name in &names[1..] {
        stage.refresh(name, "2").await;
    }
    assert_eq!([0, 1, 2].map(asked), before, "one of them goes on with an old key");

    stage.apply("wave-0", daily("shared")).await.unwrap();
    let watch = stage.until_condition("wave-0", "Ready", ("True", "Synced")).await;
    assert_eq!(status(&watch).summary.unwrap().total, 1);
    assert_eq!([0, 1, 2].map(asked), before);
}

#[tokio::test]
async fn changes_are_noticed_in_each_namespace_with_roles_alone() {
    let (a, b) = tokio::join!(stage("changes-a"), stage("changes-b"));
    a.confine().await;
    for stage in [&a, &b] {
        a.grant_in(&stage.namespace).await;
        stage.secret("huawei", key(0)).await;
        stage.apply("wave-1", daily("huawei")).await.unwrap();
    }
    let _operator = a.operator_in(&[&a.namespace, &b.namespace], &FLAGS, &[]);
    for stage in [&a, &b] {
        stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    }
    b.change_secret("huawei", key(1)).await;
    until_asked(&b, 1, 1).await;
    a.change_secret("huawei", key(2)).await;
    until_asked(&a, 1, 2).await;
    // The Secret of the same name in the other namespace is another one.
    assert_eq!((a.sms.requests().counters().requests, b.sms.requests().counters().requests), (2, 2));
    let log = std::fs::read_to_string(a.log()).unwrap();
    assert!(!log.contains("forbidden"), "{log}");
    for secret in ["SK0", "SK1", "SK2"] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[tokio::test]
async fn without_the_right_it_says_so_and_goes_on() {
    let stage = stage("no-list").await;
    stage.forbid_nothing().await;
    let _operator = stage.operator_with(&FLAGS, &[]);
    stage.until_logged(&["WARN", "list and watch on secrets", "as without --watch-secrets"]).await;
    stage.apply("wave-1", json!({})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    stage.secret("huawei", key(1)).await;
    until_asked(&stage, 1, 1).await;
}
