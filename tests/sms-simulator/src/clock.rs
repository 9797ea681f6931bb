//! The server's two times: the wall clock that signatures are checked against, and the scenario's own timeline.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// The server's wall clock: the machine's, moved by an offset that a test sets.
#[derive(Debug, Default)]
pub struct Clock {
    offset_ms: AtomicI64,
}

impl Clock {
    /// The time that this server believes in.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        now.checked_add(self.offset()).unwrap_or(now)
    }

    /// How far this server is ahead of (or, when negative, behind) the machine.
    #[must_use]
    pub fn offset(&self) -> SignedDuration {
        SignedDuration::from_millis(self.offset_ms.load(Ordering::Relaxed))
    }

    /// Sets the offset; whole milliseconds count.
    pub fn set_offset(&self, offset: SignedDuration) {
        let millis = i64::try_from(offset.as_millis()).unwrap_or(i64::MAX);
        self.offset_ms.store(millis, Ordering::Relaxed);
    }
}

/// Where the scenario stands. It runs at a scale of real time, and can be paused and sought.
#[derive(Debug)]
pub struct Timeline {
    epoch_ms: i64,
    scale: f64,
    state: Mutex<Running>,
}

#[derive(Debug, Clone, Copy)]
struct Running {
    position: Duration,
    /// Since when `position` is growing; none while paused.
    since: Option<Instant>,
}

impl Timeline {
    /// A timeline that starts to run now. At scale 10 ten scenario seconds pass in one real one; a scale that is not above 0 is taken as 1.
    #[must_use]
    pub fn start(scale: f64) -> Self {
        Self {
            epoch_ms: Timestamp::now().as_millisecond(),
            scale: if scale.is_finite() && scale > 0.0 { scale } else { 1.0 },
            state: Mutex::new(Running { position: Duration::ZERO, since: Some(Instant::now()) }),
        }
    }

    /// The scenario time that has passed.
    #[must_use]
    pub fn position(&self) -> Duration {
        self.advanced(*self.lock())
    }

    /// Whether the scenario's time stands still.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.lock().since.is_none()
    }

    /// Stops the scenario's time where it is.
    pub fn pause(&self) {
        let mut state = self.lock();
        *state = Running { position: self.advanced(*state), since: None };
    }

    /// Lets the scenario's time run on.
    pub fn resume(&self) {
        let mut state = self.lock();
        *state = Running { position: self.advanced(*state), since: Some(Instant::now()) };
    }

    /// Moves the scenario to a position; paused stays paused.
    pub fn seek(&self, position: Duration) {
        let mut state = self.lock();
        *state = Running { position, since: state.since.map(|_| Instant::now()) };
    }

    /// The milliseconds since the Unix epoch at which a position is (or was) reached, when nobody pauses or seeks.
    #[must_use]
    pub fn epoch_millis(&self, position: Duration) -> i64 {
        let real = Duration::try_from_secs_f64(position.as_secs_f64() / self.scale).unwrap_or(Duration::MAX);
        self.epoch_ms.saturating_add(i64::try_from(real.as_millis()).unwrap_or(i64::MAX))
    }

    fn advanced(&self, state: Running) -> Duration {
        let real = state.since.map_or(Duration::ZERO, |since| since.elapsed());
        let grown = Duration::try_from_secs_f64(real.as_secs_f64() * self.scale).unwrap_or(Duration::MAX);
        state.position.saturating_add(grown)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Running> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offset_moves_the_wall_clock() {
        let clock = Clock::default();
        clock.set_offset(SignedDuration::from_mins(-20));
        let ahead = SignedDuration::from_mins(20);
        let (before, moved, after) = (Timestamp::now(), clock.now(), Timestamp::now());
        assert!(moved + ahead >= before && moved + ahead <= after);
    }

    #[test]
    fn a_paused_timeline_stands_still_and_seeks_exactly() {
        let timeline = Timeline::start(1000.0);
        timeline.pause();
        let stopped = timeline.position();
        assert_eq!(timeline.position(), stopped);
        timeline.seek(Duration::from_secs(42));
        assert_eq!(timeline.position(), Duration::from_secs(42));
        assert!(timeline.is_paused());
        timeline.resume();
        assert!(timeline.position() >= Duration::from_secs(42));
    }

    #[test]
    fn stamps_follow_the_scale() {
        let timeline = Timeline::start(10.0);
        let span = timeline.epoch_millis(Duration::from_mins(1)) - timeline.epoch_millis(Duration::ZERO);
        assert_eq!(span, 6_000);
    }
}
