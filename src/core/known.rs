//! What is remembered of one task.

use std::{sync::Arc, time::Duration};

use k8s_openapi::jiff::Timestamp;

use super::{
    task::{Percent, Task, TaskState},
    time::{after, before},
};
use crate::api::TaskStatus;

/// Whether a remembered task was in the last listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Presence {
    /// It was listed.
    #[default]
    Listed,
    /// It was missing for the first time, which isn't told yet.
    Missed,
    /// The same, but it had ended and a gate was open, so that it still counts for the gates.
    MissedAfterEnd,
    /// It has ended, counted for an open gate, and its disappearance has been told.
    Gone,
    /// The same, when no more than the id of its source server is known of it, since a restart.
    GoneFromSource,
}

impl Presence {
    /// Whether the task still counts for the gates, though it is no longer listed.
    #[must_use]
    pub fn counts_for_gates(self) -> bool {
        matches!(self, Self::MissedAfterEnd | Self::Gone | Self::GoneFromSource)
    }

    /// Whether it has been told that the task is gone.
    #[must_use]
    pub fn is_gone(self) -> bool {
        matches!(self, Self::Gone | Self::GoneFromSource)
    }
}

/// How far a running task was: the step it was in, and the progress of its copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The step.
    pub step: Option<Arc<str>>,
    /// The progress of the task.
    pub progress: Percent,
}

/// What is remembered of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// Its state, as last told.
    pub state: TaskState,
    /// Its name, unless it comes from the ledger.
    pub name: Option<Arc<str>>,
    /// The id of its source server, of tasks that aren't listed, as far as it is known.
    pub source: Option<Arc<str>>,
    /// Whether it was in the last listing.
    pub presence: Presence,
    /// How far it was; unknown when it comes from the ledger.
    pub mark: Option<Mark>,
    /// When it last moved on; running tasks only.
    pub last_progress: Option<Timestamp>,
    /// When its state last changed, if that was seen.
    pub last_transition: Option<Timestamp>,
    /// Since when it counts as stalled.
    pub stalled_since: Option<Timestamp>,
}

impl Mark {
    /// Where a task stands.
    #[must_use]
    pub fn of(task: &Task) -> Self {
        Self { step: task.step_name().map(|step| Arc::from(&*step)), progress: task.progress() }
    }
}

/// What is remembered of a listed task beyond what the listing says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Note {
    /// When it last moved on; running tasks only.
    pub last_progress: Option<Timestamp>,
    /// When its state last changed, if that was seen.
    pub last_transition: Option<Timestamp>,
    /// Since when it counts as stalled.
    pub stalled_since: Option<Timestamp>,
    /// What holds instead of what the listing says, since that left the state out.
    pub instead: Option<Box<Known>>,
}

impl Note {
    /// Whether there is nothing to remember.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A note that what was known still holds.
    #[must_use]
    pub fn instead(known: Known) -> Self {
        Self {
            last_progress: known.last_progress,
            last_transition: known.last_transition,
            stalled_since: known.stalled_since,
            instead: Some(Box::new(known)),
        }
    }
}

impl Known {
    /// What is known of a listed task.
    #[must_use]
    pub fn of(task: &Task, note: Option<&Note>) -> Self {
        if let Some(instead) = note.and_then(|note| note.instead.as_deref()) {
            return instead.clone();
        }
        Self {
            state: task.state(),
            name: Some(task.name().into()),
            source: None,
            presence: Presence::Listed,
            mark: Some(Mark::of(task)),
            last_progress: note.and_then(|note| note.last_progress),
            last_transition: note.and_then(|note| note.last_transition),
            stalled_since: note.and_then(|note| note.stalled_since),
        }
    }

    /// Whether it was in the last listing.
    pub(super) fn is_listed(&self) -> bool {
        self.presence == Presence::Listed
    }

    /// Whether it was told as stalled.
    pub(super) fn is_stalled(&self) -> bool {
        self.stalled_since.is_some()
    }

    /// Fills in what a status lacks of a stall. `told` is when it was written, if it counts more stalled tasks than it
    /// says of which.
    pub(super) fn derive_stall(&mut self, patience: Duration, told: Option<Timestamp>) {
        match (self.last_progress, self.stalled_since) {
            (None, Some(since)) => self.last_progress = Some(before(since, patience)),
            (Some(last), None) => {
                let since = after(last, patience);
                self.stalled_since = told.filter(|told| since <= *told).map(|_| since);
            }
            _ => {}
        }
    }
}

/// A state of a phase, for a status that has no more than that. Only phases are told.
fn state_of(phase: &str) -> TaskState {
    match phase {
        "Pending" => TaskState::Ready,
        "Running" => TaskState::Running,
        "Syncing" => TaskState::Syncing,
        "Succeeded" => TaskState::MigrateSuccess,
        "Failed" => TaskState::MigrateFail,
        "Aborted" => TaskState::Abort,
        _ => TaskState::parse(""),
    }
}

impl From<&TaskStatus> for Known {
    fn from(task: &TaskStatus) -> Self {
        Self {
            state: if task.state.is_empty() { state_of(&task.phase) } else { TaskState::parse(&task.state) },
            name: task.name.as_deref().map(Arc::from),
            source: task.source_server.as_ref().and_then(|server| server.id.as_deref()).map(Arc::from),
            presence: Presence::Listed,
            mark: Some(Mark {
                step: task.sub_task.as_ref().map(|step| step.name.as_str().into()),
                progress: Percent::clamped(task.progress),
            }),
            last_progress: task.last_progress_time.as_ref().map(|time| time.0),
            last_transition: task.last_transition_time.as_ref().map(|time| time.0),
            stalled_since: task.stalled_since.as_ref().map(|time| time.0),
        }
    }
}
