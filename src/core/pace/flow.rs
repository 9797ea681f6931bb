//! How many requests a second flow control lets through.

use std::time::{Duration, Instant};

use super::RateLimit;
use crate::core::bucket::Bucket;

/// A limit that was named holds for so long after the last refusal.
const NAMED: Duration = Duration::from_hours(1);
/// A rate that was found out isn't exceeded for so long after the last refusal.
const HELD: Duration = Duration::from_secs(60);
/// Where the rate goes at once when it was refused, and then within [`RECOVERY`].
const CUT: f64 = 0.7;
const RECOVERED: f64 = 0.9;
const RECOVERY: f64 = 10.0;
/// How much faster it becomes each second when nothing was refused for long.
const GROWTH: f64 = 0.01;
/// The room that is left to a named limit, for requests that arrive closer together than they were sent.
const MARGIN: f64 = 0.95;
/// The slowest pace that is found out, of one request a minute.
const SLOWEST: f64 = 1.0 / 60.0;
/// A pace that is none.
const FASTEST: f64 = 1000.0;

/// What is known of the flow control.
#[derive(Clone, Debug, Default)]
pub(super) struct Flow {
    spread: Option<Spread>,
    let_through: Tally,
}

/// Requests are spread over time.
#[derive(Clone, Debug)]
struct Spread {
    bucket: Bucket,
    /// The rate that was refused.
    refused: f64,
    refused_at: Instant,
    grown_at: Instant,
    named: Option<Named>,
}

/// A limit by its name: a rate, and how many at a time, that keep to it in every span of its length.
#[derive(Clone, Copy, Debug)]
struct Named {
    rate: f64,
    burst: f64,
    until: Instant,
}

impl Named {
    fn new(limit: RateLimit, now: Instant) -> Self {
        let requests = f64::from(u32::try_from(limit.requests).unwrap_or(u32::MAX)).max(1.0);
        let per = limit.per.max(Duration::from_secs(1)).as_secs_f64();
        let burst = (requests / 4.0).max(1.0);
        let rate = (requests + 1.0 - burst) / per * MARGIN;
        Self { rate, burst, until: now.checked_add(NAMED).unwrap_or(now) }
    }
}

impl Flow {
    /// What spreads the requests, if anything does.
    pub(super) fn bucket(&self) -> Option<&Bucket> {
        self.spread.as_ref().map(|spread| &spread.bucket)
    }

    pub(super) fn bucket_mut(&mut self) -> Option<&mut Bucket> {
        self.spread.as_mut().map(|spread| &mut spread.bucket)
    }

    /// A request was let through.
    pub(super) fn accepted(&mut self, now: Instant) {
        self.let_through.add(now);
        if self.spread.as_mut().is_some_and(|spread| spread.grow(now) >= FASTEST) {
            self.spread = None;
        }
    }

    /// A request of this time was refused. Says whether that is news: what was sent before the last refusal came knew
    /// nothing of it.
    pub(super) fn refused(&mut self, sent: Instant, limit: Option<RateLimit>, now: Instant) -> bool {
        let named = limit.map(|limit| Named::new(limit, now));
        if let Some(spread) = &mut self.spread
            && sent <= spread.refused_at
        {
            spread.learn(named, now);
            return false;
        }
        let let_through = self.let_through.level_at(now);
        self.spread = Some(match self.spread.take() {
            None => Spread::begin(let_through, named, now),
            Some(spread) => spread.slow_down(let_through, named, now),
        });
        true
    }
}

impl Spread {
    fn begin(let_through: f64, named: Option<Named>, now: Instant) -> Self {
        let refused = let_through.clamp(0.5, FASTEST);
        let found_out = || found_out((refused * CUT).max(SLOWEST));
        // What is named is kept, however slow.
        let (rate, burst) = named.map_or_else(found_out, |named| (named.rate, named.burst));
        let bucket = Bucket::new(rate.min(FASTEST), burst, now).emptied();
        Self { bucket, refused, refused_at: now, grown_at: now, named }
    }

    /// Even this rate was refused, of which so much was let through.
    fn slow_down(self, let_through: f64, named: Option<Named>, now: Instant) -> Self {
        let rate = self.bucket.rate();
        if named.is_some_and(|named| named.rate < rate) {
            return Self::begin(let_through, named, now);
        }
        // Others share the limit, so that less of it is left than its name says.
        let refused = let_through.clamp(rate / 2.0, rate);
        let (rate, burst) = found_out((refused * CUT).max(SLOWEST));
        let bucket = Bucket::new(rate, burst, now).emptied();
        Self { bucket, refused, refused_at: now, grown_at: now, named: named.or(self.named) }
    }

    /// Another refusal of the same requests names its limit.
    fn learn(&mut self, named: Option<Named>, now: Instant) {
        let Some(named) = named else { return };
        if self.named.is_none_or(|known| known.rate > named.rate) {
            self.bucket.adjust(named.rate.min(self.bucket.rate()), named.burst, now);
            self.named = Some(named);
        }
    }

    /// Goes faster: soon back to a little less than was refused, and beyond after a while without a refusal. Says what
    /// the rate is.
    fn grow(&mut self, now: Instant) -> f64 {
        let rate = self.bucket.rate();
        self.named = self.named.filter(|named| now < named.until);
        // Time without requests says nothing of a higher rate.
        let since = now.saturating_duration_since(self.grown_at).as_secs_f64().min(1.0 / rate);
        self.grown_at = now;
        let calm = self.refused * RECOVERED;
        let grown = if rate < calm {
            (rate + self.refused * (RECOVERED - CUT) / RECOVERY * since).min(calm)
        } else if now.saturating_duration_since(self.refused_at) < HELD {
            rate
        } else {
            rate * (1.0 + GROWTH * since)
        };
        let most = self.named.map_or(FASTEST, |named| named.rate);
        let (grown, burst) = found_out(grown.min(most.max(rate)));
        let burst = self.named.map_or(burst, |named| named.burst);
        self.bucket.adjust(grown, burst, now);
        grown
    }
}

/// A rate with the burst that goes with it.
fn found_out(rate: f64) -> (f64, f64) {
    (rate, (rate / 4.0).max(1.0))
}

/// How many requests were let through in the last second, or so: what was longer ago counts less and less.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    level: f64,
    at: Option<Instant>,
}

impl Tally {
    fn level_at(self, now: Instant) -> f64 {
        let since = self.at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.level * (-since.as_secs_f64()).exp()
    }

    fn add(&mut self, now: Instant) {
        self.level = self.level_at(now) + 1.0;
        self.at = Some(now);
    }
}
