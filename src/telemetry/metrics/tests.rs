use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::*;
use crate::core::{budget::Urgency, failure::FailureKind};

mod document;

#[test]
fn seconds_are_counted_down_and_forgotten() {
    let metrics = Metrics::default();
    let in_an_hour = Timestamp::now().saturating_add(SignedDuration::from_hours(1)).unwrap();
    metrics.credentials.set("migration", "wave-1", Some(in_an_hour));
    metrics.credentials.set("migration", "wave-2", Some(Timestamp::UNIX_EPOCH));
    let text = metrics.text();
    let value = |name: &str| -> Option<f64> {
        let series = format!(
            "migration_task_watch_credentials_expire_seconds{{namespace=\"migration\",name=\"{name}\"}} "
        );
        text.lines().find_map(|line| line.strip_prefix(&series))?.parse().ok()
    };
    assert!((3500.0..=3600.0).contains(&value("wave-1").unwrap()), "{text}");
    assert!(value("wave-2").unwrap() < 0.0, "{text}");
    assert!(text.ends_with("# EOF\n"));
    metrics.credentials.set("migration", "wave-1", None);
    assert!(!metrics.text().contains("wave-1"));
}

/// Metrics of which each has a series.
fn filled() -> Metrics {
    let metrics = Metrics::default();
    metrics.credentials.set("migration", "wave-1", Some(Timestamp::UNIX_EPOCH));
    metrics.events.told("TaskFailed", Telling::Created);
    metrics.listings.complete(Duration::from_millis(700), 11, 2000);
    metrics.listings.failed(FailureKind::Throttled);
    metrics.reconciles.begin().ended("done");
    let mut answered = metrics.requests.begin("ListTasks");
    answered.answered(200);
    answered.received(1000);
    drop(answered);
    drop(metrics.requests.begin("ListTasks"));
    metrics.status_writes.sent(Urgency::Change, 1000);
    metrics.watches.see(|| Seen {
        watches: vec![WatchFigures {
            namespace: "migration".to_owned(),
            name: "wave-\"1\"\n".to_owned(),
            conditions: vec![("Ready".to_owned(), 0), ("Completed".to_owned(), -1)],
            not_ready: Some("Throttled".to_owned()),
            tasks: vec![("Running", 3), ("Failed", 0)],
            stalled: 1,
            progress: 25,
            listed: Some(Timestamp::from_second(1_800_000_000).unwrap()),
            interval: Some(Duration::from_secs(90)),
            suspended: false,
        }],
        refused: 2,
    });
    metrics
}

#[test]
fn what_watches_show_is_read_when_somebody_asks() {
    let text = filled().text();
    let of = r#"{namespace="migration",name="wave-\"1\"\n""#;
    for series in [
        format!("migration_task_watch_watch_condition{of},condition=\"Ready\"}} 0.0"),
        format!("migration_task_watch_watch_condition{of},condition=\"Completed\"}} -1.0"),
        format!("migration_task_watch_watch_not_ready{of},reason=\"Throttled\"}} 1.0"),
        format!("migration_task_watch_watch_tasks{of},phase=\"Running\"}} 3.0"),
        format!("migration_task_watch_watch_stalled_tasks{of}}} 1.0"),
        format!("migration_task_watch_watch_progress_ratio{of}}} 0.25"),
        format!("migration_task_watch_watch_last_listing_timestamp_seconds{of}}} 1800000000.0"),
        format!("migration_task_watch_watch_interval_seconds{of}}} 90.0"),
        "migration_task_watch_refused_logins 2".to_owned(),
    ] {
        assert!(text.lines().any(|line| line == series), "{series} isn't in {text}");
    }
}

#[test]
fn requests_are_counted_by_what_came_of_them() {
    let metrics = Metrics::default();
    for status in [200, 204, 302, 401, 429, 404, 503] {
        metrics.requests.begin("ListTasks").answered(status);
    }
    let silent = metrics.requests.begin("ListTasks");
    assert!(metrics.text().contains("migration_task_watch_requests_in_flight 1\n"));
    drop(silent);
    let text = metrics.text();
    for (status, count) in [("2xx", 2), ("3xx", 1), ("4xx", 2), ("429", 1), ("5xx", 1), ("none", 1)] {
        let series =
            format!("migration_task_watch_requests_total{{api=\"ListTasks\",status=\"{status}\"}} {count}");
        assert!(text.lines().any(|line| line == series), "{series} isn't in {text}");
    }
    assert!(text.contains("migration_task_watch_requests_in_flight 0\n"));
    assert!(text.contains("migration_task_watch_request_duration_seconds_count{api=\"ListTasks\"} 8\n"));
}

#[test]
fn the_process_is_measured() {
    let text = Metrics::default().text();
    let value = |name: &str| -> f64 {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("{name} isn't in {text}")).parse().unwrap()
    };
    assert!(value("process_resident_memory_bytes") > 1e6);
    assert!(value("process_open_fds") >= 3.0 && value("process_max_fds") >= value("process_open_fds"));
    assert!(value("process_threads") >= 1.0);
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    let now = Timestamp::now().as_second() as f64;
    assert!((now - 3600.0..now + 2.0).contains(&value("process_start_time_seconds")));
    assert!(value("process_cpu_seconds_total") >= 0.0);
}

/// The names of all series, as queries have them.
fn series() -> BTreeSet<String> {
    let text = filled().text();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples.filter_map(|line| line.split(['{', ' ']).next()).map(str::to_owned).collect()
}

/// The names in a text that could only be those of our metrics.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("migration_task_watch_")).map(str::to_owned).collect()
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// A query of a metric that doesn't exist is right syntactically, and silent.
#[test]
fn alerts_and_dashboards_name_metrics_that_exist() {
    let series = series();
    let mut queries = files("charts/migration-task-watch/files/dashboards");
    queries.push(
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("charts/migration-task-watch/files/alerts.yaml"),
    );
    queries.extend(files("tests/verify/alerts"));
    assert!(queries.len() >= 4, "{queries:?}");
    for file in queries {
        let named = named(&std::fs::read_to_string(&file).unwrap());
        assert!(!named.is_empty(), "{} names no metric", file.display());
        let unknown: Vec<_> = named.difference(&series).collect();
        assert!(unknown.is_empty(), "{} names {unknown:?}; there are {series:?}", file.display());
    }
    // The check itself finds one.
    assert!(!named("sum(migration_task_watch_no_such_metric_total)").is_subset(&series));
}
