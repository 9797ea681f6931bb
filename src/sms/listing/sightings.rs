//! Which tasks were surely there at a moment, though no page shows more than 200 of them.
//!
//! A listing goes through stages: a page that is asked for alone, or pages that are asked for together. Each stage is
//! over before the next begins. A task that was seen before a stage and again after it was there all the time between,
//! since a task that is gone doesn't come back. An answer gives its page and the count of all tasks at one moment. So
//! if just as many tasks are known to have been there as it counts, these were all tasks of that moment.

use crate::{
    core::task::{Index, Put, Task},
    sms::wire::Page,
};

/// The number of a stage.
pub(super) type StageNumber = u32;

/// All tasks that a listing has seen, and when.
#[derive(Default)]
pub(super) struct Sightings {
    tasks: Vec<Task>,
    index: Index,
    /// That of each task, in the same order.
    spans: Vec<Span>,
    stages: Vec<Stage>,
}

/// The first and the last stage that a task was seen in.
#[derive(Clone, Copy)]
struct Span {
    first: StageNumber,
    last: StageNumber,
}

#[derive(Default)]
struct Stage {
    /// Whether it may have more than one page, which came in an order that nobody knows.
    is_shared: bool,
    /// What its pages counted.
    counts: Vec<u64>,
}

/// What a page brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    /// Tasks that the pass hadn't seen.
    pub(super) in_pass: usize,
    /// Tasks that no pass had seen.
    pub(super) at_all: usize,
}

impl Sightings {
    /// How many tasks it has seen.
    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.tasks.len()).unwrap_or(u64::MAX)
    }

    /// Begins a stage of one page.
    pub(super) fn begin_page(&mut self) {
        self.stages.push(Stage::default());
    }

    /// Begins a stage of pages that are asked for together.
    pub(super) fn begin_pages(&mut self) {
        self.stages.push(Stage { is_shared: true, ..Stage::default() });
    }

    /// Makes room for so many tasks, so that it needn't be made again and again while they come.
    pub(super) fn expect(&mut self, count: u64) {
        let count = usize::try_from(count).unwrap_or_default();
        if self.tasks.is_empty() {
            self.index = Index::with_capacity(count);
            self.tasks.reserve_exact(count);
            self.spans.reserve_exact(count);
        }
    }

    /// The number of the next stage.
    pub(super) fn next_stage(&self) -> StageNumber {
        StageNumber::try_from(self.stages.len()).unwrap_or(StageNumber::MAX)
    }

    /// Takes in a page of the stage that has begun, in a pass that began with this stage.
    pub(super) fn add(&mut self, page: Page, pass: StageNumber) -> News {
        let stage = self.next_stage().saturating_sub(1);
        if let Some(stage) = self.stages.last_mut() {
            stage.counts.push(page.count);
        }
        let mut news = News::default();
        for task in page.tasks {
            // Of a task that is on two pages, the later answer counts.
            match self.index.put(&mut self.tasks, task) {
                Put::New => {
                    self.spans.push(Span { first: stage, last: stage });
                    news.in_pass += 1;
                    news.at_all += 1;
                }
                Put::Known(place) => {
                    if let Some(span) = self.spans.get_mut(place) {
                        news.in_pass += usize::from(span.last < pass);
                        span.last = stage;
                    }
                }
            }
        }
        news
    }

    /// The newest stage up to this one of which all tasks are known, where each count has so many entries more that
    /// can't be told from each other.
    pub(super) fn known_stage(&self, latest: StageNumber, unreadable: usize) -> Option<StageNumber> {
        let unreadable = u64::try_from(unreadable).unwrap_or(u64::MAX);
        let known = self.known();
        let is_all = |(stage, known): (&Stage, u64)| stage.counts.contains(&known.saturating_add(unreadable));
        let newest = self.stages.iter().zip(known).take(latest as usize + 1).rposition(is_all);
        newest.and_then(|stage| StageNumber::try_from(stage).ok())
    }

    /// How many tasks were surely there during each stage.
    fn known(&self) -> Vec<u64> {
        // How many come to be known with each stage, and are no longer known after it.
        let mut come = vec![0u64; self.stages.len()];
        let mut go = come.clone();
        for (from, to) in self.spans.iter().filter_map(|span| self.surely(*span)) {
            if let (Some(come), Some(go)) = (come.get_mut(from as usize), go.get_mut(to as usize)) {
                *come += 1;
                *go += 1;
            }
        }
        let mut now = 0u64;
        let known = come.iter().zip(go).map(|(come, go)| {
            let there = now + come;
            now = there - go;
            there
        });
        known.collect()
    }

    /// The first and the last stage during all of which a task was there: of stages with several pages, those between.
    fn surely(&self, Span { first, last }: Span) -> Option<(StageNumber, StageNumber)> {
        let is_shared =
            |stage: StageNumber| self.stages.get(stage as usize).is_none_or(|stage| stage.is_shared);
        let from = first + StageNumber::from(is_shared(first));
        let to = last.checked_sub(StageNumber::from(is_shared(last)))?;
        (from <= to).then_some((from, to))
    }

    /// The tasks that were surely there during a stage, as they were last seen.
    pub(super) fn into_tasks_of(self, stage: StageNumber) -> Vec<Task> {
        let was_there: Vec<bool> = self
            .spans
            .iter()
            .map(|span| self.surely(*span).is_some_and(|(from, to)| (from..=to).contains(&stage)))
            .collect();
        chosen(self.tasks, was_there)
    }

    /// The tasks that were seen in this stage or later.
    pub(super) fn into_tasks_since(self, stage: StageNumber) -> Vec<Task> {
        let was_seen = self.spans.iter().map(|span| span.last >= stage).collect();
        chosen(self.tasks, was_seen)
    }
}

fn chosen(mut tasks: Vec<Task>, are: Vec<bool>) -> Vec<Task> {
    let mut are = are.into_iter();
    tasks.retain(|_| are.next().unwrap_or(false));
    tasks
}
