//! What the bytes mean.

use crate::core::task::TaskState;

pub(super) const HEADER: usize = 4;
pub(super) const NO_PERCENT: u8 = u8::MAX;
pub(super) const OTHER_STATE: u8 = u8::MAX;

/// The states that have a number: their place here. Packed tasks live no longer than the process, so that these may
/// change.
pub(super) const STATES: [TaskState; 11] = [
    TaskState::Ready,
    TaskState::Running,
    TaskState::Syncing,
    TaskState::MigrateSuccess,
    TaskState::SyncSuccess,
    TaskState::MigrateFail,
    TaskState::SyncFail,
    TaskState::SyncFailRollingBack,
    TaskState::SyncFailRolledBack,
    TaskState::Aborting,
    TaskState::Abort,
];

/// Words that SMS uses a lot.
pub(super) const WORDS: [&str; 38] = [
    "0",
    "MIGRATE_FILE",
    "MIGRATE_BLOCK",
    "LINUX",
    "WINDOWS",
    "CREATE_CLOUD_SERVER",
    "SSL_CONFIG",
    "ATTACH_AGENT_IMAGE",
    "DETTACH_AGENT_IMAGE",
    "FORMAT_DISK_LINUX",
    "FORMAT_DISK_LINUX_FILE",
    "FORMAT_DISK_LINUX_BLOCK",
    "FORMAT_DISK_WINDOWS",
    "MIGRATE_LINUX_FILE",
    "MIGRATE_LINUX_BLOCK",
    "MIGRATE_WINDOWS_BLOCK",
    "CLONE_VM",
    "SYNC_LINUX_FILE",
    "SYNC_LINUX_BLOCK",
    "SYNC_WINDOWS_BLOCK",
    "CONFIGURE_LINUX",
    "CONFIGURE_LINUX_BLOCK",
    "CONFIGURE_LINUX_FILE",
    "CONFIGURE_WINDOWS",
    "AVAILABLE",
    "unavailable",
    "waiting",
    "initialize",
    "replicate",
    "syncing",
    "stopping",
    "stopped",
    "skipping",
    "deleting",
    "error",
    "cloning",
    "cutovering",
    "finished",
];

/// How a text begins.
pub(super) mod tag {
    pub(in crate::core::task::packed) const NONE: u8 = 0;
    /// 16 bytes: a UUID in lower case.
    pub(in crate::core::task::packed) const UUID: u8 = 1;
    /// 16 bytes: 32 hexadecimal digits in lower case.
    pub(in crate::core::task::packed) const HEX: u8 = 2;
    /// 4 bytes.
    pub(in crate::core::task::packed) const IPV4: u8 = 3;
    /// The name of the task.
    pub(in crate::core::task::packed) const NAME: u8 = 4;
    /// Its length in two bytes, and the text.
    pub(in crate::core::task::packed) const LONG: u8 = 5;
    /// The name of the source server, and a literal that follows it.
    pub(in crate::core::task::packed) const SOURCE: u8 = 6;
    /// A word, by its place in the list.
    pub(in crate::core::task::packed) const WORD: u8 = 7;
    /// The text, whose length is what is above this.
    pub(in crate::core::task::packed) const SHORT: u8 = 64;
}

/// Where the digits of each byte stand, and where a UUID has dashes.
pub(super) const IN_HEX: [usize; 16] = [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30];
pub(super) const IN_UUID: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
pub(super) const DASHES: [usize; 4] = [8, 13, 18, 23];
