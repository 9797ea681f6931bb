//! What happened between two complete listings.

use std::collections::{HashMap, HashSet};

use k8s_openapi::jiff::Timestamp;

use super::{
    known::{Known, Mark, Presence},
    memory::Memory,
    plan::Plan,
    task::{Phase, Snapshot, Task, TaskId, TaskState},
    time::after,
};

/// Something that happened to a task and is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TransitionKind {
    /// It failed.
    Failed,
    /// It stands still.
    Stalled,
    /// It was aborted.
    Aborted,
    /// It is gone from two listings in a row.
    Disappeared,
    /// It moves again.
    Resumed,
    /// It began to copy.
    Started,
    /// It has copied and carries changes over.
    Syncing,
    /// It is done.
    Succeeded,
}

impl TransitionKind {
    fn of(phase: Phase) -> Option<Self> {
        match phase {
            Phase::Running => Some(Self::Started),
            Phase::Syncing => Some(Self::Syncing),
            Phase::Succeeded => Some(Self::Succeeded),
            Phase::Failed => Some(Self::Failed),
            Phase::Aborted => Some(Self::Aborted),
            Phase::Pending | Phase::Other => None,
        }
    }
}

/// A transition, and whose.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition<'a> {
    /// What happened.
    pub kind: TransitionKind,
    /// The task, as the listing has it, or as it is remembered.
    pub subject: Subject<'a>,
}

/// Whose transition it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject<'a> {
    /// A listed task.
    Listed(&'a Task),
    /// A task that is no longer listed.
    Remembered(TaskId, Known),
    /// One of which not even the id is known, since it wasn't written out before a restart.
    Nameless,
}

/// What the last listing left to compare with.
#[derive(Clone, Copy, Debug)]
pub enum Basis<'a> {
    /// Nothing: what is found is the baseline, and isn't told task by task.
    Baseline,
    /// What is remembered, and whether Completed, Succeeded or CutoverReady was open.
    Memory {
        /// The memory.
        memory: &'a Memory,
        /// Whether one of the gates was open.
        gate_open: bool,
        /// Whether this listing has been compared before, and only the memory of that was lost. Then a task that
        /// is missing isn't missing once more.
        again: bool,
    },
}

/// Compares a complete listing with what is remembered: what happened, and what to remember from now on.
#[must_use]
pub fn compare<'a>(basis: Basis<'_>, plan: &Plan, snapshot: &'a Snapshot) -> (Memory, Vec<Transition<'a>>) {
    let mut step =
        Step { basis, plan, now: snapshot.completed, memory: Memory::default(), transitions: Vec::new() };
    let mut seen = HashSet::with_capacity(snapshot.tasks.len());
    for task in snapshot.tasks.iter().filter(|task| plan.filter.matches(task)) {
        step.listed(task);
        seen.insert(&task.id);
    }
    if let Basis::Memory { memory, gate_open, again } = basis {
        step.missing(memory, &seen, |known| {
            let (after, told) = absent(known, gate_open);
            // An entry that can't be read may be this very task.
            let in_doubt = told && snapshot.unreadable > 0;
            if again || in_doubt { (Some(known.clone()), false) } else { (after, told) }
        });
    }
    (step.memory, step.transitions)
}

struct Step<'a, 'b> {
    basis: Basis<'b>,
    plan: &'b Plan,
    now: Timestamp,
    memory: Memory,
    transitions: Vec<Transition<'a>>,
}

