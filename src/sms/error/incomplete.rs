//! Listings that aren't complete.

use std::{fmt, time::Duration};

use crate::sms::listing::StateFilter;

/// Why the pages don't add up to a complete list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Incomplete {
    /// Paging ends before the last task.
    #[error(
        "the account has more than {reach} tasks{}, which is as far as the API lists. Delete tasks that have ended",
        InState(*.state)
    )]
    TooMany {
        /// The state that all of them are in, if it was asked for.
        state: Option<StateFilter>,
        /// How many tasks there are.
        count: u64,
        /// How many can be listed.
        reach: u64,
    },
    /// The API lists tasks beyond its paging by their state only, and not by every state.
    #[error(
        "the account has {count} tasks, of which {missing} can't be listed: they come after the first {reach}, in states \
         that the API has no filter for. Delete tasks that have ended",
        count = Roughly(*.count), missing = Roughly(.count.saturating_sub(*.listed))
    )]
    Unnamed {
        /// How many there are by the count.
        count: u64,
        /// How many were found.
        listed: u64,
        /// How many can be listed whatever their state.
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
    /// The same with an account whose tasks are listed state by state, which takes many requests.
    #[error(
        "the tasks kept changing while they were listed, state by state, so that {passes} attempts in a row were \
         incomplete"
    )]
    DriftedByState {
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

impl Incomplete {
    /// How long to wait for the next try at least, since trying costs many requests.
    #[must_use]
    pub fn least_wait(self) -> Duration {
        match self {
            // It takes a person who deletes tasks.
            Self::TooMany { .. } | Self::Unnamed { .. } => Duration::from_mins(15),
            Self::DriftedByState { .. } => Duration::from_mins(5),
            Self::Drifted { .. } | Self::Contradicted { .. } => Duration::ZERO,
        }
    }
}

struct InState(Option<StateFilter>);

impl fmt::Display for InState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |state| write!(f, " in state {state}"))
    }
}

/// A number by its first digit, so that a message isn't another one with each task.
struct Roughly(u64);

impl fmt::Display for Roughly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = 10u64.checked_pow(self.0.checked_ilog10().unwrap_or(0)).unwrap_or(1);
        match self.0 {
            0..10 => write!(f, "{}", self.0),
            number => write!(f, "at least {}", number / unit * unit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_state_and_stay_the_same_for_a_task_more() {
        let state = StateFilter::named("MIGRATE_SUCCESS");
        for count in [150_000, 150_001] {
            let error = Incomplete::TooMany { state, count, reach: 65_735 };
            assert_eq!(
                error.to_string(),
                "the account has more than 65735 tasks in state MIGRATE_SUCCESS, which is as far as the API lists. \
                 Delete tasks that have ended"
            );
        }
        let unnamed = |count, listed| Incomplete::Unnamed { count, listed, reach: 65_735 }.to_string();
        assert_eq!(unnamed(150_010, 149_000), unnamed(150_020, 149_000));
        assert!(unnamed(150_010, 149_000).contains("at least 100000 tasks, of which at least 1000 can't"));
        assert!(unnamed(70_001, 70_000).contains("of which 1 can't"));
        assert_eq!(Roughly(1999).to_string(), "at least 1000");
    }
}
