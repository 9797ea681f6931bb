//! What a watch remembers of the tasks that it has told about.
//!
//! In a running operator it is carried from listing to listing, and is little more than the last listing itself. After
//! a restart it comes back from the status: from the tasks that are written out, and from the
//! [`ledger`](super::ledger) for those that are not.

use std::collections::HashMap;

use super::{
    known::{Known, Note},
    ledger::{Ledger, LedgerError},
    task::{Task, TaskId, Tasks},
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

/// A task of the last listing.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    /// The task as it was listed.
    pub task: &'a Task,
    /// What is remembered beyond that.
    pub note: Option<&'a Note>,
}

impl Listed<'_> {
    /// All that is known of it.
    #[must_use]
    pub fn known(&self) -> Known {
        Known::of(self.task, self.note)
    }

    /// Whether it stands still.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.note.is_some_and(|note| note.stalled_since.is_some())
    }
}

/// Those tasks of a listing that are the watch's, with notes where there is something to note.
#[derive(Clone, Debug, Default)]
pub struct ListedTasks {
    /// What was asked for.
    target: String,
    tasks: Tasks,
    /// Which of them, by their place, unless it is all.
    which: Vec<u32>,
    all: bool,
    notes: Vec<(u32, Note)>,
}

impl ListedTasks {
    /// None of a listing's tasks yet.
    #[must_use]
    pub fn none_of(tasks: &Tasks, target: &str) -> Self {
        Self { tasks: tasks.clone(), target: target.to_owned(), ..Self::default() }
    }

    /// Adds a task by its place in the listing. Places must rise.
    pub fn add(&mut self, place: usize, note: Note) {
        // A listing is far from having so many.
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        self.which.push(place);
        if !note.is_empty() {
            self.notes.push((place, note));
        }
    }

    /// The same in the least memory, when no more is added.
    #[must_use]
    pub fn finish(mut self) -> Self {
        if self.which.len() == self.tasks.len() {
            self.all = true;
            self.which = Vec::new();
        }
        self.which.shrink_to_fit();
        self.notes.shrink_to_fit();
        self
    }

    fn places(&self) -> impl Iterator<Item = u32> + Clone {
        let all = if self.all { u32::try_from(self.tasks.len()).unwrap_or(u32::MAX) } else { 0 };
        (0..all).chain(self.which.iter().copied())
    }

    fn iter(&self) -> impl Iterator<Item = Listed<'_>> + Clone {
        let mut notes = self.notes.iter().peekable();
        self.places().filter_map(move |place| {
            let note = notes.next_if(|(noted, _)| *noted == place).map(|(_, note)| note);
            Some(Listed { task: self.tasks.get(place as usize)?, note })
        })
    }
}
