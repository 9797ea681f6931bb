//! What happened between two complete listings.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use k8s_openapi::jiff::Timestamp;

use super::{
    known::{Known, Mark, Note, Presence},
    listed::{Listed, ListedTasks},
    memory::Memory,
    plan::Plan,
    task::{Phase, Snapshot, Task, TaskId},
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

/// What a comparison came to.
#[derive(Debug)]
pub struct Compared<'a> {
    /// What to remember from now on.
    pub memory: Memory,
    /// What happened.
    pub transitions: Vec<Transition<'a>>,
    /// Whether nothing at all is to be said of the watch's tasks that the last listing didn't say.
    pub is_same: bool,
}

/// Compares a complete listing with what is remembered.
#[must_use]
pub fn compare<'a>(basis: Basis<'_>, plan: &Plan, snapshot: &'a Snapshot) -> Compared<'a> {
    let is_baseline = matches!(basis, Basis::Baseline);
    let mut step = Step {
        plan,
        now: snapshot.completed,
        is_baseline,
        listed: ListedTasks::none_of(&snapshot.tasks, &plan.target),
        transitions: Vec::new(),
        is_same: !is_baseline,
    };
    let tasks = snapshot.tasks.iter().enumerate();
    let Basis::Memory { memory, gate_open, again } = basis else {
        tasks
            .filter(|(_, task)| plan.filter.matches(task))
            .for_each(|(place, task)| step.listed(place, task, None));
        let Step { listed, transitions, is_same, .. } = step;
        return Compared { memory: Memory::of(listed.finish()), transitions, is_same };
    };
    let mut absent = Absent::of(memory, |known| {
        let (after, told) = absent(known, gate_open);
        // An entry that can't be read may be this very task.
        let in_doubt = told && snapshot.unreadable > 0;
        if again || in_doubt { (Some(known.clone()), false) } else { (after, told) }
    });
    // A task that is shared with the last listing passes the filter as it did then. One that isn't remembered since may
    // still be one that is known by its hash.
    let knows_ours = memory.is_of(&plan.target) && memory.hashed.is_empty();
    // Both are in the order of ids.
    let mut before = memory.last_listing().peekable();
    for (place, task) in tasks {
        while let Some((_, gone)) = before.next_if(|(before, _)| before.order_by_id(task).is_lt()) {
            absent.gone.extend(gone);
        }
        let (known, listed) = before.next_if(|(before, _)| before.order_by_id(task).is_eq()).unzip();
        let (is_unchanged, listed) =
            (known.is_some_and(|known| known.is_shared_with(task)), listed.flatten());
        let is_ours = if is_unchanged && knows_ours { listed.is_some() } else { plan.filter.matches(task) };
        if !is_ours {
            absent.gone.extend(listed);
            continue;
        }
        absent.see(task);
        let before = listed.map(Before::Listed).or_else(|| absent.take(task).map(Before::Known));
        step.listed(place, task, before);
    }
    absent.gone.extend(before.filter_map(|(_, gone)| gone));
    let Step { listed, mut transitions, is_same, .. } = step;
    let is_same = is_same && absent.is_empty();
    let memory = absent.finish(listed.finish(), &mut transitions);
    Compared { memory, transitions, is_same }
}

