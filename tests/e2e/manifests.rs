//! What the API server accepts, refuses and prints.

use kube::api::PostParams;
use migration_task_watch::api::MigrationTaskWatch;
use serde_json::{Value, json};
use sms_simulator::Task;

use crate::harness::Stage;

async fn create(stage: &Stage, name: &str, spec: Value) -> Result<MigrationTaskWatch, String> {
    let manifest = json!({
        "apiVersion": "migration-task-watch.dev/v1alpha1",
        "kind": "MigrationTaskWatch",
        "metadata": {"name": name, "namespace": stage.namespace},
        "spec": spec,
    });
    let path = format!(
        "/apis/migration-task-watch.dev/v1alpha1/namespaces/{}/migrationtaskwatches?fieldValidation=Strict",
        stage.namespace
    );
    let request = http::Request::post(path).header("content-type", "application/json");
    let request = request.body(serde_json::to_vec(&manifest).unwrap()).unwrap();
    stage.client.request(request).await.map_err(|error| error.to_string())
}

fn spec(extra: Value) -> Value {
    let mut spec = json!({"region": "ap-southeast-3", "credentials": {"secretRef": {"name": "huawei"}}});
    spec.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    spec
}

#[tokio::test]
async fn a_bad_manifest_is_refused_by_field_and_rule() {
    let stage = Stage::new("refused", Vec::new()).await;
    let many = |count: usize, length: usize| -> Vec<String> {
        (0..count).map(|i| format!("{i:0length$}")).collect()
    };
    let cases = [
        (json!({"credentials": {"secretRef": {"name": "a"}}}), "one of region and endpoint is required"),
        (spec(json!({"region": "Not a region"})), "region is a lower-case name"),
        (spec(json!({"interval": "5 minutes"})), "interval is a duration such as"),
        (spec(json!({"interval": "4s"})), "interval must be at least 5s"),
        (spec(json!({"interval": "25h"})), "at most 24h"),
        (spec(json!({"interval": "999999h999999h999999h999999h"})), "spec.interval"),
        (spec(json!({"stallAfter": "soon"})), "stallAfter is a duration"),
        (spec(json!({"endpoint": "http://sms.example.com"})), "endpoint must use https"),
        (spec(json!({"endpoint": "sms.example.com"})), "endpoint is a URL"),
        (spec(json!({"endpoint": "https://sms.example.com/v3"})), "no path"),
        (spec(json!({"iamEndpoint": "http://iam.example.com"})), "iamEndpoint must use https"),
        (spec(json!({"credentials": {}})), "exactly one of secretRef and ambient"),
        (spec(json!({"credentials": {"secretRef": {"name": "a"}, "ambient": true}})), "exactly one of"),
        (spec(json!({"credentials": {"secretRef": {"name": "Not A Name"}}})), "name of a Secret"),
        (spec(json!({"filter": {"ids": many(2001, 4)}})), "spec.filter.ids"),
        (spec(json!({"filter": {"ids": many(1, 65)}})), "spec.filter.ids[0]"),
        (spec(json!({"filter": {"ids": []}})), "spec.filter.ids"),
        (spec(json!({"filter": {"name": ""}})), "spec.filter.name"),
        (spec(json!({"taskLimit": 2001})), "spec.taskLimit"),
        (spec(json!({"expectedTasks": 0})), "spec.expectedTasks"),
        (spec(json!({"intervall": "5m"})), "unknown field \"spec.intervall\""),
    ];
    for (spec, message) in cases {
        let refused = create(&stage, "bad", spec.clone()).await.unwrap_err();
        assert!(refused.contains(message), "{spec}: {refused}");
    }
}

#[tokio::test]
async fn good_manifests_are_accepted_up_to_the_bounds() {
    let stage = Stage::new("accepted", Vec::new()).await;
    let many = || -> Vec<String> { (0..2000).map(|i| format!("{i:064}")).collect() };
    let largest = spec(json!({
        "endpoint": "https://sms.ap-southeast-3.myhuaweicloud.com:8443/",
        "iamEndpoint": "https://iam.myhuaweicloud.com",
        "interval": "1h30m",
        "stallAfter": "0s",
        "taskLimit": 2000,
        "expectedTasks": 40,
        "filter": {
            "ids": many(), "sourceServerIds": many(), "sourceServerNames": many(), "name": "web-*",
            "states": ["RUNNING", "A_STATE_OF_2030"], "enterpriseProjectId": "0",
        },
    }));
    create(&stage, "largest", largest).await.unwrap();
    create(&stage, "loopback", spec(json!({"endpoint": "http://127.0.0.1:1"}))).await.unwrap();
    create(&stage, "ipv6", spec(json!({"endpoint": "http://[::1]:8080"}))).await.unwrap();
    let ambient = json!({"region": "cn-north-4", "credentials": {"ambient": true}, "filter": null});
    let created = create(&stage, "ambient", ambient).await.unwrap();
    // So that nobody takes a watch for up to date that no operator has seen.
    assert_eq!(created.status.unwrap().observed_generation, Some(-1));
    let defaults = created.spec;
    assert_eq!((defaults.interval.as_str(), defaults.stall_after.as_str()), ("1m", "30m"));
    assert_eq!((defaults.task_limit, defaults.suspend, defaults.filter), (500, false, None));

    let group = stage.client.list_api_group_resources("migration-task-watch.dev/v1alpha1").await.unwrap();
    let names = group.resources.into_iter().find(|resource| resource.name == "migrationtaskwatches").unwrap();
    assert_eq!(names.short_names.unwrap(), ["mtw"]);
    assert_eq!(names.categories.unwrap(), ["migration"]);
}

#[tokio::test]
async fn the_table_reads_well() {
    let stage = Stage::new("table", vec![Task::new("web-1").copying(40, 12.5)]).await;
    let _operator = stage.operator();
    let watch = serde_json::from_value(stage.manifest("wave-1", json!({"region": "cn-north-4"}))).unwrap();
    stage.watches().create(&PostParams::default(), &watch).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    let path = format!(
        "/apis/migration-task-watch.dev/v1alpha1/namespaces/{}/migrationtaskwatches",
        stage.namespace
    );
    let request = http::Request::get(path).header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
    let table: Value = stage.client.request(request.body(Vec::new()).unwrap()).await.unwrap();
    let columns: Vec<_> = table["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| (column["name"].as_str().unwrap(), column["priority"].as_i64().unwrap()))
        .collect();
    assert_eq!(
        columns,
        [
            ("Name", 0),
            ("Ready", 0),
            ("Total", 0),
            ("Running", 0),
            ("Syncing", 0),
            ("Succeeded", 0),
            ("Failed", 0),
            ("Progress", 0),
            ("Last-Sync", 0),
            ("Age", 0),
            ("Stalled-Tasks", 1),
            ("Region", 1),
            ("Message", 1),
        ]
    );
    let cells = table["rows"][0]["cells"].as_array().unwrap();
    assert_eq!(
        cells[..8],
        [json!("wave-1"), json!("True"), 1.into(), 1.into(), 0.into(), 0.into(), 0.into(), 40.into()]
    );
    assert_eq!(cells[10..], [json!(0), json!("cn-north-4"), json!("Listings are complete, every 5s.")]);
}
