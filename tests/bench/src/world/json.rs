//! The page as the service writes it: all fields, about 1.5 KB a task.

use std::io::{self, Write as _};

use super::{State, World, source_id, source_name, task_id};

/// The day on which all tasks were made, in milliseconds.
const CREATED: u64 = 1_800_000_000_000;

const NETWORK: &str = r#"{"domain_connectivity":true,"destination_connectivity":true,"network_delay":20.0,"network_jitter":2.0,"migration_speed":38.5,"loss_percentage":0.0,"cpu_usage":20.0,"mem_usage":20.0,"evaluation_result":""}"#;

impl World {
    /// A page with these tasks of so many.
    ///
    /// # Errors
    /// None: a vector takes everything.
    pub fn page(&self, count: usize, numbers: impl Iterator<Item = usize>) -> io::Result<Vec<u8>> {
        let mut page = Vec::with_capacity(300_000);
        write!(page, r#"{{"count":{count},"tasks":["#)?;
        for (place, number) in numbers.enumerate() {
            if place > 0 {
                page.push(b',');
            }
            if let Some(state) = self.state(number) {
                write_task(&mut page, &self.name(number), number, state)?;
            }
        }
        page.extend_from_slice(b"]}");
        Ok(page)
    }
}

fn write_task(page: &mut Vec<u8>, name: &str, number: usize, state: State) -> io::Result<()> {
    let (id, source, host) = (task_id(number), source_id(number), source_name(number));
    let created = CREATED + number as u64 * 1000;
    let speed = if state == State::Running { "38.5" } else { "0.0" };
    let error = if matches!(state, State::MigrateFail | State::SyncFail) {
        r#"{\"error_code\":\"SMS.0203\",\"error_msg\":\"The connection to the target server timed out.\"}"#
    } else {
        ""
    };
    // As in the vendor's example: only what runs has been measured.
    let network = if state == State::Running { NETWORK } else { "null" };
    let (server_state, syncing) = (source_state(state), state == State::Syncing);
    write!(
        page,
        r#"{{"id":"{id}","name":"{name}","type":"MIGRATE_FILE","os_type":"LINUX","state":"{}","estimate_complete_time":null,"create_date":{created},"priority":1,"speed_limit":0,"migrate_speed":{speed},"compress_rate":1.6,"start_target_server":true,"error_json":"{error}","total_time":{},"migration_ip":"10.{}.{}.{}","sub_tasks":["#,
        state.name(),
        number % 3_600_000,
        number >> 16 & 0xff,
        number >> 8 & 0xff,
        number & 0xff,
    )?;
    write_steps(page, number, state, created)?;
    write!(
        page,
        r#"],"source_server":{{"id":"{source}","ip":"192.168.{}.{}","name":"{host}","os_type":"LINUX","os_version":"CENTOS_7_6_64BIT","oem_system":false,"state":"{server_state}"}},"enterprise_project_id":"0","target_server":{{"id":"7a26{}","vm_id":"b3c1{}","name":"{host}-target","ip":"10.9.{}.{}","os_type":"LINUX","os_version":"CENTOS_7_6_64BIT"}},"log_collect_status":"INIT","clone_server":null,"syncing":{syncing},"network_check_info":{network},"special_config":[{{"config_key":"EXCLUDE_MIGRATE_PATH","config_value":"/var/tmp","config_status":"0"}}],"total_cpu_usage":37.5,"agent_cpu_usage":21.25,"total_mem_usage":5120.0,"agent_mem_usage":187.0,"total_disk_io":57.75,"agent_disk_io":38.5,"need_migration_test":false,"subtask_info":"MIGRATE_LINUX_FILE {}%"}}"#,
        number >> 8 & 0xff,
        number & 0xff,
        source.get(4..).unwrap_or_default(),
        source.get(4..).unwrap_or_default(),
        number >> 8 & 0xff,
        number & 0xff,
        number % 100,
    )
}

/// What has been done of a migration by files.
fn write_steps(page: &mut Vec<u8>, number: usize, state: State, created: u64) -> io::Result<()> {
    const STEPS: [&str; 3] = ["CREATE_CLOUD_SERVER", "SSL_CONFIG", "MIGRATE_LINUX_FILE"];
    if state == State::Ready {
        return Ok(());
    }
    for (place, step) in STEPS.iter().enumerate() {
        let start = created + place as u64 * 60_000;
        let is_last = place + 1 == STEPS.len();
        let separator = if is_last { "" } else { "," };
        let (progress, end) = match state {
            State::Running | State::MigrateFail if is_last => (number % 100, "null".to_owned()),
            _ => (100, (start + 59_000).to_string()),
        };
        write!(
            page,
            r#"{{"id":{},"name":"{step}","progress":{progress},"start_date":{start},"end_date":{end},"process_trace":""}}{separator}"#,
            place + 1,
        )?;
    }
    Ok(())
}

fn source_state(state: State) -> &'static str {
    match state {
        State::Ready => "waiting",
        State::Running => "replicate",
        State::Syncing => "syncing",
        State::MigrateSuccess | State::SyncSuccess => "finished",
        State::MigrateFail | State::SyncFail => "error",
        State::Abort => "stopped",
    }
}
