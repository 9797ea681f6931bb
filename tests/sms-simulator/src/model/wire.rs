//! The JSON of the vendor's page: its fields, their order, and its habits with nulls and empty strings.

use std::time::Duration;

use serde::Serialize;

use super::task::uuid;
use super::{OsType, Server, Snapshot, SubTask, Task, TaskState, TransferMethod};
use crate::clock::Timeline;

/// The answer of `GET /v3/tasks`.
#[derive(Debug, Serialize)]
pub(crate) struct TaskPage {
    pub(crate) count: usize,
    pub(crate) tasks: Vec<TaskBody>,
}

#[derive(Debug, Serialize)]
pub(crate) struct TaskBody {
    id: String,
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    os_type: String,
    state: TaskState,
    estimate_complete_time: Option<i64>,
    create_date: i64,
    priority: u8,
    speed_limit: u16,
    migrate_speed: Option<f64>,
    compress_rate: f64,
    start_target_server: bool,
    error_json: String,
    total_time: Option<u64>,
    migration_ip: String,
    sub_tasks: Vec<SubTaskBody>,
    source_server: Option<SourceBody>,
    enterprise_project_id: String,
    target_server: TargetBody,
    log_collect_status: &'static str,
    clone_server: Option<CloneBody>,
    syncing: bool,
    network_check_info: Option<NetworkBody>,
    special_config: Vec<ConfigBody>,
    total_cpu_usage: f64,
    agent_cpu_usage: f64,
    total_mem_usage: f64,
    agent_mem_usage: f64,
    total_disk_io: f64,
    agent_disk_io: f64,
    need_migration_test: bool,
    subtask_info: String,
}

#[derive(Debug, Serialize)]
struct SubTaskBody {
    id: u64,
    name: String,
    progress: u8,
    start_date: i64,
    end_date: Option<i64>,
    process_trace: String,
}

#[derive(Debug, Serialize)]
struct SourceBody {
    id: String,
    ip: String,
    name: String,
    os_type: String,
    os_version: &'static str,
    oem_system: bool,
    state: &'static str,
}

#[derive(Debug, Serialize)]
struct TargetBody {
    id: String,
    vm_id: String,
    name: String,
    ip: Option<String>,
    os_type: String,
    os_version: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct CloneBody {
    vm_id: String,
    name: String,
}

#[derive(Debug, Serialize)]
struct NetworkBody {
    domain_connectivity: bool,
    destination_connectivity: bool,
    network_delay: f64,
    network_jitter: f64,
    migration_speed: f64,
    loss_percentage: f64,
    cpu_usage: f64,
    mem_usage: f64,
    evaluation_result: &'static str,
}

#[derive(Debug, Serialize)]
struct ConfigBody {
    #[serde(rename = "config_key")]
    key: &'static str,
    #[serde(rename = "config_value")]
    value: &'static str,
    #[serde(rename = "config_status")]
    status: &'static str,
}

/// A task as the page shows it at a moment.
pub(crate) fn body(task: &Task, position: Duration, timeline: &Timeline) -> TaskBody {
    let snapshot = task.at(position);
    let created_server =
        snapshot.sub_tasks.len() > 1 || snapshot.state.has_ended() || snapshot.state == TaskState::SYNCING;
    let speed = snapshot.speed.unwrap_or_default();
    TaskBody {
        id: task.id.clone(),
        name: task.name.clone(),
        kind: kind(task),
        os_type: task.os.to_string(),
        estimate_complete_time: snapshot.estimate.map(|position| timeline.epoch_millis(position)),
        create_date: timeline.epoch_millis(task.created),
        priority: 1,
        speed_limit: 0,
        migrate_speed: snapshot.speed,
        compress_rate: if speed > 0.0 { 1.6 } else { 0.0 },
        start_target_server: true,
        error_json: snapshot.error.as_ref().map(super::TaskError::to_error_json).unwrap_or_default(),
        total_time: total_time(&snapshot, position, timeline),
        migration_ip: if created_server { task.target.ip.clone() } else { String::new() },
        sub_tasks: sub_tasks(&snapshot.sub_tasks, timeline),
        source_server: task.source.as_ref().map(|server| source(server, task.os, &snapshot.state)),
        enterprise_project_id: task.enterprise_project_id.clone(),
        target_server: target(task, created_server),
        log_collect_status: "INIT",
        clone_server: clone_server(task, &snapshot),
        syncing: snapshot.state == TaskState::SYNCING,
        network_check_info: snapshot.started.map(|_| network(speed)),
        special_config: special_config(task),
        total_cpu_usage: if speed > 0.0 { 37.5 } else { 4.0 },
        agent_cpu_usage: if speed > 0.0 { 21.25 } else { 0.5 },
        total_mem_usage: 5120.0,
        agent_mem_usage: 187.0,
        total_disk_io: speed * 1.5,
        agent_disk_io: speed,
        need_migration_test: false,
        subtask_info: snapshot.current().map(subtask_info).unwrap_or_default(),
        state: snapshot.state,
    }
}

fn kind(task: &Task) -> &'static str {
    match (task.os, task.method) {
        (OsType::Linux, TransferMethod::File) => "MIGRATE_FILE",
        _ => "MIGRATE_BLOCK",
    }
}

