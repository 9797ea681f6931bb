//! How fast one login may ask one endpoint. SMS publishes no figures of its flow control, so that they are found out:
//! more requests are sent at a time while answers come as fast as before, and fewer when they come slowly or fail
//! (additive increase, multiplicative decrease). Once requests are refused, they are also spread over time, by the limit
//! that the refusal names, or else by what was let through.

mod flow;
mod latency;
pub mod line;
mod window;

use std::{
    str::FromStr,
    time::{Duration, Instant},
};

use self::{flow::Flow, window::Window};
use super::bucket::Bucket;

/// The pause after a refusal that asks for none. It doubles with each refusal in a row.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(60);

/// So many requests a second: a number above zero.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Rate(f64);

impl Rate {
    /// The number.
    #[must_use]
    pub fn per_second(self) -> f64 {
        self.0
    }
}

/// A text is no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it must be a number of requests a second between 0.01 and 10000")]
pub struct RateError;

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rate: f64 = text.trim().parse().map_err(|_| RateError)?;
        (0.01..=10_000.0).contains(&rate).then_some(Self(rate)).ok_or(RateError)
    }
}

/// A limit of flow control, as the gateway names it: `limit:60,time:1 minute`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// So many requests
    pub requests: u64,
    /// in so much time, at most an hour.
    pub per: Duration,
}

/// What the operator's owner allows.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How many requests may be under way at a time.
    pub in_flight: u32,
    /// How many may be sent a second, on average.
    pub rate: Option<Rate>,
}

/// When the next request may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Now.
    Now,
    /// At this time, unless something happens first.
    At(Instant),
    /// Once a request that is under way has ended.
    AfterAnother,
}

/// What a request came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer, and how long it took if that can be compared with others: an answer of less data is faster anyway.
    Answered(Option<Duration>),
    /// Flow control refused it.
    Throttled {
        /// The limit, if it was named.
        limit: Option<RateLimit>,
        /// The pause, if one was asked for.
        pause: Option<Duration>,
    },
    /// No answer in time, or a server error, with the pause that it asked for.
    Failed(Option<Duration>),
    /// It was given up, or its answer says nothing of how fast may be asked.
    Silent,
}

/// A request that is under way.
#[derive(Debug)]
#[must_use = "a request that never ends takes up room"]
pub struct Sent {
    at: Instant,
    /// Whether there was room for no other.
    filled: bool,
}

/// What is known of one login at one endpoint.
#[derive(Clone, Debug)]
pub struct Pace {
    in_flight: u32,
    window: Window,
    owner: Option<Bucket>,
    flow: Flow,
    paused_until: Option<Instant>,
    /// Refusals in a row that asked for no pause.
    refusals: u32,
}

impl Pace {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(bounds: Bounds, now: Instant) -> Self {
        let owner = |rate: Rate| Bucket::new(rate.per_second(), (rate.per_second() / 4.0).max(1.0), now);
        Self {
            in_flight: 0,
            window: Window::new(bounds.in_flight),
            owner: bounds.rate.map(owner),
            flow: Flow::default(),
            paused_until: None,
            refusals: 0,
        }
    }

    /// When the next request may be sent.
    #[must_use]
    pub fn turn(&self, now: Instant) -> Turn {
        let buckets = self.owner.iter().chain(self.flow.bucket());
        let ready = buckets.map(|bucket| bucket.ready(1.0, now)).chain(self.paused_until).max();
        match ready.filter(|at| *at > now) {
            Some(at) => Turn::At(at),
            None if self.window.has_room(self.in_flight) => Turn::Now,
            None => Turn::AfterAnother,
        }
    }

    /// A request is sent.
    pub fn sent(&mut self, now: Instant) -> Sent {
        self.in_flight = self.in_flight.saturating_add(1);
        for bucket in self.owner.iter_mut().chain(self.flow.bucket_mut()) {
            bucket.take(1.0, now);
        }
        Sent { at: now, filled: !self.window.has_room(self.in_flight) }
    }

    /// A request has ended.
    pub fn ended(&mut self, sent: Sent, outcome: Outcome, now: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match outcome {
            Outcome::Answered(took) => {
                self.refusals = 0;
                self.window.answered(sent.at, sent.filled, took, now);
                self.flow.accepted(sent.at, now);
            }
            Outcome::Throttled { limit, pause } => {
                self.window.cut(sent.at, window::FAILURE, now);
                if self.flow.refused(sent.at, limit, now) {
                    self.refusals = self.refusals.saturating_add(1);
                }
                self.pause(pause.unwrap_or_else(|| own_pause(self.refusals)), now);
            }
            Outcome::Failed(pause) => {
                self.window.cut(sent.at, window::FAILURE, now);
                self.pause(pause.unwrap_or_default(), now);
            }
            Outcome::Silent => {}
        }
    }

    /// Until when nothing is sent, whoever asks.
    #[must_use]
    pub fn paused_until(&self, now: Instant) -> Option<Instant> {
        self.paused_until.filter(|until| *until > now)
    }

    /// Whether requests are spread over time, by flow control or the owner, so that a listing takes longer than by
    /// itself.
    #[must_use]
    pub fn is_spread(&self) -> bool {
        self.owner.is_some() || self.flow.bucket().is_some()
    }

    fn pause(&mut self, pause: Duration, now: Instant) {
        let until = now.checked_add(pause).unwrap_or(now);
        self.paused_until = self.paused_until.max(Some(until));
    }
}

fn own_pause(refusals: u32) -> Duration {
    let doublings = refusals.saturating_sub(1).min(16);
    FIRST_PAUSE.saturating_mul(1 << doublings).min(LAST_PAUSE)
}

#[cfg(test)]
mod tests;
