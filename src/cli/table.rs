//! A status as a table for people.

use std::fmt::Write;

use crate::api::{MigrationTaskWatchStatus, Summary, TaskStatus};

/// Renders the tasks that a status holds, and their counts.
pub(super) fn render(status: &MigrationTaskWatchStatus) -> String {
    let mut rows = vec![["NAME", "STATE", "PROGRESS", "STEP", "SOURCE", "ERROR"].map(str::to_owned)];
    rows.extend(status.tasks.iter().map(row));
    let mut out = if rows.len() > 1 { align(&rows) } else { String::new() };
    if let Some(omitted) = status.omitted_tasks.filter(|omitted| *omitted > 0) {
        let _ = writeln!(out, "and {omitted} more");
    }
    if let Some(missing) = &status.missing {
        let _ = writeln!(out, "Missing: {} ({})", missing.count, missing.names.join(", "));
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

fn align(rows: &[[String; 6]]) -> String {
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..6).map(width).collect();
    rows.iter().fold(String::new(), |mut out, row| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("   ");
        let _ = writeln!(out, "{}", line.trim_end());
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
