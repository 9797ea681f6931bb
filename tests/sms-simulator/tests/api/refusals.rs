//! Who and what is turned away, and in which shape.

use serde_json::Value;
use sms_simulator::{Account, Action, Config, Credential, ENCODED_AUTHORIZATION_MESSAGE, Simulator};

use crate::client::{TOKEN, get, get_json, http, numbered, start};

async fn refusal(simulator: &Simulator, target: &str) -> (u16, Value) {
    let response = get(simulator, target).await.unwrap();
    assert!(response.headers().contains_key("x-request-id"));
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn parameters_outside_the_page_are_bad_requests_of_sms() {
    let simulator = start(numbered(1)).await;
    for query in ["limit=201", "offset=65536", "limit=x", "offset=-1", "state=SYNC_FAIL", "state=nonsense"] {
        let (status, body) = refusal(&simulator, &format!("/v3/tasks?{query}")).await;
        assert_eq!(status, 400, "{query}");
        assert!(body["error_code"].as_str().unwrap().starts_with("SMS."), "{body}");
        assert!(body["details"].is_array());
    }
}

#[tokio::test]
async fn unknown_calls_are_the_gateways_0101() {
    let simulator = start(Vec::new()).await;
    for path in ["/", "/v3/task", "/v3/tasks/", "/v3/servers"] {
        let (status, body) = refusal(&simulator, path).await;
        assert_eq!((status, &body["error_code"]), (404, &"APIGW.0101".into()), "{path}");
        assert!(body["request_id"].is_string());
    }
    let url = format!("{}/v3/tasks", simulator.endpoint());
    let posted = http().post(url).header("x-auth-token", TOKEN).send().await.unwrap();
    assert_eq!(posted.status(), 404);
}

#[tokio::test]
async fn strangers_are_the_gateways_0301_and_journaled() {
    let simulator = start(Vec::new()).await;
    let url = format!("{}/v3/tasks?limit=1", simulator.endpoint());
    let anonymous = http().get(&url).send().await.unwrap();
    assert_eq!(anonymous.status(), 401);
    let signed = "SDK-HMAC-SHA256 Access=AKNOBODY, SignedHeaders=host;x-sdk-date, Signature=00";
    let date = simulator.clock().now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let stranger =
        http().get(&url).header("authorization", signed).header("x-sdk-date", date).send().await.unwrap();
    let id = stranger.headers()["x-request-id"].to_str().unwrap().to_owned();
    let body: Value = stranger.json().await.unwrap();
    assert_eq!((&body["error_code"], &body["request_id"]), (&"APIGW.0301".into(), &id.into()));

    let records = simulator.requests().records();
    assert_eq!(records[0].credential, Credential::None);
    assert_eq!(records[1].credential, Credential::AccessKey("AKNOBODY".into()));
    assert_eq!((records[1].path.as_str(), records[1].query.as_str()), ("/v3/tasks", "limit=1"));
    let counters = simulator.requests().counters();
    assert_eq!((counters.requests, counters.signed, counters.unauthorized), (2, 1, 2));
}

#[tokio::test]
async fn a_denied_action_is_9004_with_its_marker_until_it_is_allowed() {
    let simulator = start(numbered(1)).await;
    let domain = Account::default().domain_id;
    assert!(simulator.accounts().update(&domain, |account| {
        account.denied.extend([Action::ListTasks, Action::ListDomains]);
    }));
    let (status, body) = refusal(&simulator, "/v3/tasks").await;
    assert_eq!((status, &body["error_code"]), (403, &"SMS.9004".into()));
    assert_eq!(body["encoded_authorization_message"], ENCODED_AUTHORIZATION_MESSAGE);
    assert!(body["error_msg"].as_str().unwrap().contains("sms:server:listTask"));
    let (status, body) = refusal(&simulator, "/v3/auth/domains").await;
    assert_eq!((status, &body["error"]["code"]), (403, &403.into()));

    simulator.accounts().update(&domain, |account| account.denied.clear());
    assert_eq!(get_json(&simulator, "/v3/tasks").await["count"], 1);
}

#[tokio::test]
async fn iam_tells_the_callers_ids() {
    let account = Account::new("d-1", "AK", "SK").with_token(TOKEN);
    let project = account.projects[0].clone();
    let simulator = Simulator::start(Config { accounts: vec![account], ..Config::default() }).await.unwrap();
    assert_eq!(get_json(&simulator, "/v3/auth/domains").await["domains"][0]["id"], "d-1");
    let found = get_json(&simulator, &format!("/v3/projects?name={}", project.name)).await;
    assert_eq!(found["projects"][0]["id"], project.id);
    assert_eq!(
        get_json(&simulator, "/v3/projects?name=elsewhere").await["projects"],
        Value::Array(Vec::new())
    );
    assert_eq!(get_json(&simulator, "/v3/projects").await["projects"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_revoked_account_is_out_at_once() {
    let simulator = start(numbered(1)).await;
    assert_eq!(get(&simulator, "/v3/tasks").await.unwrap().status(), 200);
    assert!(simulator.accounts().remove(&Account::default().domain_id));
    assert_eq!(get(&simulator, "/v3/tasks").await.unwrap().status(), 401);
    simulator.accounts().insert(Account::default().with_token(TOKEN));
    assert_eq!(get(&simulator, "/v3/tasks").await.unwrap().status(), 200);
}
