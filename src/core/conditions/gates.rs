//! What can be said of all tasks: the gates `Completed`, `Succeeded` and `CutoverReady`, and the warnings
//! `TasksFailed` and `TasksStalled`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{Truth, Verdict, truth, types};
use crate::{
    api::Missing,
    core::{
        memory::Memory,
        plan::Plan,
        summary::Matched,
        task::{Phase, TaskState},
        text::one_line,
    },
};

/// How many tasks a message names.
const MOST_NAMES: usize = 5;

const GATES: [&str; 3] = [types::COMPLETED, types::SUCCEEDED, types::CUTOVER_READY];
const WARNINGS: [&str; 2] = [types::TASKS_FAILED, types::TASKS_STALLED];

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
    /// The tasks of the newest listing.
    pub matched: &'a [Matched<'a>],
    /// Listed ids without a match.
    pub missing: &'a Missing,
    /// Remembers ended tasks that are gone.
    pub memory: &'a Memory,
    /// Tasks of the account that couldn't be read.
    pub unreadable: usize,
}

impl Gates<'_> {
    /// All verdicts from a complete listing.
    #[must_use]
    pub fn judge(&self) -> Vec<Verdict> {
        let mut verdicts = vec![
            self.gate(types::COMPLETED, "AllEnded", TaskState::has_ended),
            self.gate(types::SUCCEEDED, "AllSucceeded", |state| state.phase() == Phase::Succeeded),
            self.gate(types::CUTOVER_READY, "AllSynced", |state| {
                matches!(state.phase(), Phase::Syncing | Phase::Succeeded)
            }),
        ];
        if self.plan.filter.is_by_state() {
            verdicts = Self::unknown(&GATES, "StatesFiltered", "spec.filter.states hides the other tasks.");
        }
        let failed = |matched: &&Matched<'_>| matched.task.state.phase() == Phase::Failed;
        verdicts.push(self.warning(types::TASKS_FAILED, "TasksFailed", "NoTasksFailed", "failed", failed));
        let stalled = |matched: &&Matched<'_>| matched.is_stalled();
        verdicts.push(self.warning(
            types::TASKS_STALLED,
            "TasksStalled",
            "NoTasksStalled",
            "stalled",
            stalled,
        ));
        verdicts
    }

    /// All verdicts when no listing is recent enough.
    #[must_use]
    pub fn unknown_all(reason: &'static str, message: &str, by_state: bool) -> Vec<Verdict> {
        let mut verdicts = if by_state {
            Self::unknown(&GATES, "StatesFiltered", "spec.filter.states hides the other tasks.")
        } else {
            Self::unknown(&GATES, reason, message)
        };
        verdicts.extend(Self::unknown(&WARNINGS, reason, message));
        verdicts
    }

    fn unknown(kinds: &[&'static str], reason: &'static str, message: &str) -> Vec<Verdict> {
        let verdict = |kind: &&'static str| Verdict {
            kind,
            truth: Truth::Unknown,
            reason,
            message: message.to_owned(),
        };
        kinds.iter().map(verdict).collect()
    }

    fn gate(&self, kind: &'static str, open: &'static str, passes: fn(&TaskState) -> bool) -> Verdict {
        let total = self.matched.len();
        let passed = self.matched.iter().filter(|matched| passes(&matched.task.state)).count();
        // Ended tasks that vanished from an open gate still count.
        let excused = self.memory.excused().filter(|known| passes(&known.state)).count();
        let unexcused = usize::try_from(self.missing.count)
            .unwrap_or(usize::MAX)
            .saturating_sub(excused * self.plan.filter.id_lists());
        let expected = self.plan.expected_tasks.unwrap_or(0);
        let stuck = self.matched.iter().any(|matched| {
            matches!(matched.task.state.phase(), Phase::Failed | Phase::Aborted)
                && !passes(&matched.task.state)
        });
        let (is_open, reason, message) = if total + excused == 0 {
            (false, "NoTasks", "No task matches.".to_owned())
        } else if unexcused > 0 {
            (
                false,
                "TasksMissing",
                format!("{unexcused} of the listed ids match no task; see status.missing."),
            )
        } else if total + excused < expected {
            (false, "TasksMissing", format!("{} of {expected} expected tasks are there.", total + excused))
        } else if self.unreadable > 0 && self.plan.filter.id_lists() == 0 {
            // One of them may be of this watch.
            (false, "TasksMissing", format!("{} tasks of the account can't be read.", self.unreadable))
        } else if passed == total {
            (true, open, format!("All {} tasks are there.", total + excused))
        } else if stuck && kind != types::COMPLETED {
            (
                false,
                "TasksFailed",
                format!("{passed} of {total} tasks are there, and some failed or were aborted."),
            )
        } else {
            (false, "InProgress", format!("{passed} of {total} tasks are there."))
        };
        Verdict { kind, truth: is_open.into(), reason, message }
    }

    fn warning(
        &self,
        kind: &'static str,
        yes: &'static str,
        no: &'static str,
        what: &str,
        applies: impl FnMut(&&Matched<'_>) -> bool,
    ) -> Verdict {
        let mut names: Vec<_> = self.matched.iter().filter(applies).map(|matched| matched.label()).collect();
        if names.is_empty() {
            return Verdict {
                kind,
                truth: Truth::False,
                reason: no,
                message: format!("No task has {what}."),
            };
        }
        names.sort_unstable();
        let count = names.len();
        let named =
            names.iter().take(MOST_NAMES).map(|name| one_line(name, 64)).collect::<Vec<_>>().join(", ");
        let more =
            if count > MOST_NAMES { format!(" and {} more", count - MOST_NAMES) } else { String::new() };
        let message = format!("{count} of {} tasks {what}: {named}{more}.", self.matched.len());
        Verdict { kind, truth: Truth::True, reason: yes, message }
    }
}

impl Matched<'_> {
    /// The task's name, or its id where it has none.
    fn label(&self) -> &str {
        if self.task.name.is_empty() { self.task.id.as_str() } else { &self.task.name }
    }
}
