//! When a status is written: at once for what a person would act on, at most once a minute for progress, and by a
//! slow heartbeat for the rest. Everything written costs the API server and everybody who watches.

use std::time::Duration;

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

use super::{
    budget::Urgency,
    failure::without_request_id,
    last::Last,
    shown::Change,
    time::{after, whole_seconds},
};
use crate::api::{MigrationTaskWatchStatus, Missing, Summary};

/// The least time between two writes for progress alone.
const PROGRESS_PAUSE: Duration = Duration::from_secs(60);
/// The heartbeat, at most.
const HEARTBEAT: Duration = Duration::from_secs(300);
/// The heartbeat of a large status, at most.
const LARGE_HEARTBEAT: Duration = Duration::from_secs(600);
/// The heartbeat is shorter by up to one in so many, differently for each watch: those that were started together aren't
/// written together.
const SPREAD: u64 = 10;
/// What counts as large, in bytes of JSON.
const LARGE: usize = 64 * 1024;

/// Whether a new status is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// Now, or as soon as there is room for what is so urgent.
    Now(Urgency),
    /// Not before this time, unless something more important happens.
    At(Timestamp),
    /// There is nothing to write.
    Never,
}

/// Decides whether a status is written over the last one, which was written at `written` (unknown after a restart).
/// `change` is that of the tasks; `new` may lack them. The [`seed`](super::schedule::seed) is the watch's.
#[must_use]
pub fn writing(
    last: &Last,
    new: &MigrationTaskWatchStatus,
    change: Change,
    written: Option<Timestamp>,
    seed: u64,
    now: Timestamp,
) -> Writing {
    let before = last.status();
    let owes_events = new.outbox.as_ref().is_some_and(|outbox| !outbox.events.is_empty());
    if change == Change::Telling || owes_events || Telling::of(before) != Telling::of(new) {
        return Writing::Now(Urgency::Change);
    }
    let last_sync = time(before.last_sync_time.as_ref());
    let written = written.or(last_sync).unwrap_or(Timestamp::UNIX_EPOCH);
    if change == Change::Progress || Progress::of(before) != Progress::of(new) {
        return due(Urgency::Progress, written, PROGRESS_PAUSE, now);
    }
    let heartbeat = if last.size() > LARGE { LARGE_HEARTBEAT } else { HEARTBEAT };
    match time(new.last_sync_time.as_ref()) {
        Some(sync) if last_sync != Some(sync) => {
            due(Urgency::Heartbeat, last_sync.unwrap_or(written), own_heartbeat(heartbeat, seed), now)
        }
        _ => Writing::Never,
    }
}

/// A pause after something, which has come to an end as well when the clock has been set back since: else nothing would
/// be written until it shows that time again.
fn due(urgency: Urgency, since: Timestamp, pause: Duration, now: Timestamp) -> Writing {
    let (now, at) = (whole_seconds(now), after(since, pause));
    if now >= at || now < since { Writing::Now(urgency) } else { Writing::At(at) }
}

/// The heartbeat of one watch. Whole seconds, as all times that it is compared with.
fn own_heartbeat(heartbeat: Duration, seed: u64) -> Duration {
    let spread = heartbeat.as_secs() / SPREAD;
    heartbeat.saturating_sub(Duration::from_secs(seed % (spread + 1)))
}

fn time(time: Option<&Time>) -> Option<Timestamp> {
    time.map(|time| time.0)
}

/// What a person would act on, the tasks aside.
#[derive(PartialEq)]
struct Telling<'a> {
    generation: Option<i64>,
    target: Option<&'a str>,
    handled: Option<&'a str>,
    conditions: Vec<(&'a str, &'a str, &'a str)>,
    summary: Option<Summary>,
    missing: Option<&'a Missing>,
    omitted: Option<i64>,
}

impl<'a> Telling<'a> {
    fn of(status: &'a MigrationTaskWatchStatus) -> Self {
        let mut conditions: Vec<_> = status
            .conditions
            .iter()
            .map(|condition| (condition.type_.as_str(), condition.status.as_str(), condition.reason.as_str()))
            .collect();
        conditions.sort_unstable();
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
        }
    }
}

/// What is worth a write, but not more often than once a minute; the tasks aside.
#[derive(PartialEq)]
struct Progress<'a> {
    mean: Option<i64>,
    messages: Vec<(&'a str, &'a str)>,
}

impl<'a> Progress<'a> {
    fn of(status: &'a MigrationTaskWatchStatus) -> Self {
        let mut messages: Vec<_> = status
            .conditions
            .iter()
            .map(|condition| (condition.type_.as_str(), without_request_id(&condition.message)))
            .collect();
        messages.sort_unstable();
        Self { mean: status.summary.as_ref().map(|summary| summary.progress), messages }
    }
}
