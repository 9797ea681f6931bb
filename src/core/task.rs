//! A migration task as this operator knows it: the few fields that status, transitions and gates need.

use std::{borrow::Borrow, fmt, sync::Arc};

use k8s_openapi::jiff::Timestamp;

/// The id of a migration task. Unique within an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(Arc<str>);

impl TaskId {
    /// Wraps an id as SMS wrote it.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self(id.into())
    }

    /// The id as SMS wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for TaskId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Percent done, 0 to 100. What SMS says beyond that range is clamped to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(u8);

impl Percent {
    /// 100 %.
    pub const FULL: Self = Self(100);

    /// Clamps a number to 0..=100.
    #[must_use]
    pub fn clamped(value: i64) -> Self {
        Self(u8::try_from(value.clamp(0, 100)).unwrap_or(100))
    }

    /// The number, 0 to 100.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}

/// The state of a task as SMS names it. The vendor's lists of states disagree with each other and grow,
/// so that any other name is carried as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TaskState {
    /// Set up and waiting for its start.
    Ready,
    /// Copying the source server for the first time.
    Running,
    /// The first copy is done; changes are carried over until the cut-over.
    Syncing,
    /// Cut over after the first copy.
    MigrateSuccess,
    /// Cut over after continuous synchronisation.
    SyncSuccess,
    /// The first copy failed.
    MigrateFail,
    /// Synchronisation failed.
    SyncFail,
    /// Synchronisation failed, and the target is being rolled back.
    SyncFailRollingBack,
    /// Synchronisation failed, and the target has been rolled back.
    SyncFailRolledBack,
    /// Being aborted by a user.
    Aborting,
    /// Aborted by a user.
    Abort,
    /// Any other name, as SMS wrote it (cut to [`limits::NAME`](crate::core::text::limits::NAME)).
    Unknown(Arc<str>),
}

impl TaskState {
    /// Reads a state by the name that SMS gives it.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        match name {
            "READY" => Self::Ready,
            "RUNNING" => Self::Running,
            "SYNCING" => Self::Syncing,
            "MIGRATE_SUCCESS" => Self::MigrateSuccess,
            "SYNC_SUCCESS" => Self::SyncSuccess,
            "MIGRATE_FAIL" => Self::MigrateFail,
            "SYNC_FAIL" => Self::SyncFail,
            "SYNC_F_ROLLBACKING" => Self::SyncFailRollingBack,
            "SYNC_F_ROLLBACK_SUCCESS" => Self::SyncFailRolledBack,
            "ABORTING" => Self::Aborting,
            "ABORT" => Self::Abort,
            other => Self::Unknown(other.into()),
        }
    }

    /// The name that SMS gives the state.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Ready => "READY",
            Self::Running => "RUNNING",
            Self::Syncing => "SYNCING",
            Self::MigrateSuccess => "MIGRATE_SUCCESS",
            Self::SyncSuccess => "SYNC_SUCCESS",
            Self::MigrateFail => "MIGRATE_FAIL",
            Self::SyncFail => "SYNC_FAIL",
            Self::SyncFailRollingBack => "SYNC_F_ROLLBACKING",
            Self::SyncFailRolledBack => "SYNC_F_ROLLBACK_SUCCESS",
            Self::Aborting => "ABORTING",
            Self::Abort => "ABORT",
            Self::Unknown(name) => name,
        }
    }

    /// The phase that the state belongs to.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self {
            Self::Ready => Phase::Pending,
            Self::Running => Phase::Running,
            Self::Syncing => Phase::Syncing,
            Self::MigrateSuccess | Self::SyncSuccess => Phase::Succeeded,
            Self::MigrateFail | Self::SyncFail | Self::SyncFailRollingBack | Self::SyncFailRolledBack => {
                Phase::Failed
            }
            Self::Aborting | Self::Abort => Phase::Aborted,
            Self::Unknown(_) => Phase::Other,
        }
    }

    /// Whether the listing left the state out, which says nothing of the task.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.name().is_empty()
    }

    /// Whether SMS will do nothing more with the task by itself.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(
            self,
            Self::MigrateSuccess
                | Self::SyncSuccess
                | Self::MigrateFail
                | Self::SyncFail
                | Self::SyncFailRolledBack
                | Self::Abort
        )
    }
}

