//! A complete listing out of pages that change while they are read.
//!
//! The API has no snapshots: between two pages tasks appear, vanish and move, so that a task can be seen twice or not
//! at all. A pass over all pages is complete when every page was answered, all pages gave the same count of tasks, and
//! exactly that many different ones were found. Then nothing more is asked.
//!
//! On an account that changes faster than that, from the third pass on it also suffices that all tasks of one moment
//! [are known](sightings), if the last pass reached the end of the list without a gap. (Without the latter, a server
//! that ignores offsets would pass for a small account.)
//!
//! So what is believed was true at a moment within the listing, provided that SMS gives a page and its count at one
//! moment, that a task which leaves a list doesn't come back to it within the listing, and, of a pass that is complete
//! by itself, that no task came between two pages for another one that went: then the count of a list can't tell that
//! one was missed, and one pass is all that there is. The next listing can: it lacks the one that went. So where more
//! depends on it than a status, that is asked for ([`core::decide`](crate::core::decide)).
//!
//! Entries that can't be decoded are counted as listed: they hide no other task, and the caller is told their number.
//! Since they can't be told from each other, all passes must have found as many before the tasks of a moment are known.
//!
//! An account with more tasks than paging reaches is listed [state by state](split).

mod pass;
mod sightings;
mod split;

use std::future::Future;

pub use self::split::StateFilter;
use self::{pass::Pass, sightings::Sightings};
use super::{
    error::{Error, Incomplete},
    wire::Page,
};
use crate::core::task::Task;

/// How often all pages are read before giving up.
const PASSES: u32 = 5;
/// The first pass after which it is enough to know the tasks of one moment.
const PROVING_PASS: u32 = 3;

/// How far the API pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    /// The most tasks that a page can have.
    pub page_size: u32,
    /// The greatest offset that the API accepts.
    pub last_offset: u32,
}

impl Paging {
    /// That of the vendor's page on ListTasks.
    pub const OF_API: Self = Self { page_size: 200, last_offset: 65_535 };

    /// The most tasks that can be reached.
    #[must_use]
    pub fn reach(self) -> u64 {
        u64::from(self.last_offset).saturating_add(self.page_size.into())
    }

    /// All pages, from the first to the last that can be reached.
    fn pages(self, state: Option<StateFilter>) -> impl Iterator<Item = PageRequest> + Clone {
        let first = PageRequest { state, offset: 0, limit: self.page_size };
        std::iter::successors(Some(first), move |page| self.after(*page))
    }

    /// The page after this one. The one before the last is smaller, so that the last begins at the greatest offset and
    /// no task is on two pages. None after the last.
    fn after(self, page: PageRequest) -> Option<PageRequest> {
        let offset = page.offset.saturating_add(page.limit);
        let limit = match self.last_offset.checked_sub(offset)? {
            0 => self.page_size,
            rest => rest.min(self.page_size),
        };
        Some(PageRequest { offset, limit, ..page })
    }
}

/// A page that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PageRequest {
    /// Of the tasks in this state only.
    pub(super) state: Option<StateFilter>,
    pub(super) offset: u32,
    pub(super) limit: u32,
}

/// How a listing asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// How far it can page.
    pub(super) paging: Paging,
    /// How many pages it asks for at a time.
    pub(super) in_flight: usize,
}

/// The tasks of a complete listing, each once, and how many entries were skipped.
#[derive(Debug)]
pub(super) struct Collected {
    pub(super) tasks: Vec<Task>,
    pub(super) skipped: usize,
}

/// Lists all tasks, by state if there are too many for one list. The first error of a page ends it.
pub(super) async fn collect<F, Fut>(fetch: &F, manner: Manner) -> Result<Collected, Error>
where
    F: Fn(PageRequest) -> Fut,
    Fut: Future<Output = Result<Page, Error>>,
{
    match walk(fetch, manner, None).await {
        Err(Error::Incomplete(Incomplete::TooMany { state: None, .. })) => {
            // It is seldom needed, and much larger than the rest.
            Box::pin(split::collect(fetch, manner)).await
        }
        result => result,
    }
}

/// Lists all tasks, or all in a state, as one list.
pub(super) async fn walk<F, Fut>(
    fetch: &F,
    manner: Manner,
    state: Option<StateFilter>,
) -> Result<Collected, Error>
where
    F: Fn(PageRequest) -> Fut,
    Fut: Future<Output = Result<Page, Error>>,
{
    let mut sightings = Sightings::default();
    let mut previous: Option<Pass> = None;
    let mut skipped_as_many = true;
    let mut failure = Incomplete::Drifted { passes: PASSES };
    for number in 1..=PASSES {
        let pass = pass::run(fetch, manner, state, &mut sightings).await?;
        let skipped = pass.skipped;
        if pass.is_complete() {
            return Ok(Collected { tasks: sightings.into_tasks_since(pass.began), skipped });
        }
        // So many came and went meanwhile that nothing can be learned from keeping them all.
        if sightings.count() > manner.paging.reach().saturating_mul(2) {
            break;
        }
        skipped_as_many &= previous.as_ref().is_none_or(|previous| previous.skipped == skipped);
        if number >= PROVING_PASS
            && skipped_as_many
            && pass.reached_the_end()
            // After the first page of this pass, nothing before it has been seen again.
            && let Some(stage) = sightings.known_stage(pass.began, skipped)
        {
            return Ok(Collected { tasks: sightings.into_tasks_of(stage), skipped });
        }
        let stands_still = previous.is_some_and(|previous| pass.is_like(&previous));
        failure =
            pass.contradiction().filter(|_| stands_still).unwrap_or(Incomplete::Drifted { passes: PASSES });
        previous = Some(pass);
    }
    Err(failure.into())
}

#[cfg(test)]
mod tests;
