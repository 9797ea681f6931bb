//! One operator with a clock of its own.

use std::time::Instant;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::{Duration, Elector, Moment};

pub(super) struct Process {
    pub(super) elector: Elector,
    /// Told apart from its predecessors.
    pub(super) number: u32,
    pub(super) clock: Clock,
    pub(super) call: Option<Call>,
    /// Nothing happens in it before.
    pub(super) paused_until: Moment,
    /// What it would say of itself if it didn't look at the clock.
    pub(super) led: bool,
    /// For how long it goes on working after it resigned, if that's a bug.
    pub(super) lingers_until: Moment,
}

#[derive(Clone, Copy)]
pub(super) struct Clock {
    pub(super) base: Instant,
    pub(super) offset: Duration,
    /// How much it gains in a million.
    pub(super) drift: i64,
    /// Of the time of day.
    pub(super) skew: i64,
}

impl Clock {
    pub(super) fn now(self, at: Moment) -> Instant {
        let gained = i64::try_from(at).unwrap() * self.drift / 1_000_000;
        self.base + self.offset + Duration::from_micros(at.saturating_add_signed(gained))
    }

    /// When it shows this.
    pub(super) fn moment(self, shown: Instant) -> Moment {
        let since =
            u64::try_from(shown.saturating_duration_since(self.base + self.offset).as_micros()).unwrap();
        // Rounded up, so that it has come.
        (since + 1) * 1_000_000 / 1_000_000u64.saturating_add_signed(self.drift) + 2
    }

    pub(super) fn time(self, at: Moment) -> Timestamp {
        let start: Timestamp = "2026-03-01T08:00:00Z".parse().unwrap();
        start.checked_add(SignedDuration::from_micros(i64::try_from(at).unwrap() + self.skew)).unwrap()
    }
}

#[derive(Clone, Copy, PartialEq)]
pub(super) struct Call {
    pub(super) id: u64,
    pub(super) asked: Instant,
}