/// What a state means for a person who waits for the migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Waiting for its start.
    Pending,
    /// Copying.
    Running,
    /// Copied, changes are carried over; ready for the cut-over.
    Syncing,
    /// Cut over.
    Succeeded,
    /// Failed; see the task's error.
    Failed,
    /// Aborted by a user.
    Aborted,
    /// Anything else, such as being deleted or reset.
    Other,
}

impl Phase {
    /// The phase as status writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Syncing => "Syncing",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Aborted => "Aborted",
            Self::Other => "Other",
        }
    }
}

/// One step of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubTask {
    /// The step's name, such as `MIGRATE_LINUX_FILE`.
    pub name: Arc<str>,
    /// How far the step is.
    pub progress: Percent,
}

/// The source or target server of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// The server's id in SMS.
    pub id: Option<Arc<str>>,
    /// Its name.
    pub name: Option<Arc<str>>,
    /// Its address.
    pub ip: Option<Arc<str>>,
    /// Its state; sources only.
    pub state: Option<Arc<str>>,
    /// The id of the ECS instance; targets only.
    pub vm_id: Option<Arc<str>>,
}

/// Why a task failed, as SMS tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskError {
    /// A code of the vendor's error reference, such as `SMS.0203`.
    pub code: Option<Arc<str>>,
    /// The vendor's text, one line.
    pub message: Option<Arc<str>>,
}

/// One migration task, as one listing found it. Every string has been cut to its limit
/// (see [`limits`](crate::core::text::limits)).
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The id.
    pub id: TaskId,
    /// The name that its owner gave it; may be empty.
    pub name: Arc<str>,
    /// The state.
    pub state: TaskState,
    /// `MIGRATE_FILE` or `MIGRATE_BLOCK`.
    pub kind: Option<Arc<str>>,
    /// `LINUX` or `WINDOWS`.
    pub os_type: Option<Arc<str>>,
    /// The enterprise project that the task belongs to.
    pub enterprise_project_id: Option<Arc<str>>,
    /// The speed in the vendor's unit (its documents say MB/s, its SDK Mbit/s).
    pub migrate_speed: Option<f64>,
    /// When the task was created.
    pub created: Option<Timestamp>,
    /// When SMS thinks that the task will be done.
    pub estimated_completion: Option<Timestamp>,
    /// The step that the task is in.
    pub sub_task: Option<SubTask>,
    /// The progress of the step that copies the data, as soon as there is one.
    pub copied: Option<Percent>,
    /// The server that is migrated.
    pub source: Server,
    /// The server that it becomes.
    pub target: Server,
    /// Why it failed.
    pub error: Option<TaskError>,
}

impl Task {
    /// How far the task is: 100 when syncing or succeeded, else what its data-copying step says, at most 99.
    #[must_use]
    pub fn progress(&self) -> Percent {
        match self.state.phase() {
            Phase::Syncing | Phase::Succeeded => Percent::FULL,
            _ => self.copied.unwrap_or_default().min(Percent(99)),
        }
    }

    /// Whether data is moving at this moment.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        self.migrate_speed.is_some_and(|speed| speed > 0.0)
    }
}

#[cfg(test)]
impl Task {
    /// A task of which only this is known.
    pub(crate) fn bare(id: &str, state: TaskState) -> Self {
        Self {
            id: TaskId::new(id),
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

/// A complete listing: every task of the account (and enterprise project) that was asked, each once.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Grows with every listing of this process; tells whether a snapshot has been looked at before.
    pub sequence: u64,
    /// When the listing was complete.
    pub completed: Timestamp,
    /// The tasks, in no particular order.
    pub tasks: Vec<Task>,
    /// How many more there are that couldn't be read.
    pub unreadable: usize,
}
