//! A complete listing out of pages that change while they are read.
//!
//! The API has no snapshots: between two pages tasks appear, vanish and move, so that a task can be seen twice or not
//! at all. A pass over all pages is complete when every page was answered, all pages gave the same count of tasks, and
//! exactly that many different ones were found. Then nothing more is asked.
//!
//! On an account that changes faster than that, from the third pass on it also suffices that two consecutive passes
//! found the same tasks, if the later one reached the end of the list without a gap and some page of it counted just
//! as many. (Without the latter, a server that ignores offsets would pass for a small account.)
//!
//! Entries that can't be decoded are counted as listed: they hide no other task, and the caller is told their number.
//!
//! An account with more tasks than paging reaches is listed [state by state](split).

mod pass;
mod split;

use std::future::Future;

use self::pass::Pass;
pub use self::split::StateFilter;
use super::{
    error::{Error, Incomplete},
    wire::Page,
};
use crate::core::task::Task;

/// How often all pages are read before giving up.
const PASSES: u32 = 5;
/// The first pass whose agreement with the one before it is enough.
const AGREEING_PASS: u32 = 3;

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
            split::collect(fetch, manner).await
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
    let mut previous: Option<Pass> = None;
    let mut failure = Incomplete::Drifted { passes: PASSES };
    for number in 1..=PASSES {
        let pass = pass::run(fetch, manner, state).await?;
        let agrees = previous.is_some_and(|previous| pass.agrees_with(&previous));
        if pass.is_complete() || (number >= AGREEING_PASS && agrees && pass.is_plausible()) {
            return Ok(pass.into_collected());
        }
        failure = pass.contradiction().filter(|_| agrees).unwrap_or(Incomplete::Drifted { passes: PASSES });
        previous = Some(pass);
    }
    Err(failure.into())
}

#[cfg(test)]
mod tests;
