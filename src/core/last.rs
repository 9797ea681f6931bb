//! The last status, as far as it is kept.
//!
//! Tasks and ledger make up nearly all of a status, up to half a megabyte for each watch, and are needed again only after a
//! restart. Otherwise it suffices to know whether new ones would say something else.

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

use super::{layout::json_size, shown::Shown};
use crate::api::{MigrationTaskWatchStatus, TaskStatus};

/// The status on the API server, perhaps without its tasks and its ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Last {
    status: MigrationTaskWatchStatus,
    /// What its tasks say, if they have been seen.
    shown: Option<Shown>,
    /// Its length as JSON, with all that was left away.
    size: usize,
    is_whole: bool,
}

impl Last {
    /// A status with all that it has.
    #[must_use]
    pub fn whole(status: MigrationTaskWatchStatus) -> Self {
        let (shown, size) = (Some(Shown::of(&status.tasks)), json_size(&status));
        Self { status, shown, size, is_whole: true }
    }

    /// A status whose tasks and ledger have been [left away](trim) unseen.
    #[must_use]
    pub fn trimmed(status: MigrationTaskWatchStatus) -> Self {
        // Without a target there has been no listing, and there are no tasks that another could be compared with.
        if status.observed_target.is_none() {
            return Self::whole(status);
        }
        Self { status, shown: None, size: 0, is_whole: false }
    }

    /// Leaves tasks and ledger away.
    pub fn trim(&mut self) {
        self.is_whole &= self.status.tasks.is_empty() && self.status.ledger.is_none();
        trim(&mut self.status);
    }

    /// The status, without what was left away.
    #[must_use]
    pub fn status(&self) -> &MigrationTaskWatchStatus {
        &self.status
    }

    /// The status, if nothing has been left away.
    #[must_use]
    pub fn as_whole(&self) -> Option<&MigrationTaskWatchStatus> {
        self.is_whole.then_some(&self.status)
    }

    /// What its tasks say, if they have been seen.
    #[must_use]
    pub fn shown(&self) -> Option<Shown> {
        self.shown
    }

    /// Whether another is, as far as can be seen, the same.
    #[must_use]
    pub fn says(&self, other: &Self) -> bool {
        let Self { status, shown, size, .. } = self;
        let but_tasks = |status: &MigrationTaskWatchStatus| {
            let mut status = status.clone();
            trim(&mut status);
            status
        };
        (shown, size) == (&other.shown, &other.size) && but_tasks(status) == but_tasks(&other.status)
    }

    /// Its length as JSON; 0 if it hasn't been seen.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }
}

impl Default for Last {
    /// No status yet.
    fn default() -> Self {
        Self::whole(MigrationTaskWatchStatus::default())
    }
}

/// What can be believed of a status that was read: nothing of another watch's, as it comes back with a backup, and no time
/// that is yet to come. Statuses of older versions don't say whose they are.
#[must_use]
pub fn judged(status: MigrationTaskWatchStatus, uid: &str, now: Timestamp) -> MigrationTaskWatchStatus {
    if status.observed_uid.as_deref().is_some_and(|of| of != uid) {
        return MigrationTaskWatchStatus::default();
    }
    let past = |time: Option<Time>| time.map(|time| Time(time.0.min(now)));
    let tasks = status.tasks.into_iter().map(|task| TaskStatus {
        last_progress_time: past(task.last_progress_time),
        last_transition_time: past(task.last_transition_time),
        stalled_since: past(task.stalled_since),
        ..task
    });
    MigrationTaskWatchStatus { tasks: tasks.collect(), last_sync_time: past(status.last_sync_time), ..status }
}

/// Leaves a status's tasks and ledger away.
pub fn trim(status: &mut MigrationTaskWatchStatus) {
    (status.tasks, status.ledger) = (Vec::new(), None);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_judged_before_it_is_believed() {
        let time = |seconds| Some(Time(Timestamp::from_second(seconds).unwrap()));
        let task = |seconds| TaskStatus { last_progress_time: time(seconds), ..TaskStatus::default() };
        let status = |uid: Option<&str>, seconds| MigrationTaskWatchStatus {
            observed_uid: uid.map(str::to_owned),
            last_sync_time: time(seconds),
            tasks: vec![task(seconds)],
            ..MigrationTaskWatchStatus::default()
        };
        let now = Timestamp::from_second(1000).unwrap();
        for (given, expected) in [
            (status(Some("own"), 900), status(Some("own"), 900)),
            (status(None, 900), status(None, 900)),
            (status(Some("own"), 2000), status(Some("own"), 1000)),
            (status(Some("another"), 900), MigrationTaskWatchStatus::default()),
        ] {
            assert_eq!(judged(given, "own", now), expected);
        }
    }
}
