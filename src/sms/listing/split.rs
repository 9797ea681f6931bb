//! More tasks than paging reaches: one list for each state that the API can filter by.
//!
//! First, the tasks of each state are counted, and all. What the states don't add up to is in states that the API can't
//! filter by; these tasks are looked for where paging reaches without a filter. When some come after that, no reading
//! helps, and the lists aren't read.
//!
//! Each of these lists is complete by itself. Since tasks change their state in between, one can be on two lists, of
//! which the later one counts, or on none. So the number of different tasks must be the count of all, which is asked for
//! before and after. What changed lists meanwhile is looked for without a filter, too.

use std::{fmt, future::Future};

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::{Collected, Incomplete, Manner, PASSES, PageRequest, walk};
use crate::{
    core::task::{Index, Put, Task},
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
    for _ in 0..PASSES {
        if let Some(found) = pass(fetch, manner).await? {
            return Ok(found);
        }
    }
    Err(Incomplete::DriftedByState { passes: PASSES }.into())
}

/// Reads all lists once. None when they changed meanwhile.
async fn pass<F, Fut>(fetch: &F, manner: Manner) -> Result<Option<Collected>, Error>
where
    F: Fn(PageRequest) -> Fut,
    Fut: Future<Output = Result<Page, Error>>,
{
    let reach = manner.paging.reach();
    let census = Census::take(fetch, manner).await?;
    if let Some((state, count)) = census.beyond(reach) {
        return Err(Incomplete::TooMany { state: Some(state), count, reach }.into());
    }
    let mut found = Found::default();
    let unnamed = census.unnamed();
    if unnamed > 0 {
        let of_reach = Rest { fetch, manner, count: census.all };
        of_reach.read_until(&mut found, |found| found.unnamed >= unnamed).await?;
        let hidden = unnamed.saturating_sub(found.unnamed);
        if hidden > 0 {
            // If all stands still, they are out of reach.
            let stands_still = Census::take(fetch, manner).await? == census;
            let listed = census.all.saturating_sub(hidden);
            return if stands_still {
                Err(Incomplete::Unnamed { count: census.all, listed, reach }.into())
            } else {
                Ok(None)
            };
        }
    }
    for state in StateFilter::ALL {
        found.add(walk(fetch, manner, Some(state)).await.map_err(by_state)?);
    }
    if found.listed() < census.all {
        let of_reach = Rest { fetch, manner, count: census.all };
        of_reach.read_until(&mut found, |found| found.listed() >= census.all).await?;
    }
    let is_complete = found.listed() == census.all && count(fetch, None).await? == census.all;
    Ok(is_complete.then(|| found.into_collected()))
}

/// A list of one state that changes too fast is that of an account which is listed by state.
fn by_state(error: Error) -> Error {
    match error {
        Error::Incomplete(Incomplete::Drifted { passes }) => Incomplete::DriftedByState { passes }.into(),
        error => error,
    }
}

/// How many tasks there are in all, or in a state.
async fn count<F, Fut>(fetch: &F, state: Option<StateFilter>) -> Result<u64, Error>
where
    F: Fn(PageRequest) -> Fut,
    Fut: Future<Output = Result<Page, Error>>,
{
    Ok(fetch(PageRequest { state, offset: 0, limit: 1 }).await?.count)
}

/// How many tasks there are.
#[derive(PartialEq)]
struct Census {
    all: u64,
    /// In the order of [`StateFilter::ALL`].
    by_state: Vec<u64>,
}

impl Census {
    async fn take<F, Fut>(fetch: &F, manner: Manner) -> Result<Self, Error>
    where
        F: Fn(PageRequest) -> Fut,
        Fut: Future<Output = Result<Page, Error>>,
    {
        let all = count(fetch, None).await?;
        let counts = stream::iter(StateFilter::ALL).map(|state| count(fetch, Some(state)));
        let by_state = counts.buffered(manner.in_flight).try_collect().await?;
        Ok(Self { all, by_state })
    }

    /// A state with more tasks than can be reached.
    fn beyond(&self, reach: u64) -> Option<(StateFilter, u64)> {
        let mut states = StateFilter::ALL.into_iter().zip(self.by_state.iter().copied());
        states.find(|(_, count)| *count > reach)
    }

    /// How many tasks are in states that the API has no filter for.
    fn unnamed(&self) -> u64 {
        self.all.saturating_sub(self.by_state.iter().sum())
    }
}

/// What can be reached without a filter.
struct Rest<'a, F> {
    fetch: &'a F,
    manner: Manner,
    /// How many tasks there are in all.
    count: u64,
}

impl<F, Fut> Rest<'_, F>
where
    F: Fn(PageRequest) -> Fut,
    Fut: Future<Output = Result<Page, Error>>,
{
    /// Reads it until that is enough.
    async fn read_until(&self, found: &mut Found, is_enough: impl Fn(&Found) -> bool) -> Result<(), Error> {
        let pages = self.manner.paging.pages(None).take_while(|page| u64::from(page.offset) < self.count);
        let mut answers = stream::iter(pages).map(self.fetch).buffer_unordered(self.manner.in_flight);
        while !is_enough(found)
            && let Some(page) = answers.next().await
        {
            found.add_tasks(page?.tasks);
        }
        Ok(())
    }
}

/// What was found so far.
#[derive(Default)]
struct Found {
    tasks: Vec<Task>,
    index: Index,
    /// Entries of the lists by state that couldn't be read. Of the other ones, nobody knows whether they are the same.
    skipped: usize,
    /// How many tasks were in a state without a filter when they were first seen.
    unnamed: u64,
}

impl Found {
    fn add(&mut self, list: Collected) {
        self.skipped = self.skipped.saturating_add(list.skipped);
        self.add_tasks(list.tasks);
    }

    fn add_tasks(&mut self, tasks: Vec<Task>) {
        for task in tasks {
            let is_unnamed = StateFilter::named(task.state_name()).is_none();
            if self.index.put(&mut self.tasks, task) == Put::New {
                self.unnamed = self.unnamed.saturating_add(u64::from(is_unnamed));
            }
        }
    }

    fn listed(&self) -> u64 {
        u64::try_from(self.tasks.len().saturating_add(self.skipped)).unwrap_or(u64::MAX)
    }

    fn into_collected(self) -> Collected {
        Collected { tasks: self.tasks, skipped: self.skipped }
    }
}

#[cfg(test)]
mod tests;
