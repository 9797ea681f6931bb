//! What the log says, and that it is silent otherwise.

use std::collections::BTreeSet;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value, json};
use sms_simulator::{Effect, ErrorBody, Task, TaskState};

use crate::harness::{Operator, Stage};

const ID: &str = "0f0e0d0c-0000-4000-8000-000000000001";

fn start(stage: &Stage, level: &str) -> Operator {
    let flags = ["--allowed-endpoints", "http://127.0.0.1:*", "--log-format", "json"];
    stage.operator_with(&flags, &[("RUST_LOG", level)])
}

/// Each line, as an object.
fn lines(log: &str) -> Vec<Map<String, Value>> {
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// The fields that the documentation has.
fn documented() -> BTreeSet<String> {
    let text = include_str!("../../docs/operations.md");
    let table = text.split("| field | |").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = table.lines().filter_map(|line| line.split('|').nth(1));
    names.flat_map(|names| names.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// What lines about the watch say: their levels and messages.
fn said(stage: &Stage, log: &str) -> Vec<(String, String)> {
    let watch = format!("{}/wave-1", stage.namespace);
    let about = lines(log).into_iter().filter(|line| line.get("watch") == Some(&json!(watch)));
    about.map(|line| (text(&line, "level"), text(&line, "message"))).collect()
}

fn text(line: &Map<String, Value>, field: &str) -> String {
    line.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn pair(level: &str, message: &str) -> (String, String) {
    (level.to_owned(), message.to_owned())
}

#[tokio::test]
async fn a_line_is_written_for_each_listing_that_changed_something() {
    let stage = Stage::new("logs", vec![Task::new("web-1").with_id(ID), Task::new("web-2")]).await;
    let operator = start(&stage, "info");
    stage.apply("wave-1", json!({"interval": "1h"})).await.unwrap();
    stage.until_told("wave-1", &["WatchStarted"]).await;
    // Listings that change nothing.
    for token in ["1", "2", "3"] {
        stage.refresh("wave-1", token).await;
    }
    stage.sms.tasks().insert(Task::new("web-1").with_id(ID).in_state(TaskState::MIGRATE_FAIL));
    stage.refresh("wave-1", "4").await;
    operator.until_logged(&["1 TaskFailed"]).await;
    let log = operator.log();
    let expected = [
        pair("INFO", "Listings are complete, every 1h."),
        pair("INFO", "WatchStarted"),
        pair("INFO", "1 TaskFailed"),
    ];
    assert_eq!(said(&stage, &log), expected, "{log}");
    let change = lines(&log).into_iter().find(|line| text(line, "message") == "1 TaskFailed").unwrap();
    assert_eq!((&change["total"], &change["failed"], &change["pending"]), (&json!(2), &json!(1), &json!(1)));
}

#[tokio::test]
async fn a_failure_that_goes_on_is_told_once() {
    let stage = Stage::new("logs-failure", vec![Task::new("web-1")]).await;
    let operator = start(&stage, "info");
    for name in ["wave-1", "wave-2", "wave-3"] {
        stage.apply(name, json!({"interval": "5s"})).await.unwrap();
        stage.until_told(name, &["WatchStarted"]).await;
    }
    let body = ErrorBody::Sms { code: "SMS.6301".into(), message: "text".into() };
    let fault = stage.sms.faults().add(Effect::respond(500, body));
    stage.until_condition("wave-1", "Ready", ("False", "ServerError")).await;
    for token in ["1", "2"] {
        stage.request("wave-1", token).await;
        stage.further_requests(1).await;
    }
    assert!(stage.sms.faults().remove(fault));
    stage.refresh("wave-1", "3").await;
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    operator.until_logged(&["Listings are complete, every 5s."]).await;
    let log = operator.log();
    let failing: Vec<_> =
        lines(&log).into_iter().filter(|line| text(line, "message").starts_with("listings fail")).collect();
    let [failing] = failing.as_slice() else { panic!("{log}") };
    assert_eq!((&failing["watches"], text(failing, "reason")), (&json!(3), "ServerError".to_owned()));
    assert!(!text(failing, "request_id").is_empty(), "{failing:?}");
    let warned: Vec<_> = said(&stage, &log).into_iter().filter(|(level, _)| level == "WARN").collect();
    assert!(warned.len() == 1 && warned[0].1.starts_with("not ready: "), "{warned:?}");
    assert_eq!(said(&stage, &log).last().unwrap().1, "Listings are complete, every 5s.");
}

#[tokio::test]
async fn each_line_is_an_object_of_documented_fields() {
    let stage = Stage::new("logs-fields", vec![Task::new("web-1").with_id(ID)]).await;
    let operator = start(&stage, "info,migration_task_watch=debug");
    stage.apply("wave-1", json!({})).await.unwrap();
    stage.apply("wave-2", json!({"credentials": {"secretRef": {"name": "missing"}}})).await.unwrap();
    stage.until_told("wave-1", &["WatchStarted"]).await;
    stage.until_condition("wave-2", "Ready", ("False", "SecretNotFound")).await;
    stage.sms.tasks().insert(Task::new("web\n1").with_id(ID).in_state(TaskState::MIGRATE_FAIL));
    stage.refresh("wave-1", "1").await;
    stage.until_told("wave-1", &["WatchStarted", "TaskFailed"]).await;
    assert!(operator.log().lines().count() > 5);
    let log = stage.log();
    operator.terminate().await;
    let documented = documented();
    for line in lines(&std::fs::read_to_string(log).unwrap()) {
        for field in line.keys() {
            assert!(documented.contains(field), "docs/operations.md lacks {field}: {line:?}");
        }
        text(&line, "timestamp").parse::<Timestamp>().unwrap();
        assert!(["DEBUG", "INFO", "WARN", "ERROR"].contains(&&*text(&line, "level")), "{line:?}");
    }
}
