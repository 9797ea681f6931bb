/// A state of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waiting for its start.
    Ready,
    /// Copying.
    Running,
    /// Copied, and kept in step.
    Syncing,
    /// Done.
    MigrateSuccess,
    /// Failed.
    MigrateFail,
    /// Aborted.
    Abort,
    /// Done after continuous synchronisation. The API's filter can't name it.
    SyncSuccess,
    /// Failed during it. The API's filter can't name it.
    SyncFail,
}

impl State {
    /// Of twenty tasks six run, four sync, four wait, and six have ended.
    pub(super) fn initial(number: usize, unnameable: bool) -> Self {
        // Neighbours differ, and so do the tasks of a wave.
        match (number.wrapping_mul(7) + number / 97) % 20 {
            0..6 => Self::Running,
            6..10 => Self::Syncing,
            10..14 => Self::Ready,
            14..17 => Self::MigrateSuccess,
            17 => Self::MigrateFail,
            18 if unnameable => Self::SyncSuccess,
            19 if unnameable => Self::SyncFail,
            _ => Self::Abort,
        }
    }

    /// The next state of a task that goes well; none when it has ended.
    pub(super) fn next(self) -> Option<Self> {
        match self {
            Self::Ready => Some(Self::Running),
            Self::Running => Some(Self::Syncing),
            Self::Syncing => Some(Self::MigrateSuccess),
            _ => None,
        }
    }

    /// Its name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ready => "READY",
            Self::Running => "RUNNING",
            Self::Syncing => "SYNCING",
            Self::MigrateSuccess => "MIGRATE_SUCCESS",
            Self::MigrateFail => "MIGRATE_FAIL",
            Self::Abort => "ABORT",
            Self::SyncSuccess => "SYNC_SUCCESS",
            Self::SyncFail => "SYNC_FAIL",
        }
    }
}
