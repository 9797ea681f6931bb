//! A migration task as this operator knows it: the few fields that status, transitions and gates need.
//!
//! An account has tens of thousands of tasks, so that a [`Task`] is packed: about 110 bytes, which all listings that
//! found it unchanged share. [`Details`] is the same, spelled out.

mod collection;
mod details;
mod index;
mod packed;

use std::{borrow::Borrow, fmt, sync::Arc};

use k8s_openapi::jiff::Timestamp;

pub use collection::Tasks;
pub use details::{Details, Server, SubTask, TaskError};
pub use index::{Earlier, Index, Put};
pub use packed::{Task, Text};

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
    /// Reads a state by the name that SMS gives it, in whatever case.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        match Self::written(name) {
            Self::Unknown(name) if name.bytes().any(|byte| byte.is_ascii_lowercase()) => {
                match Self::written(&name.to_ascii_uppercase()) {
                    Self::Unknown(_) => Self::Unknown(name),
                    known => known,
                }
            }
            state => state,
        }
    }

    fn written(name: &str) -> Self {
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

/// A complete listing: every task of the account (and enterprise project) that was asked, each once.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Grows with every listing of this process; tells whether a snapshot has been looked at before.
    pub sequence: u64,
    /// When the listing was complete.
    pub completed: Timestamp,
    /// The tasks.
    pub tasks: Tasks,
    /// How many more there are that couldn't be read.
    pub unreadable: usize,
}
