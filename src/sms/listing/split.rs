//! More tasks than paging reaches: one list for each state that the API can filter by.
//!
//! Each of these lists is complete by itself. Since tasks change their state in between, one can be on two lists, of
//! which the later one counts, or on none. So the number of different tasks must be the count of all, which is asked for
//! before and after. What is missing then is looked for where paging reaches without a filter: tasks in a state that
//! the API can't filter by, or that have changed lists.

use std::{
    fmt,
    future::Future,
    hash::{DefaultHasher, Hash, Hasher},
};

use futures::{StreamExt as _, stream};

use super::{Collected, Incomplete, Manner, PASSES, PageRequest, walk};
use crate::{
    core::task::{Index, Task},
    sms::{error::Error, wire::Page},
};

/// A state that the API can filter by (ListTasks, parameter `state`). It knows more states than these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateFilter(&'static str);

impl StateFilter {
    /// All of them, in the order in which tasks go through them: what has moved on meanwhile is then found twice rather
    /// than not at all.
    pub const ALL: [Self; 10] = [
        Self("READY"),
        Self("RUNNING"),
        Self("SYNCING"),
        Self("MIGRATE_FAIL"),
        Self("SYNC_F_ROLLBACKING"),
        Self("SYNC_F_ROLLBACK_SUCCESS"),
        Self("ABORTING"),
        Self("ABORT"),
        Self("MIGRATE_SUCCESS"),
        Self("DELETING"),
    ];

    /// The filter for a state, if the API has one.
    #[must_use]
    pub fn named(state: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|filter| filter.0 == state)
    }

    /// The state's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for StateFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Lists all tasks state by state.
pub(super) async fn collect<F, Fut>(fetch: &F, manner: Manner) -> Result<Collected, Error>
where
    F: Fn(PageRequest) -> Fut,
    Fut: Future<Output = Result<Page, Error>>,
{
    let mut short_before = None;
    for _ in 0..PASSES {
        let before = count(fetch).await?;
        let mut found = Found::default();
        for state in StateFilter::ALL {
            found.add(walk(fetch, manner, Some(state)).await?);
        }
        if found.listed() < before {
            look_for_the_rest(fetch, manner, &mut found, before).await?;
        }
        let after = count(fetch).await?;
        let listed = found.listed();
        if before != after {
            short_before = None;
        } else if listed == after {
            return Ok(found.into_collected());
        } else if listed < after {
            // The same tasks twice: these stand still, and the others are out of reach.
            let fingerprint = found.fingerprint();
            if short_before.replace(fingerprint) == Some(fingerprint) {
                let reach = manner.paging.reach();
                return Err(Incomplete::Unnamed { count: after, listed, reach }.into());
            }
        }
    }
    Err(Incomplete::Drifted { passes: PASSES }.into())
}

/// How many tasks there are in all.
async fn count<F, Fut>(fetch: &F) -> Result<u64, Error>
where
    F: Fn(PageRequest) -> Fut,
    Fut: Future<Output = Result<Page, Error>>,
{
    Ok(fetch(PageRequest { state: None, offset: 0, limit: 1 }).await?.count)
}

/// Reads what can be reached without a filter, until all are found.
async fn look_for_the_rest<F, Fut>(
    fetch: &F,
    manner: Manner,
    found: &mut Found,
    count: u64,
) -> Result<(), Error>
where
    F: Fn(PageRequest) -> Fut,
    Fut: Future<Output = Result<Page, Error>>,
{
    let pages = manner.paging.pages(None).take_while(|page| u64::from(page.offset) < count);
    let mut answers = stream::iter(pages).map(fetch).buffer_unordered(manner.in_flight);
    while found.listed() < count
        && let Some(page) = answers.next().await
    {
        found.add_tasks(page?.tasks);
    }
    Ok(())
}

/// What was found so far.
#[derive(Default)]
struct Found {
    tasks: Vec<Task>,
    index: Index,
    /// Entries of the lists by state that couldn't be read. Of the other ones, nobody knows whether they are the same.
    skipped: usize,
}

impl Found {
    fn add(&mut self, list: Collected) {
        self.skipped = self.skipped.saturating_add(list.skipped);
        self.add_tasks(list.tasks);
    }

    fn add_tasks(&mut self, tasks: Vec<Task>) {
        for task in tasks {
            self.index.put(&mut self.tasks, task);
        }
    }

    fn listed(&self) -> u64 {
        u64::try_from(self.tasks.len().saturating_add(self.skipped)).unwrap_or(u64::MAX)
    }

    /// A number that other tasks have not, in all likelihood.
    fn fingerprint(&self) -> u64 {
        let hash = |task: &Task| {
            let mut hasher = DefaultHasher::new();
            task.id().hash(&mut hasher);
            hasher.finish()
        };
        self.tasks.iter().map(hash).fold(self.listed(), u64::wrapping_add)
    }

    fn into_collected(self) -> Collected {
        Collected { tasks: self.tasks, skipped: self.skipped }
    }
}

#[cfg(test)]
mod tests;
