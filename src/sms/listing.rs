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

mod pass;

use std::future::Future;

use self::pass::Pass;
use super::{
    error::{Error, Incomplete},
    wire::Page,
};
use crate::core::task::Task;

/// How often all pages are read before giving up.
const PASSES: u32 = 5;
/// The first pass whose agreement with the one before it is enough.
const AGREEING_PASS: u32 = 3;
/// The most tasks that a page can have.
const PAGE_SIZE: u32 = 200;
/// The greatest offset that the API accepts.
const LAST_OFFSET: u32 = 65_535;
/// The most tasks that can be reached.
const REACH: u64 = LAST_OFFSET as u64 + PAGE_SIZE as u64;

/// A page that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PageRequest {
    pub(super) offset: u32,
    pub(super) limit: u32,
}

impl PageRequest {
    const FIRST: Self = Self { offset: 0, limit: PAGE_SIZE };

    /// The page after this one. The one before the last is smaller, so that the last begins at the greatest offset and
    /// no task is on two pages. None after the last.
    fn next(self) -> Option<Self> {
        let offset = self.offset.saturating_add(self.limit);
        let limit = match LAST_OFFSET.checked_sub(offset)? {
            0 => PAGE_SIZE,
            rest => rest.min(PAGE_SIZE),
        };
        Some(Self { offset, limit })
    }
}

/// The tasks of a complete listing, each once, and how many entries were skipped.
#[derive(Debug)]
pub(super) struct Collected {
    pub(super) tasks: Vec<Task>,
    pub(super) skipped: usize,
}

/// Lists all tasks, with at most `in_flight` pages asked for at a time. The first error of a page ends it.
pub(super) async fn collect<F, Fut>(fetch: F, in_flight: usize) -> Result<Collected, Error>
where
    F: Fn(PageRequest) -> Fut,
    Fut: Future<Output = Result<Page, Error>>,
{
    let mut previous: Option<Pass> = None;
    let mut failure = Incomplete::Drifted { passes: PASSES };
    for number in 1..=PASSES {
        let pass = pass::run(&fetch, in_flight).await?;
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
