//! How long answers take when nothing is in their way.

use std::time::{Duration, Instant};

/// A time is compared with answers of the last two spans; each lasts so long, and holds so many at least.
const SPAN: Duration = Duration::from_secs(30);
const SPAN_ANSWERS: u32 = 64;
/// A slow answer takes so many times as long as the fastest,
const SLOW_FACTOR: u32 = 2;
/// and so much more.
const SLOW_MARGIN: Duration = Duration::from_millis(100);

/// The fastest of the last answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Latency {
    before: Option<Duration>,
    span: Option<Span>,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    since: Instant,
    answers: u32,
    fastest: Duration,
}

impl Latency {
    /// Takes in the time of an answer, and says whether it was slow.
    pub(super) fn is_slow(&mut self, took: Duration, now: Instant) -> bool {
        let span = self.span.get_or_insert(Span { since: now, answers: 0, fastest: took });
        span.answers = span.answers.saturating_add(1);
        span.fastest = span.fastest.min(took);
        let fastest = self.before.map_or(span.fastest, |before| before.min(span.fastest));
        // What has become slower for good is the new measure after a while.
        if span.answers >= SPAN_ANSWERS && now.saturating_duration_since(span.since) >= SPAN {
            self.before = Some(span.fastest);
            self.span = None;
        }
        took > fastest.saturating_mul(SLOW_FACTOR).saturating_add(SLOW_MARGIN)
    }
}
