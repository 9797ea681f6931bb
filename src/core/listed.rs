//! The last listing, as far as it is a watch's.

use super::{
    known::{Known, Note},
    task::{Task, Tasks},
};

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

    /// Whether a task is listed as this one was.
    #[must_use]
    pub fn is_of_equal(&self, task: &Task) -> bool {
        task.is_shared_with(self.task) || task == self.task
    }

    /// Whether it says the same as a task with this note.
    #[must_use]
    pub fn says(&self, task: &Task, note: &Note) -> bool {
        self.is_of_equal(task) && self.note.map_or_else(|| note.is_empty(), |own| own == note)
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
    pub(super) target: String,
    /// The whole listing.
    pub(super) tasks: Tasks,
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

    /// Its tasks.
    pub(super) fn iter(&self) -> impl Iterator<Item = Listed<'_>> + Clone {
        let mut notes = self.notes.iter().peekable();
        self.places().filter_map(move |place| {
            let note = notes.next_if(|(noted, _)| *noted == place).map(|(_, note)| note);
            Some(Listed { task: self.tasks.get(place as usize)?, note })
        })
    }
}
