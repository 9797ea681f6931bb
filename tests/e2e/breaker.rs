//! What happens to many watches when credentials are refused: few requests, and nobody else is held up.

use serde_json::json;
use sms_simulator::{Account, Action, Task};

use crate::harness::{Stage, status};

const FLEET: usize = 50;

fn names() -> impl Iterator<Item = String> {
    (0..FLEET).map(|number| format!("wave-{number}"))
}

async fn fleet(stage: &Stage) {
    for name in names() {
        stage.apply(&name, json!({})).await.unwrap();
    }
}

#[tokio::test]
async fn fifty_watches_with_a_wrong_key_ask_once_and_recover_together() {
    let stage = Stage::new("fleet", vec![Task::new("web-1")]).await;
    let key = &Account::default().access_keys[0];
    stage.secret("huawei", json!({"accessKey": key.id, "secretKey": "wrong"})).await;
    let _operator = stage.operator();
    fleet(&stage).await;
    for name in names() {
        stage.until_condition(&name, "Stalled", ("True", "CredentialsInvalid")).await;
    }
    for name in names() {
        stage.refresh(&name, "now").await;
    }
    assert_eq!(stage.sms.requests().counters().requests, 1);
    stage.secret("huawei", json!({"accessKey": key.id, "secretKey": key.secret})).await;
    for name in names() {
        stage.until_condition(&name, "Ready", ("True", "Synced")).await;
        stage.until_told(&name, &["CredentialsInvalid", "WatchStarted", "Recovered"]).await;
    }
    assert_eq!(stage.sms.requests().counters().unauthorized, 1);
}

#[tokio::test]
async fn fifty_watches_that_lack_a_permission_ask_once() {
    let stage = Stage::new("fleet-denied", vec![Task::new("web-1")]).await;
    stage.sms.accounts().update(&Account::default().domain_id, |account| {
        account.denied.insert(Action::ListTasks);
    });
    let _operator = stage.operator();
    fleet(&stage).await;
    for name in names() {
        stage.until_condition(&name, "Stalled", ("True", "AccessDenied")).await;
    }
    assert_eq!(stage.sms.requests().counters().requests, 1);
}

#[tokio::test]
async fn a_wrong_secret_key_beside_anothers_access_key_blocks_nobody() {
    let stage = Stage::new("neighbours", vec![Task::new("web-1")]).await;
    let key = &Account::default().access_keys[0];
    stage.secret("guess", json!({"accessKey": key.id, "secretKey": "guess"})).await;
    let _operator = stage.operator();
    stage.apply("owner", json!({})).await.unwrap();
    stage.until_condition("owner", "Ready", ("True", "Synced")).await;
    stage.apply("guesser", json!({"credentials": {"secretRef": {"name": "guess"}}})).await.unwrap();
    let guesser = stage.until_condition("guesser", "Stalled", ("True", "CredentialsInvalid")).await;
    assert_eq!((status(&guesser).summary, status(&guesser).tasks.len()), (None, 0));
    for token in ["1", "2", "3"] {
        stage.refresh("guesser", token).await;
        stage.refresh("owner", token).await;
    }
    stage.until_condition("owner", "Ready", ("True", "Synced")).await;
    assert_eq!(stage.reasons("owner").await, ["WatchStarted"]);
    assert_eq!(stage.sms.requests().counters().unauthorized, 1);
}
