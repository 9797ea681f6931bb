//! IAM's tokens: how they are asked for, what they open, and how they end.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::Response;
use serde_json::{Value, json};
use sms_simulator::{Account, Config, Credential, Effect, ErrorBody, Scope, Simulator};

use crate::client::{http, numbered};
use crate::signed::outcome;

/// The body of `POST /v3/auth/tokens`.
pub(crate) fn sign_in(user: &str, password: &str, domain: &str, scope: Value) -> Value {
    let user = json!({"name": user, "password": password, "domain": {"name": domain}});
    json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}})
}

fn account() -> Account {
    Account::new("d-1", "AK", "SK").with_user("ann", "right")
}

async fn start() -> Simulator {
    let accounts = vec![account(), Account::new("d-2", "AK2", "SK2").with_user("ann", "other")];
    Simulator::start(Config { accounts, tasks: numbered(1), ..Config::default() }).await.unwrap()
}

async fn post(simulator: &Simulator, target: &str, body: &Value) -> Response {
    http().post(format!("{}{target}", simulator.endpoint())).json(body).send().await.unwrap()
}

fn region() -> Value {
    json!({"project": {"name": "cn-north-4"}})
}

async fn ask(simulator: &Simulator, password: &str, scope: Value) -> Response {
    let body = sign_in("ann", password, "account-d-1", scope);
    post(simulator, "/v3/auth/tokens?nocatalog=true", &body).await
}

/// A token for the region's project.
async fn token(simulator: &Simulator) -> String {
    let response = ask(simulator, "right", region()).await;
    assert_eq!(response.status(), 201);
    response.headers()["x-subject-token"].to_str().unwrap().to_owned()
}

async fn list(simulator: &Simulator, token: &str) -> (u16, String) {
    let url = format!("{}/v3/tasks", simulator.endpoint());
    outcome(http().get(url).header("x-auth-token", token).send().await.unwrap()).await
}

