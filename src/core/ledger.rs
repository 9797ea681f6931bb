//! The ledger: what a status remembers of the tasks that it doesn't write out.
//!
//! 65,735 tasks (all that one listing reaches) must fit into 288 KiB of base64, 27 bits a task. So a task is
//! remembered by a keyed hash of its id, shortened to as many bits as there is room for. Tasks with the same
//! state, presence and coarse age of their last progress form a group, and a group stores its hashes sorted, as
//! Rice-coded differences: about two bits a task more than the least possible. Tasks whose shortened hashes
//! collide, and missing tasks that still have to be told by name, are stored with their ids.

mod bits;
mod format;
mod groups;
mod sorted;

use std::{collections::HashSet, sync::Arc, time::Duration};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use ring::digest;
use siphasher::sip::SipHasher24;
use thiserror::Error;

use self::sorted::Sorted;
use super::{
    known::{Known, Presence},
    listed::Listed,
    task::{Phase, Task, TaskId, TaskState},
};

/// The longest ledger, in bytes of base64.
pub const MAX_LENGTH: usize = 288 * 1024;

/// How a stall's age is divided: a running task is remembered to a 32nd of `stallAfter`.
const AGES: u32 = 32;

/// Why a ledger can't be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LedgerError {
    /// A newer operator wrote it.
    #[error("the ledger has the unknown version {0}")]
    UnknownVersion(u8),
    /// There is none, though there are tasks that it should hold: too many of them, or somebody has removed it.
    #[error("there is no ledger of the omitted ones")]
    Missing,
    /// It was changed by somebody else.
    #[error("the ledger is damaged")]
    Damaged,
}

/// What makes two tasks the same to the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Trait {
    state: TaskState,
    presence: Presence,
    /// Time since its last progress in 32nds of `stallAfter`, rounded down, at most [`Self::OLDEST`]; 0 unless
    /// the task is running.
    age: u64,
}

impl Trait {
    const OLDEST: u64 = 2 * AGES as u64;
}

/// Tasks that are remembered by a hash of their ids.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    hash: IdHash,
    bits: u8,
    /// Hashes, rising, each with the place of what is known of it.
    hashed: Vec<(u64, u32)>,
    /// What is known: little, and the same of many.
    kinds: Vec<Known>,
    named: Vec<(TaskId, Known)>,
}

impl Ledger {
    /// Whether no task is remembered by its hash.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hashed.is_empty()
    }

    /// What is remembered of a task, or of a source server whose task is [gone](Presence::GoneFromSource).
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Known> {
        if self.is_empty() {
            return None;
        }
        let key = self.key(id);
        let place = self.hashed.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        self.hashed.get(place).and_then(|(_, kind)| self.kinds.get(*kind as usize))
    }

    /// The length of its hashes.
    #[must_use]
    pub fn bits(&self) -> u8 {
        self.bits
    }

    /// The hash by which a task is remembered.
    #[must_use]
    pub fn key(&self, id: &str) -> u64 {
        shorten(self.hash.of(id), self.bits)
    }

    /// All tasks that are remembered by their hash.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Known)> {
        self.hashed.iter().filter_map(|(key, kind)| Some((*key, self.kinds.get(*kind as usize)?)))
    }

    /// What is left of it when these have been listed, and how many of the others are told. `judge` says of one what
    /// to remember, and whether it is told.
    #[must_use]
    pub fn after(
        &self,
        listed: &HashSet<u64>,
        judge: impl Fn(&Known) -> (Option<Known>, bool),
    ) -> (Self, usize) {
        let verdicts: Vec<_> = self.kinds.iter().map(judge).collect();
        let mut told = 0;
        let mut left = self.hashed.clone();
        left.retain(|(key, kind)| {
            if listed.contains(key) {
                return false;
            }
            let verdict = verdicts.get(*kind as usize);
            told += usize::from(verdict.is_some_and(|(_, told)| *told));
            verdict.is_some_and(|(after, _)| after.is_some())
        });
        // None is asked for of those that weren't kept.
        let kinds =
            verdicts.into_iter().zip(&self.kinds).map(|((after, _), kind)| after.unwrap_or(kind.clone()));
        let kinds = if left.is_empty() { Vec::new() } else { kinds.collect() };
        left.shrink_to_fit();
        (Self { hash: self.hash, bits: self.bits, hashed: left, kinds, named: Vec::new() }, told)
    }

    /// Takes out the tasks that are stored with their ids.
    pub fn take_named(&mut self) -> impl Iterator<Item = (TaskId, Known)> + use<> {
        std::mem::take(&mut self.named).into_iter()
    }

    /// Reads a ledger that was written for the watch with this uid.
    ///
    /// # Errors
    /// It isn't one, or one of a version that this operator doesn't know.
    pub fn decode(uid: &str, text: &str) -> Result<Self, LedgerError> {
        format::decode(IdHash::new(uid), text)
    }
}

/// A task to be remembered.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    /// One of the last listing.
    Listed(Listed<'a>),
    /// Another one whose id is known.
    Known(&'a TaskId, &'a Known),
    /// One that an earlier ledger remembered, by the hash it had there.
    Hashed(u64, &'a Known),
}

impl Entry<'_> {
    /// The id and the name, as far as they are known.
    fn id_and_name<T>(&self, read: impl FnOnce(&str, &str) -> T) -> T {
        match self {
            Self::Listed(listed) => read(&listed.task.id(), listed.task.name()),
            Self::Known(id, known) => read(id.as_str(), known.name.as_deref().unwrap_or_default()),
            Self::Hashed(..) => read("", ""),
        }
    }

    /// The source server of an ended task that is gone and counts for the gates, if it is known.
    fn excused_source(&self) -> Option<&str> {
        match self {
            Self::Known(_, known) if known.presence.counts_for_gates() => known.source.as_deref(),
            _ => None,
        }
    }
}

