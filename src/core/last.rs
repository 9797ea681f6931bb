//! The last status, as far as it is kept.
//!
//! Tasks and ledger make up nearly all of a status, up to half a megabyte for each watch, and are needed again only after a
//! restart. Otherwise it suffices to know whether new ones would say something else.

use super::{layout::json_size, shown::Shown};
use crate::api::MigrationTaskWatchStatus;

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

/// Leaves a status's tasks and ledger away.
pub fn trim(status: &mut MigrationTaskWatchStatus) {
    (status.tasks, status.ledger) = (Vec::new(), None);
}
