//! The matched tasks, counted.

use std::collections::{BTreeMap, HashSet};

use super::{
    known::Known,
    memory::Memory,
    plan::Plan,
    task::{Phase, Snapshot, Task},
    text::{cut, limits},
    time::written,
};
use crate::api::{Missing, Summary};

/// How many states are counted by name; the rest is counted together.
const MOST_STATES: usize = 50;
/// Under which name the rest is counted.
const OTHER_STATES: &str = "(other)";
/// How many of the missing ids are named.
const MOST_MISSING: usize = 100;

/// A task that the watch shows, with what is remembered of it.
#[derive(Clone, Copy, Debug)]
pub struct Matched<'a> {
    /// The task.
    pub task: &'a Task,
    /// What is remembered of it.
    pub known: &'a Known,
}

impl Matched<'_> {
    /// Whether the task stands still.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.known.stalled_since.is_some()
    }
}

/// The tasks of a listing that the watch shows. The memory is the one that the listing has been compared into.
#[must_use]
pub fn matched<'a>(plan: &Plan, snapshot: &'a Snapshot, memory: &'a Memory) -> Vec<Matched<'a>> {
    let tasks =
        snapshot.tasks.iter().filter(|task| plan.filter.matches(task) && plan.filter.shows(&task.state));
    tasks.filter_map(|task| Some(Matched { task, known: memory.get(&task.id)? })).collect()
}

/// Counts the tasks.
#[must_use]
pub fn summarize(tasks: &[Matched<'_>]) -> Summary {
    let count =
        |phase: Phase| number(tasks.iter().filter(|matched| matched.task.state.phase() == phase).count());
    let running = tasks.iter().filter(|matched| matched.task.state.phase() == Phase::Running);
    let progress: i64 = tasks.iter().map(|matched| i64::from(matched.task.progress().get())).sum();
    Summary {
        total: number(tasks.len()),
        pending: count(Phase::Pending),
        running: count(Phase::Running),
        syncing: count(Phase::Syncing),
        succeeded: count(Phase::Succeeded),
        failed: count(Phase::Failed),
        aborted: count(Phase::Aborted),
        other: count(Phase::Other),
        stalled: number(tasks.iter().filter(|matched| matched.is_stalled()).count()),
        progress: progress.checked_div(number(tasks.len())).unwrap_or(0),
        by_state: by_state(tasks),
        estimated_completion_time: running
            .filter_map(|matched| matched.task.estimated_completion)
            .max()
            .and_then(written),
    }
}

fn by_state(tasks: &[Matched<'_>]) -> BTreeMap<String, i64> {
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for matched in tasks {
        *counts.entry(matched.task.state.name()).or_default() += 1;
    }
    let mut by_state = BTreeMap::new();
    for (place, (state, count)) in counts.into_iter().enumerate() {
        let state = if place < MOST_STATES { cut(state, limits::NAME) } else { OTHER_STATES };
        *by_state.entry(state.to_owned()).or_default() += count;
    }
    by_state
}

/// The listed ids that no task of the account answers to, whatever its state.
#[must_use]
pub fn missing(plan: &Plan, snapshot: &Snapshot) -> Missing {
    if plan.filter.id_lists() == 0 {
        return Missing::default();
    }
    let tasks = || snapshot.tasks.iter().filter(|task| plan.filter.matches(task));
    let ids: HashSet<&str> = tasks().map(|task| task.id.as_str()).collect();
    let sources: HashSet<&str> = tasks().filter_map(|task| task.source.id.as_deref()).collect();
    let mut names: Vec<&str> = plan.filter.ids().filter(|id| !ids.contains(id)).collect();
    names.extend(plan.filter.source_ids().filter(|id| !sources.contains(id)));
    names.sort_unstable();
    Missing {
        count: number(names.len()),
        names: names.iter().take(MOST_MISSING).map(|name| cut(name, limits::ID).to_owned()).collect(),
    }
}

/// A count as the API writes it.
#[must_use]
pub fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
