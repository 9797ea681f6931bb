//! Credentials: what is wrong is said, what is mended works, and a wrong key isn't tried fast.

use serde_json::{Value, json};
use sms_simulator::{Account, Action, Task};

use crate::harness::{Stage, status};

async fn stage(name: &str) -> Stage {
    Stage::new(name, vec![Task::new("web-1")]).await
}

fn good() -> Value {
    let key = &Account::default().access_keys[0];
    json!({"accessKey": key.id, "secretKey": key.secret})
}

#[tokio::test]
async fn an_unusable_secret_is_stalled_until_it_is_mended() {
    let stage = stage("secrets").await;
    let _operator = stage.operator();
    let cases = [
        ("missing", None, "SecretNotFound", "There is no Secret missing"),
        ("empty", Some(json!({})), "SecretInvalid", "it needs the keys `accessKey` and `secretKey`"),
        ("half", Some(json!({"accessKey": "AK"})), "SecretInvalid", "the key `secretKey` is missing"),
        (
            "typo",
            Some(json!({"access_key": "AK", "secretKey": "S"})),
            "SecretInvalid",
            "must be written `accessKey`",
        ),
        (
            "mixed",
            Some(json!({"accessKey": "A", "secretKey": "S", "token": "T"})),
            "SecretInvalid",
            "don't go together",
        ),
        ("blank", Some(json!({"accessKey": " ", "secretKey": "S"})), "SecretInvalid", "key `accessKey`"),
    ];
    for (name, data, _, _) in &cases {
        if let Some(data) = data {
            stage.secret(name, data.clone()).await;
        }
        stage.apply(name, json!({"credentials": {"secretRef": {"name": name}}})).await.unwrap();
    }
    for (name, _, reason, text) in &cases {
        let watch = stage.until_condition(name, "Stalled", ("True", reason)).await;
        let ready =
            status(&watch).conditions.into_iter().find(|condition| condition.type_ == "Ready").unwrap();
        assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("False", *reason));
        assert!(ready.message.contains(text), "{name}: {}", ready.message);
        stage.until_told(name, &[reason]).await;
        stage.secret(name, good()).await;
    }
    for (name, _, reason, _) in &cases {
        stage.until_condition(name, "Ready", ("True", "Synced")).await;
        stage.until_told(name, &[reason, "WatchStarted", "Recovered"]).await;
    }
}

#[tokio::test]
async fn a_wrong_key_is_tried_once_however_often_its_secret_is_read() {
    let stage = stage("wrong-key").await;
    stage.secret("huawei", json!({"accessKey": "AKSIMULATOR0000000001", "secretKey": "wrong"})).await;
    let _operator = stage.operator();
    stage.apply("wave-1", json!({})).await.unwrap();
    stage.until_condition("wave-1", "Stalled", ("True", "CredentialsInvalid")).await;
    // Each request for a listing is answered without asking SMS again.
    for token in ["1", "2", "3"] {
        stage.refresh("wave-1", token).await;
    }
    assert_eq!(stage.sms.requests().counters().requests, 1);
    assert_eq!(stage.reasons("wave-1").await, ["CredentialsInvalid"]);
    // A mended Secret is noticed at its next reading.
    stage.secret("huawei", good()).await;
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    assert_eq!(stage.sms.requests().counters().unauthorized, 1);
}

#[tokio::test]
async fn a_listing_that_is_asked_for_uses_the_secret_as_it_is_now() {
    let stage = stage("rotation").await;
    let _operator = stage.operator();
    stage.apply("wave-1", json!({"interval": "24h"})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    stage.sms.accounts().insert(Account::new("d1d1", "AKROTATED", "SKROTATED"));
    stage.secret("huawei", json!({"accessKey": "AKROTATED", "secretKey": "SKROTATED"})).await;
    // The first of these may come within the second for which a reading serves all that ask.
    for token in ["1", "2", "3"] {
        stage.refresh("wave-1", token).await;
    }
    let rotated = |record: &sms_simulator::Record| format!("{:?}", record.credential).contains("AKROTATED");
    assert!(stage.sms.requests().count(rotated) > 0);
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let stage = stage("permission").await;
    let domain = Account::default().domain_id;
    stage.sms.accounts().update(&domain, |account| {
        account.denied.insert(Action::ListTasks);
    });
    let _operator = stage.operator();
    stage.apply("wave-1", json!({})).await.unwrap();
    let watch = stage.until_condition("wave-1", "Stalled", ("True", "AccessDenied")).await;
    let text = serde_json::to_string(&status(&watch)).unwrap();
    assert!(text.contains("sms:server:listTask"), "{text}");
    assert!(text.contains("Request id: "), "{text}");
    assert!(!text.contains(sms_simulator::ENCODED_AUTHORIZATION_MESSAGE), "{text}");
}

#[tokio::test]
async fn every_kind_of_secret_signs_in() {
    let stage = stage("kinds").await;
    let account = Account::new("d0d0", "AKTEMPORARY", "SKTEMPORARY").with_security_token("a-security-token");
    stage.sms.accounts().insert(account.with_token("a-token"));
    let _operator = stage.operator();
    let permanent = |extra: Value| {
        let mut all = good();
        all.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        all
    };
    let domain = Account::default().domain_id;
    let kinds = [
        (
            "temporary",
            json!({"accessKey": "AKTEMPORARY", "secretKey": "SKTEMPORARY", "securityToken": "a-security-token"}),
        ),
        ("token", json!({"token": "a-token\n"})),
        ("domain", permanent(json!({"domainId": domain}))),
        ("project", permanent(json!({"projectId": format!("project-{domain}")}))),
    ];
    for (name, data) in &kinds {
        stage.secret(name, data.clone()).await;
        stage.apply(name, json!({"credentials": {"secretRef": {"name": name}}})).await.unwrap();
    }
    for (name, _) in &kinds {
        stage.until_condition(name, "Ready", ("True", "Synced")).await;
    }
    // The simulator refuses a foreign domain or project: so the headers were sent.
    stage.secret("domain", permanent(json!({"domainId": "d0d0"}))).await;
    stage.until_condition("domain", "Stalled", ("True", "CredentialsInvalid")).await;
}

#[tokio::test]
async fn an_endpoint_that_is_not_allowed_is_never_called() {
    let stage = stage("endpoint").await;
    let _operator = stage.operator();
    stage.apply("wave-1", json!({"endpoint": "https://sms.evil.example.com"})).await.unwrap();
    let watch = stage.until_condition("wave-1", "Stalled", ("True", "EndpointNotAllowed")).await;
    assert!(serde_json::to_string(&status(&watch)).unwrap().contains("--allowed-endpoints"));
    assert_eq!(stage.sms.requests().counters().requests, 0);
    stage.apply("wave-1", json!({})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
}
