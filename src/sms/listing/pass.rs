//! One pass over all pages.

use std::{collections::BTreeSet, future::Future, iter};

use futures::{StreamExt as _, stream};

use super::{
    Incomplete, Manner, PageRequest, StateFilter,
    sightings::{Sightings, StageNumber},
};
use crate::sms::{error::Error, wire::Page};

/// What a pass has found.
pub(super) struct Pass {
    /// Its first stage.
    pub(super) began: StageNumber,
    /// How many tasks it has seen.
    tasks: usize,
    /// How many of them no pass had seen before.
    fresh: usize,
    pub(super) skipped: usize,
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
    sightings: &mut Sightings,
) -> Result<Pass, Error>
where
    F: Fn(PageRequest) -> Fut,
    Fut: Future<Output = Result<Page, Error>>,
{
    let mut pass = Pass::new(sightings.next_stage());
    let mut pages = paging.pages(state);
    let Some(mut last) = pages.next() else { return Ok(pass) };
    sightings.begin_page();
    let first = fetch(last).await?;
    let count = first.count;
    if count > paging.reach() {
        return Err(Incomplete::TooMany { state, count, reach: paging.reach() }.into());
    }
    sightings.expect(count);
    pass.add(last, first, sightings);

    let promised = pages.take_while(|page| u64::from(page.offset) < count);
    last = promised.clone().last().unwrap_or(last);
    match promised.clone().nth(1) {
        None => sightings.begin_page(),
        Some(_) => sightings.begin_pages(),
    }
    let mut answers = stream::iter(promised)
        .map(|page| async move { (page, fetch(page).await) })
        .buffer_unordered(in_flight);
    while let Some((page, answer)) = answers.next().await {
        pass.add(page, answer?, sightings);
    }

    while !pass.is_complete() && pass.first_short.is_none() {
        let Some(next) = paging.after(last) else { break };
        sightings.begin_page();
        if pass.add(next, fetch(next).await?, sightings) == 0 {
            break;
        }
        last = next;
    }
    Ok(pass)
}

impl Pass {
    fn new(began: StageNumber) -> Self {
        Self {
            began,
            tasks: 0,
            fresh: 0,
            skipped: 0,
            counts: BTreeSet::new(),
            first_short: None,
            last_filled: None,
        }
    }

    /// Takes a page in, and says how many entries of it were new.
    fn add(&mut self, request: PageRequest, page: Page, sightings: &mut Sightings) -> usize {
        self.counts.insert(page.count);
        let entries = page.entries();
        if u64::try_from(entries).is_ok_and(|entries| entries < u64::from(request.limit)) {
            self.first_short = Some(self.first_short.map_or(request, |first| first.min(request)));
        }
        if entries > 0 {
            self.last_filled = self.last_filled.max(Some(request));
        }
        let skipped = page.skipped;
        let news = sightings.add(page, self.began);
        self.skipped = self.skipped.saturating_add(skipped);
        self.tasks = self.tasks.saturating_add(news.in_pass);
        self.fresh = self.fresh.saturating_add(news.at_all);
        news.in_pass.saturating_add(skipped)
    }

    /// How many entries were found, usable or not.
    fn listed(&self) -> u64 {
        u64::try_from(self.tasks.saturating_add(self.skipped)).unwrap_or(u64::MAX)
    }

    /// Whether all pages gave one count, and as many entries were found.
    pub(super) fn is_complete(&self) -> bool {
        self.counts.iter().eq(iter::once(&self.listed()))
    }

    /// Whether the end of the list was reached without a gap.
    pub(super) fn reached_the_end(&self) -> bool {
        self.first_short.is_some_and(|short| self.last_filled.is_none_or(|last| last <= short))
    }

    /// Whether it found nothing new, and as much as the pass before it.
    pub(super) fn is_like(&self, before: &Self) -> bool {
        self.fresh == 0 && self.tasks == before.tasks && self.skipped == before.skipped
    }

    /// The count that all pages of this pass gave, if it isn't what was found.
    pub(super) fn contradiction(&self) -> Option<Incomplete> {
        let mut counts = self.counts.iter();
        match (counts.next(), counts.next()) {
            (Some(&count), None) => Some(Incomplete::Contradicted { count, listed: self.listed() }),
            _ => None,
        }
    }
}
