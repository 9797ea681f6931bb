//! Tasks that move, and all that they ever were.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sms_simulator::{Simulator, Snapshot, Task, TaskError, TaskState};

/// Every state that a task may come to, and the event that tells of its phase; of the others nothing is told.
const STATES: [(&str, &str); 12] = [
    ("READY", "(pending)"),
    ("RUNNING", "TaskStarted"),
    ("SYNCING", "TaskSyncing"),
    ("MIGRATE_SUCCESS", "TaskSucceeded"),
    ("SYNC_SUCCESS", "TaskSucceeded"),
    ("MIGRATE_FAIL", "TaskFailed"),
    ("SYNC_FAIL", "TaskFailed"),
    ("SYNC_F_ROLLBACKING", "TaskFailed"),
    ("ABORTING", "TaskAborted"),
    ("ABORT", "TaskAborted"),
    ("SKIPPING", "(other)"),
    ("NOVEL", "(other)"),
];
/// The mark's state, which comes first in a status.
const MARK: &str = "MIGRATE_FAIL";
/// A task that is gone.
const GONE: usize = STATES.len();

/// What a task is, as the vendor names it; none when it is gone.
pub(crate) type State = Option<&'static str>;

/// The event that tells of a state's phase, or a name for that phase in parentheses when nothing is told of it.
pub(crate) fn event_of(state: &str) -> &'static str {
    STATES.iter().find(|(name, _)| *name == state).unwrap_or_else(|| panic!("no such state: {state}")).1
}

/// Tasks in blocks of the same size, and each block's versions so far.
pub(crate) struct Fleet {
    size: usize,
    prefix: fn(usize) -> String,
    blocks: Vec<Mutex<Vec<Vec<usize>>>>,
}

impl Fleet {
    /// So many blocks of so many tasks, all READY. The size of a page must be a multiple of that of a block.
    pub(crate) fn new(blocks: usize, size: usize, prefix: fn(usize) -> String) -> Self {
        assert_eq!(200 % size, 0, "a block is on one page");
        Self { size, prefix, blocks: (0..blocks).map(|_| Mutex::new(vec![vec![0; size - 1]])).collect() }
    }

    /// The tasks as SMS starts with them: the last is listed first.
    pub(crate) fn tasks(&self) -> Vec<Task> {
        let of_block = |block| {
            let mark = Task::new(self.mark_name(block)).with_id(mark_id(block)).with_snapshot(mark(0));
            let others = (0..self.size - 1)
                .map(move |place| Task::new(self.name(block, place)).with_id(task_id(block, place)));
            std::iter::once(mark).chain(others)
        };
        let mut tasks: Vec<Task> = (0..self.blocks.len()).flat_map(of_block).collect();
        tasks.reverse();
        tasks
    }

    pub(crate) fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Moves up to so many tasks of a block at the same moment, many of them to the same state.
    pub(crate) fn step(&self, sms: &Simulator, block: usize, most: usize, random: &mut fastrand::Rng) {
        let common = random.usize(..STATES.len());
        let moved = random.usize(1..=most.min(self.size - 1));
        let changes: Vec<(usize, usize)> = (0..moved)
            .map(|_| {
                let state = if random.u8(..4) > 0 { common } else { random.usize(..STATES.len()) };
                (random.usize(..self.size - 1), state)
            })
            .collect();
        self.change(sms, block, &changes);
    }

    /// Removes so many tasks of the last block, which are listed last, and come back no more.
    pub(crate) fn remove(&self, sms: &Simulator, count: usize) {
        let block = self.blocks.len() - 1;
        let there = self.now(block).iter().rposition(|state| *state != GONE).unwrap_or(0);
        let last: Vec<(usize, usize)> = (0..=there).rev().take(count).map(|place| (place, GONE)).collect();
        self.change(sms, block, &last);
    }

    fn now(&self, block: usize) -> Vec<usize> {
        self.history(block).last().unwrap().clone()
    }

    fn history(&self, block: usize) -> MutexGuard<'_, Vec<Vec<usize>>> {
        self.blocks[block].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, sms: &Simulator, block: usize, changes: &[(usize, usize)]) {
        // Known before it can be listed.
        let mut history = self.history(block);
        let mut states = history.last().unwrap().clone();
        for (place, state) in changes {
            if states[*place] != GONE {
                states[*place] = *state;
            }
        }
        let ids: BTreeMap<String, usize> =
            changes.iter().map(|(place, _)| (task_id(block, *place), states[*place])).collect();
        let (mark_id, version) = (mark_id(block), history.len());
        history.push(states);
        drop(history);
        sms.tasks().edit(ids.keys().chain([&mark_id]).map(String::as_str), |id, task, now| {
            match ids.get(id) {
                None => task.change_at(now, |snapshot| *snapshot = mark(version)),
                Some(&GONE) => task.created = Duration::MAX,
                Some(state) => {
                    task.change_at(now, |snapshot| {
                        *snapshot = Snapshot::of(TaskState::new(STATES[*state].0));
                    });
                }
            }
        });
    }

    /// The newest version of a block.
    pub(crate) fn version(&self, block: usize) -> usize {
        self.history(block).len() - 1
    }

    /// The names of a block's tasks and their states at a version, the mark excepted.
    pub(crate) fn at(&self, block: usize, version: usize) -> Vec<(String, State)> {
        let states = self.history(block)[version].clone();
        let named = states.into_iter().enumerate();
        named
            .map(|(place, state)| (self.name(block, place), STATES.get(state).map(|(name, _)| *name)))
            .collect()
    }

    /// How many tasks of a block are in each state at a version, the mark included.
    pub(crate) fn counts(&self, block: usize, version: usize) -> BTreeMap<String, i64> {
        let mut counts = BTreeMap::from([(MARK.to_owned(), 1)]);
        for name in self.history(block)[version].iter().filter_map(|state| STATES.get(*state)) {
            *counts.entry(name.0.to_owned()).or_default() += 1;
        }
        counts
    }

    /// How many tasks are gone.
    pub(crate) fn gone(&self) -> usize {
        (0..self.blocks.len()).map(|block| self.gone_of(block)).sum()
    }

    /// How many tasks of a block are gone.
    pub(crate) fn gone_of(&self, block: usize) -> usize {
        self.now(block).iter().filter(|state| **state == GONE).count()
    }

    /// Before all tasks in the order of names, so that a status writes it out.
    fn mark_name(&self, block: usize) -> String {
        format!("a-{}-mark", (self.prefix)(block))
    }

    fn name(&self, block: usize, place: usize) -> String {
        format!("{}-task-{place:03}", (self.prefix)(block))
    }
}

/// The block and the version that a mark's id and error say.
pub(crate) fn read_mark(id: &str, error: &str) -> Option<(usize, usize)> {
    Some((id.strip_prefix("mark-")?.parse().ok()?, error.strip_prefix("VERSION.")?.parse().ok()?))
}

fn mark_id(block: usize) -> String {
    format!("mark-{block:03}")
}

fn task_id(block: usize, place: usize) -> String {
    format!("task-{block:03}-{place:03}")
}

fn mark(version: usize) -> Snapshot {
    let error = TaskError::coded(format!("VERSION.{version}"), "");
    Snapshot { error: Some(error), ..Snapshot::of(TaskState::new(MARK)) }
}