impl<'a> Step<'a, '_> {
    fn tell(&mut self, kind: TransitionKind, subject: Subject<'a>) {
        self.transitions.push(Transition { kind, subject });
    }

    fn listed(&mut self, task: &'a Task) {
        let before = match self.basis {
            Basis::Baseline => None,
            Basis::Memory { memory, .. } => memory.get(&task.id),
        };
        if let Some(before) = before.filter(|_| task.state.is_missing()) {
            // What was told of it holds until its state is known again.
            let known = Known { presence: Presence::Listed, ..before.clone() };
            self.memory.known.insert(task.id.clone(), known);
            return;
        }
        let shown = self.plan.filter.shows(&task.state);
        let is_baseline = matches!(self.basis, Basis::Baseline);
        let phase = task.state.phase();
        let is_news = match before {
            Some(before) => before.state.phase() != phase,
            None => shown && !is_baseline,
        };
        if is_news && let Some(kind) = TransitionKind::of(phase) {
            self.tell(kind, Subject::Listed(task));
        }
        // A task that left the states to show has been told, and is no longer the watch's.
        if !shown {
            return;
        }
        let known = self.known(task, before, is_baseline);
        let was_stalled = before.is_some_and(|before| before.stalled_since.is_some());
        match (was_stalled, known.stalled_since.is_some()) {
            (false, true) => self.tell(TransitionKind::Stalled, Subject::Listed(task)),
            (true, false) if known.state == TaskState::Running && known.last_progress == Some(self.now) => {
                self.tell(TransitionKind::Resumed, Subject::Listed(task));
            }
            _ => {}
        }
        self.memory.known.insert(task.id.clone(), known);
    }

    fn known(&self, task: &Task, before: Option<&Known>, is_baseline: bool) -> Known {
        let mark =
            Mark { step: task.sub_task.as_ref().map(|step| step.name.clone()), progress: task.progress() };
        let same_state = before.filter(|before| before.state == task.state);
        let last_progress = (task.state == TaskState::Running).then(|| {
            match same_state.and_then(|before| before.last_progress) {
                Some(last)
                    if !task.is_moving() && same_state.is_some_and(|before| before.stood_at(&mark)) =>
                {
                    last
                }
                _ => self.now,
            }
        });
        let stalled_since = last_progress
            .zip(self.plan.stall_after)
            .map(|(last, patience)| after(last, patience))
            .filter(|since| *since <= self.now);
        let last_transition = match same_state {
            Some(before) => before.last_transition,
            None => (!is_baseline).then_some(self.now),
        };
        Known {
            state: task.state.clone(),
            name: Some(task.name.clone()),
            presence: Presence::Listed,
            mark: Some(mark),
            last_progress,
            last_transition,
            stalled_since,
        }
    }

    fn missing(
        &mut self,
        memory: &Memory,
        seen: &HashSet<&TaskId>,
        absent: impl Fn(&Known) -> (Option<Known>, bool),
    ) {
        for (id, known) in memory.known.iter().filter(|(id, _)| !seen.contains(id)) {
            let (after, told) = absent(known);
            if told {
                self.tell(TransitionKind::Disappeared, Subject::Remembered(id.clone(), known.clone()));
            }
            if let Some(after) = after {
                self.memory.known.insert(id.clone(), after);
            }
        }
        let seen_keys: HashSet<u64> = seen.iter().map(|id| memory.hashed.key(id)).collect();
        let mut hashed = HashMap::new();
        for (key, known) in memory.hashed.iter().filter(|(key, _)| !seen_keys.contains(key)) {
            let (after, told) = absent(known);
            if told {
                self.tell(TransitionKind::Disappeared, Subject::Nameless);
            }
            if let Some(after) = after {
                hashed.insert(key, after);
            }
        }
        self.memory.hashed = memory.hashed.with(hashed);
    }
}

impl Known {
    /// Whether the task stood here before. From the ledger it isn't known where it stood, and then it counts
    /// as the same: the next listing will tell.
    fn stood_at(&self, mark: &Mark) -> bool {
        self.mark.as_ref().is_none_or(|before| before == mark)
    }
}

/// What is remembered of a task that isn't listed, and whether its disappearance is told now.
fn absent(known: &Known, gate_open: bool) -> (Option<Known>, bool) {
    let (presence, told) = match known.presence {
        Presence::Listed if gate_open && known.state.has_ended() => (Presence::MissedAfterEnd, false),
        Presence::Listed => (Presence::Missed, false),
        Presence::Missed => return (None, true),
        Presence::MissedAfterEnd => (Presence::Gone, true),
        Presence::Gone => (Presence::Gone, false),
    };
    (Some(Known { presence, ..known.clone() }), told)
}
