//! Events that the API server refuses: statuses wait for them for half a minute, and then go on. The events are kept for as
//! long as they may be told, within a bound, and tried now and then.
//!
//! They are kept in memory alone: what is refused when the operator ends is given up.

use std::{collections::VecDeque, time::Duration};

use k8s_openapi::jiff::Timestamp;
use tokio::time::Instant;

use super::{error::Error, said::sentence};
use crate::{api::Outbox, core::outbox::owed};

/// For how long statuses wait for events that are refused.
const PATIENCE: Duration = Duration::from_secs(30);
/// The pause between two tries.
const PAUSE: Duration = Duration::from_secs(60);
/// How much is kept of one watch, in bytes.
const MOST: usize = 64 * 1024;
/// For how long at most, by a clock that nobody sets.
const LONGEST: Duration = Duration::from_mins(45);

/// The events of one watch that are refused.
#[derive(Debug, Default)]
pub(super) struct Undelivered {
    /// Since when, as long as none is accepted.
    since: Option<Instant>,
    /// What the API server says.
    why: String,
    /// With the moment since which they are kept.
    owed: VecDeque<(Outbox, Instant)>,
    next_try: Option<Instant>,
}

/// What the API server says, if it is there and refuses an event.
pub(super) fn refusal(error: &Error) -> Option<String> {
    error.status().filter(|status| !matches!(status.code, 401 | 429 | 502..=504)).map(sentence)
}

impl Undelivered {
    /// Events were refused. Whether statuses still wait for them.
    pub(super) fn holds(&mut self, why: String, now: Instant) -> bool {
        self.why = why;
        now - *self.since.get_or_insert(now) < PATIENCE
    }

    /// Keeps events for later. Comes back with those that there is no room for.
    pub(super) fn keep(&mut self, outbox: Outbox, now: Instant) -> Vec<Outbox> {
        self.owed.push_back((outbox, now));
        self.next_try.get_or_insert(now + PAUSE);
        let mut given_up = Vec::new();
        while self.owed.len() > 1 && self.owed.iter().map(size).sum::<usize>() > MOST {
            given_up.extend(self.owed.pop_front().map(|(outbox, _)| outbox));
        }
        given_up
    }

    /// Events were accepted, so that those before may be, too.
    pub(super) fn accepted(&mut self, now: Instant) {
        self.since = None;
        self.next_try = (!self.owed.is_empty()).then_some(now);
    }

    /// Those that can't be told any more, at this time of day and moment.
    pub(super) fn expired(&mut self, now: Timestamp, moment: Instant) -> Vec<Outbox> {
        let all = std::mem::take(&mut self.owed).into_iter();
        let (kept, expired): (VecDeque<_>, VecDeque<_>) = all.partition(|(outbox, since)| {
            owed(Some(outbox), None, now).is_some() && moment - *since < LONGEST
        });
        self.owed = kept;
        if self.owed.is_empty() {
            self.next_try = None;
        }
        expired.into_iter().map(|(outbox, _)| outbox).collect()
    }

    /// The oldest, if it is time to try.
    pub(super) fn due(&self, now: Instant) -> Option<Outbox> {
        let oldest = self.owed.front().filter(|_| self.next_try.is_some_and(|time| time <= now));
        oldest.map(|(outbox, _)| outbox.clone())
    }

    /// The oldest has been told.
    pub(super) fn told(&mut self, now: Instant) {
        self.owed.pop_front();
        self.accepted(now);
    }

    /// The oldest can't be told yet.
    pub(super) fn failed(&mut self, why: Option<String>, now: Instant) {
        self.why = why.unwrap_or(std::mem::take(&mut self.why));
        self.next_try = Some(now + PAUSE);
    }

    /// When the next try is.
    pub(super) fn next_try(&self) -> Option<Instant> {
        self.next_try
    }

    /// Why events can't be told, if statuses have gone on without.
    pub(super) fn why(&self) -> Option<&str> {
        (!self.owed.is_empty()).then_some(self.why.as_str())
    }
}

fn size((outbox, _): &(Outbox, Instant)) -> usize {
    outbox.events.iter().map(|event| event.note.len() + 80).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::OutboxEvent;

    fn outbox(sequence: i64, length: usize) -> Outbox {
        let event = OutboxEvent { note: "x".repeat(length), ..OutboxEvent::default() };
        Outbox { sequence, time: None, events: vec![event; 60] }
    }

    #[test]
    fn what_is_refused_is_kept_within_bounds_and_tried_now_and_then() {
        let (now, start) = (Instant::now(), 1_800_000_000);
        let mut undelivered = Undelivered::default();
        assert!(undelivered.holds("no".to_owned(), now) && undelivered.why().is_none());
        assert!(!undelivered.holds("no".to_owned(), now + PATIENCE));
        for place in 0..100 {
            let given_up = undelivered.keep(outbox(start + place, 1000), now);
            assert_eq!(given_up.len(), usize::from(place > 0), "{place}");
        }
        assert_eq!(undelivered.why(), Some("no"));
        assert!(undelivered.due(now).is_none());
        assert_eq!(undelivered.due(now + PAUSE).map(|outbox| outbox.sequence), Some(start + 99));
        undelivered.failed(None, now + PAUSE);
        assert!(undelivered.due(now + PAUSE).is_none());
        // One that is accepted opens the way for those before.
        undelivered.accepted(now + PAUSE);
        assert!(undelivered.due(now + PAUSE).is_some());
        undelivered.told(now + PAUSE);
        assert!(undelivered.why().is_none() && undelivered.next_try().is_none());
        // What has been owed for long is given up.
        undelivered.keep(outbox(start, 1), now);
        assert!(undelivered.expired(Timestamp::from_second(start + 60).unwrap(), now).is_empty());
        assert_eq!(undelivered.expired(Timestamp::from_second(start + 3000).unwrap(), now).len(), 1);
        assert!(undelivered.why().is_none() && undelivered.next_try().is_none());
        // Also by a clock that was set back.
        undelivered.keep(outbox(start, 1), now);
        let time = Timestamp::from_second(start - 7200).unwrap();
        assert!(undelivered.expired(time, now + LONGEST - PAUSE).is_empty());
        assert_eq!(undelivered.expired(time, now + LONGEST).len(), 1);
    }
}
