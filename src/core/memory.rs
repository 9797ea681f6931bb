//! What a watch remembers of the tasks that it has told about.
//!
//! In a running operator it is carried from listing to listing, and is little more than the last listing itself. After
//! a restart it comes back from the status: from the tasks that are written out, and from the
//! [`ledger`](super::ledger) for those that are not.

use std::{collections::HashMap, time::Duration};

use k8s_openapi::jiff::Timestamp;

use super::{
    count::number,
    known::{Known, Presence},
    ledger::{Ledger, LedgerError},
    listed::{Listed, ListedTasks},
    task::{Task, TaskId, Tasks},
};
use crate::api::MigrationTaskWatchStatus;

/// Why a status can't be compared with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// Its ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Somebody has edited it, or another version of the operator has left something out.
    #[error("the status no longer holds all tasks that it counts")]
    Incomplete,
}

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

    /// All tasks of the last listing, whosever they are. None before the first one in this process.
    #[must_use]
    pub fn last_tasks(&self) -> &Tasks {
        &self.listed.tasks
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
    /// The ledger can't be read, or not all tasks are there; the next listing must be a new baseline.
    pub fn restore(
        uid: &str,
        stall_after: Option<Duration>,
        status: &MigrationTaskWatchStatus,
    ) -> Result<Self, MemoryError> {
        let mut hashed = match &status.ledger {
            Some(ledger) => Ledger::decode(uid, ledger)?,
            None if status.omitted_tasks.is_some_and(|omitted| omitted > 0) => {
                return Err(LedgerError::Missing.into());
            }
            None => Ledger::default(),
        };
        let mut memory = Self { named: hashed.take_named().collect(), hashed, ..Self::default() };
        let omitted = memory.count(Known::is_listed);
        let mut written: Vec<(TaskId, Known)> = status
            .tasks
            .iter()
            .filter(|task| !task.id.is_empty())
            .map(|task| (TaskId::new(&task.id), Known::from(task)))
            .collect();
        if let Some(patience) = stall_after {
            let written_stalls = written.iter().filter(|(_, known)| known.is_stalled()).count();
            let told = told_without_stalls(status, memory.count(Known::is_stalled) + written_stalls);
            written.iter_mut().for_each(|(_, known)| known.derive_stall(patience, told));
        }
        memory.named.extend(written);
        let total = status.summary.as_ref().map_or(0, |summary| summary.total);
        // Tasks that have been forgotten would be told as new ones.
        if number(memory.count(Known::is_listed)) < total
            || number(omitted) < status.omitted_tasks.unwrap_or(0)
        {
            return Err(MemoryError::Incomplete);
        }
        Ok(memory)
    }

    /// How many of those that aren't in a listing of this process are so.
    fn count(&self, is_so: impl Fn(&Known) -> bool) -> usize {
        self.restored().filter(|known| is_so(known)).count()
    }

    /// What is known of tasks that aren't in a listing of this process.
    fn restored(&self) -> impl Iterator<Item = &Known> {
        self.named.values().chain(self.hashed.iter().map(|(_, known)| known))
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
        self.restored().filter(|known| known.presence.counts_for_gates())
    }

    /// The tasks that the last listing lacks, and of which it hasn't been told that they are gone. The next listing may
    /// have them.
    pub fn missed(&self) -> impl Iterator<Item = &Known> {
        self.restored().filter(|known| !known.presence.is_gone())
    }

    /// What is remembered of an ended task that is gone and counts for the gates, by the task's id.
    #[must_use]
    pub fn excused_task(&self, id: &str) -> Option<&Known> {
        self.absent(id)
            .filter(|known| known.presence.counts_for_gates() && known.presence != Presence::GoneFromSource)
    }

    /// The same by the ids of source servers.
    #[must_use]
    pub fn excused_sources(&self) -> ExcusedSources<'_> {
        let named = self.named.values().filter(|known| known.presence.counts_for_gates());
        let named = named.filter_map(|known| Some((known.source.as_deref()?, known))).collect();
        ExcusedSources { named, hashed: &self.hashed }
    }
}

/// What is remembered of ended tasks that are gone and count for the gates, by their source servers.
#[derive(Debug)]
pub struct ExcusedSources<'a> {
    named: HashMap<&'a str, &'a Known>,
    hashed: &'a Ledger,
}

impl ExcusedSources<'_> {
    /// The task of this source server.
    #[must_use]
    pub fn get(&self, source: &str) -> Option<&Known> {
        let hashed = || self.hashed.get(source).filter(|known| known.presence == Presence::GoneFromSource);
        self.named.get(source).copied().or_else(hashed)
    }
}

/// When a status was written, if it counts more stalled tasks than these.
fn told_without_stalls(status: &MigrationTaskWatchStatus, stalls: usize) -> Option<Timestamp> {
    let is_lacking = status.summary.as_ref().is_some_and(|summary| number(stalls) < summary.stalled);
    status.last_sync_time.as_ref().filter(|_| is_lacking).map(|time| time.0)
}