/// Everything that a ledger is made of.
#[derive(Debug)]
pub struct Page<'a> {
    /// Uid of the watch: the key of the hashes.
    pub uid: &'a str,
    /// The tasks to remember.
    pub entries: &'a [Entry<'a>],
    /// The tasks that are written out in the status, which no entry may be mistaken for.
    pub written: &'a [&'a Task],
    /// The bits that the hashes of an earlier ledger have.
    pub earlier_bits: u8,
    /// Whether tasks that are gone and count for the gates are asked for by their source servers rather than their ids.
    pub gone_by_source: bool,
    /// How long a task may stand still.
    pub stall_after: Option<Duration>,
    /// Now.
    pub now: Timestamp,
}

impl Page<'_> {
    /// Writes the ledger, with hashes as long as `room` bytes allow. None when there is nothing to remember, or
    /// no room for it.
    #[must_use]
    pub fn encode(&self, room: usize) -> Option<String> {
        if self.entries.is_empty() {
            return None;
        }
        let has_hashed = self.entries.iter().any(|entry| matches!(entry, Entry::Hashed(..)));
        // Hashes that came from an earlier ledger can be shortened further, but not made longer.
        let most = if has_hashed { self.earlier_bits } else { format::MOST_BITS };
        let sorted = Sorted::new(self);
        let lengths = (format::LEAST_BITS..=most).rev().step_by(2);
        let room = room.min(MAX_LENGTH);
        lengths
            .filter_map(|bits| Some(format::encode(self, &sorted.divide(bits, room)?)))
            .find(|text| text.len() <= room)
    }

    fn step(&self) -> Duration {
        self.stall_after.map_or(Duration::ZERO, |after| after / AGES)
    }

    fn trait_of(&self, entry: &Entry<'_>) -> Trait {
        match entry {
            Entry::Listed(Listed { task, note }) => match note.and_then(|note| note.instead.as_deref()) {
                Some(known) => self.trait_of_known(known),
                None => Trait {
                    age: self.age(task.phase() == Phase::Running, note.and_then(|note| note.last_progress)),
                    state: task.state(),
                    presence: Presence::Listed,
                },
            },
            Entry::Known(_, known) | Entry::Hashed(_, known) => self.trait_of_known(known),
        }
    }

    fn trait_of_known(&self, known: &Known) -> Trait {
        let age = self.age(known.state == TaskState::Running, known.last_progress);
        let presence = self.source_of_gone(known).map_or(known.presence, |_| Presence::GoneFromSource);
        Trait { state: known.state.clone(), presence, age }
    }

    /// The source server by whose hash a task is remembered that is gone.
    fn source_of_gone<'k>(&self, known: &'k Known) -> Option<&'k str> {
        known.source.as_deref().filter(|_| self.gone_by_source && known.presence == Presence::Gone)
    }

    fn age(&self, is_running: bool, last_progress: Option<Timestamp>) -> u64 {
        if self.stall_after.is_none() {
            return 0;
        }
        last_progress.filter(|_| is_running).map_or(0, |last| {
            let age = Duration::try_from(self.now.duration_since(last)).unwrap_or_default();
            let steps = u64::try_from(age.as_millis() / self.step().as_millis().max(1));
            steps.unwrap_or(Trait::OLDEST).min(Trait::OLDEST)
        })
    }
}

impl Known {
    /// A task as the ledger gives it back. Its last progress is rounded to the later, so that it never counts
    /// as stalled too early.
    fn remembered(of: &Trait, step: Duration, written: Timestamp, name: Option<Arc<str>>) -> Self {
        let running = of.state == TaskState::Running && !step.is_zero();
        let back = |steps: u64| {
            let age = step.saturating_mul(u32::try_from(steps).unwrap_or(0));
            SignedDuration::try_from(age).ok().and_then(|age| written.checked_sub(age).ok())
        };
        Self {
            state: of.state.clone(),
            name,
            source: None,
            presence: of.presence,
            mark: None,
            last_progress: running.then(|| back(of.age)).flatten(),
            last_transition: None,
            stalled_since: of.age.checked_sub(AGES.into()).filter(|_| running).and_then(back),
        }
    }
}

/// A keyed hash of ids, stable across versions of this operator: SipHash-2-4, keyed by the watch's uid so that
/// nobody can choose ids that collide in another's watch.
#[derive(Clone, Copy, Debug, Default)]
struct IdHash(SipHasher24);

impl IdHash {
    fn new(uid: &str) -> Self {
        let key = digest::digest(&digest::SHA256, uid.as_bytes());
        let key = key.as_ref().first_chunk::<16>().copied().unwrap_or_default();
        Self(SipHasher24::new_with_key(&key))
    }

    fn of(&self, id: &str) -> u64 {
        self.0.hash(id.as_bytes())
    }
}

fn shorten(hash: u64, bits: u8) -> u64 {
    hash.checked_shr(64 - u32::from(bits)).unwrap_or(0)
}

#[cfg(test)]
mod tests;
