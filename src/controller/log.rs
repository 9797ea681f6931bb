//! What the log says of watches.

use std::error::Error as _;

use tracing::{debug, info, warn};

use super::error::Error;

use crate::{
    api::MigrationTaskWatchStatus,
    core::{
        changes::Changes,
        conditions::{Truth, changed, truth, types},
    },
    listings::WatchKey,
};

/// Of a failure that goes on, one in so many is told: they come once a minute then.
const REPEATS: u32 = 10;

/// A line for a reconcile that has failed so many times in a row.
pub(super) fn not_reconciled(watch: &WatchKey, error: &Error, failures: u32) {
    let cause = error.source();
    if matches!(error, Error::Conflict) || (failures > 1 && !failures.is_multiple_of(REPEATS)) {
        debug!(%watch, failures, error = cause, "{error}; tried again");
    } else {
        warn!(%watch, failures, error = cause, "{error}; tried again");
    }
}

/// A line when statuses no longer wait for events that are refused.
pub(super) fn goes_on_without_events(watch: &WatchKey, error: &Error, is_new: bool) {
    let cause = error.source();
    if is_new {
        warn!(%watch, error = cause, "events are refused; statuses go on without them");
    } else {
        debug!(%watch, error = cause, "events are still refused");
    }
}

/// A line when it is told whether the watch works, one when its tasks have changed; of all others only for those who look for
/// mistakes.
pub(super) fn written(
    watch: &WatchKey,
    before: &MigrationTaskWatchStatus,
    after: &MigrationTaskWatchStatus,
    resource_version: &str,
    changes: &Changes,
) {
    debug!(%watch, resource_version, "status written");
    if let Some(ready) = changed(&before.conditions, &after.conditions, types::READY) {
        let (reason, message) = (&ready.reason, &ready.message);
        match truth(&after.conditions, types::READY) {
            Truth::False => warn!(%watch, reason, "not ready: {message}"),
            Truth::True => info!(%watch, reason, "{message}"),
            Truth::Unknown => debug!(%watch, reason, "{message}"),
        }
    }
    if changes.is_empty() {
        return;
    }
    let summary = after.summary.clone().unwrap_or_default();
    info!(
        %watch,
        resource_version,
        total = summary.total,
        pending = summary.pending,
        running = summary.running,
        syncing = summary.syncing,
        succeeded = summary.succeeded,
        failed = summary.failed,
        aborted = summary.aborted,
        other = summary.other,
        stalled = summary.stalled,
        progress = summary.progress,
        "{changes}"
    );
}
