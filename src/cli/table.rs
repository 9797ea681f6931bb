//! A status as a table for people.

use std::fmt::Write;

use crate::{
    api::{MigrationTaskWatchStatus, Summary, TaskStatus},
    views::{Column, Line, Table, clean},
};

/// Renders the tasks that a status holds, and their counts.
pub(super) fn render(status: &MigrationTaskWatchStatus) -> String {
    let mut out = if status.tasks.is_empty() { String::new() } else { tasks(&status.tasks) };
    if let Some(omitted) = status.omitted_tasks.filter(|omitted| *omitted > 0) {
        let _ = writeln!(out, "and {omitted} more");
    }
    if let Some(missing) = &status.missing {
        let _ = writeln!(out, "Missing: {} ({})", missing.count, clean(&missing.names.join(", ")));
    }
    let _ = writeln!(out, "{}", counts(status.summary.as_ref()));
    out
}

fn row(task: &TaskStatus) -> [String; 6] {
    let or_dash = |text: Option<&str>| text.filter(|text| !text.is_empty()).unwrap_or("-").to_owned();
    let error = task.error.as_ref().map(|error| {
        [error.code.as_deref(), error.message.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(": ")
    });
    [
        or_dash(task.name.as_deref().or(Some(&task.id))),
        task.state.clone(),
        format!("{}%", task.progress),
        or_dash(task.sub_task.as_ref().map(|step| step.name.as_str())),
        or_dash(task.source_server.as_ref().and_then(|server| server.name.as_deref())),
        or_dash(error.as_deref()),
    ]
}

fn tasks(tasks: &[TaskStatus]) -> String {
    let columns = ["NAME", "STATE", "PROGRESS", "STEP", "SOURCE", "ERROR"];
    let mut table = Table::new(columns.map(|title| Column::left(title, 0)).to_vec());
    tasks.iter().for_each(|task| table.push(row(task).iter().map(|cell| Line::plain(cell)).collect()));
    table.lines(None).iter().fold(String::new(), |mut out, line| {
        let _ = writeln!(out, "{}", line.render(false));
        out
    })
}

fn counts(summary: Option<&Summary>) -> String {
    let Some(summary) = summary else { return "No tasks.".to_owned() };
    format!(
        "Total {}: pending {}, running {}, syncing {}, succeeded {}, failed {}, aborted {}, other {}. Progress {}%.",
        summary.total,
        summary.pending,
        summary.running,
        summary.syncing,
        summary.succeeded,
        summary.failed,
        summary.aborted,
        summary.other,
        summary.progress
    )
}
