//! Temporary keys of machines and pods: how they are asked for, and that they open their account.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use sms_simulator::{AccessKey, Account, Config, Credential, NoAgency, Simulator, Task, TokenStep};

use crate::client::{http, ids};
use crate::signed::{outcome, signed_by};

const TOKEN_PATH: &str = "/meta-data/latest/api/token";
const KEY_PATH: &str = "/openstack/latest/securitykey";

/// Two accounts with a task each; none has an agency yet.
async fn start() -> Simulator {
    let accounts = vec![Account::new("d-1", "AK1", "SK1"), Account::new("d-2", "AK2", "SK2")];
    let tasks = vec![Task::new("one").of_account("d-1"), Task::new("two").of_account("d-2")];
    Simulator::start(Config { accounts, tasks, ..Config::default() }).await.unwrap()
}

fn call(simulator: &Simulator, method: Method, path: &str) -> RequestBuilder {
    http().request(method, format!("{}{path}", simulator.endpoint()))
}

async fn ask_token(simulator: &Simulator, seconds: &str) -> Response {
    let request = call(simulator, Method::PUT, TOKEN_PATH);
    request.header("X-Metadata-Token-Ttl-Seconds", seconds).send().await.unwrap()
}

async fn ask_key(simulator: &Simulator, token: Option<&str>) -> Response {
    let mut request = call(simulator, Method::GET, KEY_PATH);
    if let Some(token) = token {
        request = request.header("X-Metadata-Token", token);
    }
    request.send().await.unwrap()
}

async fn ask_pod(simulator: &Simulator, authorization: &str) -> Response {
    let request = http().post(simulator.pod_identity_url()).json(&json!({}));
    request.header("Authorization", authorization).send().await.unwrap()
}

fn key(body: &Value, names: [&str; 4]) -> AccessKey {
    let [id, secret, token, expiry] = names.map(|name| body[name].as_str().unwrap().to_owned());
    assert_eq!(expiry.len(), "2020-01-08T03:50:07.574000Z".len());
    let expires_at = Some(expiry.parse::<Timestamp>().unwrap());
    AccessKey { id, secret, security_token: Some(token), expires_at }
}

async fn metadata_key(simulator: &Simulator) -> AccessKey {
    let body: Value = ask_key(simulator, None).await.json().await.unwrap();
    key(&body["credential"], ["access", "secret", "securitytoken", "expires_at"])
}

async fn pod_key(simulator: &Simulator) -> AccessKey {
    let body: Value = ask_pod(simulator, "projected").await.json().await.unwrap();
    key(&body["credentials"], ["accessKeyId", "secretAccessKey", "securityToken", "expiration"])
}

async fn status(simulator: &Simulator, key: &AccessKey) -> (u16, String) {
    outcome(signed_by(simulator, "", key).await).await
}

#[tokio::test]
async fn a_machines_key_opens_the_account_of_its_agency_alone() {
    let simulator = start().await;
    let agency = simulator.metadata().agency();
    for (domain, task) in [("d-1", "one"), ("d-2", "two")] {
        agency.assign(domain);
        let key = metadata_key(&simulator).await;
        assert_eq!(key.id.len(), 20);
        let page: Value = signed_by(&simulator, "", &key).await.json().await.unwrap();
        assert_eq!(ids(&page), [Task::new(task).id]);
        let unaccompanied = AccessKey { security_token: None, ..key };
        assert_eq!(status(&simulator, &unaccompanied).await, (401, "APIGW.0301".into()));
    }
    let records = simulator.requests().records();
    assert_eq!(records[0].credential, Credential::None);
}

#[tokio::test]
async fn keys_change_at_half_their_life_and_end_with_it() {
    let simulator = start().await;
    let agency = simulator.metadata().agency();
    agency.assign("d-1");
    agency.set_lifetime(Duration::from_hours(2));
    let first = metadata_key(&simulator).await;
    assert_eq!(metadata_key(&simulator).await, first);

    simulator.clock().set_offset(SignedDuration::from_mins(61));
    let second = metadata_key(&simulator).await;
    assert_ne!(second.id, first.id);
    assert_eq!(status(&simulator, &first).await.0, 200, "the old one is still good");

    simulator.clock().set_offset(SignedDuration::from_mins(121));
    assert_eq!(status(&simulator, &first).await, (401, "APIGW.0301".into()));
    assert_eq!(status(&simulator, &second).await.0, 200);

    agency.rotate();
    let third = metadata_key(&simulator).await;
    assert_ne!(third.id, second.id);
    agency.revoke();
    for revoked in [&second, &third] {
        assert_eq!(status(&simulator, revoked).await, (401, "APIGW.0301".into()));
    }
    assert_eq!(status(&simulator, &metadata_key(&simulator).await).await.0, 200);
}

