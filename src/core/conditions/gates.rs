//! What can be said of all tasks: the gates `Completed`, `Succeeded` and `CutoverReady`, and the warnings
//! `TasksFailed` and `TasksStalled`.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{Reason, Truth, Verdict, find, truth, types};
use crate::core::{
    hints::nothing_of,
    known::Known,
    listed::Listed,
    memory::Memory,
    plan::Plan,
    summary::{MissingIds, Tally},
    task::{Phase, Task, TaskState},
    text::one_line,
};

/// How many tasks a message names.
const MOST_NAMES: usize = 5;

const GATES: [&str; 3] = [types::COMPLETED, types::SUCCEEDED, types::CUTOVER_READY];
const WARNINGS: [&str; 2] = [types::TASKS_FAILED, types::TASKS_STALLED];

/// What the conditions of the tasks said last.
#[must_use]
pub fn kept(conditions: &[Condition]) -> Vec<Condition> {
    GATES.iter().chain(&WARNINGS).filter_map(|kind| find(conditions, kind).cloned()).collect()
}

/// Whether a condition is one of the gates.
#[must_use]
pub fn is_gate(kind: &str) -> bool {
    GATES.contains(&kind)
}

/// Whether one of the gates was open.
#[must_use]
pub fn any_gate_open(conditions: &[Condition]) -> bool {
    GATES.iter().any(|gate| truth(conditions, gate) == Truth::True)
}

/// What the gates are decided from.
#[derive(Clone, Copy, Debug)]
pub struct Gates<'a> {
    /// The spec.
    pub plan: &'a Plan,
    /// The tasks of the newest listing, counted.
    pub tally: &'a Tally<'a>,
    /// Listed ids without a match.
    pub missing: &'a MissingIds<'a>,
    /// Remembers tasks that the listing lacks.
    pub memory: &'a Memory,
    /// Tasks of the account that couldn't be read.
    pub unreadable: usize,
}

