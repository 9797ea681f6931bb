//! The states of a task.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A task's state as the wire names it; an open set, so that a test can invent one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskState(Cow<'static, str>);

impl TaskState {
    /// Set up, not started.
    pub const READY: Self = Self::known("READY");
    /// Migrating.
    pub const RUNNING: Self = Self::known("RUNNING");
    /// Copied once, now kept in step until the cutover.
    pub const SYNCING: Self = Self::known("SYNCING");
    /// Migrated.
    pub const MIGRATE_SUCCESS: Self = Self::known("MIGRATE_SUCCESS");
    /// The migration failed.
    pub const MIGRATE_FAIL: Self = Self::known("MIGRATE_FAIL");
    /// Synchronised.
    pub const SYNC_SUCCESS: Self = Self::known("SYNC_SUCCESS");
    /// The synchronisation failed.
    pub const SYNC_FAIL: Self = Self::known("SYNC_FAIL");
    /// Being aborted.
    pub const ABORTING: Self = Self::known("ABORTING");
    /// Aborted.
    pub const ABORT: Self = Self::known("ABORT");
    /// Being skipped.
    pub const SKIPPING: Self = Self::known("SKIPPING");
    /// Being deleted.
    pub const DELETING: Self = Self::known("DELETING");
    /// Being rolled back; the vendor spells it so.
    pub const RESETING: Self = Self::known("RESETING");
    /// The synchronisation failed, and is being rolled back.
    pub const SYNC_F_ROLLBACKING: Self = Self::known("SYNC_F_ROLLBACKING");
    /// The synchronisation failed, and was rolled back.
    pub const SYNC_F_ROLLBACK_SUCCESS: Self = Self::known("SYNC_F_ROLLBACK_SUCCESS");

    /// What `GET /v3/tasks?state=` may ask for, from the vendor's page of that call.
    pub const FILTERABLE: [Self; 10] = [
        Self::READY,
        Self::RUNNING,
        Self::SYNCING,
        Self::MIGRATE_SUCCESS,
        Self::MIGRATE_FAIL,
        Self::ABORTING,
        Self::ABORT,
        Self::DELETING,
        Self::SYNC_F_ROLLBACKING,
        Self::SYNC_F_ROLLBACK_SUCCESS,
    ];

    const fn known(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// A state by its name on the wire, known or not.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self(name.into())
    }

    /// The name on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing more happens to a task in this state.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        [
            Self::MIGRATE_SUCCESS,
            Self::SYNC_SUCCESS,
            Self::MIGRATE_FAIL,
            Self::SYNC_FAIL,
            Self::SYNC_F_ROLLBACK_SUCCESS,
            Self::ABORT,
        ]
        .contains(self)
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for TaskState {
    fn from(name: &str) -> Self {
        Self::new(name.to_owned())
    }
}
