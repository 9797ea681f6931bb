//! What a watch remembers of the tasks that it has told about.
//!
//! In a running operator it is carried from listing to listing, and is little more than the last listing itself. After
//! a restart it comes back from the status: from the tasks that are written out, and from the
//! [`ledger`](super::ledger) for those that are not.

use std::collections::HashMap;

use super::{
    known::Known,
    ledger::{Ledger, LedgerError},
    listed::{Listed, ListedTasks},
    task::{Task, TaskId},
};
use crate::api::MigrationTaskWatchStatus;

/// All that is remembered.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    listed: ListedTasks,
    /// Tasks that aren't of that listing, and whose id is known.
    pub named: HashMap<TaskId, Known>,
    /// Tasks of which only a hash of the id is known, since the last restart.
    pub hashed: Ledger,
}

impl Memory {
    /// The whole of the last listing in the order of ids, with what is remembered of those that are the watch's.
    pub fn last_listing(&self) -> impl Iterator<Item = (&Task, Option<Listed<'_>>)> {
        let mut ours = self.listed.iter().peekable();
        self.listed.tasks.iter().map(move |task| (task, ours.next_if(|ours| ours.task.is_shared_with(task))))
    }

    /// Whether the last listing was one for this target, so that what its filter said of a task still holds.
    #[must_use]
    pub fn is_of(&self, target: &str) -> bool {
        self.listed.target == target
    }

    /// What is remembered when these tasks are listed.
    #[must_use]
    pub fn of(listed: ListedTasks) -> Self {
        Self { listed, ..Self::default() }
    }

    /// Reads back what a status remembers.
    ///
    /// # Errors
    /// The ledger can't be read; the next listing must be a new baseline.
    pub fn restore(uid: &str, status: &MigrationTaskWatchStatus) -> Result<Self, LedgerError> {
        let mut hashed = match &status.ledger {
            Some(ledger) => Ledger::decode(uid, ledger)?,
            None if status.omitted_tasks.is_some_and(|omitted| omitted > 0) => {
                return Err(LedgerError::Missing);
            }
            None => Ledger::default(),
        };
        let mut named: HashMap<TaskId, Known> = hashed.take_named().collect();
        named.extend(status.tasks.iter().map(|task| (TaskId::new(&task.id), Known::from(task))));
        Ok(Self { named, hashed, ..Self::default() })
    }

    /// The tasks of the last listing, in the order of their ids.
    pub fn listed(&self) -> impl Iterator<Item = Listed<'_>> + Clone {
        self.listed.iter()
    }

    /// What is remembered of a task that isn't among the listed ones.
    #[must_use]
    pub fn absent(&self, id: &str) -> Option<&Known> {
        self.named.get(id).or_else(|| self.hashed.get(id))
    }

    /// The tasks that count for the gates though they are no longer listed.
    pub fn excused(&self) -> impl Iterator<Item = &Known> {
        let hashed = self.hashed.iter().map(|(_, known)| known);
        self.named.values().chain(hashed).filter(|known| known.presence.counts_for_gates())
    }
}
