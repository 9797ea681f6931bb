//! One entry of the task list.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;

use super::{json::Object, task_error};
use crate::core::{
    task::{Percent, Server, SubTask, Task, TaskId, TaskState},
    text::limits,
};

/// Reads a task. None when it has no id, since nothing could be said of it.
pub(super) fn decode(entry: &Object<'_>) -> Option<Task> {
    let id = entry.text("id", limits::ID)?;
    let steps = Step::decode_started(entry);
    Some(Task {
        id: TaskId::new(&id),
        name: entry.text("name", limits::NAME).unwrap_or_default(),
        state: TaskState::parse(&entry.text("state", limits::NAME).unwrap_or_default()),
        kind: entry.text("type", limits::NAME),
        os_type: entry.text("os_type", limits::NAME),
        enterprise_project_id: entry.text("enterprise_project_id", limits::ID),
        migrate_speed: entry.number("migrate_speed"),
        created: entry.time("create_date"),
        estimated_completion: entry.time("estimate_complete_time"),
        sub_task: current(&steps).map(Step::to_sub_task),
        copied: steps.iter().rfind(|step| step.copies_data()).map(|step| step.progress),
        source: entry.object("source_server").map(|server| decode_server(&server)).unwrap_or_default(),
        target: entry.object("target_server").map(|server| decode_server(&server)).unwrap_or_default(),
        error: task_error::decode(entry),
    })
}

fn decode_server(server: &Object<'_>) -> Server {
    Server {
        id: server.text("id", limits::ID),
        name: server.text("name", limits::NAME),
        ip: server.text("ip", limits::NAME),
        state: server.text("state", limits::NAME),
        vm_id: server.text("vm_id", limits::ID),
    }
}

/// A sub-task, with the times that order it.
struct Step {
    name: Arc<str>,
    progress: Percent,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

impl Step {
    /// The named sub-tasks that have started, in the order of their start. One without a start time has started when
    /// it has progress, and comes before those with one.
    fn decode_started(task: &Object<'_>) -> Vec<Self> {
        let entries = task.list("sub_tasks").unwrap_or_default();
        let steps = entries.iter().filter_map(|entry| Self::decode(&Object::parse(entry.get()).ok()?));
        let mut started: Vec<_> = steps.filter(Self::has_started).collect();
        started.sort_by_key(|step| step.start);
        started
    }

    fn decode(entry: &Object<'_>) -> Option<Self> {
        Some(Self {
            name: entry.text("name", limits::NAME)?,
            progress: Percent::clamped(entry.integer("progress").unwrap_or_default()),
            start: entry.time("start_date"),
            end: entry.time("end_date"),
        })
    }

    fn has_started(&self) -> bool {
        self.start.is_some() || self.progress > Percent::default()
    }

    fn copies_data(&self) -> bool {
        self.name.starts_with("MIGRATE_") || self.name.starts_with("SYNC_")
    }

    fn to_sub_task(&self) -> SubTask {
        SubTask { name: self.name.clone(), progress: self.progress }
    }
}

/// The step that a task is in: the latest one that hasn't ended, else the latest one.
fn current(started: &[Step]) -> Option<&Step> {
    started.iter().rfind(|step| step.end.is_none()).or(started.last())
}
