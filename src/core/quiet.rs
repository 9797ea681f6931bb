//! When a status is written: at once for what a person would act on, at most once a minute for progress, and by a
//! slow heartbeat for the rest. Everything written costs the API server and everybody who watches.

use std::time::Duration;

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

use super::{
    failure::without_request_id,
    layout::json_size,
    time::{after, whole_seconds},
};
use crate::api::{MigrationTaskWatchStatus, Missing, Summary, TaskStatus};

/// The least time between two writes for progress alone.
const PROGRESS_PAUSE: Duration = Duration::from_secs(60);
/// The heartbeat.
const HEARTBEAT: Duration = Duration::from_secs(300);
/// The heartbeat of a large status.
const LARGE_HEARTBEAT: Duration = Duration::from_secs(600);
/// What counts as large, in bytes of JSON.
const LARGE: usize = 64 * 1024;

/// Whether a new status is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// Now.
    Now,
    /// Not before this time, unless something more important happens.
    At(Timestamp),
    /// There is nothing to write.
    Never,
}

/// Decides whether `new` is written over `last`, which was written at `written` (unknown after a restart). A ledger
/// that isn't there yet is taken for as long as the last one.
#[must_use]
pub fn writing(
    last: &MigrationTaskWatchStatus,
    new: &MigrationTaskWatchStatus,
    written: Option<Timestamp>,
    now: Timestamp,
) -> Writing {
    if Telling::of(last) != Telling::of(new)
        || new.outbox.as_ref().is_some_and(|outbox| !outbox.events.is_empty())
    {
        return Writing::Now;
    }
    let written = written.or_else(|| time(last.last_sync_time.as_ref())).unwrap_or(Timestamp::UNIX_EPOCH);
    if Progress::of(last) != Progress::of(new) {
        return due(after(written, PROGRESS_PAUSE), now);
    }
    let ledger = new.ledger.is_none().then(|| last.ledger.as_ref().map_or(0, String::len));
    let heartbeat = if json_size(new) + ledger.unwrap_or(0) > LARGE { LARGE_HEARTBEAT } else { HEARTBEAT };
    match (time(last.last_sync_time.as_ref()), time(new.last_sync_time.as_ref())) {
        (last, Some(new)) if last != Some(new) => due(after(last.unwrap_or(written), heartbeat), now),
        _ => Writing::Never,
    }
}

fn due(at: Timestamp, now: Timestamp) -> Writing {
    if whole_seconds(now) >= at { Writing::Now } else { Writing::At(at) }
}

fn time(time: Option<&Time>) -> Option<Timestamp> {
    time.map(|time| time.0)
}

/// What a person would act on.
#[derive(PartialEq)]
struct Telling<'a> {
    generation: Option<i64>,
    target: Option<&'a str>,
    handled: Option<&'a str>,
    conditions: Vec<(&'a str, &'a str, &'a str)>,
    summary: Option<Summary>,
    missing: Option<&'a Missing>,
    omitted: Option<i64>,
    tasks: Vec<TellingTask<'a>>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct TellingTask<'a> {
    id: &'a str,
    state: &'a str,
    error: Option<(Option<&'a str>, Option<&'a str>)>,
    stalled: bool,
    vm: Option<&'a str>,
}

impl<'a> Telling<'a> {
    fn of(status: &'a MigrationTaskWatchStatus) -> Self {
        let mut conditions: Vec<_> = status
            .conditions
            .iter()
            .map(|condition| (condition.type_.as_str(), condition.status.as_str(), condition.reason.as_str()))
            .collect();
        conditions.sort_unstable();
        let mut tasks: Vec<_> = status.tasks.iter().map(TellingTask::of).collect();
        tasks.sort_unstable();
        Self {
            generation: status.observed_generation,
            target: status.observed_target.as_deref(),
            handled: status.last_handled_reconcile_at.as_deref(),
            conditions,
            summary: status.summary.as_ref().map(|summary| Summary {
                progress: 0,
                estimated_completion_time: None,
                ..summary.clone()
            }),
            missing: status.missing.as_ref(),
            omitted: status.omitted_tasks,
            tasks,
        }
    }
}

impl<'a> TellingTask<'a> {
    fn of(task: &'a TaskStatus) -> Self {
        Self {
            id: &task.id,
            state: &task.state,
            error: task.error.as_ref().map(|error| (error.code.as_deref(), error.message.as_deref())),
            stalled: task.stalled_since.is_some(),
            vm: task.target_server.as_ref().and_then(|server| server.vm_id.as_deref()),
        }
    }
}

/// What is worth a write, but not more often than once a minute.
#[derive(PartialEq)]
struct Progress<'a> {
    mean: Option<i64>,
    tasks: Vec<(&'a str, i64)>,
    messages: Vec<(&'a str, &'a str)>,
}

impl<'a> Progress<'a> {
    fn of(status: &'a MigrationTaskWatchStatus) -> Self {
        let mut tasks: Vec<_> = status.tasks.iter().map(|task| (task.id.as_str(), task.progress)).collect();
        tasks.sort_unstable();
        let mut messages: Vec<_> = status
            .conditions
            .iter()
            .map(|condition| (condition.type_.as_str(), without_request_id(&condition.message)))
            .collect();
        messages.sort_unstable();
        Self { mean: status.summary.as_ref().map(|summary| summary.progress), tasks, messages }
    }
}