/// What is remembered of a task that is listed now.
enum Before<'b> {
    Listed(Listed<'b>),
    Known(&'b Known),
}

struct Step<'a, 'b> {
    plan: &'b Plan,
    now: Timestamp,
    is_baseline: bool,
    listed: ListedTasks,
    transitions: Vec<Transition<'a>>,
    /// So far.
    is_same: bool,
}

impl<'a> Step<'a, '_> {
    fn tell(&mut self, kind: TransitionKind, subject: Subject<'a>) {
        self.transitions.push(Transition { kind, subject });
    }

    fn listed(&mut self, place: usize, task: &'a Task, before: Option<Before<'_>>) {
        let note = match &before {
            Some(Before::Listed(listed)) => {
                if let Some(note) = unchanged(task, listed) {
                    self.listed.add(place, note);
                    return;
                }
                let note = self.look_at(task, Some(&listed.known()));
                self.is_same &= note.as_ref().is_some_and(|note| listed.says(task, note));
                note
            }
            Some(Before::Known(known)) => {
                self.is_same = false;
                self.look_at(task, Some(known))
            }
            None => {
                self.is_same = false;
                self.look_at(task, None)
            }
        };
        if let Some(note) = note {
            self.listed.add(place, note);
        }
    }

    /// Tells what has happened to a task, and says what to note of it. None when it is no longer the watch's.
    fn look_at(&mut self, task: &'a Task, before: Option<&Known>) -> Option<Note> {
        if let Some(before) = before.filter(|_| task.state_name().is_empty()) {
            // What was told of it holds until its state is known again.
            return Some(Note::instead(Known { presence: Presence::Listed, ..before.clone() }));
        }
        let shown = self.plan.filter.shows(task);
        let phase = task.phase();
        let is_news = match before {
            Some(before) => before.state.phase() != phase,
            None => shown && !self.is_baseline,
        };
        if is_news && let Some(kind) = TransitionKind::of(phase) {
            self.tell(kind, Subject::Listed(task));
        }
        // A task that left the states to show has been told, and is no longer the watch's.
        if !shown {
            return None;
        }
        let note = self.note(task, before);
        let was_stalled = before.is_some_and(|before| before.stalled_since.is_some());
        match (was_stalled, note.stalled_since.is_some()) {
            (false, true) => self.tell(TransitionKind::Stalled, Subject::Listed(task)),
            (true, false) if phase == Phase::Running && note.last_progress == Some(self.now) => {
                self.tell(TransitionKind::Resumed, Subject::Listed(task));
            }
            _ => {}
        }
        Some(note)
    }

    fn note(&self, task: &Task, before: Option<&Known>) -> Note {
        let same_state = before.filter(|before| before.state.name() == task.state_name());
        let last_progress = (task.phase() == Phase::Running).then(|| {
            match same_state.and_then(|before| before.last_progress) {
                Some(last)
                    if !task.is_moving()
                        && same_state.is_some_and(|before| before.stood_at(&Mark::of(task))) =>
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
            None => (!self.is_baseline).then_some(self.now),
        };
        Note { last_progress, last_transition, stalled_since, instead: None }
    }
}

/// What to note of a task of which nothing has changed, nor could by the time alone.
fn unchanged(task: &Task, before: &Listed<'_>) -> Option<Note> {
    match before.note {
        _ if !before.is_of_equal(task) || !is_at_rest(task) => None,
        None => Some(Note::default()),
        Some(note) => {
            let is_plain =
                note.instead.is_none() && note.last_progress.is_none() && note.stalled_since.is_none();
            is_plain.then(|| note.clone())
        }
    }
}

/// Whether time alone changes nothing: the task doesn't run, and its state was listed.
fn is_at_rest(task: &Task) -> bool {
    task.phase() != Phase::Running && !task.state_name().is_empty()
}

/// The tasks that are remembered and not listed.
struct Absent<'b, F> {
    memory: &'b Memory,
    /// What to remember of one, and whether it is told.
    judge: F,
    gone: Vec<Listed<'b>>,
    /// The others that are listed.
    seen: HashSet<&'b TaskId>,
    seen_hashes: HashSet<u64>,
    /// The source servers of tasks that are gone and count for the gates.
    excused: HashMap<&'b str, Vec<&'b TaskId>>,
}

impl<'b, F: Fn(&Known) -> (Option<Known>, bool)> Absent<'b, F> {
    fn of(memory: &'b Memory, judge: F) -> Self {
        let mut excused: HashMap<&str, Vec<&TaskId>> = HashMap::new();
        for (id, known) in memory.named.iter().filter(|(_, known)| known.presence.counts_for_gates()) {
            if let Some(source) = &known.source {
                excused.entry(source).or_default().push(id);
            }
        }
        let (seen, seen_hashes) = (HashSet::new(), HashSet::new());
        Self { memory, judge, gone: Vec::new(), seen, seen_hashes, excused }
    }

    /// Whether nothing is remembered but what is listed, and that is listed still.
    fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.memory.named.is_empty() && self.memory.hashed.is_empty()
    }

    /// A hash that fits a listed task is of that one, by whatever else it is known. And a source server that is migrated
    /// anew no longer counts by a task that is gone.
    fn see(&mut self, task: &Task) {
        let hashed = &self.memory.hashed;
        if !hashed.is_empty() {
            self.seen_hashes.insert(hashed.key(&task.id()));
            self.seen_hashes.extend(task.source_id().map(|source| hashed.key(&source)));
        }
        if !self.excused.is_empty()
            && let Some(source) = task.source_id()
            && let Some(ids) = self.excused.get(&*source)
        {
            self.seen.extend(ids);
        }
    }

    /// What is remembered of a task that is listed, and wasn't the last time.
    fn take(&mut self, task: &Task) -> Option<&'b Known> {
        let Memory { named, hashed, .. } = self.memory;
        if named.is_empty() && hashed.is_empty() {
            return None;
        }
        let id = task.id();
        let named = named.get_key_value(&*id);
        self.seen.extend(named.map(|(id, _)| id));
        // By its source server alone it isn't known to be this one.
        let hashed = hashed.get(&id).filter(|known| known.presence != Presence::GoneFromSource);
        named.map(|(_, known)| known).or(hashed)
    }

    /// What to remember from now on. Adds what is told of those that are gone.
    fn finish(self, listed: ListedTasks, transitions: &mut Vec<Transition<'_>>) -> Memory {
        let mut memory = Memory::of(listed);
        let mut tell = |subject| {
            transitions.push(Transition { kind: TransitionKind::Disappeared, subject });
        };
        let named = self.memory.named.iter().filter(|(id, _)| !self.seen.contains(id));
        let named = named.map(|(id, known)| (id.clone(), Cow::Borrowed(known)));
        let gone = self.gone.iter().map(|gone| {
            let source = gone.task.source_id().map(|source| Arc::from(&*source));
            (TaskId::new(&gone.task.id()), Cow::Owned(Known { source, ..gone.known() }))
        });
        for (id, known) in named.chain(gone) {
            let (after, told) = (self.judge)(&known);
            if told {
                tell(Subject::Remembered(id.clone(), known.into_owned()));
            }
            if let Some(after) = after {
                memory.named.insert(id, after);
            }
        }
        let (hashed, told) = self.memory.hashed.after(&self.seen_hashes, &self.judge);
        (0..told).for_each(|_| tell(Subject::Nameless));
        memory.hashed = hashed;
        memory
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
        gone @ (Presence::Gone | Presence::GoneFromSource) => (gone, false),
    };
    (Some(Known { presence, ..known.clone() }), told)
}