/// Status and message of a refusal in IAM's shape.
async fn iam_refusal(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let trace = response.headers()["x-iam-trace-id"].to_str().unwrap().to_owned();
    assert_ne!(trace, response.headers()["x-request-id"].to_str().unwrap());
    assert!(!response.headers().contains_key("x-subject-token"));
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], status);
    assert!(body["error"]["title"].is_string());
    (status, body["error"]["message"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn every_scope_gives_a_token_that_opens_all_calls() {
    let simulator = start().await;
    let project = Scope::Project("project-d-1".into());
    for (scope, granted) in [
        (region(), &project),
        (json!({"project": {"id": "project-d-1"}}), &project),
        (json!({"project": {"id": "project-d-1", "name": "cn-north-4"}}), &project),
        (json!({"project": {"name": "cn-north-4", "domain": {"name": "account-d-1"}}}), &project),
        (json!({"project": {"name": "cn-north-4", "domain": {"id": "d-1"}}}), &project),
        (json!({"domain": {"id": "d-1"}}), &Scope::Domain),
        (json!({"domain": {"name": "account-d-1"}}), &Scope::Domain),
    ] {
        let response = ask(&simulator, "right", scope.clone()).await;
        assert_eq!(response.status(), 201, "{scope}");
        let token = response.headers()["x-subject-token"].to_str().unwrap().to_owned();
        assert!((1_000..16_384).contains(&token.len()));
        let body: Value = response.json().await.unwrap();
        let kind = if *granted == Scope::Domain { "domain" } else { "project" };
        assert!(body["token"][kind]["id"].is_string(), "{body}");
        for path in ["/v3/tasks", "/v3/auth/domains", "/v3/projects"] {
            let url = format!("{}{path}", simulator.endpoint());
            let answer = http().get(url).header("x-auth-token", &token).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{path}");
        }
        let tokens = simulator.accounts().get("d-1").unwrap().tokens;
        let known = tokens.iter().find(|known| known.value == token).unwrap();
        assert_eq!(&known.grant.as_ref().unwrap().scope, granted);
    }
    let tokens = simulator.accounts().get("d-1").unwrap().tokens;
    let values: std::collections::BTreeSet<_> = tokens.iter().map(|token| &token.value).collect();
    assert_eq!(values.len(), 7, "no value comes twice");
}

#[tokio::test]
async fn the_body_tells_what_the_page_tells() {
    let simulator = start().await;
    simulator.clock().set_offset(SignedDuration::from_hours(-100));
    simulator.accounts().set_token_lifetime(Duration::from_secs(90));
    let body: Value = ask(&simulator, "right", region()).await.json().await.unwrap();
    let token = &body["token"];
    let time = |field: &str| {
        let text = token[field].as_str().unwrap();
        assert_eq!((text.len(), &text[text.len() - 1..]), ("2020-01-04T09:05:22.701000Z".len(), "Z"));
        text.parse::<Timestamp>().unwrap()
    };
    assert_eq!(time("expires_at") - time("issued_at"), jiff::Span::new().seconds(90).fieldwise());
    assert!(time("issued_at") < Timestamp::now() - SignedDuration::from_hours(99));
    assert_eq!(token["methods"], json!(["password"]));
    assert_eq!(token["user"]["name"], "ann");
    assert_eq!(token["user"]["domain"], json!({"id": "d-1", "name": "account-d-1"}));
    assert_eq!(token["project"]["name"], "cn-north-4");
    assert!(token["catalog"].is_null());

    let body = sign_in("ann", "right", "account-d-1", region());
    let with_catalog: Value = post(&simulator, "/v3/auth/tokens", &body).await.json().await.unwrap();
    assert!(with_catalog["token"]["catalog"].is_array());

    let records = simulator.requests().records();
    assert!(records.iter().all(|record| record.credential == Credential::None));
    assert_eq!(simulator.requests().counters().signed, 0);
}

#[tokio::test]
async fn who_is_not_known_is_told_nothing_more() {
    let simulator = start().await;
    for (user, password, domain) in [
        ("ann", "wrong", "account-d-1"),
        ("ann", "other", "account-d-1"),
        ("ann", "", "account-d-1"),
        ("eve", "right", "account-d-1"),
        ("ann", "right", "account-d-9"),
        ("ann", "right", "d-1"),
    ] {
        let body = sign_in(user, password, domain, region());
        let refused = iam_refusal(post(&simulator, "/v3/auth/tokens", &body).await).await;
        assert_eq!(refused, (401, "The username or password is wrong.".into()), "{user} {password} {domain}");
    }
}

#[tokio::test]
async fn foreign_and_unknown_scopes_are_not_found() {
    let simulator = start().await;
    for scope in [
        json!({"project": {"name": "cn-south-1"}}),
        json!({"project": {"id": "project-d-2"}}),
        json!({"project": {"id": "project-d-1", "name": "cn-south-1"}}),
        json!({"project": {"name": "cn-north-4", "domain": {"name": "account-d-2"}}}),
        json!({"domain": {"id": "d-2"}}),
        json!({"domain": {"name": "d-1"}}),
    ] {
        let (status, message) = iam_refusal(ask(&simulator, "right", scope.clone()).await).await;
        assert_eq!(status, 404, "{scope}");
        assert!(message.starts_with("Could not find"), "{message}");
    }
    assert_eq!(simulator.accounts().get("d-1").unwrap().tokens, []);
}

#[tokio::test]
async fn malformed_requests_are_refused_before_the_password_counts() {
    let simulator = start().await;
    let good = || sign_in("ann", "wrong", "account-d-1", region());
    let without = |pointer: &str, key: &str| {
        let mut body = good();
        body.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(key);
        body
    };
    let with = |pointer: &str, value: Value| {
        let mut body = good();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    for body in [
        json!({}),
        json!([]),
        json!("auth"),
        without("", "auth"),
        without("/auth", "scope"),
        without("/auth/identity", "methods"),
        without("/auth/identity/password", "user"),
        without("/auth/identity/password/user", "name"),
        without("/auth/identity/password/user", "password"),
        without("/auth/identity/password/user", "domain"),
        with("/auth/identity/methods", json!(["token"])),
        with("/auth/identity/methods", json!([])),
        with("/auth/identity/password/user/password", json!(5)),
        with("/auth/scope", json!({})),
        with("/auth/scope", json!({"project": {}})),
        with("/auth/scope", json!({"domain": {}})),
        with("/auth/scope", json!({"project": {"name": "cn-north-4"}, "domain": {"id": "d-1"}})),
    ] {
        let (status, _) = iam_refusal(post(&simulator, "/v3/auth/tokens", &body).await).await;
        assert_eq!(status, 400, "{body}");
    }
    let url = format!("{}/v3/auth/tokens", simulator.endpoint());
    let no_json = http().post(&url).body(good().to_string()).send().await.unwrap();
    assert_eq!(iam_refusal(no_json).await.0, 400);
    let cut = http().post(&url).header("content-type", "application/json").body("{\"auth\":").send();
    assert_eq!(iam_refusal(cut.await.unwrap()).await.0, 400);

    assert_eq!(ask(&simulator, "right", region()).await.status(), 201, "nobody is locked by those");
    assert_eq!(http().get(&url).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_guesser_locks_the_user_for_a_quarter_of_an_hour() {
    let simulator = start().await;
    let before = token(&simulator).await;
    for _ in 0..5 {
        assert_eq!(iam_refusal(ask(&simulator, "guess", region()).await).await.0, 401);
    }
    let (status, message) = iam_refusal(ask(&simulator, "right", region()).await).await;
    assert!(status == 401 && message.contains("locked"), "{message}");
    assert_eq!(list(&simulator, &before).await.0, 200, "tokens of before stay");
    let other = sign_in("ann", "other", "account-d-2", json!({"domain": {"id": "d-2"}}));
    assert_eq!(post(&simulator, "/v3/auth/tokens", &other).await.status(), 201, "of another account");
    simulator.clock().set_offset(SignedDuration::from_mins(16));
    assert_eq!(ask(&simulator, "right", region()).await.status(), 201);
}

#[tokio::test]
async fn tokens_end_with_their_time_their_user_and_their_account() {
    let simulator = start().await;
    let accounts = simulator.accounts();
    accounts.set_token_lifetime(Duration::from_secs(600));
    let first = token(&simulator).await;
    accounts.set_token_lifetime(Duration::from_hours(2));
    let longer = token(&simulator).await;
    simulator.clock().set_offset(SignedDuration::from_mins(11));
    assert_eq!(list(&simulator, &first).await, (401, "APIGW.0307".into()));
    assert_eq!(list(&simulator, &longer).await.0, 200);

    assert!(accounts.set_password("d-1", "ann", "new"));
    assert!(!accounts.set_password("d-1", "nobody", "new") && !accounts.set_password("d-9", "ann", "new"));
    assert_eq!(list(&simulator, &longer).await, (401, "APIGW.0307".into()));
    assert_eq!(ask(&simulator, "right", region()).await.status(), 401);
    assert!(accounts.set_password("d-1", "ann", "right"));

    let third = token(&simulator).await;
    accounts.update("d-1", |account| account.users.clear());
    assert_eq!(list(&simulator, &third).await, (401, "APIGW.0307".into()));
    accounts.update("d-1", |known| *known = account());

    let fourth = token(&simulator).await;
    assert!(accounts.revoke_tokens("d-1") && !accounts.revoke_tokens("d-9"));
    assert_eq!(list(&simulator, &fourth).await, (401, "APIGW.0301".into()));
    assert_eq!(list(&simulator, &token(&simulator).await).await.0, 200);
}

#[tokio::test]
async fn faults_hit_tokens_too_and_keep_the_trace_id() {
    let simulator = start().await;
    simulator.faults().add(Effect::respond(503, ErrorBody::Iam { message: "busy".into() }));
    let (status, message) = iam_refusal(ask(&simulator, "right", region()).await).await;
    assert_eq!((status, message.as_str()), (503, "busy"));
    simulator.faults().clear();
    simulator.faults().add(Effect::set("/token/expires_at", Value::Null));
    let body: Value = ask(&simulator, "right", region()).await.json().await.unwrap();
    assert!(body["token"]["expires_at"].is_null() && body["token"]["issued_at"].is_string());
}
