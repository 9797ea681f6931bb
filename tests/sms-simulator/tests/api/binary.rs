//! The binary: what it prints, serves, and refuses.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};
use sms_simulator::Account;

use crate::client::{TOKEN, http};
use crate::tokens::sign_in;

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sms-simulator"));
    command
        .args(arguments)
        .env("SMS_SIMULATOR_ACCESS_KEY", "AK")
        .env("SMS_SIMULATOR_SECRET_KEY", "SK")
        .env("SMS_SIMULATOR_TOKEN", TOKEN)
        .env("SMS_SIMULATOR_USER", "ann")
        .env("SMS_SIMULATOR_PASSWORD", "secret")
        .stdin(Stdio::null());
    command
}

/// A running binary, which is killed with the test.
struct Running {
    process: Child,
    endpoints: Value,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut process = command(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self { process, endpoints: serde_json::from_str(&line).unwrap() }
    }

    async fn count(&self, filter: &str) -> Value {
        let url = format!("{}/v3/tasks?limit=0&{filter}", self.endpoints["endpoint"].as_str().unwrap());
        let response = http().get(url).header("x-auth-token", TOKEN).send().await.unwrap();
        response.json::<Value>().await.unwrap()["count"].clone()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn refused(arguments: &[&str]) -> String {
    let Output { status, stderr, stdout } = command(arguments).output().unwrap();
    assert!(!status.success() && stdout.is_empty());
    String::from_utf8(stderr).unwrap()
}

#[tokio::test]
async fn it_serves_a_scenario_and_a_control_port() {
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/demo-wave.yaml");
    let running = Running::start(&["--scenario", demo]);
    assert_eq!(running.count("name=wave-1").await, 12);
    let control = running.endpoints["control"].as_str().unwrap();
    let requests: Value =
        http().get(format!("{control}/requests")).send().await.unwrap().json().await.unwrap();
    assert_eq!(requests["counters"]["requests"], 1);
}

#[tokio::test]
async fn its_user_signs_in() {
    let running = Running::start(&[]);
    let url = format!("{}/v3/auth/tokens", running.endpoints["endpoint"].as_str().unwrap());
    let account = Account::default();
    let body = sign_in("ann", "secret", &account.domain_name, json!({"domain": {"id": account.domain_id}}));
    assert_eq!(http().post(url).json(&body).send().await.unwrap().status(), 201);
}

#[tokio::test]
async fn it_generates_tasks_and_offers_https() {
    let running = Running::start(&["--generate", "1234", "--seed", "7", "--time-scale", "100"]);
    assert_eq!(running.count("").await, 1234);

    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let running = Running::start(&["--tls-ca-file", ca.to_str().unwrap()]);
    assert!(running.endpoints["endpoint"].as_str().unwrap().starts_with("https://"));
    assert!(std::fs::read_to_string(ca).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
}

#[test]
fn it_refuses_with_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.yaml");
    std::fs::write(&bad, "waves: [{name: w, servers: [{nane: a}]}]").unwrap();
    let message = refused(&["--scenario", bad.to_str().unwrap()]);
    assert!(message.contains("bad.yaml") && message.contains("nane"), "{message}");
    assert!(refused(&["--scenario", "/nowhere.yaml"]).contains("/nowhere.yaml can't be read"));
    assert!(refused(&["--time-scale", "0"]).contains("above 0"));
    assert!(refused(&["--seed", "3"]).contains("--generate"));
}
