//! What is spread over time: requests, or bytes.

use std::time::{Duration, Instant};

/// A bucket that holds tokens, one for each request or byte, and is filled at a steady rate.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    rate: f64,
    burst: f64,
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    /// So many tokens a second, and so many at a time, one at least. It starts full.
    pub(super) fn new(rate: f64, burst: f64, now: Instant) -> Self {
        Self { rate, burst, tokens: burst, filled: now }
    }

    /// The same without a token.
    pub(super) fn emptied(self) -> Self {
        Self { tokens: 0.0, ..self }
    }

    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// Goes on with another rate and size.
    pub(super) fn adjust(&mut self, rate: f64, burst: f64, now: Instant) {
        *self = Self { rate, burst, tokens: self.tokens_at(now).min(burst), filled: now };
    }

    /// When so many tokens will have come, if none is taken before. More than the bucket holds come one after the other.
    pub(super) fn ready(&self, tokens: f64, now: Instant) -> Instant {
        let missing = tokens - self.tokens_at(now);
        // Rounding must not wake anybody a moment too early, again and again.
        let wait = Duration::try_from_secs_f64(missing / self.rate).unwrap_or_default();
        if missing <= 1e-9 { now } else { now.checked_add(wait + Duration::from_micros(1)).unwrap_or(now) }
    }

    /// Takes tokens. Whoever takes some that aren't there makes the next wait for longer.
    pub(super) fn take(&mut self, tokens: f64, now: Instant) {
        self.tokens = self.tokens_at(now) - tokens;
        self.filled = now;
    }

    fn tokens_at(&self, now: Instant) -> f64 {
        let filled = now.saturating_duration_since(self.filled).as_secs_f64() * self.rate;
        (self.tokens + filled).min(self.burst)
    }
}
