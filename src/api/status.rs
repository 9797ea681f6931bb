//! What the operator found.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::lenient;

// The doc comments below are what `kubectl explain` prints. Every field may be missing: an older operator didn't
// know it, or a newer one no longer writes it.

/// What the operator found at the last complete listing.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MigrationTaskWatchStatus {
    /// The generation of the spec that this status answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// The uid of the watch that this status is of. One of another watch, as after a restored backup, isn't believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_uid: Option<String>,

    /// Hash of endpoint, region, filter, and the reference to the credentials. When it changes, the next listing is
    /// a new baseline: its tasks are not compared with those of another filter or account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_target: Option<String>,

    /// Ready says whether the watch itself works. Reconciling and Stalled are present when so. Completed,
    /// Succeeded and CutoverReady say whether the tasks got there; TasksFailed and TasksStalled whether at least
    /// one did.
    #[serde(default, deserialize_with = "lenient::conditions", skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,

    /// All matched tasks, counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,

    /// The matched tasks, as many as fit: failed first, then stalled, running, syncing, pending, other, aborted
    /// and succeeded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub tasks: Vec<TaskStatus>,

    /// How many tasks matched that are not written out above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub omitted_tasks: Option<i64>,

    /// Listed ids and source server ids without a matching task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,

    /// When the last complete listing ended. Rewritten together with other changes, and by a heartbeat every 5
    /// minutes (10 for a large status).
    #[serde(default, deserialize_with = "lenient::time", skip_serializing_if = "Option::is_none")]
    pub last_sync_time: Option<Time>,

    /// The last value of the annotation reconcile.fluxcd.io/requestedAt that was acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,

    /// Events that this status owes. For the operator's own use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbox: Option<Outbox>,

    /// Compact memory of the tasks that are not written out. For the operator's own use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<String>,
}

/// All matched tasks, counted.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Tasks that match.
    #[serde(default)]
    pub total: i64,
    /// Tasks in state READY.
    #[serde(default)]
    pub pending: i64,
    /// Tasks in state RUNNING.
    #[serde(default)]
    pub running: i64,
    /// Tasks in state SYNCING: ready for the cut-over.
    #[serde(default)]
    pub syncing: i64,
    /// Tasks in state MIGRATE_SUCCESS or SYNC_SUCCESS.
    #[serde(default)]
    pub succeeded: i64,
    /// Tasks in state MIGRATE_FAIL, SYNC_FAIL, SYNC_F_ROLLBACKING or SYNC_F_ROLLBACK_SUCCESS.
    #[serde(default)]
    pub failed: i64,
    /// Tasks in state ABORTING or ABORT.
    #[serde(default)]
    pub aborted: i64,
    /// Tasks in any other state.
    #[serde(default)]
    pub other: i64,
    /// Running tasks without any progress for spec.stallAfter.
    #[serde(default)]
    pub stalled: i64,
    /// Mean progress of all matched tasks, in percent, rounded down.
    #[serde(default)]
    pub progress: i64,
    /// Tasks by state, as SMS names it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_state: BTreeMap<String, i64>,
    /// When SMS expects the last of the tasks to be done. Left out unless all that have not ended have an estimate, and none
    /// of these has passed.
    #[serde(default, deserialize_with = "lenient::time", skip_serializing_if = "Option::is_none")]
    pub estimated_completion_time: Option<Time>,
}

/// One migration task.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct TaskStatus {
    /// Id of the task in SMS.
    #[serde(default)]
    pub id: String,
    /// Name of the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Pending, Running, Syncing, Succeeded, Failed, Aborted or Other.
    #[serde(default)]
    pub phase: String,
    /// State as SMS names it.
    #[serde(default)]
    pub state: String,
    /// Progress in percent: that of the step that copies the data, 100 when syncing or succeeded.
    #[serde(default)]
    pub progress: i64,
    /// The step that the task is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_task: Option<SubTaskStatus>,
    /// MIGRATE_FILE or MIGRATE_BLOCK.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// LINUX or WINDOWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os_type: Option<String>,
    /// Speed as SMS gives it; the vendor's documents say MB/s, its SDK Mbit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migrate_speed: Option<f64>,
    /// When the task was created.
    #[serde(default, deserialize_with = "lenient::time", skip_serializing_if = "Option::is_none")]
    pub create_time: Option<Time>,
    /// When SMS expects the task to be done.
    #[serde(default, deserialize_with = "lenient::time", skip_serializing_if = "Option::is_none")]
    pub estimated_completion_time: Option<Time>,
    /// When the operator saw the state change.
    #[serde(default, deserialize_with = "lenient::time", skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
    /// When the operator last saw the task move on; running tasks only.
    #[serde(default, deserialize_with = "lenient::time", skip_serializing_if = "Option::is_none")]
    pub last_progress_time: Option<Time>,
    /// Since when the task counts as stalled.
    #[serde(default, deserialize_with = "lenient::time", skip_serializing_if = "Option::is_none")]
    pub stalled_since: Option<Time>,
    /// The server that is migrated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_server: Option<ServerStatus>,
    /// The server that it becomes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_server: Option<ServerStatus>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<TaskErrorStatus>,
}

/// One step of a task.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct SubTaskStatus {
    /// Name of the step, such as MIGRATE_LINUX_FILE.
    #[serde(default)]
    pub name: String,
    /// Progress of the step in percent.
    #[serde(default)]
    pub progress: i64,
}

/// A source or target server.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ServerStatus {
    /// Id of the server in SMS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Id of the ECS instance; target servers only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vm_id: Option<String>,
    /// Name of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Address of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// State of the server; source servers only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// Why a task failed.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct TaskErrorStatus {
    /// Code of the vendor's error reference, such as SMS.0203.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The vendor's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Listed ids and source server ids without a matching task.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Missing {
    /// How many are missing.
    #[serde(default)]
    pub count: i64,
    /// The first 100 of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub names: Vec<String>,
}

/// Events that a status owes: they are created after the status is written, so that none is lost or told twice.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Outbox {
    /// Grows with every set of events; part of their names.
    #[serde(default)]
    pub sequence: i64,
    /// When the events came about.
    #[serde(default, deserialize_with = "lenient::time", skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
    /// The events.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub events: Vec<OutboxEvent>,
}

/// One event to be told.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct OutboxEvent {
    /// Normal or Warning.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// The reason, such as TaskFailed.
    #[serde(default)]
    pub reason: String,
    /// The note.
    #[serde(default)]
    pub note: String,
}
