//! What Prometheus gets to see of real work.

use std::time::{Duration, Instant};

use serde_json::json;
use sms_simulator::{Task, TaskState};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::harness::{PATIENCE, Stage, status};

const ID: &str = "0f0e0d0c-0000-4000-8000-000000000001";

/// The value of a series, by its whole name.
fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

#[tokio::test]
async fn metrics_say_what_was_done_and_what_watches_show() {
    let tasks = vec![Task::new("web-1").with_id(ID).copying(40, 3.0), Task::new("web-2")];
    let stage = Stage::new("metrics", tasks).await;
    let _operator = stage.operator();
    stage.apply("wave-1", json!({})).await.unwrap();
    stage.apply("wave-2", json!({"credentials": {"secretRef": {"name": "missing"}}})).await.unwrap();
    let watch = stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    stage.until_condition("wave-2", "Ready", ("False", "SecretNotFound")).await;
    stage.refresh("wave-1", "1").await;
    stage.until_told("wave-1", &["WatchStarted"]).await;

    let text = stage.metrics().await;
    let value = |series: &str| value(&text, &format!("migration_task_watch_{series}"));
    let of = |name: &str| format!(r#"namespace="{}",name="{name}""#, stage.namespace);
    let (one, two) = (of("wave-1"), of("wave-2"));
    assert_eq!(value(&format!("watch_tasks{{{one},phase=\"Running\"}}")), Some(1.0), "{text}");
    assert_eq!(value(&format!("watch_tasks{{{one},phase=\"Pending\"}}")), Some(1.0), "{text}");
    assert_eq!(value(&format!("watch_condition{{{one},condition=\"Ready\"}}")), Some(1.0), "{text}");
    assert_eq!(value(&format!("watch_condition{{{two},condition=\"Ready\"}}")), Some(0.0), "{text}");
    assert_eq!(value(&format!("watch_not_ready{{{two},reason=\"SecretNotFound\"}}")), Some(1.0), "{text}");
    // Not the status's: that is written when there is something to tell, and this goes on.
    let listed = value(&format!("watch_last_listing_timestamp_seconds{{{one}}}")).unwrap();
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    let first = status(&watch).last_sync_time.unwrap().0.as_second() as f64;
    assert!(listed >= first, "{listed} {first}");
    assert_eq!(value(&format!("watch_last_listing_timestamp_seconds{{{two}}}")), None, "{text}");

    let complete = value("listings_total{result=\"Complete\"}").unwrap();
    assert!(complete >= 2.0, "{text}");
    assert!(value("listing_tasks_sum").unwrap() >= 2.0 * complete, "{text}");
    assert!(value("requests_total{api=\"ListTasks\",status=\"2xx\"}").unwrap() >= complete, "{text}");
    assert!(value("response_bytes_total{api=\"ListTasks\"}").unwrap() > 1000.0, "{text}");
    assert_eq!(value("events_total{reason=\"WatchStarted\",outcome=\"created\"}"), Some(1.0), "{text}");
    assert!(value("reconciles_total{result=\"done\"}").unwrap() >= 2.0, "{text}");
    assert_eq!(value("leader"), Some(1.0));

    stage.sms.tasks().insert(Task::new("web-1").with_id(ID).in_state(TaskState::MIGRATE_FAIL));
    stage.refresh("wave-1", "2").await;
    stage.until_told("wave-1", &["WatchStarted", "TaskFailed"]).await;
    let text = stage.metrics().await;
    assert!(
        text.contains("migration_task_watch_events_total{reason=\"TaskFailed\",outcome=\"created\"} 1\n"),
        "{text}"
    );
}

#[tokio::test]
async fn each_gets_the_format_that_it_asks_for() {
    let stage = Stage::new("metrics-formats", vec![Task::new("web-1")]).await;
    let operator = stage.operator();
    let address = operator.address("metrics").await;
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
    for (accept, content_type, openmetrics) in [
        ("text/plain;version=0.0.4", "text/plain; version=0.0.4; charset=utf-8", false),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8", false),
        (
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            true,
        ),
    ] {
        let request = client.get(format!("http://{address}/metrics")).header("Accept", accept);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], content_type, "{accept}");
        let text = answer.text().await.unwrap();
        assert_eq!(text.ends_with("# EOF\n"), openmetrics, "{accept}: {text}");
        assert_eq!(value(&text, "migration_task_watch_leader"), Some(1.0), "{accept}: {text}");
    }
}

#[tokio::test]
async fn a_thousand_strangers_keep_nobody_from_an_answer() {
    let stage = Stage::new("metrics-strangers", vec![Task::new("web-1")]).await;
    let operator = stage.operator();
    stage.apply("wave-1", json!({})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    let before = stage.metrics().await;
    let mut strangers = Vec::new();
    for port in ["metrics", "health"] {
        let address = operator.address(port).await;
        for _ in 0..1020 {
            let mut stranger = TcpStream::connect(&address).await.unwrap();
            // Who is overtaken by others may be gone by now.
            let _ = stranger.write_all(b"GET /metrics HTTP/1.1\r\nHost: h").await;
            strangers.push(stranger);
        }
    }
    assert_eq!(operator.get("health", "/livez").await, (200, "ok".to_owned()));
    let after = stage.metrics().await;
    let grown = |series: &str| value(&after, series).unwrap() - value(&before, series).unwrap();
    assert!(grown("process_open_fds") < 50.0, "{before}{after}");
    assert!(grown("process_resident_memory_bytes") < 16e6, "{before}{after}");
}

#[tokio::test]
async fn a_watch_that_is_deleted_leaves_no_series() {
    let stage = Stage::new("metrics-gone", vec![Task::new("web-1")]).await;
    let _operator = stage.operator();
    stage.apply("wave-1", json!({})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    assert!(stage.metrics().await.contains("name=\"wave-1\""));
    stage.watches().delete("wave-1", &kube::api::DeleteParams::default()).await.unwrap();
    let start = Instant::now();
    // Nobody is told when it has been forgotten.
    loop {
        let text = stage.metrics().await;
        if !text.contains("name=\"wave-1\"") {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "the watch has series still: {text}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_listing_counts_the_requests_that_look_tasks_up() {
    let running = |id: &str| Task::new("web-1").with_id(id).copying(40, 3.0);
    let stage = Stage::new("metrics-looked-up", vec![running(ID)]).await;
    let _operator = stage.operator();
    stage.apply("wave-1", json!({"interval": "1h", "filter": {"states": ["RUNNING"]}})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    stage.sms.tasks().insert(Task::new("web-1").with_id(ID).in_state(TaskState::MIGRATE_FAIL));
    stage.refresh("wave-1", "1").await;
    // It is no longer among the running ones, so it was asked for by its id.
    stage.until_told("wave-1", &["WatchStarted", "TaskFailed"]).await;
    let text = stage.metrics().await;
    let value = |series: &str| value(&text, &format!("migration_task_watch_{series}"));
    assert_eq!(value("listings_total{result=\"Complete\"}"), Some(2.0), "{text}");
    assert_eq!(
        value("listing_requests_sum"),
        value("requests_total{api=\"ListTasks\",status=\"2xx\"}"),
        "{text}"
    );
}
