//! Listings, all the way from what SMS answers to the status that is written.

use serde_json::{Value, json};

use super::{
    bytes::Bytes,
    watch::{settle, spec},
};
use crate::{
    core::{decide::model::World, failure::FailureKind, task::Task, text::limits},
    sms,
};

const STATES: [&str; 14] = [
    "READY",
    "RUNNING",
    "SYNCING",
    "MIGRATE_SUCCESS",
    "SYNC_SUCCESS",
    "MIGRATE_FAIL",
    "SYNC_FAIL",
    "SYNC_F_ROLLBACKING",
    "SYNC_F_ROLLBACK_SUCCESS",
    "ABORTING",
    "ABORT",
    "SKIPPING",
    "",
    "running",
];
/// What is told of tasks by what is remembered of them alone.
const BY_TIME: [&str; 3] = ["TaskDisappeared", "TaskStalled", "TaskResumed"];

/// Whole listings, one after the other, with failures, restarts and edits in between.
pub fn listings(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let mut world = World::new(spec(&mut bytes));
    let mut tasks = Vec::new();
    settle(&mut world);
    for _ in 0..12 {
        if bytes.is_empty() {
            break;
        }
        match bytes.byte() % 8 {
            0..=3 => {
                let (listed, unreadable) = listing(&mut bytes);
                world.see(listed.clone(), unreadable);
                // What comes while the spec can't be read is nobody's: it is listed anew once it can.
                if world.plan.is_ok() {
                    tasks = listed;
                }
            }
            4 => world.miss(bytes.one_of(&FailureKind::ALL), &bytes.text()),
            5 => {
                world.restart();
                world.see(tasks.clone(), 0);
            }
            6 => world.edit(spec(&mut bytes)),
            _ => world.pass(bytes.one_of(&[1, 59, 60, 301, 601, 3600, 100_000])),
        }
        settle(&mut world);
        world.take_told();
        check_restart(world.clone(), &tasks);
    }
}

/// What one operator has told, the next doesn't tell again.
fn check_restart(mut world: World, tasks: &[Task]) {
    let has_listed = world.status.observed_target.is_some()
        && world.plan.as_ref().is_ok_and(|plan| world.status.observed_target.as_ref() == Some(&plan.target));
    if !has_listed {
        return;
    }
    world.restart();
    world.see(tasks.to_vec(), 0);
    settle(&mut world);
    let told = world.take_told();
    let again: Vec<_> = told
        .iter()
        .filter(|event| event.reason.starts_with("Task") || event.reason == "WatchStarted")
        .collect();
    assert!(again.iter().all(|event| BY_TIME.contains(&&*event.reason)), "{again:#?}\n{:#?}", world.status);
}

/// Tasks enough for any way to write them, and few enough to try many listings a second.
const MANY: usize = 300;

/// A listing as SMS might answer it: each field may be anything.
fn listing(bytes: &mut Bytes<'_>) -> (Vec<Task>, usize) {
    let mut tasks = Vec::new();
    for _ in 0..bytes.below(8) {
        if tasks.len() >= MANY {
            break;
        }
        let id = bytes.one_of(&["a", "b", "c", "d", "e", "f"]);
        let mut task = json!({
            "name": format!("t{id}"),
            "state": bytes.one_of(&STATES),
            "source_server": {"id": format!("{id}-0"), "name": id},
        });
        for _ in 0..bytes.below(5) {
            let field = bytes.one_of(&FIELDS);
            put(&mut task, field, odd(bytes));
        }
        let copies = bytes.one_of(&[1, 1, 1, 1, 2, 21, MANY]);
        tasks.extend((0..copies).map(|copy| {
            let mut task = task.clone();
            task["id"] = json!(format!("{id}-{copy}"));
            task
        }));
    }
    let body = json!({"count": tasks.len(), "tasks": tasks}).to_string();
    (sms::hostile::tasks(body.as_bytes()).expect("the page is one"), usize::from(bytes.byte() == 1))
}

const FIELDS: [&str; 14] = [
    "/name",
    "/type",
    "/os_type",
    "/migrate_speed",
    "/create_date",
    "/estimate_complete_time",
    "/error_json",
    "/sub_tasks",
    "/source_server",
    "/target_server",
    "/source_server/ip",
    "/target_server/name",
    "/state",
    "/enterprise_project_id",
];

fn put(task: &mut Value, pointer: &str, value: Value) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    if task.pointer(parent).is_none_or(|parent| !parent.is_object()) {
        task[parent.trim_start_matches('/')] = json!({});
    }
    task.pointer_mut(parent).unwrap()[name] = value;
}

/// A value that a field may hold, or should not.
fn odd(bytes: &mut Bytes<'_>) -> Value {
    match bytes.byte() % 12 {
        0 => Value::Null,
        1 => json!(bytes.text()),
        2 => json!(bytes.text().repeat(limits::MESSAGE)),
        3 => json!(bytes.number().cast_signed()),
        4 => json!(f64::from_bits(bytes.number())),
        5 => json!(bytes.byte()),
        6 => json!(1_800_000_000_000_i64 + i64::from(bytes.byte()) * 1_000_000),
        7 => json!([{"name": "MIGRATE_LINUX_FILE", "progress": bytes.byte(), "start_date": bytes.byte()}]),
        8 => json!(format!(r#"{{"error_code":"SMS.{}","error_msg":"{}"#, bytes.byte(), bytes.text())),
        9 => json!({"id": bytes.text(), "name": bytes.text(), "vm_id": bytes.text()}),
        10 => json!([bytes.text(), {"name": bytes.text(), "progress": bytes.text()}]),
        _ => json!(bytes.flag()),
    }
}
