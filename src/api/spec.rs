//! What a user asks for.

// The printer columns repeat `type_`, as they must.
#![allow(clippy::duplicated_attributes)]

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{rules, status::MigrationTaskWatchStatus};

// The doc comments below are what `kubectl explain` prints.

/// Watches migration tasks of Huawei Cloud SMS (Server Migration Service): which account, which tasks, how often.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "migration-task-watch.dev",
    version = "v1alpha1",
    kind = "MigrationTaskWatch",
    plural = "migrationtaskwatches",
    shortname = "mtw",
    category = "migration",
    namespaced,
    status = "MigrationTaskWatchStatus",
    derive = "PartialEq",
    doc = "MigrationTaskWatch shows the state, progress and errors of Huawei Cloud SMS migration tasks in its status.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        description = "Whether the watch itself works",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(
        name = "Total",
        type_ = "integer",
        description = "Tasks that match",
        json_path = ".status.summary.total"
    ),
    printcolumn(
        name = "Running",
        type_ = "integer",
        description = "Tasks that copy their server",
        json_path = ".status.summary.running"
    ),
    printcolumn(
        name = "Syncing",
        type_ = "integer",
        description = "Tasks that have copied their server and carry changes over until the cut-over",
        json_path = ".status.summary.syncing"
    ),
    printcolumn(
        name = "Succeeded",
        type_ = "integer",
        description = "Tasks that are done",
        json_path = ".status.summary.succeeded"
    ),
    printcolumn(
        name = "Failed",
        type_ = "integer",
        description = "Tasks that failed",
        json_path = ".status.summary.failed"
    ),
    printcolumn(
        name = "Progress",
        type_ = "integer",
        description = "Mean progress of all matched tasks, in percent",
        json_path = ".status.summary.progress"
    ),
    printcolumn(
        name = "Last-Sync",
        type_ = "date",
        description = "Time since the last complete listing; rewritten with changes and every 5 to 10 minutes",
        json_path = ".status.lastSyncTime"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        description = "Time since the watch was created",
        json_path = ".metadata.creationTimestamp"
    ),
    printcolumn(
        name = "Stalled-Tasks",
        type_ = "integer",
        priority = 1,
        description = "Running tasks without any progress",
        json_path = ".status.summary.stalled"
    ),
    printcolumn(
        name = "Region",
        type_ = "string",
        priority = 1,
        description = "Region of the SMS endpoint",
        json_path = ".spec.region"
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        priority = 1,
        description = "What the Ready condition says",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.region) || has(self.endpoint)")
    .message("one of region and endpoint is required, such as region: ap-southeast-3"))]
pub struct MigrationTaskWatchSpec {
    /// Region of the SMS endpoint (the control plane, not the region that servers move to), such as
    /// ap-southeast-3. Required unless endpoint is set; beside an endpoint it names the IAM region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')")
        .message("region is a lower-case name such as ap-southeast-3"))]
    pub region: Option<String>,

    /// Base URL of the SMS API, in place of the one that the region implies. The operator's owner decides which
    /// endpoints are allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    #[x_kube(validation = rules::is_url("endpoint", "https://sms.ap-southeast-3.myhuaweicloud.com"),
        validation = rules::is_encrypted("endpoint"),
        validation = rules::is_base("endpoint"))]
    pub endpoint: Option<String>,

    /// Base URL of the IAM API, in place of the one that the region implies. Asked only by credentials that need it:
    /// a user's password, or an id that is to be looked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    #[x_kube(validation = rules::is_url("iamEndpoint", "https://iam.ap-southeast-3.myhuaweicloud.com"),
        validation = rules::is_encrypted("iamEndpoint"),
        validation = rules::is_base("iamEndpoint"))]
    pub iam_endpoint: Option<String>,

    /// How to sign in to SMS.
    pub credentials: Credentials,

    /// Which tasks to watch. All that is given must match; without a filter every task of the account is watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,

    /// How many tasks there should be. As long as fewer match, Completed, Succeeded and CutoverReady stay False.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub expected_tasks: Option<i64>,

    /// Time between two listings, as a duration such as 30s, 5m or 1h30m; 5s to 24h. Default: 1m.
    #[serde(default = "default_interval")]
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(validation = rules::is_duration("interval is a duration such as 30s, 5m or 1h30m"),
        validation = rules::is_between("5s", "24h", "interval must be at least 5s and at most 24h"))]
    pub interval: String,

    /// Pauses the listings. Status keeps what it holds.
    #[serde(default)]
    pub suspend: bool,

    /// A running task is called stalled when neither its step nor its progress changes, nor any data moves, for
    /// this long. A duration such as 30m; 0s turns it off. Default: 30m.
    #[serde(default = "default_stall_after")]
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(validation = rules::is_duration_or_zero(
        "stallAfter is a duration such as 30m or 2h; 0s turns stall detection off"
    ))]
    pub stall_after: String,

    /// How many tasks are written out in status.tasks, 0 to 2000; all are counted. A status never exceeds 512 KiB,
    /// however large the limit. Default: 500.
    #[serde(default = "default_task_limit")]
    #[schemars(range(min = 0, max = 2000))]
    pub task_limit: i64,
}

/// How to sign in to SMS: exactly one way.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.secretRef) != (has(self.ambient) && self.ambient)")
    .message("credentials takes exactly one of secretRef and ambient: true"))]
pub struct Credentials {
    /// A Secret in the watch's own namespace with the keys accessKey and secretKey (and securityToken, domainId
    /// or projectId, where they apply); or token; or username, password and domainName (and projectName or
    /// projectId).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,

    /// Use the operator's own identity, in namespaces where its owner allows that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ambient: Option<bool>,
}

/// Names a Secret in the same namespace.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')")
        .message("name is the name of a Secret: lower-case letters, digits, '-' and '.'"))]
    pub name: String,
}

/// Which tasks to watch. All that is given must match.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Filter {
    /// Part of the task's name, case-sensitive; with * a wildcard over the whole name, such as wave-1-*.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub name: Option<String>,

    /// Part of the source server's name, case-sensitive; with * a wildcard over the whole name. One of the list
    /// must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000), inner(length(min = 1, max = 64)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub source_server_names: Option<Vec<String>>,

    /// Ids of tasks. One of the list must match; what has no match is listed in status.missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000), inner(length(min = 1, max = 64)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub ids: Option<Vec<String>>,

    /// Ids of source servers. One of the list must match; what has no match is listed in status.missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000), inner(length(min = 1, max = 64)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub source_server_ids: Option<Vec<String>>,

    /// Enterprise project of the tasks; "0" is the default project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^[-A-Za-z0-9_]+$')")
        .message("enterpriseProjectId is the project's id, or \"0\" for the default project"))]
    pub enterprise_project_id: Option<String>,

    /// States as SMS names them, such as RUNNING or MIGRATE_FAIL. One of the list must match. With it Completed,
    /// Succeeded and CutoverReady are Unknown, since these need the other tasks too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), inner(length(min = 1, max = 64)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub states: Option<Vec<String>>,
}

fn default_interval() -> String {
    "1m".to_owned()
}

fn default_stall_after() -> String {
    "30m".to_owned()
}

fn default_task_limit() -> i64 {
    500
}
