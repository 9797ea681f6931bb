//! The matched tasks, counted.

use std::collections::{BTreeMap, HashSet};

use k8s_openapi::jiff::Timestamp;

use super::{
    count::number,
    filter::folded,
    listed::Listed,
    memory::Memory,
    plan::Plan,
    task::{Phase, Snapshot, TaskState},
    text::{cut, limits},
};
use crate::api::{Missing, Summary};

/// How many states are counted by name; the rest is counted together.
const MOST_STATES: usize = 50;
/// Under which name the rest is counted.
const OTHER_STATES: &str = "(other)";
/// How many of the missing ids are named.
const MOST_MISSING: usize = 100;

/// The tasks of a listing that the watch shows, in the order of their ids. The memory is the one that the listing has
/// been compared into.
pub fn matched<'a>(plan: &'a Plan, memory: &'a Memory) -> impl Iterator<Item = Listed<'a>> + Clone {
    memory.listed().filter(|listed| plan.filter.shows(listed.task))
}

/// The tasks, counted.
#[derive(Clone, Debug, Default)]
pub struct Tally<'a> {
    /// How many there are.
    pub total: usize,
    /// How many in each state.
    pub states: BTreeMap<TaskState, usize>,
    /// Those that have failed.
    pub failed: Vec<Listed<'a>>,
    /// Those that stand still.
    pub stalled: Vec<Listed<'a>>,
    /// When those will be done that haven't ended.
    pub estimates: Estimates,
    progress: i64,
}

/// When tasks that haven't ended will be done, as SMS estimates it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimates {
    /// The first and the last.
    span: Option<(Timestamp, Timestamp)>,
    /// Whether a task has none.
    lacking: bool,
}

impl Estimates {
    fn add(&mut self, estimate: Option<Timestamp>) {
        match (estimate, self.span) {
            (None, _) => self.lacking = true,
            (Some(at), None) => self.span = Some((at, at)),
            (Some(at), Some((first, last))) => self.span = Some((first.min(at), last.max(at))),
        }
    }

    /// When all will be done. It isn't known as long as one has no estimate, or an estimate has passed and the task goes on.
    #[must_use]
    pub fn completion(&self, now: Timestamp) -> Option<Timestamp> {
        let (first, last) = self.span.filter(|_| !self.lacking)?;
        (first > now).then_some(last)
    }
}

impl<'a> Tally<'a> {
    /// Counts tasks.
    #[must_use]
    pub fn of(tasks: impl Iterator<Item = Listed<'a>>) -> Self {
        let mut tally = Self::default();
        tasks.for_each(|listed| tally.add(listed));
        tally
    }

    fn add(&mut self, listed: Listed<'a>) {
        let task = listed.task;
        self.total += 1;
        let state = task.state();
        if !state.has_ended() {
            self.estimates.add(task.estimated_completion());
        }
        *self.states.entry(state).or_default() += 1;
        self.progress += i64::from(task.progress().get());
        if task.phase() == Phase::Failed {
            self.failed.push(listed);
        }
        if listed.is_stalled() {
            self.stalled.push(listed);
        }
    }

    /// How many are in a state that is one of these.
    pub fn count(&self, of: impl Fn(&TaskState) -> bool) -> usize {
        self.states.iter().filter(|(state, _)| of(state)).map(|(_, count)| count).sum()
    }

    /// The counts as status has them, but for the estimate, which holds until it has passed.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let count = |phase: Phase| number(self.count(|state| state.phase() == phase));
        Summary {
            total: number(self.total),
            pending: count(Phase::Pending),
            running: count(Phase::Running),
            syncing: count(Phase::Syncing),
            succeeded: count(Phase::Succeeded),
            failed: count(Phase::Failed),
            aborted: count(Phase::Aborted),
            other: count(Phase::Other),
            stalled: number(self.stalled.len()),
            progress: self.progress.checked_div(number(self.total)).unwrap_or(0),
            by_state: self.by_state(),
            estimated_completion_time: None,
        }
    }

    fn by_state(&self) -> BTreeMap<String, i64> {
        let names: BTreeMap<&str, usize> =
            self.states.iter().map(|(state, count)| (state.name(), *count)).collect();
        let mut by_state = BTreeMap::new();
        for (place, (state, count)) in names.into_iter().enumerate() {
            let state = if place < MOST_STATES { cut(state, limits::NAME) } else { OTHER_STATES };
            *by_state.entry(state.to_owned()).or_default() += number(count);
        }
        by_state
    }
}

/// The listed ids that no task of the account answers to, whatever its state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MissingIds<'a> {
    /// Of tasks, in order.
    pub tasks: Vec<&'a str>,
    /// Of source servers, in order.
    pub sources: Vec<&'a str>,
}

impl MissingIds<'_> {
    /// How the status tells of them.
    #[must_use]
    pub fn status(&self) -> Missing {
        let mut names: Vec<&str> = self.tasks.iter().chain(&self.sources).copied().collect();
        names.sort_unstable();
        Missing {
            count: number(names.len()),
            names: names.iter().take(MOST_MISSING).map(|name| cut(name, limits::ID).to_owned()).collect(),
        }
    }
}

/// The listed ids that no task of the account answers to, whatever its state.
#[must_use]
pub fn missing<'a>(plan: &'a Plan, snapshot: &Snapshot) -> MissingIds<'a> {
    if plan.filter.id_lists() == 0 {
        return MissingIds::default();
    }
    let (mut ids, mut sources) = (HashSet::new(), HashSet::new());
    for task in snapshot.tasks.iter().filter(|task| plan.filter.matches(task)) {
        ids.insert(folded(&task.id()).into_owned());
        sources.extend(task.source_id().map(|id| folded(&id).into_owned()));
    }
    let mut tasks: Vec<&str> = plan.filter.ids().filter(|id| !ids.contains(&*folded(id))).collect();
    let mut sources: Vec<&str> =
        plan.filter.source_ids().filter(|id| !sources.contains(&*folded(id))).collect();
    tasks.sort_unstable();
    sources.sort_unstable();
    MissingIds { tasks, sources }
}
