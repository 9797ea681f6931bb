//! Statuses that other builds have written, older and newer ones.

use std::{collections::BTreeSet, path::Path};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use migration_task_watch::{
    api::MANAGER,
    sms::{
        credentials::{AccessKey, SecretKey},
        signer,
    },
};
use serde_json::{Value, json};
use sms_simulator::{Snapshot, Task, TaskError, TaskState};
use test_cluster::{Cluster, Options};

use crate::harness::{PATIENCE, Stage, status};

/// What statuses of this version hold is kept here, for later versions to read.
const FIXTURE: &str = concat!("tests/fixtures/status/v", env!("CARGO_PKG_VERSION"), ".json");

/// One task of each kind, and more than are written out.
fn every_kind() -> Vec<Task> {
    let task = |id: &str| Task::new(format!("web-{id}")).with_id(id);
    // The summary has an estimate when all have one that go on.
    let goes_on = |task: Task| {
        let estimate = Some(std::time::Duration::from_hours(1));
        let snapshot = Snapshot { estimate, ..task.at(std::time::Duration::ZERO) };
        task.with_snapshot(snapshot)
    };
    vec![
        goes_on(task("ready")),
        goes_on(task("starts")),
        goes_on(task("runs").copying(10, 5.0)),
        goes_on(task("stalls").copying(30, 0.0)),
        goes_on(task("syncs").in_state(TaskState::SYNCING)),
        goes_on(task("fails").in_state(TaskState::SYNCING)),
        task("failed").failed(TaskError::coded("SMS.0203", "Timeout.")),
        goes_on(task("skips").in_state(TaskState::new("SKIPPING"))),
        task("aborted").in_state(TaskState::new("ABORT")),
        task("done").in_state(TaskState::new("MIGRATE_SUCCESS")),
        task("done-2").in_state(TaskState::new("MIGRATE_SUCCESS")),
    ]
}

/// The page of tasks that SMS answers.
async fn page(stage: &Stage) -> Value {
    let key = &sms_simulator::Account::default().access_keys[0];
    let (access, secret) = (AccessKey::parse(&key.id).unwrap(), SecretKey::parse(&key.secret).unwrap());
    let endpoint = stage.sms.endpoint();
    let request = signer::Request {
        method: "GET",
        host: endpoint.trim_start_matches("http://"),
        path: "/v3/tasks",
        query: &[],
        headers: &[],
        body: b"",
    };
    let signed = signer::sign(&request, &access, &secret, k8s_openapi::jiff::Timestamp::now());
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
    let request =
        signed.into_iter().fold(client.get(format!("{endpoint}/v3/tasks")), |request, (name, value)| {
            request.header(name, value)
        });
    serde_json::from_slice(&request.send().await.unwrap().bytes().await.unwrap()).unwrap()
}

/// The places of all fields, whatever the number of entries.
fn fields(path: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let name = if path.ends_with(".byState") { "*" } else { name };
                fields(&format!("{path}.{name}"), member, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| fields(&format!("{path}[]"), item, found)),
        _ => drop(found.insert(path.to_owned())),
    }
}

#[tokio::test]
async fn what_this_build_writes_is_kept_for_later_ones() {
    let stage = Stage::new("fixture", every_kind()).await;
    let _operator = stage.operator();
    let ids: Vec<String> =
        every_kind().into_iter().map(|task| task.id).chain(["nobody".to_owned()]).collect();
    let spec = json!({"taskLimit": 8, "stallAfter": "2s", "expectedTasks": 11, "filter": {"ids": ids}});
    stage.apply("wave-1", spec).await.unwrap();
    stage.until_condition("wave-1", "TasksStalled", ("True", "TasksStalled")).await;
    stage.sms.tasks().change("starts", |task| {
        *task = Snapshot { estimate: task.estimate, ..Snapshot::of(TaskState::RUNNING) };
    });
    let error = Some(TaskError::coded("SMS.0201", "The network is busy."));
    stage
        .sms
        .tasks()
        .change("fails", |task| *task = Snapshot { error, ..Snapshot::of(TaskState::new("SYNC_FAIL")) });
    stage.sms.tasks().change("starts", |task| task.speed = Some(3.0));
    stage.refresh("wave-1", "1").await;
    let watch =
        stage.until("wave-1", |watch| status(watch).summary.is_some_and(|summary| summary.failed == 2)).await;
    let written = json!({
        "uid": watch.uid(),
        "generation": watch.metadata.generation,
        "requestedAt": "1",
        "spec": watch.spec,
        "status": watch.status,
        "listing": page(&stage).await,
    });

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FIXTURE);
    if std::env::var_os("WRITE_FIXTURES").is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(&written).unwrap() + "\n").unwrap();
    }
    let kept =
        std::fs::read_to_string(&path).expect("each version has a fixture: WRITE_FIXTURES=1 writes it");
    let kept: Value = serde_json::from_str(&kept).unwrap();
    let all = |value: &Value| {
        let mut found = BTreeSet::new();
        fields("", &value["status"], &mut found);
        found
    };
    assert_eq!(
        all(&written),
        all(&kept),
        "statuses have other fields than in {FIXTURE}: see docs/upgrades.md"
    );
}

