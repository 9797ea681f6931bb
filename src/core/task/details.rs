//! A task, spelled out.

use std::borrow::Cow;

use k8s_openapi::jiff::Timestamp;

use super::{Percent, Phase, TaskState};

/// One step of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubTask<'a> {
    /// The step's name, such as `MIGRATE_LINUX_FILE`.
    pub name: Cow<'a, str>,
    /// How far the step is.
    pub progress: Percent,
}

/// The source or target server of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server<'a> {
    /// The server's id in SMS.
    pub id: Option<Cow<'a, str>>,
    /// Its name.
    pub name: Option<Cow<'a, str>>,
    /// Its address.
    pub ip: Option<Cow<'a, str>>,
    /// Its state; sources only.
    pub state: Option<Cow<'a, str>>,
    /// The id of the ECS instance; targets only.
    pub vm_id: Option<Cow<'a, str>>,
}

/// Why a task failed, as SMS tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskError<'a> {
    /// A code of the vendor's error reference, such as `SMS.0203`.
    pub code: Option<Cow<'a, str>>,
    /// The vendor's text, one line.
    pub message: Option<Cow<'a, str>>,
}

/// One migration task, as one listing found it. Every string has been cut to its limit
/// (see [`limits`](crate::core::text::limits)).
#[derive(Clone, Debug, PartialEq)]
pub struct Details<'a> {
    /// The id.
    pub id: Cow<'a, str>,
    /// The name that its owner gave it; may be empty.
    pub name: Cow<'a, str>,
    /// The state.
    pub state: TaskState,
    /// `MIGRATE_FILE` or `MIGRATE_BLOCK`.
    pub kind: Option<Cow<'a, str>>,
    /// `LINUX` or `WINDOWS`.
    pub os_type: Option<Cow<'a, str>>,
    /// The enterprise project that the task belongs to.
    pub enterprise_project_id: Option<Cow<'a, str>>,
    /// The speed in the vendor's unit (its documents say MB/s, its SDK Mbit/s).
    pub migrate_speed: Option<f64>,
    /// When the task was created, to the millisecond.
    pub created: Option<Timestamp>,
    /// When SMS thinks that the task will be done, to the millisecond.
    pub estimated_completion: Option<Timestamp>,
    /// The step that the task is in.
    pub sub_task: Option<SubTask<'a>>,
    /// The progress of the step that copies the data, as soon as there is one.
    pub copied: Option<Percent>,
    /// The server that is migrated.
    pub source: Server<'a>,
    /// The server that it becomes.
    pub target: Server<'a>,
    /// Why it failed.
    pub error: Option<TaskError<'a>>,
}

impl Details<'_> {
    /// Whether data is moving at this moment.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        self.migrate_speed.is_some_and(|speed| speed > 0.0)
    }
}

/// How far a task is: 100 when syncing or succeeded, else what its data-copying step says, at most 99.
pub(super) fn progress(phase: Phase, copied: Option<Percent>) -> Percent {
    match phase {
        Phase::Syncing | Phase::Succeeded => Percent::FULL,
        _ => copied.unwrap_or_default().min(Percent(99)),
    }
}

#[cfg(any(test, fuzzing))]
impl<'a> Details<'a> {
    /// A task of which only this is known.
    pub(crate) fn bare(id: impl Into<Cow<'a, str>>, state: TaskState) -> Self {
        Self {
            id: id.into(),
            name: "".into(),
            state,
            kind: None,
            os_type: None,
            enterprise_project_id: None,
            migrate_speed: None,
            created: None,
            estimated_completion: None,
            sub_task: None,
            copied: None,
            source: Server::default(),
            target: Server::default(),
            error: None,
        }
    }
}
