//! How fast statuses are written, and whose turn it is. A large fleet stays within so many bytes a second, and what a
//! person would act on goes first.
//!
//! Nobody is kept waiting with a write in hand: who has to wait is told when to come again, keeps their place, and
//! brings what is to be written then. What comes first is counted, not awaited: somebody may go before another who is
//! ahead and hasn't come yet, as long as enough is left for that one; and whoever is late is first again once they come.

mod rate;

use std::{
    cmp::Reverse,
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

pub use rate::{WriteRate, WriteRateError};

use super::bucket::Bucket;

/// So many seconds' worth of bytes can be written at once after a pause.
const BURST: f64 = 2.0;
/// Who has waited for so long counts as one class more urgent, and so on.
const PROMOTED_AFTER: Duration = Duration::from_secs(120);
/// For so long bytes are kept for somebody whose turn has come; then others may take them.
const HELD: Duration = Duration::from_secs(1);
/// For so long their place is kept.
const KEPT: Duration = Duration::from_secs(60);

/// Why a status is written; what is more urgent is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// To show that listings go on.
    Heartbeat,
    /// For progress alone.
    Progress,
    /// For what a person would act on.
    Change,
}

impl Urgency {
    /// All, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Change, Self::Progress, Self::Heartbeat];

    /// What it is called in metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Progress => "progress",
            Self::Heartbeat => "heartbeat",
        }
    }

    /// What it counts as after a wait, so that nobody waits forever.
    fn after(self, wait: Duration) -> Self {
        match self {
            Self::Heartbeat if wait >= 2 * PROMOTED_AFTER => Self::Change,
            Self::Heartbeat if wait >= PROMOTED_AFTER => Self::Progress,
            Self::Progress if wait >= PROMOTED_AFTER => Self::Change,
            urgency => urgency,
        }
    }
}

/// When somebody may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "who doesn't come at their turn loses their place"]
pub enum Turn {
    /// Now. The bytes are taken.
    Now,
    /// Probably at this time. Their place is kept.
    At(Instant),
}

/// Those who wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    /// How many.
    pub length: usize,
    /// Since when the first of them waits.
    pub since: Option<Instant>,
}

/// Bytes a second, and who waits for them.
#[derive(Debug)]
pub struct Budget<K> {
    /// None without a bound.
    bytes: Option<Bytes>,
    waiting: HashMap<K, Place>,
    arrivals: u64,
}

#[derive(Debug)]
struct Bytes {
    bucket: Bucket,
    /// What the bucket holds at most.
    burst: f64,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    urgency: Urgency,
    bytes: f64,
    arrival: u64,
    since: Instant,
    /// When they were told to come.
    turn: Instant,
}

impl Place {
    /// Who is ahead of whom: the smaller one.
    fn rank(&self, now: Instant) -> (Reverse<Urgency>, u64) {
        let wait = now.saturating_duration_since(self.since);
        (Reverse(self.urgency.after(wait)), self.arrival)
    }

    /// Whoever is late holds up nobody.
    fn is_expected(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.turn) < HELD
    }

    fn is_kept(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.turn) < KEPT
    }
}

impl<K: Clone + Eq + Hash> Budget<K> {
    /// Nobody waits, and nothing has been written for a while.
    #[must_use]
    pub fn new(rate: WriteRate, now: Instant) -> Self {
        let bytes = rate.per_second().map(|rate| {
            let burst = rate * BURST;
            Bytes { bucket: Bucket::new(rate, burst, now), burst }
        });
        Self { bytes, waiting: HashMap::new(), arrivals: 0 }
    }

    /// Asks for a turn to write so many bytes.
    pub fn ask(&mut self, who: &K, urgency: Urgency, bytes: usize, now: Instant) -> Turn {
        let Some(Bytes { bucket, burst }) = &mut self.bytes else { return Turn::Now };
        let bytes = f64::from(u32::try_from(bytes).unwrap_or(u32::MAX));
        self.waiting.retain(|_, place| place.is_kept(now));
        let before = self.waiting.remove(who);
        let (arrival, since) = before.map_or((self.arrivals, now), |place| (place.arrival, place.since));
        let mut place = Place { urgency, bytes, arrival, since, turn: now };
        let rank = place.rank(now);
        let ahead = self.waiting.values().filter(|other| other.is_expected(now) && other.rank(now) < rank);
        let ahead: f64 = ahead.map(|other| other.bytes).sum();
        // More than there ever is at once is taken when there is as much as there can be; those after it wait for longer.
        place.turn = bucket.ready(ahead + bytes.min(*burst), now);
        if place.turn <= now {
            bucket.take(bytes, now);
            return Turn::Now;
        }
        if before.is_none() {
            self.arrivals += 1;
        }
        self.waiting.insert(who.clone(), place);
        Turn::At(place.turn)
    }

    /// Somebody has nothing to write any more.
    pub fn leave(&mut self, who: &K) {
        self.waiting.remove(who);
    }

    /// Those who wait.
    pub fn queue(&mut self, now: Instant) -> Queue {
        self.waiting.retain(|_, place| place.is_kept(now));
        Queue { length: self.waiting.len(), since: self.waiting.values().map(|place| place.since).min() }
    }
}

#[cfg(test)]
mod tests;