/// A definition as a newer version may have it, with more fields.
async fn install_newer_crd(client: &kube::Client) {
    let mut crd = serde_json::to_value(migration_task_watch::api::crd()).unwrap();
    let status = &mut crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"];
    status["properties"]["future"] = json!({"type": "object", "properties": {"kind": {"type": "string"}}});
    status["properties"]["tasks"]["items"]["properties"]["future"] = json!({"type": "integer"});
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    let name = crd["metadata"]["name"].as_str().unwrap().to_owned();
    let params = PatchParams::apply("tests").force();
    crds.patch(&name, &params, &Patch::Apply(&crd)).await.unwrap();
}

#[tokio::test]
async fn a_downgrade_tells_nothing_twice_unless_its_ledger_is_unknown_and_then_says_so() {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    let stage =
        Stage::on(&cluster, "downgrade", sms_simulator::Config { tasks: every_kind(), ..Default::default() })
            .await;
    install_newer_crd(&stage.client).await;
    let operator = stage.operator();
    for (name, limit) in [("whole", 500), ("omits", 3)] {
        stage.apply(name, json!({"taskLimit": limit, "stallAfter": "0"})).await.unwrap();
        stage.until_told(name, &["WatchStarted"]).await;
    }
    assert!(operator.terminate().await.success());

    // What a newer build leaves, under the name that all builds write by.
    for name in ["whole", "omits"] {
        let watch = stage.watches().get(name).await.unwrap();
        let mut newer = json!({
            "apiVersion": "migration-task-watch.dev/v1alpha1", "kind": "MigrationTaskWatch",
            "metadata": {"name": name, "resourceVersion": watch.resource_version()},
            "status": status(&watch),
        });
        newer["status"]["future"] = json!({"kind": "novel"});
        newer["status"]["tasks"][0]["future"] = json!(7);
        if name == "omits" {
            // Version 9, in base64.
            newer["status"]["ledger"] = json!("CQECAw");
        }
        // Without a schema of its own, so that nothing is dropped on the way.
        let resource = kube::api::ApiResource::erase::<migration_task_watch::api::MigrationTaskWatch>(&());
        let any: Api<kube::api::DynamicObject> =
            Api::namespaced_with(stage.client.clone(), &stage.namespace, &resource);
        let params = PatchParams::apply(MANAGER).force();
        let written = any.patch_status(name, &params, &Patch::Apply(&newer)).await.unwrap();
        assert_eq!(written.data["status"]["future"]["kind"], "novel");
    }
    stage.sms.tasks().change("ready", |task| *task = Snapshot::of(TaskState::SYNCING));

    let _operator = stage.operator();
    stage.until_told("whole", &["WatchStarted", "TaskSyncing"]).await;
    stage.until_told("omits", &["WatchStarted", "WatchStarted"]).await;
    let (_, note) = stage.events("omits").await.pop().unwrap();
    assert!(
        note.contains("What was known of the tasks is lost, since the ledger has the unknown version 9"),
        "{note}"
    );
    for name in ["whole", "omits"] {
        stage.refresh(name, "1").await;
        let watch = stage.watches().get(name).await.unwrap();
        assert!(serde_json::to_value(&watch).unwrap()["status"].get("future").is_none());
    }
    stage.until_told("whole", &["WatchStarted", "TaskSyncing"]).await;
    stage.until_told("omits", &["WatchStarted", "WatchStarted"]).await;
}

#[tokio::test]
async fn a_status_that_somebody_else_has_spoilt_hides_no_other_watch() {
    let stage = Stage::new("spoilt", every_kind()).await;
    let operator = stage.operator();
    for name in ["spoilt", "well"] {
        stage.apply(name, json!({})).await.unwrap();
        stage.until_told(name, &["WatchStarted"]).await;
    }
    assert!(operator.terminate().await.success());
    // The API server takes these for times.
    let odd = "2027-01-15T08:00:00+99:99";
    let mut spoilt = serde_json::to_value(status(&stage.watches().get("spoilt").await.unwrap())).unwrap();
    spoilt["lastSyncTime"] = json!(odd);
    spoilt["conditions"][0]["lastTransitionTime"] = json!("2027-01-15T08:00:00x5Z");
    spoilt["tasks"][0]["createTime"] = json!(odd);
    spoilt["outbox"]["time"] = json!(odd);
    stage
        .watches()
        .patch_status("spoilt", &PatchParams::default(), &Patch::Merge(json!({"status": spoilt})))
        .await
        .unwrap();

    stage.sms.tasks().change("ready", |task| *task = Snapshot::of(TaskState::SYNCING));
    let _operator = stage.operator();
    for name in ["spoilt", "well"] {
        stage.refresh(name, "1").await;
        stage.until_told(name, &["WatchStarted", "TaskSyncing"]).await;
    }
}
