//! Signing in: users with passwords, ids that are looked up, and the operator's own identity; with expiry, rotation
//! and revocation.

use std::time::Duration;

use serde_json::{Value, json};
use sms_simulator::{Account, Action, Config, Task, TokenStep};

use crate::harness::{Operator, Stage, status};

const TOKENS: &str = "/v3/auth/tokens";

async fn stage(name: &str) -> Stage {
    let accounts = vec![Account::default().with_user("watcher", "the password")];
    Stage::with_sms(name, Config { accounts, tasks: vec![Task::new("web-1")], ..Config::default() }).await
}

fn account() -> Account {
    Account::default()
}

fn user(password: &str) -> Value {
    json!({"username": "watcher", "password": password, "domainName": account().domain_name})
}

fn keys(more: &Value) -> Value {
    let key = &account().access_keys[0];
    let mut all = json!({"accessKey": key.id, "secretKey": key.secret});
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

async fn apply(stage: &Stage, name: &str) {
    let iam = json!({"iamEndpoint": stage.sms.endpoint(), "region": "cn-north-4"});
    let mut spec = json!({"credentials": {"secretRef": {"name": name}}});
    spec.as_object_mut().unwrap().extend(iam.as_object().unwrap().clone());
    stage.apply(name, spec).await.unwrap();
}

fn ambient() -> Value {
    json!({"credentials": {"ambient": true}})
}

fn asked(stage: &Stage, path: &str) -> usize {
    stage.sms.requests().count(|record| record.path == path)
}

async fn until_ready(stage: &Stage, name: &str) {
    stage.until_condition(name, "Ready", ("True", "Synced")).await;
}

fn operator(stage: &Stage, flags: &[&str], environment: &[(&str, &str)]) -> Operator {
    let endpoint = stage.sms.endpoint();
    let common = ["--allowed-endpoints", "http://127.0.0.1:*", "--metadata-endpoint", endpoint.as_str()];
    stage.operator_with(&[common.as_slice(), flags].concat(), environment)
}

#[tokio::test]
async fn every_kind_that_needs_iam_signs_in() {
    let stage = stage("iam").await;
    let project = &account().projects[0];
    let with = |key: &str, value: &str| {
        let mut user = user("the password");
        user[key] = value.into();
        user
    };
    let kinds = [
        ("user", user("the password")),
        ("user-of-project", with("projectName", &project.name)),
        ("user-of-project-id", with("projectId", &project.id)),
        ("domain", keys(&json!({"domainId": "auto"}))),
        ("project", keys(&json!({"projectId": "auto"}))),
    ];
    let _operator = operator(&stage, &[], &[]);
    for (name, data) in &kinds {
        stage.secret(name, data.clone()).await;
        apply(&stage, name).await;
    }
    for (name, _) in &kinds {
        until_ready(&stage, name).await;
        stage.refresh(name, "again").await;
    }
    let asked = [TOKENS, "/v3/auth/domains", "/v3/projects"].map(|path| asked(&stage, path));
    assert_eq!(asked, [3, 1, 1], "each signed in once");
}

#[tokio::test]
async fn a_users_token_is_renewed_and_a_new_password_needs_no_restart() {
    let stage = stage("password").await;
    stage.sms.accounts().set_token_lifetime(Duration::from_secs(4));
    stage.secret("user", user("the password")).await;
    let _operator = operator(&stage, &[], &[]);
    apply(&stage, "user").await;
    until_ready(&stage, "user").await;
    // The token ends between two listings.
    for token in ["1", "2", "3"] {
        stage.further_requests(2).await;
        stage.refresh("user", token).await;
    }
    assert!(asked(&stage, TOKENS) > 1);
    // Revoked: the next listing gets another.
    stage.sms.accounts().set_token_lifetime(Duration::from_hours(24));
    stage.sms.accounts().revoke_tokens(&account().domain_id);
    stage.refresh("user", "4").await;
    assert_eq!(stage.reasons("user").await, ["WatchStarted"]);
    // The password changes there, and then here.
    stage.sms.accounts().set_password(&account().domain_id, "watcher", "another password");
    let watch = stage.until_condition("user", "Stalled", ("True", "CredentialsInvalid")).await;
    let message = serde_json::to_string(&status(&watch)).unwrap();
    assert!(message.contains("Check username, password, domainName"), "{message}");
    let refused = asked(&stage, TOKENS);
    for token in ["5", "6"] {
        stage.refresh("user", token).await;
    }
    assert_eq!(asked(&stage, TOKENS), refused, "a wrong password isn't tried again at once");
    stage.secret("user", user("another password")).await;
    until_ready(&stage, "user").await;
    stage.until_told("user", &["WatchStarted", "CredentialsInvalid", "Recovered"]).await;
}

#[tokio::test]
async fn a_look_up_that_is_not_permitted_is_named() {
    let stage = stage("look-up").await;
    stage.sms.accounts().update(&account().domain_id, |account| {
        account.denied.extend([Action::ListDomains, Action::ListProjects]);
    });
    let _operator = operator(&stage, &[], &[]);
    for (name, key, permission) in
        [("domain", "domainId", "iam:users:getUser"), ("project", "projectId", "iam:projects:listProjects")]
    {
        stage.secret(name, keys(&json!({key: "auto"}))).await;
        apply(&stage, name).await;
        let watch = stage.until_condition(name, "Stalled", ("True", "AccessDenied")).await;
        assert!(serde_json::to_string(&status(&watch)).unwrap().contains(permission));
    }
    assert_eq!(asked(&stage, "/v3/tasks"), 0);
}

#[tokio::test]
async fn an_iam_that_is_not_allowed_is_never_called() {
    let stage = stage("iam-not-allowed").await;
    stage.secret("user", user("the password")).await;
    let _operator = operator(&stage, &[], &[]);
    let secret = json!({"secretRef": {"name": "user"}});
    stage.apply("derived", json!({"credentials": secret, "region": "cn-north-4"})).await.unwrap();
    let named = json!({"credentials": secret, "iamEndpoint": "https://iam.evil.example.com"});
    stage.apply("named", named).await.unwrap();
    // No IAM follows from an endpoint that isn't the vendor's, whatever the region.
    for (name, reason, way_out) in [
        ("derived", "InvalidSpec", "Set spec.iamEndpoint"),
        ("named", "EndpointNotAllowed", "--allowed-endpoints"),
    ] {
        let watch = stage.until_condition(name, "Stalled", ("True", reason)).await;
        assert!(serde_json::to_string(&status(&watch)).unwrap().contains(way_out));
    }
    assert_eq!(stage.sms.requests().counters().requests, 0);
}

#[tokio::test]
async fn the_operators_own_identity_is_for_allowed_namespaces_alone() {
    let stage = stage("ambient-refused").await;
    stage.sms.metadata().agency().assign(account().domain_id);
    let refusing = operator(&stage, &["--ambient-namespace", "another"], &[]);
    stage.apply("wave-1", ambient()).await.unwrap();
    let watch = stage.until_condition("wave-1", "Stalled", ("True", "InvalidSpec")).await;
    assert!(serde_json::to_string(&status(&watch)).unwrap().contains("--ambient-namespace"));
    assert_eq!(stage.sms.requests().counters().requests, 0);
    drop(refusing);
    let _operator = operator(&stage, &["--ambient-namespace", &stage.namespace], &[]);
    until_ready(&stage, "wave-1").await;
}

#[tokio::test]
async fn a_machines_agency_is_asked_once_for_all_watches() {
    let stage = stage("machine").await;
    let metadata = stage.sms.metadata();
    metadata.agency().assign(account().domain_id);
    metadata.set_token_step(TokenStep::Required);
    let _operator = operator(&stage, &["--ambient-namespace", "*"], &[]);
    let names = ["wave-1", "wave-2", "wave-3"];
    for name in names {
        stage.apply(name, ambient()).await.unwrap();
    }
    for name in names {
        until_ready(&stage, name).await;
    }
    assert_eq!(asked(&stage, "/openstack/latest/securitykey"), 1);
}

#[tokio::test]
async fn a_pods_identity_is_used_where_the_cluster_gives_one() {
    let stage = stage("pod").await;
    stage.sms.pod_identity().agency().assign(account().domain_id);
    stage.sms.pod_identity().set_authorization("pod-token");
    let file = stage.log().with_file_name("token");
    std::fs::write(&file, "pod-token\n").unwrap();
    let url = stage.sms.pod_identity_url();
    let environment = [
        ("HC_CONTAINER_CREDENTIALS_FULL_URI", url.as_str()),
        ("HC_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.to_str().unwrap()),
    ];
    let _operator = operator(&stage, &["--ambient-namespace", &stage.namespace], &environment);
    stage.apply("wave-1", ambient()).await.unwrap();
    until_ready(&stage, "wave-1").await;
    assert_eq!(stage.sms.pod_identity().agency().issued().len(), 1);
}

#[tokio::test]
async fn the_environments_key_is_used_where_there_is_one() {
    let stage = stage("environment").await;
    let account = account();
    let key = &account.access_keys[0];
    let environment = [
        ("HUAWEICLOUD_SDK_AK", key.id.as_str()),
        ("HUAWEICLOUD_SDK_SK", key.secret.as_str()),
        ("HUAWEICLOUD_SDK_DOMAIN_ID", account.domain_id.as_str()),
    ];
    let _operator = operator(&stage, &["--ambient-namespace", &stage.namespace], &environment);
    stage.apply("wave-1", ambient()).await.unwrap();
    until_ready(&stage, "wave-1").await;
    assert_eq!(asked(&stage, "/openstack/latest/securitykey"), 0);
}

#[tokio::test]
async fn the_end_of_temporary_credentials_is_told_ahead() {
    let stage = stage("expiry").await;
    // Within the hour in which it is told.
    stage.secret("soon", keys(&json!({"expiresAt": soon()}))).await;
    stage.secret("later", keys(&json!({"expiresAt": "2100-01-01T00:00:00Z"}))).await;
    let _operator = operator(&stage, &[], &[]);
    for name in ["soon", "later"] {
        apply(&stage, name).await;
        until_ready(&stage, name).await;
    }
    assert!(
        stage.message("soon").await.contains("The credentials end at "),
        "{}",
        stage.message("soon").await
    );
    assert!(!stage.message("later").await.contains("credentials"), "{}", stage.message("later").await);
    let metrics = stage.metrics().await;
    let left = |name: &str| -> Option<f64> {
        let series = format!(
            "migration_task_watch_credentials_expire_seconds{{namespace=\"{}\",name=\"{name}\"}} ",
            stage.namespace
        );
        metrics.lines().find_map(|line| line.strip_prefix(&series))?.parse().ok()
    };
    assert!(left("soon").is_some_and(|left| left < 1800.0) && left("later").is_some(), "{metrics}");
}

/// In half an hour.
fn soon() -> String {
    let now = k8s_openapi::jiff::Timestamp::now();
    now.saturating_add(k8s_openapi::jiff::SignedDuration::from_mins(30)).unwrap().to_string()
}

#[tokio::test]
async fn a_deleted_secret_is_told_and_the_status_stays() {
    let stage = stage("deleted").await;
    let _operator = operator(&stage, &[], &[]);
    stage.apply("wave-1", json!({})).await.unwrap();
    until_ready(&stage, "wave-1").await;
    stage.delete_secret("huawei").await;
    let watch = stage.until_condition("wave-1", "Stalled", ("True", "SecretNotFound")).await;
    assert_eq!(status(&watch).tasks.len(), 1);
    stage.secret("huawei", keys(&json!({}))).await;
    until_ready(&stage, "wave-1").await;
    stage.until_told("wave-1", &["WatchStarted", "SecretNotFound", "Recovered"]).await;
}

#[tokio::test]
async fn each_malformed_secret_has_its_answer() {
    let stage = stage("malformed").await;
    let _operator = operator(&stage, &[], &[]);
    let key = &account().access_keys[0];
    let cases: [(&str, Value, &str); 7] = [
        ("empty", json!({"accessKey": "", "secretKey": key.secret}), "`accessKey` is empty"),
        ("blank", json!({"accessKey": key.id, "secretKey": " "}), "`secretKey` contains white space"),
        ("inside", json!({"accessKey": key.id, "secretKey": "a b"}), "`secretKey` contains white space"),
        ("spelling", json!({"access-key": key.id, "secretKey": key.secret}), "must be written `accessKey`"),
        ("both", keys(&user("p")), "don't go together"),
        ("half", json!({"username": "u", "password": "p"}), "`domainName` is missing"),
        ("time", keys(&json!({"expiresAt": "tomorrow"})), "`expiresAt` is not a time"),
    ];
    for (name, data, _) in &cases {
        stage.secret(name, data.clone()).await;
        apply(&stage, name).await;
    }
    stage.secret_bytes("bytes", &[("accessKey", key.id.as_bytes()), ("secretKey", &[0xff, 0xfe])]).await;
    apply(&stage, "bytes").await;
    stage
        .secret(
            "newline",
            json!({"accessKey": format!("{}\n", key.id), "secretKey": format!("{}\r\n", key.secret)}),
        )
        .await;
    apply(&stage, "newline").await;
    for (name, text) in
        cases.iter().map(|(name, _, text)| (*name, *text)).chain([("bytes", "`secretKey` is not text")])
    {
        stage.until_condition(name, "Stalled", ("True", "SecretInvalid")).await;
        let message = stage.message(name).await;
        assert!(message.contains(text), "{name}: {message}");
    }
    until_ready(&stage, "newline").await;
}
