//! Statuses are written within a bound, what a person would act on first.

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use kube::{
    ResourceExt,
    api::{ListParams, Patch, PatchParams},
};
use migration_task_watch::api::MigrationTaskWatch;
use serde_json::json;
use sms_simulator::{Task, TaskError, TaskState};

use crate::harness::{PATIENCE, Stage, status};

const WATCHES: usize = 30;
const TASKS: usize = 40;
/// The watch whose task fails.
const UNLUCKY: &str = "wave-17";

fn names() -> impl Iterator<Item = String> {
    (0..WATCHES).map(|number| format!("wave-{number}"))
}

fn id(watch: usize, task: usize) -> String {
    format!("task-{watch}-{task}")
}

fn tasks() -> Vec<Task> {
    let of = |watch| {
        (0..TASKS).map(move |task| {
            Task::new(format!("web-{watch}-{task}")).with_id(id(watch, task)).copying(10, 3.0)
        })
    };
    (0..WATCHES).flat_map(of).collect()
}

impl Stage {
    /// A fleet with statuses of about 20 KiB each.
    async fn fleet(&self) {
        for (number, name) in names().enumerate() {
            self.apply(&name, json!({"filter": {"name": format!("web-{number}-*")}})).await.unwrap();
        }
        for name in names() {
            self.until_condition(&name, "Ready", ("True", "Synced")).await;
        }
    }

    /// Makes the statuses an hour old, so that progress is due.
    async fn age(&self) {
        let hour_ago = Time(Timestamp::from_second(Timestamp::now().as_second() - 3600).unwrap());
        let patch = json!({"status": {"lastSyncTime": hour_ago}});
        for name in names() {
            self.watches().patch_status(&name, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
        }
    }

    /// Waits until so many operators have started, one after the other.
    async fn until_started(&self, operators: usize) {
        let started =
            || std::fs::read_to_string(self.log()).unwrap().matches("metrics=").count() >= operators;
        let waiting = async {
            while !started() {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        let log = || std::fs::read_to_string(self.log()).unwrap_or_default();
        assert!(waited.is_ok(), "{operators} operators didn't start\n{}", log());
    }

    async fn metric(&self, name: &str) -> f64 {
        let text = self.metrics().await;
        let series = format!("migration_task_watch_{name} ");
        let value = text.lines().find_map(|line| line.strip_prefix(&series));
        value.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }

    async fn until_metric(&self, name: &str, wanted: impl Fn(f64) -> bool) {
        let reached = async {
            while !wanted(self.metric(name).await) {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, reached).await.is_ok(), "{}", self.metrics().await);
    }

    /// The fleet, in the order in which it was written.
    async fn written(&self) -> Vec<MigrationTaskWatch> {
        let mut watches = self.watches().list(&ListParams::default()).await.unwrap().items;
        watches.sort_by_key(|watch| watch.resource_version().unwrap().parse::<u64>().unwrap());
        watches
    }
}

fn progress(watch: &MigrationTaskWatch) -> i64 {
    status(watch).summary.unwrap().progress
}

#[tokio::test]
async fn a_failed_task_is_written_before_the_progress_of_others() {
    let stage = Stage::new("writes", tasks()).await;
    let unbounded = stage
        .operator_with(&["--allowed-endpoints", "http://127.0.0.1:*", "--status-write-rate", "off"], &[]);
    stage.fleet().await;
    assert!(stage.metric("status_writes_total{urgency=\"change\"}").await >= 30.0);
    assert!(stage.metric("status_write_bytes_total{urgency=\"change\"}").await >= 300_000.0);
    assert!(stage.metric("status_writes_deferred").await < 0.5);
    assert!(unbounded.terminate().await.success());

    stage.age().await;
    for (watch, task) in (0..WATCHES).flat_map(|watch| (0..TASKS).map(move |task| (watch, task))) {
        stage.sms.tasks().change(&id(watch, task), |found| found.sub_tasks[0].progress = 50);
    }
    let flags = ["--allowed-endpoints", "http://127.0.0.1:*"];
    let _bounded = stage.operator_with(&flags, &[("STATUS_WRITE_RATE", "20KiB")]);
    stage.until_started(2).await;
    stage.until_metric("status_writes_deferred", |waiting| waiting >= 20.0).await;
    assert!(stage.metric("status_writes_deferred_longest_seconds").await > 0.0);
    // Then, while they wait, a task fails.
    stage.sms.tasks().change(&id(17, 3), |found| {
        found.state = TaskState::MIGRATE_FAIL;
        found.error = Some(TaskError::coded("SMS.0201", "The network is busy."));
    });
    stage.until_condition(UNLUCKY, "TasksFailed", ("True", "TasksFailed")).await;
    stage.until_told(UNLUCKY, &["WatchStarted", "TaskFailed"]).await;
    for name in names().filter(|name| name != UNLUCKY) {
        stage.until(&name, |watch| progress(watch) == 50).await;
    }
    let order = stage.written().await;
    let place = order.iter().position(|watch| watch.name_any() == UNLUCKY).unwrap();
    let behind = WATCHES - 1 - place;
    assert!(behind >= 5, "only {behind} were written after what failed");
    stage.until_metric("status_writes_deferred", |waiting| waiting < 0.5).await;
    assert!(stage.metric("status_writes_total{urgency=\"progress\"}").await >= 29.0);
    assert!(stage.metric("status_writes_total{urgency=\"change\"}").await >= 1.0);
}