fn os_version(os: OsType) -> &'static str {
    match os {
        OsType::Linux => "CENTOS_7_6_64BIT",
        OsType::Windows => "WINDOWS2012_R2_64BIT",
    }
}

fn total_time(snapshot: &Snapshot, position: Duration, timeline: &Timeline) -> Option<u64> {
    let started = timeline.epoch_millis(snapshot.started?);
    let until = timeline.epoch_millis(snapshot.ended.unwrap_or(position));
    u64::try_from(until.saturating_sub(started)).ok()
}

fn sub_tasks(steps: &[SubTask], timeline: &Timeline) -> Vec<SubTaskBody> {
    let bodies = steps.iter().zip(1..).map(|(step, id)| SubTaskBody {
        id,
        name: step.name.clone(),
        progress: step.progress,
        start_date: timeline.epoch_millis(step.began),
        end_date: step.ended.map(|position| timeline.epoch_millis(position)),
        process_trace: String::new(),
    });
    bodies.collect()
}

fn source(server: &Server, os: OsType, state: &TaskState) -> SourceBody {
    SourceBody {
        id: server.id.clone(),
        ip: server.ip.clone(),
        name: server.name.clone(),
        os_type: os.to_string(),
        os_version: os_version(os),
        oem_system: false,
        state: source_state(state),
    }
}

/// The source server's state that goes with a task's, from the page's list.
fn source_state(state: &TaskState) -> &'static str {
    match state.as_str() {
        "READY" => "waiting",
        "RUNNING" => "replicate",
        "SYNCING" => "syncing",
        "MIGRATE_SUCCESS" | "SYNC_SUCCESS" => "finished",
        "MIGRATE_FAIL" | "SYNC_FAIL" => "error",
        "ABORTING" => "stopping",
        "ABORT" => "stopped",
        "SKIPPING" => "skipping",
        "DELETING" => "deleting",
        _ => "initialize",
    }
}

/// Before the server is created its details are empty or null, as in the page's example.
fn target(task: &Task, created: bool) -> TargetBody {
    let Server { id, name, ip } = &task.target;
    TargetBody {
        id: id.clone(),
        vm_id: if created { uuid("vm", &task.name) } else { String::new() },
        name: name.clone(),
        ip: created.then(|| ip.clone()),
        os_type: task.os.to_string(),
        os_version: created.then(|| os_version(task.os)),
    }
}

fn clone_server(task: &Task, snapshot: &Snapshot) -> Option<CloneBody> {
    let cloned = snapshot.sub_tasks.iter().any(|step| step.name == "CLONE_VM" && step.ended.is_some());
    cloned.then(|| CloneBody { vm_id: uuid("clone", &task.name), name: format!("{}-clone", task.name) })
}

fn network(speed: f64) -> NetworkBody {
    NetworkBody {
        domain_connectivity: true,
        destination_connectivity: true,
        network_delay: 20.0,
        network_jitter: 2.0,
        migration_speed: speed,
        loss_percentage: 0.0,
        cpu_usage: 20.0,
        mem_usage: 20.0,
        evaluation_result: "",
    }
}

fn special_config(task: &Task) -> Vec<ConfigBody> {
    let excludes = ConfigBody { key: "EXCLUDE_MIGRATE_PATH", value: "/var/tmp", status: "0" };
    if task.os == OsType::Linux && task.method == TransferMethod::File { vec![excludes] } else { Vec::new() }
}

/// The page gives this string no format: "the current sub-task and its progress".
fn subtask_info(step: &SubTask) -> String {
    format!("{} {}%", step.name, step.progress)
}
