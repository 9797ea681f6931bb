//! Whether what the operator does goes on.
//!
//! All that it waits for has a deadline of its own. So whatever is begun says by when it has ended at the latest, and
//! with room to spare; what hasn't then is stuck, and only a new start helps. What is idle awaits nothing.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures::Stream;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

/// All that is under way. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Vitals(Arc<Mutex<UnderWay>>);

#[derive(Debug, Default)]
struct UnderWay {
    next: u64,
    awaited: HashMap<u64, Awaited>,
}

#[derive(Clone, Copy, Debug)]
struct Awaited {
    what: &'static str,
    by: Instant,
}

/// Something that should have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overdue {
    /// What.
    pub what: &'static str,
    /// Since when.
    pub since: Duration,
}

impl Vitals {
    /// Something begins that ends within this time, which is when the result is dropped.
    #[must_use]
    pub fn expect(&self, what: &'static str, within: Duration) -> Expected {
        let mut under_way = self.lock();
        let number = under_way.next;
        under_way.next += 1;
        under_way.awaited.insert(number, Awaited { what, by: Instant::now() + within });
        Expected { vitals: self.clone(), number }
    }

    /// What is overdue for longest.
    #[must_use]
    pub fn overdue(&self) -> Option<Overdue> {
        let now = Instant::now();
        let under_way = self.lock();
        let longest = under_way.awaited.values().min_by_key(|awaited| awaited.by)?;
        let since = now.checked_duration_since(longest.by).filter(|since| !since.is_zero())?;
        Some(Overdue { what: longest.what, since })
    }

    /// A stream that is the same, and by which it is seen that somebody polls it: whoever does is woken for that several
    /// times within the time.
    pub fn watch<S: Stream + Unpin>(&self, what: &'static str, within: Duration, stream: S) -> Watched<S> {
        let mut wake = interval((within / 8).max(Duration::from_millis(1)));
        wake.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Watched { stream, wake, expected: self.expect(what, within), within }
    }

    fn lock(&self) -> MutexGuard<'_, UnderWay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something that is under way, until this is dropped.
#[derive(Debug)]
pub struct Expected {
    vitals: Vitals,
    number: u64,
}

impl Expected {
    /// It goes on: from now, it has this time.
    pub fn renew(&self, within: Duration) {
        if let Some(awaited) = self.vitals.lock().awaited.get_mut(&self.number) {
            awaited.by = Instant::now() + within;
        }
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.vitals.lock().awaited.remove(&self.number);
    }
}

/// See [`Vitals::watch`].
#[derive(Debug)]
pub struct Watched<S> {
    stream: S,
    wake: Interval,
    expected: Expected,
    within: Duration,
}

impl<S: Stream + Unpin> Stream for Watched<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        while self.wake.poll_tick(cx).is_ready() {
            self.expected.renew(self.within);
        }
        Pin::new(&mut self.stream).poll_next(cx)
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt, stream};

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[tokio::test(start_paused = true)]
    async fn what_ends_in_time_is_never_overdue() {
        let vitals = Vitals::default();
        let one = vitals.expect("one", MINUTE);
        let two = vitals.expect("two", 2 * MINUTE);
        tokio::time::advance(MINUTE).await;
        assert_eq!(vitals.overdue(), None);
        tokio::time::advance(MINUTE).await;
        assert_eq!(vitals.overdue(), Some(Overdue { what: "one", since: MINUTE }));
        one.renew(MINUTE);
        assert_eq!(vitals.overdue(), None);
        drop(one);
        tokio::time::advance(MINUTE).await;
        assert_eq!(vitals.overdue(), Some(Overdue { what: "two", since: MINUTE }));
        drop(two);
        tokio::time::advance(100 * MINUTE).await;
        assert_eq!(vitals.overdue(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_is_idle_goes_on_and_one_that_is_stuck_does_not() {
        let vitals = Vitals::default();
        let mut silent = vitals.watch("the loop", MINUTE, stream::pending::<()>());
        // Idle for a day.
        assert!(tokio::time::timeout(1440 * MINUTE, silent.next()).await.is_err());
        assert_eq!(vitals.overdue(), None);
        // Busy with something else.
        tokio::time::sleep(3 * MINUTE).await;
        assert_eq!(vitals.overdue().map(|overdue| overdue.what), Some("the loop"));
        assert!(tokio::time::timeout(MINUTE, silent.next()).await.is_err());
        assert_eq!(vitals.overdue(), None);
        drop(silent);
        tokio::time::sleep(3 * MINUTE).await;
        assert_eq!(vitals.overdue(), None);
    }
}
