//! `migration-task-watch check`.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};
use sms_simulator::{Account, Config, Simulator, Task, TaskError, Transport};

use crate::harness::Stage;

struct Desk {
    dir: tempfile::TempDir,
    sms: Simulator,
}

impl Desk {
    async fn new() -> Self {
        let tasks = vec![
            Task::new("web-1").copying(40, 2.0),
            Task::new("web-2").failed(TaskError::coded("SMS.0203", "The gateway timed out.")),
        ];
        let sms = Simulator::start(Config { tasks, ..Config::default() }).await.unwrap();
        Self { dir: tempfile::tempdir().unwrap(), sms }
    }

    fn manifest(&self, spec: Value, secret: Option<Value>) -> PathBuf {
        let mut all =
            json!({"endpoint": self.sms.endpoint(), "credentials": {"secretRef": {"name": "huawei"}}});
        all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let watch = json!({
            "apiVersion": "migration-task-watch.dev/v1alpha1",
            "kind": "MigrationTaskWatch",
            "metadata": {"name": "wave-1"},
            "spec": all,
        });
        let secret = secret.map(|data| {
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "huawei"}, "stringData": data})
        });
        let file = self.dir.path().join("watch.yaml");
        std::fs::write(&file, format!("{watch}\n---\n{}\n", secret.unwrap_or_default())).unwrap();
        file
    }

    fn check(&self, file: &Path, extra: &[&str]) -> Output {
        // No cluster.
        check(file, &self.dir.path().join("none"), extra)
    }
}

/// Checks a manifest, without credentials but those of the test.
fn check(file: &Path, kubeconfig: &Path, extra: &[&str]) -> Output {
    command(file, kubeconfig, extra).output().unwrap()
}

fn command(file: &Path, kubeconfig: &Path, extra: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_migration-task-watch"));
    command
        .args(["check", "--allowed-endpoints", "http://127.0.0.1:*", "-f"])
        .arg(file)
        .args(extra)
        .env("KUBECONFIG", kubeconfig)
        .env_remove("HUAWEICLOUD_SDK_AK");
    command
}

fn good() -> Value {
    let key = &Account::default().access_keys[0];
    json!({"accessKey": key.id, "secretKey": key.secret})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_is_what_status_would_hold() {
    let desk = Desk::new().await;
    let output = desk.check(&desk.manifest(json!({}), Some(good())), &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("NAME    STATE          PROGRESS"), "{text}");
    assert!(lines[1].starts_with("web-2   MIGRATE_FAIL"), "{text}");
    assert!(lines[1].ends_with("SMS.0203: The gateway timed out."), "{text}");
    assert!(lines[2].starts_with("web-1   RUNNING        40%"), "{text}");
    assert!(lines[3].starts_with("Total 2: pending 0, running 1,"), "{text}");

    let output = desk.check(&desk.manifest(json!({}), Some(good())), &["-o", "json"]);
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status["summary"]["failed"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_likely_not_as_it_was_meant_is_said() {
    let desk = Desk::new().await;
    for (spec, said) in [
        (
            json!({"filter": {"name": "app"}}),
            vec!["No task matches; 2 exist, such as web-1.", "spec.filter.name: no task's name matches app"],
        ),
        (
            json!({"filter": {"states": ["RUNING", "migrate_fail"]}}),
            vec!["spec.filter.states: RUNING: did you mean RUNNING?"],
        ),
        (json!({"expectedTasks": 3}), vec!["2 of 3 expected tasks are listed."]),
        (json!({"expectedTasks": 2, "filter": {"name": "web"}}), vec![]),
    ] {
        let output = desk.check(&desk.manifest(spec.clone(), Some(good())), &[]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}");
        let after: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("Total ")).skip(1).collect();
        // The order of ids is that of chance.
        let after: Vec<String> = after.iter().map(|line| line.replace("web-2", "web-1")).collect();
        assert_eq!(after, said, "{spec}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_read_as_separate_documents_are() {
    let desk = Desk::new().await;
    let file = desk.manifest(json!({}), Some(good()));
    let text = std::fs::read_to_string(&file).unwrap();
    let items: Vec<Value> = text.split("\n---\n").map(|item| serde_json::from_str(item).unwrap()).collect();
    std::fs::write(&file, json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()).unwrap();
    let output = desk.check(&file, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8(output.stdout).unwrap().contains("Total 2: "));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_one_clear_line() {
    let desk = Desk::new().await;
    // Taken and given back, so that nobody listens.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let wrong = json!({"accessKey": "AKSIMULATOR0000000001", "secretKey": "wrong"});
    let cases = [
        (json!({}), Some(wrong), "CredentialsInvalid: SMS does not accept the credentials"),
        (json!({"endpoint": format!("http://{closed}")}), Some(good()), "EndpointUnreachable: "),
        (json!({"intervall": "5m"}), Some(good()), "unknown field spec.intervall"),
        (json!({"interval": "1s"}), Some(good()), "InvalidSpec: spec.interval must be at least 5s"),
        (json!({"endpoint": "https://evil.example.com"}), Some(good()), "EndpointNotAllowed: "),
        (json!({}), Some(json!({"accessKey": "AK"})), "SecretInvalid: The Secret huawei can't be used"),
        (json!({}), None, "SecretNotFound: The Secret huawei isn't in the manifest"),
    ];
    for (spec, secret, text) in cases {
        let output = desk.check(&desk.manifest(spec.clone(), secret), &[]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{spec}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.starts_with(&format!("error: {text}")), "{error}");
        assert!(output.stdout.is_empty());
    }
    let output = desk.check(&desk.dir.path().join("absent.yaml"), &[]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("absent.yaml can't be read: No such file"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_that_trusts_nobody_is_told_whom_to_trust() {
    let desk = Desk::new().await;
    let check = |extra: &[&str]| {
        command(&desk.manifest(json!({}), Some(good())), &desk.dir.path().join("none"), extra)
            .envs([("SSL_CERT_FILE", "/nonexistent"), ("SSL_CERT_DIR", "/nonexistent")])
            .output()
            .unwrap()
    };
    let output = check(&[]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), error.lines().count()), (Some(1), 1), "{error}");
    assert!(
        error.starts_with("error: this system has no trusted certificate authorities: install"),
        "{error}"
    );

    // Those of a file are enough.
    let authority = Config { transport: Transport::local_https(), ..Config::default() };
    let authority = Simulator::start(authority).await.unwrap().ca_pem().unwrap().to_owned();
    let file = desk.dir.path().join("ca.pem");
    std::fs::write(&file, authority).unwrap();
    let output = check(&["--ca-file", file.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_not_in_the_manifest_comes_from_the_cluster() {
    let stage = Stage::new("check", vec![Task::new("web-1").copying(40, 2.0)]).await;
    let file = stage.log().with_file_name("watch.yaml");
    let check = |spec| {
        std::fs::write(&file, stage.manifest("wave-1", spec).to_string()).unwrap();
        check(&file, stage.kubeconfig(), &[])
    };
    let output = check(json!({}));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8(output.stdout).unwrap().contains("web-1   RUNNING   40%"));

    let output = check(json!({"credentials": {"secretRef": {"name": "absent"}}}));
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    let start = format!("error: SecretNotFound: There is no Secret absent in namespace {}.", stage.namespace);
    assert!(error.starts_with(&start), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}
