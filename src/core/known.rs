//! What is remembered of one task.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;

use super::task::{Percent, TaskState};
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
}

impl Presence {
    /// Whether the task still counts for the gates, though it is no longer listed.
    #[must_use]
    pub fn counts_for_gates(self) -> bool {
        matches!(self, Self::MissedAfterEnd | Self::Gone)
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

impl From<&TaskStatus> for Known {
    fn from(task: &TaskStatus) -> Self {
        Self {
            state: TaskState::parse(&task.state),
            name: task.name.as_deref().map(Arc::from),
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
