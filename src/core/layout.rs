//! Which tasks a status writes out, in which order, within which size; and the ledger for the others.

use std::{borrow::Cow, cmp::Ordering, collections::BinaryHeap};

use k8s_openapi::jiff::Timestamp;

use super::{
    count::number,
    known::Presence,
    ledger::{self, Entry, Page},
    listed::Listed,
    memory::Memory,
    plan::Plan,
    summary::matched,
    task::{Phase, Server, Task},
    time::written,
};
use crate::api::{MigrationTaskWatchStatus, ServerStatus, SubTaskStatus, TaskErrorStatus, TaskStatus};

/// The largest status, in bytes of JSON.
pub const MAX_STATUS: usize = 512 * 1024;
/// For the names of the fields that are written last.
const SLACK: usize = 256;
/// What the outbox is taken for at least, so that a few events, and their going, don't change how many tasks fit: that
/// would be another write.
const OUTBOX: usize = 8 * 1024;

/// Which tasks a status writes out, and which it remembers in its ledger.
#[derive(Debug)]
pub struct Layout<'a> {
    uid: &'a str,
    plan: &'a Plan,
    memory: &'a Memory,
    now: Timestamp,
    written: Vec<Listed<'a>>,
    ledger_room: usize,
}

impl<'a> Layout<'a> {
    /// Writes as many tasks as fit into a status whose other fields are all there, but for the ledger.
    pub fn write_tasks(
        status: &mut MigrationTaskWatchStatus,
        uid: &'a str,
        plan: &'a Plan,
        memory: &'a Memory,
        total: usize,
        now: Timestamp,
    ) -> Self {
        (status.tasks, status.ledger) = (Vec::new(), None);
        let outbox = json_size(&status.outbox);
        let others = json_size(status).saturating_sub(outbox);
        let room = MAX_STATUS.saturating_sub(others + outbox.max(OUTBOX) + SLACK);
        // Enough for hashes of full length, and for the names of missing tasks.
        let ledger_room = ledger::MAX_LENGTH.min(8 * total + 24 * 1024).min(room);
        let mut written = first(matched(plan, memory), plan.task_limit);
        status.tasks = fitting(&written, room - ledger_room);
        written.truncate(status.tasks.len());
        status.omitted_tasks = Some(number(total.saturating_sub(written.len())));
        Self { uid, plan, memory, now, written, ledger_room }
    }

    /// The ledger of the tasks that aren't written out.
    #[must_use]
    pub fn ledger(&self) -> Option<String> {
        let mut written: Vec<&Task> = self.written.iter().map(|listed| listed.task).collect();
        written.sort_by(|a, b| a.order_by_id(b));
        let mut next = written.iter().peekable();
        let omitted = matched(self.plan, self.memory)
            .filter(|listed| next.next_if(|written| written.order_by_id(listed.task).is_eq()).is_none());
        let absent = self.memory.named.iter().filter(|(_, known)| known.presence != Presence::Listed);
        let mut absent: Vec<_> = absent.collect();
        absent.sort_unstable_by_key(|(id, _)| *id);
        let entries: Vec<Entry<'_>> = omitted
            .map(Entry::Listed)
            .chain(absent.into_iter().map(|(id, known)| Entry::Known(id, known)))
            .chain(self.memory.hashed.iter().map(|(key, known)| Entry::Hashed(key, known)))
            .collect();
        Page {
            uid: self.uid,
            entries: &entries,
            written: &written,
            earlier_bits: self.memory.hashed.bits(),
            gone_by_source: !self.plan.filter.has_ids(),
            stall_after: self.plan.stall_after,
            now: self.now,
        }
        .encode(self.ledger_room)
    }
}

/// The first tasks in the order of a status.
fn first<'a>(matched: impl Iterator<Item = Listed<'a>>, limit: usize) -> Vec<Listed<'a>> {
    // The last of the first is on top. Most tasks are told from it by their rank.
    let mut first: BinaryHeap<Placed<'a>> = BinaryHeap::new();
    for placed in matched.map(Placed) {
        if first.len() < limit {
            first.push(placed);
        } else if let Some(mut last) = first.peek_mut()
            && placed < *last
        {
            *last = placed;
        }
    }
    first.into_sorted_vec().into_iter().map(|placed| placed.0).collect()
}

/// A task in the order of a status: failed first, then stalled, running, syncing, pending, other, aborted and
/// succeeded; then by name and id.
struct Placed<'a>(Listed<'a>);

impl Placed<'_> {
    fn rank(&self) -> u8 {
        match self.0.task.phase() {
            Phase::Failed => 0,
            Phase::Running if self.0.is_stalled() => 1,
            Phase::Running => 2,
            Phase::Syncing => 3,
            Phase::Pending => 4,
            Phase::Other => 5,
            Phase::Aborted => 6,
            Phase::Succeeded => 7,
        }
    }
}

impl Ord for Placed<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let (one, two) = (self.0.task, other.0.task);
        self.rank()
            .cmp(&other.rank())
            .then_with(|| one.name().cmp(two.name()))
            .then_with(|| one.id().cmp(&*two.id()))
    }
}

impl PartialOrd for Placed<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Placed<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Placed<'_> {}

fn fitting(tasks: &[Listed<'_>], mut room: usize) -> Vec<TaskStatus> {
    tasks
        .iter()
        .map(task_status)
        .map_while(|task| {
            room = room.checked_sub(json_size(&task) + 1)?;
            Some(task)
        })
        .collect()
}

fn task_status(listed: &Listed<'_>) -> TaskStatus {
    let task = listed.task.details();
    let note = listed.note;
    let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
    TaskStatus {
        id: task.id.into_owned(),
        name: Some(task.name.into_owned()).filter(|name| !name.is_empty()),
        phase: task.state.phase().name().to_owned(),
        state: task.state.name().to_owned(),
        progress: listed.task.progress().get().into(),
        sub_task: task
            .sub_task
            .map(|step| SubTaskStatus { name: step.name.into_owned(), progress: step.progress.get().into() }),
        kind: owned(task.kind),
        os_type: owned(task.os_type),
        // JSON has no infinity, and a speed that scaling makes one is nobody's.
        migrate_speed: task
            .migrate_speed
            .map(|speed| (speed * 100.0).round() / 100.0)
            .filter(|speed| speed.is_finite()),
        create_time: task.created.and_then(written),
        estimated_completion_time: task.estimated_completion.and_then(written),
        last_transition_time: note.and_then(|note| note.last_transition).and_then(written),
        last_progress_time: note.and_then(|note| note.last_progress).and_then(written),
        stalled_since: note.and_then(|note| note.stalled_since).and_then(written),
        source_server: server(task.source),
        target_server: server(task.target),
        error: task
            .error
            .map(|error| TaskErrorStatus { code: owned(error.code), message: owned(error.message) }),
    }
}

fn server(server: Server<'_>) -> Option<ServerStatus> {
    let text = |field: Option<Cow<'_, str>>| field.map(Cow::into_owned);
    let status = ServerStatus {
        id: text(server.id),
        vm_id: text(server.vm_id),
        name: text(server.name),
        ip: text(server.ip),
        state: text(server.state),
    };
    (status != ServerStatus::default()).then_some(status)
}

/// The length of a value as JSON.
#[must_use]
pub fn json_size(value: &impl serde::Serialize) -> usize {
    struct Counter(usize);
    impl std::io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    match serde_json::to_writer(&mut counter, value) {
        Ok(()) => counter.0,
        // What can't be written takes no room that could be given.
        Err(_) => usize::MAX / 2,
    }
}
