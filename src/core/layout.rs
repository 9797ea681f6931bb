//! Which tasks a status writes out, in which order, within which size; and the ledger for the others.

use k8s_openapi::jiff::Timestamp;

use super::{
    known::Presence,
    ledger::{self, Entry, Page},
    memory::Memory,
    plan::Plan,
    summary::{Matched, number},
    task::{Phase, Server, Task, TaskId},
    time::written,
};
use crate::api::{MigrationTaskWatchStatus, ServerStatus, SubTaskStatus, TaskErrorStatus, TaskStatus};

/// The largest status, in bytes of JSON.
pub const MAX_STATUS: usize = 512 * 1024;
/// For the conditions and the watch's own events, which are written after the tasks.
const SLACK: usize = 16 * 1024;

/// Writes the tasks into a status whose other fields are all there, and what doesn't fit into its ledger.
pub fn write_tasks(
    status: &mut MigrationTaskWatchStatus,
    uid: &str,
    plan: &Plan,
    mut matched: Vec<Matched<'_>>,
    memory: &Memory,
    now: Timestamp,
) {
    (status.tasks, status.ledger) = (Vec::new(), None);
    let room = MAX_STATUS.saturating_sub(json_size(status) + SLACK);
    // Enough for hashes of full length, and for the names of missing tasks.
    let ledger_room = ledger::MAX_LENGTH.min(8 * matched.len() + 24 * 1024).min(room);
    matched.sort_by_cached_key(|matched| {
        let task = matched.task;
        (rank(matched), task.name.clone(), task.id.clone())
    });
    status.tasks = fitting(matched.iter().take(plan.task_limit), room - ledger_room);
    let (listed, omitted) = matched.split_at(status.tasks.len().min(matched.len()));
    status.omitted_tasks = Some(number(omitted.len()));
    status.ledger = write_ledger(uid, plan, listed, omitted, memory, now, ledger_room);
}

/// Failed first, then stalled, running, syncing, pending, other, aborted and succeeded.
fn rank(matched: &Matched<'_>) -> u8 {
    match matched.task.state.phase() {
        Phase::Failed => 0,
        Phase::Running if matched.is_stalled() => 1,
        Phase::Running => 2,
        Phase::Syncing => 3,
        Phase::Pending => 4,
        Phase::Other => 5,
        Phase::Aborted => 6,
        Phase::Succeeded => 7,
    }
}

fn fitting<'a>(matched: impl Iterator<Item = &'a Matched<'a>>, mut room: usize) -> Vec<TaskStatus> {
    matched
        .map(task_status)
        .map_while(|task| {
            room = room.checked_sub(json_size(&task) + 1)?;
            Some(task)
        })
        .collect()
}

fn write_ledger(
    uid: &str,
    plan: &Plan,
    listed: &[Matched<'_>],
    omitted: &[Matched<'_>],
    memory: &Memory,
    now: Timestamp,
    room: usize,
) -> Option<String> {
    let absent = memory.known.iter().filter(|(_, known)| known.presence != Presence::Listed);
    let entries: Vec<Entry<'_>> = omitted
        .iter()
        .map(|matched| Entry::Known(&matched.task.id, matched.known))
        .chain(absent.map(|(id, known)| Entry::Known(id, known)))
        .chain(memory.hashed.iter().map(|(key, known)| Entry::Hashed(key, known)))
        .collect();
    let listed: Vec<&TaskId> = listed.iter().map(|matched| &matched.task.id).collect();
    let earlier_bits = memory.hashed.bits();
    Page { uid, entries: &entries, written: &listed, earlier_bits, stall_after: plan.stall_after, now }
        .encode(room)
}

fn task_status(matched: &Matched<'_>) -> TaskStatus {
    let Task { id, name, state, kind, os_type, migrate_speed, created, estimated_completion, .. } =
        matched.task;
    let Task { sub_task, source, target, error, .. } = matched.task;
    let known = matched.known;
    TaskStatus {
        id: id.to_string(),
        name: Some(name.to_string()).filter(|name| !name.is_empty()),
        phase: state.phase().name().to_owned(),
        state: state.name().to_owned(),
        progress: matched.task.progress().get().into(),
        sub_task: sub_task
            .as_ref()
            .map(|step| SubTaskStatus { name: step.name.to_string(), progress: step.progress.get().into() }),
        kind: kind.as_deref().map(str::to_owned),
        os_type: os_type.as_deref().map(str::to_owned),
        migrate_speed: migrate_speed.map(|speed| (speed * 100.0).round() / 100.0),
        create_time: created.and_then(written),
        estimated_completion_time: estimated_completion.and_then(written),
        last_transition_time: known.last_transition.and_then(written),
        last_progress_time: known.last_progress.and_then(written),
        stalled_since: known.stalled_since.and_then(written),
        source_server: server(source),
        target_server: server(target),
        error: error.as_ref().map(|error| TaskErrorStatus {
            code: error.code.as_deref().map(str::to_owned),
            message: error.message.as_deref().map(str::to_owned),
        }),
    }
}

fn server(server: &Server) -> Option<ServerStatus> {
    let text = |field: &Option<std::sync::Arc<str>>| field.as_deref().map(str::to_owned);
    let status = ServerStatus {
        id: text(&server.id),
        vm_id: text(&server.vm_id),
        name: text(&server.name),
        ip: text(&server.ip),
        state: text(&server.state),
    };
    (status != ServerStatus::default()).then_some(status)
}

/// The length of a value as JSON.
#[must_use]
pub fn json_size(value: &impl serde::Serialize) -> usize {
    struct Counter(usize);
    impl std::io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    match serde_json::to_writer(&mut counter, value) {
        Ok(()) => counter.0,
        // What can't be written takes no room that could be given.
        Err(_) => usize::MAX / 2,
    }
}
