//! What a watch's tasks come to, kept until one of them changes: on a quiet account nothing is counted twice.

use crate::{
    api::{MigrationTaskWatchStatus, Missing, Summary},
    core::{conditions::Verdict, shown::Shown, summary::Estimates},
};

/// The tasks, counted and judged.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Counts {
    /// For this generation of the spec.
    pub(super) generation: i64,
    /// With so many tasks of the account that couldn't be read.
    pub(super) unreadable: usize,
    /// How many there are.
    pub(super) total: usize,
    /// What the gates say.
    pub(super) verdicts: Vec<Verdict>,
    pub(super) summary: Summary,
    pub(super) missing: Missing,
    pub(super) estimates: Estimates,
}

/// The tasks as a status shows them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Laid {
    /// What those say that are written out.
    pub(super) shown: Shown,
    /// How many aren't.
    pub(super) omitted: Option<i64>,
}

impl Laid {
    /// What a status shows.
    pub(super) fn of(status: &MigrationTaskWatchStatus) -> Self {
        Self { shown: Shown::of(&status.tasks), omitted: status.omitted_tasks }
    }
}
