//! How many requests may be under way at a time.

use std::time::{Duration, Instant};

use super::latency::Latency;

/// How many it starts with: few for an endpoint, and enough for most accounts.
const START: f64 = 4.0;
/// What is left after a slow answer.
const SLOW: f64 = 0.8;
/// What is left after none, an error or a refusal.
pub(super) const FAILURE: f64 = 0.5;

/// The room for requests: grows by one with each answer until something goes wrong, and from then on by one with each
/// window full of answers.
#[derive(Clone, Debug)]
pub(super) struct Window {
    size: f64,
    most: f64,
    /// The last time that it was made smaller.
    cut_at: Option<Instant>,
    latency: Latency,
}

impl Window {
    pub(super) fn new(most: u32) -> Self {
        let most = f64::from(most.max(1));
        Self { size: START.min(most), most, cut_at: None, latency: Latency::default() }
    }

    /// Whether there is room for one more.
    pub(super) fn has_room(&self, in_flight: u32) -> bool {
        f64::from(in_flight) + 1.0 <= self.size
    }

    /// An answer came to a request of this time, which `filled` the window or not.
    pub(super) fn answered(&mut self, sent: Instant, filled: bool, took: Option<Duration>, now: Instant) {
        if took.is_some_and(|took| self.latency.is_slow(took, now)) {
            self.cut(sent, SLOW, now);
        } else if filled {
            // A window that isn't used says nothing of a greater one.
            let step = if self.cut_at.is_none() { 1.0 } else { 1.0 / self.size };
            self.size = (self.size + step).min(self.most);
        }
    }

    /// Something went wrong with a request of this time. What was sent before the last cut knew nothing of it, and says
    /// nothing new.
    pub(super) fn cut(&mut self, sent: Instant, left: f64, now: Instant) {
        if self.cut_at.is_none_or(|cut_at| sent > cut_at) {
            self.size = (self.size * left).max(1.0);
            self.cut_at = Some(now);
        }
    }

    #[cfg(test)]
    pub(super) fn size(&self) -> f64 {
        self.size
    }
}
