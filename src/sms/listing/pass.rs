//! One pass over all pages.

use std::{collections::BTreeSet, future::Future, iter};

use futures::{StreamExt as _, stream};

use super::{Collected, Incomplete, Manner, PageRequest, StateFilter};
use crate::{
    core::task::{Index, Task},
    sms::{error::Error, wire::Page},
};

/// What a pass has found.
#[derive(Default)]
pub(super) struct Pass {
    tasks: Vec<Task>,
    index: Index,
    skipped: usize,
    /// All counts that pages gave.
    counts: BTreeSet<u64>,
    /// The first page that had fewer entries than it could: the end of the list, if there is no gap.
    first_short: Option<PageRequest>,
    /// The last page that had any entry.
    last_filled: Option<PageRequest>,
}

/// Reads the first page, and all others that its count promises, several at a time. When these don't add up, reads on
/// one by one while there is more than was promised.
pub(super) async fn run<F, Fut>(
    fetch: &F,
    Manner { paging, in_flight }: Manner,
    state: Option<StateFilter>,
) -> Result<Pass, Error>
where
    F: Fn(PageRequest) -> Fut,
    Fut: Future<Output = Result<Page, Error>>,
{
    let mut pass = Pass::default();
    let mut pages = paging.pages(state);
    let Some(mut last) = pages.next() else { return Ok(pass) };
    let first = fetch(last).await?;
    let count = first.count;
    if count > paging.reach() {
        return Err(Incomplete::TooMany { state, count, reach: paging.reach() }.into());
    }
    pass.add(last, first);

    let promised = pages.take_while(|page| u64::from(page.offset) < count);
    last = promised.clone().last().unwrap_or(last);
    let mut answers = stream::iter(promised)
        .map(|page| async move { (page, fetch(page).await) })
        .buffer_unordered(in_flight);
    while let Some((page, answer)) = answers.next().await {
        pass.add(page, answer?);
    }

    while !pass.is_complete() && pass.first_short.is_none() {
        let Some(next) = paging.after(last) else { break };
        let answer = fetch(next).await?;
        if pass.add(next, answer) == 0 {
            break;
        }
        last = next;
    }
    Ok(pass)
}

impl Pass {
    /// Takes a page in, and says how many entries of it were new.
    fn add(&mut self, request: PageRequest, page: Page) -> usize {
        self.counts.insert(page.count);
        let entries = page.entries();
        if u64::try_from(entries).is_ok_and(|entries| entries < u64::from(request.limit)) {
            self.first_short = Some(self.first_short.map_or(request, |first| first.min(request)));
        }
        if entries > 0 {
            self.last_filled = self.last_filled.max(Some(request));
        }
        let before = self.tasks.len();
        self.skipped = self.skipped.saturating_add(page.skipped);
        // Of a task that is on two pages, the later answer counts.
        for task in page.tasks {
            self.index.put(&mut self.tasks, task);
        }
        self.tasks.len().saturating_sub(before).saturating_add(page.skipped)
    }

    /// How many entries were found, usable or not.
    fn listed(&self) -> u64 {
        u64::try_from(self.tasks.len().saturating_add(self.skipped)).unwrap_or(u64::MAX)
    }

    /// Whether all pages gave one count, and as many entries were found.
    pub(super) fn is_complete(&self) -> bool {
        self.counts.iter().eq(iter::once(&self.listed()))
    }

    /// Whether the end was reached without a gap, and some page counted as many entries as were found.
    pub(super) fn is_plausible(&self) -> bool {
        let without_gap =
            self.first_short.is_some_and(|short| self.last_filled.is_none_or(|last| last <= short));
        without_gap && self.counts.contains(&self.listed())
    }

    /// Whether two passes found the same tasks.
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        self.skipped == other.skipped
            && self.tasks.len() == other.tasks.len()
            && self.tasks.iter().all(|task| other.index.find(&other.tasks, task).is_some())
    }

    /// The count that all pages of this pass gave, if it isn't what was found.
    pub(super) fn contradiction(&self) -> Option<Incomplete> {
        let mut counts = self.counts.iter();
        match (counts.next(), counts.next()) {
            (Some(&count), None) => Some(Incomplete::Contradicted { count, listed: self.listed() }),
            _ => None,
        }
    }

    pub(super) fn into_collected(self) -> Collected {
        Collected { tasks: self.tasks, skipped: self.skipped }
    }
}
