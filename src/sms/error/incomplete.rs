//! Listings that aren't complete.

/// Why the pages don't add up to a complete list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Incomplete {
    /// Paging ends before the last task.
    #[error(
        "the account has more than {reach} tasks, which is as far as the API lists. Delete tasks that have ended"
    )]
    TooMany {
        /// How many tasks there are.
        count: u64,
        /// How many can be listed.
        reach: u64,
    },
    /// The tasks changed during every pass.
    #[error(
        "the tasks kept changing while they were listed, so that {passes} attempts in a row were incomplete"
    )]
    Drifted {
        /// How often all pages were read.
        passes: u32,
    },
    /// The tasks stood still, but their count is another one.
    #[error("SMS counts other tasks than it lists, so that the list may be incomplete")]
    Contradicted {
        /// How many there are by the count.
        count: u64,
        /// How many were found.
        listed: u64,
    },
}