#[tokio::test]
async fn the_token_step_is_required_optional_or_missing() {
    let simulator = start().await;
    let metadata = simulator.metadata();
    metadata.agency().assign("d-1");
    let token = ask_token(&simulator, "60").await.text().await.unwrap();
    for (step, without, wrong, right, put) in [
        (TokenStep::Required, 401, 401, 200, 200),
        (TokenStep::Optional, 200, 401, 200, 200),
        (TokenStep::Missing, 200, 200, 200, 404),
    ] {
        metadata.set_token_step(step);
        let answers = [
            ask_key(&simulator, None).await,
            ask_key(&simulator, Some("wrong")).await,
            ask_key(&simulator, Some(&token)).await,
            ask_token(&simulator, "21600").await,
        ];
        assert_eq!(answers.map(|answer| answer.status().as_u16()), [without, wrong, right, put], "{step:?}");
    }
    metadata.set_token_step(TokenStep::Required);
    simulator.clock().set_offset(SignedDuration::from_secs(61));
    assert_eq!(ask_key(&simulator, Some(&token)).await.status(), 401, "it has expired");
    let token = ask_token(&simulator, "21600").await.text().await.unwrap();
    assert_eq!(ask_key(&simulator, Some(&token)).await.status(), 200);
    metadata.revoke_tokens();
    assert_eq!(ask_key(&simulator, Some(&token)).await.status(), 401);
}

#[tokio::test]
async fn a_token_needs_a_lifetime_and_a_put() {
    let simulator = start().await;
    for seconds in ["", "0", "21601", "-1", "x", "1.5"] {
        assert_eq!(ask_token(&simulator, seconds).await.status(), 400, "{seconds}");
    }
    assert_eq!(call(&simulator, Method::PUT, TOKEN_PATH).send().await.unwrap().status(), 400);
    assert_eq!(call(&simulator, Method::GET, TOKEN_PATH).send().await.unwrap().status(), 404);
    assert_eq!(call(&simulator, Method::PUT, KEY_PATH).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn without_an_agency_a_machine_has_no_key() {
    let simulator = start().await;
    let metadata = simulator.metadata();
    let answer = ask_key(&simulator, None).await;
    assert_eq!(answer.status(), 401);
    assert!(answer.text().await.unwrap().contains("Please configure Cloud Service Agency first"));
    metadata.set_token_step(TokenStep::Required);
    let answer = ask_key(&simulator, None).await.text().await.unwrap();
    assert!(!answer.contains("Agency"), "a missing token comes first, and is another 401");
    metadata.set_token_step(TokenStep::Missing);
    metadata.set_no_agency(NoAgency::NotFound);
    assert_eq!(ask_key(&simulator, None).await.status(), 404);

    metadata.agency().assign("d-1");
    let key = metadata_key(&simulator).await;
    metadata.agency().withdraw();
    assert_eq!(ask_key(&simulator, None).await.status(), 404);
    assert_eq!(status(&simulator, &key).await.0, 200, "what was given stays good");
}

#[tokio::test]
async fn a_pods_key_opens_the_account_of_its_agency() {
    let simulator = start().await;
    let pods = simulator.pod_identity();
    assert_eq!(ask_pod(&simulator, "projected").await.status(), 401, "nobody is known at first");
    pods.set_authorization("projected");
    assert_eq!(ask_pod(&simulator, "projected").await.status(), 404, "there is no agency yet");
    pods.agency().assign("d-2");
    let first = pod_key(&simulator).await;
    let page: Value = signed_by(&simulator, "", &first).await.json().await.unwrap();
    assert_eq!(ids(&page), [Task::new("two").id]);
    assert_eq!(pod_key(&simulator).await, first);

    for wrong in ["", "other", "Bearer projected", "projected2"] {
        assert_eq!(ask_pod(&simulator, wrong).await.status(), 401, "{wrong}");
    }
    pods.set_authorization("rotated");
    assert_eq!(ask_pod(&simulator, "projected").await.status(), 401);
    assert_eq!(ask_pod(&simulator, "rotated").await.status(), 200);
    assert!(simulator.requests().records().iter().any(|record| {
        record.path == "/pod-identity/credentials" && record.credential == Credential::None
    }));

    pods.agency().revoke();
    assert_eq!(status(&simulator, &first).await, (401, "APIGW.0301".into()));
}

#[tokio::test]
async fn a_pod_posts_an_empty_object() {
    let simulator = start().await;
    simulator.pod_identity().set_authorization("projected");
    simulator.pod_identity().agency().assign("d-1");
    for body in ["", "null", "[]", "{\"a\":1}", "{"] {
        let request = http().post(simulator.pod_identity_url()).header("Authorization", "projected");
        assert_eq!(request.body(body).send().await.unwrap().status(), 400, "{body}");
    }
    let request = http().get(simulator.pod_identity_url()).header("Authorization", "projected");
    assert_eq!(request.send().await.unwrap().status(), 404);
    let body: Value = ask_pod(&simulator, "projected").await.json().await.unwrap();
    let mut fields: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["assumedAgency", "audience", "credentials", "podIdentityAssociationId", "subject"]);
}
