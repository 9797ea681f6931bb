//! How many requests a second flow control lets through.

use std::time::{Duration, Instant};

use super::RateLimit;
use crate::core::bucket::Bucket;

/// A limit that was named holds for so long after the last refusal.
const NAMED: Duration = Duration::from_hours(1);
/// A rate that was found out isn't exceeded for so long after the last refusal, and for so many requests.
const HELD: Duration = Duration::from_secs(60);
const HELD_REQUESTS: f64 = 60.0;
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
    run: Run,
}

/// Requests are spread over time.
#[derive(Clone, Debug)]
struct Spread {
    bucket: Bucket,
    /// The rate that was refused, and the one that surely was.
    refused: f64,
    most: f64,
    /// The last refusal.
    refused_at: Instant,
    /// Since when nothing was let through but what was under way then.
    shut_since: Option<Instant>,
    grown_at: Instant,
    named: Option<Named>,
}

/// A limit by its name: a rate, and how many at a time, that keep to it in every span of its length.
#[derive(Clone, Copy, Debug)]
struct Named {
    rate: f64,
    burst: f64,
    per: Duration,
    until: Instant,
}

impl Named {
    fn new(limit: RateLimit, now: Instant) -> Self {
        let requests = f64::from(u32::try_from(limit.requests).unwrap_or(u32::MAX)).max(1.0);
        let per = limit.per.max(Duration::from_secs(1));
        let burst = (requests / 4.0).max(1.0);
        let rate = (requests + 1.0 - burst) / per.as_secs_f64() * MARGIN;
        Self { rate, burst, per, until: now.checked_add(NAMED).unwrap_or(now) }
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

    /// A request of this time was let through.
    pub(super) fn accepted(&mut self, sent: Instant, now: Instant) {
        self.let_through.add(now);
        let Some(spread) = &mut self.spread else { return self.run.add(now) };
        if sent <= spread.refused_at {
            // It belongs to those before the refusal.
            spread.refused = spread.refused.max(self.let_through.rate_at(now)).min(spread.most);
        } else if spread.shut_since.take().is_some() {
            self.run = Run::default();
        }
        self.run.add(now);
        if spread.grow(now) >= FASTEST {
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
        let let_through = self.let_through.rate_at(now);
        self.spread = Some(match self.spread.take() {
            None => Spread::begin(let_through, named, now),
            Some(spread) if spread.shut_since.is_some() => {
                spread.stay_shut(self.run.rate_at(now), named, now)
            }
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
        Self::shut(bucket, refused, FASTEST, named, now)
    }

    fn shut(bucket: Bucket, refused: f64, most: f64, named: Option<Named>, now: Instant) -> Self {
        Self { bucket, refused, most, refused_at: now, shut_since: Some(now), grown_at: now, named }
    }

    /// Even this rate was refused, of which so much was let through.
    fn slow_down(self, let_through: f64, named: Option<Named>, now: Instant) -> Self {
        let rate = self.bucket.rate();
        if named.is_some_and(|named| named.rate < rate) {
            return Self::begin(let_through, named, now);
        }
        // Others share the limit, so that less of it is left than its name says.
        self.at_most(let_through.clamp(rate / 2.0, rate), named, now)
    }

    /// Nothing has been let through since the last refusal: a time that the limit is about goes on, in which so much was
    /// let through, by the second.
    fn stay_shut(self, let_through: f64, named: Option<Named>, now: Instant) -> Self {
        let named = named.or(self.named);
        if named.is_some_and(|named| named.rate < self.bucket.rate()) {
            return Self::begin(let_through, named, now);
        }
        // What its name says may have been used up before it was known.
        let is_short = |since: Instant| named.is_some_and(|named| now < since + named.per);
        if self.shut_since.is_some_and(is_short) {
            return Self { refused_at: now, named, ..self };
        }
        let shut_since = self.shut_since;
        let refused = self.refused.min(let_through);
        Self { shut_since, ..self.at_most(refused, named, now) }
    }

    fn at_most(self, refused: f64, named: Option<Named>, now: Instant) -> Self {
        let (rate, burst) = found_out((refused * CUT).max(SLOWEST));
        let bucket = Bucket::new(rate, burst, now).emptied();
        Self::shut(bucket, refused, self.bucket.rate(), named.or(self.named), now)
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
        let held = HELD.as_secs_f64().max(HELD_REQUESTS / rate);
        let grown = if rate < calm {
            (rate + self.refused * (RECOVERED - CUT) / RECOVERY * since).min(calm)
        } else if now.saturating_duration_since(self.refused_at).as_secs_f64() < held {
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

    /// The rate when the next one would be due. Steady requests bring the level to half a request less by then.
    fn rate_at(self, now: Instant) -> f64 {
        self.level_at(now) + 0.5
    }

    fn add(&mut self, now: Instant) {
        self.level = self.level_at(now) + 1.0;
        self.at = Some(now);
    }
}

/// What was let through since flow control last began to let anything through.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    since: Option<Instant>,
    requests: f64,
}

impl Run {
    fn add(&mut self, now: Instant) {
        self.since.get_or_insert(now);
        self.requests += 1.0;
    }

    fn rate_at(self, now: Instant) -> f64 {
        let since = self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        self.requests / since.as_secs_f64().max(1.0)
    }
}
