use migration_task_watch::api::{Filter, MigrationTaskWatch, MigrationTaskWatchStatus, Summary, TaskStatus};

use super::model::Task;

/// Whether a task is one of a watch's.
pub(super) fn matches(filter: &Filter, task: &Task) -> bool {
    let source = task.source_server.as_ref();
    let source_name = source.and_then(|server| server.name.as_deref()).unwrap_or_default();
    let source_id = source.and_then(|server| server.id.as_ref());
    filter.name.as_ref().is_none_or(|pattern| fits(pattern, &task.name))
        && filter
            .source_server_names
            .as_ref()
            .is_none_or(|patterns| patterns.iter().any(|pattern| fits(pattern, source_name)))
        && filter.ids.as_ref().is_none_or(|ids| ids.contains(&task.id))
        && filter.source_server_ids.as_ref().is_none_or(|ids| source_id.is_some_and(|id| ids.contains(id)))
        && filter.states.as_ref().is_none_or(|states| states.contains(&task.state))
}

/// The bench's patterns are a part, or a beginning with `*`.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => text.starts_with(beginning),
        None => text.contains(pattern),
    }
}

/// The status of a watch.
pub(super) fn status(watch: &MigrationTaskWatch, tasks: &[Task]) -> MigrationTaskWatchStatus {
    let limit = usize::try_from(watch.spec.task_limit).unwrap_or_default();
    MigrationTaskWatchStatus {
        observed_generation: watch.metadata.generation,
        summary: Some(summary(tasks)),
        tasks: tasks.iter().take(limit).map(task).collect(),
        ..MigrationTaskWatchStatus::default()
    }
}

fn summary(tasks: &[Task]) -> Summary {
    let mut summary = Summary { total: count(tasks.len()), ..Summary::default() };
    for task in tasks {
        *summary.by_state.entry(task.state.clone()).or_default() += 1;
        let counter = match phase(&task.state) {
            "Pending" => &mut summary.pending,
            "Running" => &mut summary.running,
            "Syncing" => &mut summary.syncing,
            "Succeeded" => &mut summary.succeeded,
            "Failed" => &mut summary.failed,
            "Aborted" => &mut summary.aborted,
            _ => &mut summary.other,
        };
        *counter += 1;
        summary.progress += progress(task);
    }
    summary.progress /= count(tasks.len()).max(1);
    summary
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn phase(state: &str) -> &'static str {
    match state {
        "READY" => "Pending",
        "RUNNING" => "Running",
        "SYNCING" => "Syncing",
        "MIGRATE_SUCCESS" | "SYNC_SUCCESS" => "Succeeded",
        "MIGRATE_FAIL" | "SYNC_FAIL" => "Failed",
        "ABORTING" | "ABORT" => "Aborted",
        _ => "Other",
    }
}

fn progress(task: &Task) -> i64 {
    match phase(&task.state) {
        "Syncing" | "Succeeded" => 100,
        _ => {
            let copying = task.sub_tasks.iter().rfind(|step| step.name.starts_with("MIGRATE_"));
            copying.and_then(|step| step.progress).unwrap_or_default().min(99)
        }
    }
}

fn task(task: &Task) -> TaskStatus {
    TaskStatus {
        id: task.id.clone(),
        name: Some(task.name.clone()),
        phase: phase(&task.state).to_owned(),
        state: task.state.clone(),
        progress: progress(task),
        kind: task.kind.clone(),
        os_type: task.os_type.clone(),
        ..TaskStatus::default()
    }
}
