//! The page, with all of its fields, as a vendor's SDK models it.

use serde::Deserialize;

/// A page.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    pub(super) tasks: Vec<Task>,
}

/// A task.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "an SDK's model has all fields, whoever needs them")]
pub(super) struct Task {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) os_type: Option<String>,
    pub(super) state: String,
    pub(super) estimate_complete_time: Option<i64>,
    pub(super) create_date: Option<i64>,
    pub(super) priority: Option<i32>,
    pub(super) speed_limit: Option<i32>,
    pub(super) migrate_speed: Option<f64>,
    pub(super) compress_rate: Option<f64>,
    pub(super) start_target_server: Option<bool>,
    pub(super) error_json: Option<String>,
    pub(super) total_time: Option<i64>,
    pub(super) migration_ip: Option<String>,
    #[serde(default)]
    pub(super) sub_tasks: Vec<SubTask>,
    pub(super) source_server: Option<Server>,
    pub(super) enterprise_project_id: Option<String>,
    pub(super) target_server: Option<Server>,
    pub(super) log_collect_status: Option<String>,
    pub(super) syncing: Option<bool>,
    pub(super) network_check_info: Option<NetworkCheck>,
    #[serde(default)]
    pub(super) special_config: Vec<Setting>,
    pub(super) total_cpu_usage: Option<f64>,
    pub(super) agent_cpu_usage: Option<f64>,
    pub(super) total_mem_usage: Option<f64>,
    pub(super) agent_mem_usage: Option<f64>,
    pub(super) total_disk_io: Option<f64>,
    pub(super) agent_disk_io: Option<f64>,
    pub(super) need_migration_test: Option<bool>,
    pub(super) subtask_info: Option<String>,
}

/// A step of a task.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "an SDK's model has all fields, whoever needs them")]
pub(super) struct SubTask {
    pub(super) id: Option<i64>,
    pub(super) name: String,
    pub(super) progress: Option<i64>,
    pub(super) start_date: Option<i64>,
    pub(super) end_date: Option<i64>,
    pub(super) process_trace: Option<String>,
}

/// A source or target server.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "an SDK's model has all fields, whoever needs them")]
pub(super) struct Server {
    pub(super) id: Option<String>,
    pub(super) vm_id: Option<String>,
    pub(super) ip: Option<String>,
    pub(super) name: Option<String>,
    pub(super) os_type: Option<String>,
    pub(super) os_version: Option<String>,
    pub(super) oem_system: Option<bool>,
    pub(super) state: Option<String>,
}

/// What the agent measured of its network.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "an SDK's model has all fields, whoever needs them")]
pub(super) struct NetworkCheck {
    pub(super) domain_connectivity: Option<bool>,
    pub(super) destination_connectivity: Option<bool>,
    pub(super) network_delay: Option<f64>,
    pub(super) network_jitter: Option<f64>,
    pub(super) migration_speed: Option<f64>,
    pub(super) loss_percentage: Option<f64>,
    pub(super) cpu_usage: Option<f64>,
    pub(super) mem_usage: Option<f64>,
    pub(super) evaluation_result: Option<String>,
}

/// A setting of a migration.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "an SDK's model has all fields, whoever needs them")]
pub(super) struct Setting {
    #[serde(rename = "config_key")]
    pub(super) key: Option<String>,
    #[serde(rename = "config_value")]
    pub(super) value: Option<String>,
    #[serde(rename = "config_status")]
    pub(super) status: Option<String>,
}