impl Gates<'_> {
    /// All verdicts from a complete listing.
    #[must_use]
    pub fn judge(&self) -> Vec<Verdict> {
        let mut verdicts = if self.plan.filter.is_by_state() { Self::filtered() } else { self.gates() };
        let Tally { failed, stalled, .. } = self.tally;
        verdicts.push(self.warning(
            types::TASKS_FAILED,
            Reason::TasksFailed,
            Reason::NoTasksFailed,
            "failed",
            failed,
        ));
        verdicts.push(self.warning(
            types::TASKS_STALLED,
            Reason::TasksStalled,
            Reason::NoTasksStalled,
            "stalled",
            stalled,
        ));
        verdicts
    }

    /// All verdicts when no listing is recent enough.
    #[must_use]
    pub fn unknown_all(reason: Reason, message: &str, by_state: bool) -> Vec<Verdict> {
        let mut verdicts = if by_state { Self::filtered() } else { Self::unknown(&GATES, reason, message) };
        verdicts.extend(Self::unknown(&WARNINGS, reason, message));
        verdicts
    }

    fn filtered() -> Vec<Verdict> {
        Self::unknown(&GATES, Reason::StatesFiltered, "spec.filter.states hides the other tasks.")
    }

    fn gates(&self) -> Vec<Verdict> {
        vec![
            self.gate(types::COMPLETED, Reason::AllEnded, "have ended", TaskState::has_ended),
            self.gate(types::SUCCEEDED, Reason::AllSucceeded, "have succeeded", |state| {
                state.phase() == Phase::Succeeded
            }),
            self.gate(types::CUTOVER_READY, Reason::AllSynced, "are ready for the cut-over", |state| {
                matches!(state.phase(), Phase::Syncing | Phase::Succeeded)
            }),
        ]
    }

    fn unknown(kinds: &[&'static str], reason: Reason, message: &str) -> Vec<Verdict> {
        let verdict = |kind: &&'static str| Verdict {
            kind,
            truth: Truth::Unknown,
            reason,
            message: message.to_owned(),
        };
        kinds.iter().map(verdict).collect()
    }

    fn gate(&self, kind: &'static str, open: Reason, what: &str, passes: fn(&TaskState) -> bool) -> Verdict {
        // Ended tasks that vanished from an open gate still count.
        let excused = self.memory.excused().filter(|known| passes(&known.state)).count();
        let total = self.tally.total;
        let passed = self.tally.count(passes);
        let closed = |reason, message| Verdict { kind, truth: Truth::False, reason, message };
        if let Some(why) = self.absent(passes).or_else(|| self.missed(passes)) {
            return closed(Reason::TasksMissing, why);
        }
        if total + excused == 0 {
            let account = self.memory.last_tasks();
            return closed(Reason::NoTasks, nothing_of(account.len(), account.iter()));
        }
        if let Some(why) = self.incomplete(total + excused) {
            return closed(Reason::TasksMissing, why);
        }
        if passed == total {
            let message = format!("All {} tasks {what}.", total + excused);
            return Verdict { kind, truth: Truth::True, reason: open, message };
        }
        let stuck =
            |state: &TaskState| matches!(state.phase(), Phase::Failed | Phase::Aborted) && !passes(state);
        if kind != types::COMPLETED && self.tally.count(stuck) > 0 {
            closed(
                Reason::TasksFailed,
                format!("{passed} of {total} tasks {what}; some failed or were aborted."),
            )
        } else {
            closed(Reason::InProgress, format!("{passed} of {total} tasks {what}."))
        }
    }

    /// Which of the listed ids have no task, nor had one that is excused.
    fn absent(&self, passes: fn(&TaskState) -> bool) -> Option<String> {
        let MissingIds { tasks, sources } = self.missing;
        let is_excused = |known: Option<&Known>| known.is_some_and(|known| passes(&known.state));
        let excused = (!sources.is_empty()).then(|| self.memory.excused_sources());
        let of_source = |source| excused.as_ref().and_then(|excused| excused.get(source));
        let tasks = tasks.iter().filter(|id| !is_excused(self.memory.excused_task(id)));
        let sources = sources.iter().filter(|id| !is_excused(of_source(id)));
        let unexcused = tasks.count() + sources.count();
        (unexcused > 0).then(|| format!("{unexcused} of the listed ids match no task; see status.missing."))
    }

    /// Which tasks keep the gate shut though the newest listing lacks them: one listing may be wrong.
    fn missed(&self, passes: fn(&TaskState) -> bool) -> Option<String> {
        let missed = self.memory.missed().filter(|known| !passes(&known.state)).count();
        (missed > 0).then(|| {
            format!("{missed} of the tasks that were listed before are missing; the next listing tells whether they are gone.")
        })
    }

    /// Why there may be more tasks than are known.
    fn incomplete(&self, known: usize) -> Option<String> {
        let expected = self.plan.expected_tasks.unwrap_or(0);
        if known < expected {
            return Some(format!("{known} of {expected} expected tasks are listed."));
        }
        // One of them may be of this watch, unless that names its tasks.
        (self.unreadable > 0 && self.plan.filter.id_lists() == 0)
            .then(|| format!("{} tasks of the account can't be read.", self.unreadable))
    }

    fn warning(
        &self,
        kind: &'static str,
        yes: Reason,
        no: Reason,
        what: &str,
        tasks: &[Listed<'_>],
    ) -> Verdict {
        if tasks.is_empty() {
            return Verdict {
                kind,
                truth: Truth::False,
                reason: no,
                message: format!("No task has {what}."),
            };
        }
        let mut names: Vec<_> = tasks.iter().map(|listed| label(listed.task)).collect();
        names.sort_unstable();
        let count = names.len();
        let named =
            names.iter().take(MOST_NAMES).map(|name| one_line(name, 64)).collect::<Vec<_>>().join(", ");
        let more =
            if count > MOST_NAMES { format!(" and {} more", count - MOST_NAMES) } else { String::new() };
        let message = format!("{count} of {} tasks {what}: {named}{more}.", self.tally.total);
        Verdict { kind, truth: Truth::True, reason: yes, message }
    }
}

/// The task's name, or its id where it has none.
fn label(task: &Task) -> Cow<'_, str> {
    if task.name().is_empty() { task.id().into_cow() } else { task.name().into() }
}
