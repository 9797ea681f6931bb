//! What a watch remembers of the tasks that it has told about.
//!
//! In a running operator it is carried from listing to listing. After a restart it comes back from the status:
//! from the tasks that are written out, and from the [`ledger`](super::ledger) for those that are not.

use std::collections::HashMap;

use super::{
    known::Known,
    ledger::{Ledger, LedgerError},
    task::TaskId,
};
use crate::api::MigrationTaskWatchStatus;

/// All that is remembered.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Tasks whose id is known.
    pub known: HashMap<TaskId, Known>,
    /// Tasks of which only a hash of the id is known, since the last restart.
    pub hashed: Ledger,
}

impl Memory {
    /// Reads back what a status remembers.
    ///
    /// # Errors
    /// The ledger can't be read; the next listing must be a new baseline.
    pub fn restore(uid: &str, status: &MigrationTaskWatchStatus) -> Result<Self, LedgerError> {
        let mut hashed = match &status.ledger {
            Some(ledger) => Ledger::decode(uid, ledger)?,
            None => Ledger::default(),
        };
        let mut known: HashMap<TaskId, Known> = hashed.take_named().collect();
        known.extend(status.tasks.iter().map(|task| (TaskId::new(&task.id), Known::from(task))));
        Ok(Self { known, hashed })
    }

    /// What is remembered of a task.
    #[must_use]
    pub fn get(&self, id: &TaskId) -> Option<&Known> {
        self.known.get(id).or_else(|| self.hashed.get(id))
    }

    /// The tasks that count for the gates though they are no longer listed.
    pub fn excused(&self) -> impl Iterator<Item = &Known> {
        let hashed = self.hashed.iter().map(|(_, known)| known);
        self.known.values().chain(hashed).filter(|known| known.presence.counts_for_gates())
    }
}
