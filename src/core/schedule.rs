//! When to list again.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::{
    failure::{Failure, FailureKind},
    time::after,
};

/// How often a Secret is read again while its credentials fail.
pub const SECRET: Duration = Duration::from_secs(5);
/// The least time between two requests that SMS refuses for their credentials: failures in a row lock the key.
pub const REFUSED: Duration = Duration::from_secs(60);
const MOST_REFUSED: Duration = Duration::from_secs(600);
const FIRST_RETRY: Duration = Duration::from_secs(2);
const LAST_RETRY: Duration = Duration::from_secs(300);
/// The part of an interval by which a listing may come sooner.
const DRIFT: i64 = 20;
/// Longer than this the API isn't left alone, whatever it says.
const MOST_RETRY_AFTER: Duration = Duration::from_secs(900);

/// A number that spreads watches over time, the same for a watch at every start.
#[must_use]
pub fn seed(uid: &str) -> u64 {
    uid.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// When the listing after one that began at this time begins: an interval later, or up to a twentieth sooner until it is
/// on a grid of the interval that starts at the account's own offset, so that accounts which were started together drift
/// apart. A change is never older than an interval when a listing begins.
#[must_use]
pub fn next_poll(seed: u64, interval: Duration, started: Timestamp) -> Timestamp {
    let grid = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX).max(1);
    let offset = i64::try_from(seed % grid.unsigned_abs()).unwrap_or(0);
    let since = (started.as_millisecond() - offset).rem_euclid(grid);
    let wait = (grid - since).max(grid - grid / DRIFT);
    after(started, Duration::from_millis(wait.unsigned_abs()))
}

/// The longest pause between two tries that heal by themselves, unless the API asks for more.
#[must_use]
pub fn longest_retry(interval: Duration) -> Duration {
    interval.clamp(REFUSED, LAST_RETRY)
}

/// How long the API asked to be left alone, whoever asks for a listing.
#[must_use]
pub fn asked_pause(failure: &Failure) -> Duration {
    failure.retry_after.unwrap_or_default().min(MOST_RETRY_AFTER)
}

/// How long a failure that is costly to repeat is left alone: not more often than a listing is wanted.
#[must_use]
pub fn costly_retry(failure: &Failure, interval: Duration) -> Option<Duration> {
    failure.is_costly().then(|| failure.least_wait.max(interval))
}

/// How long to wait after the `attempt`th failure in a row, counted from 1.
#[must_use]
pub fn retry_delay(failure: &Failure, attempt: u32, interval: Duration, seed: u64) -> Duration {
    let doubled = |first: Duration, most: Duration| {
        first
            .saturating_mul(1u32.checked_shl(attempt.saturating_sub(1).min(16)).unwrap_or(u32::MAX))
            .min(most)
    };
    let delay = match failure.kind {
        FailureKind::SecretNotFound | FailureKind::SecretInvalid => return SECRET,
        FailureKind::CredentialsInvalid | FailureKind::AccessDenied => doubled(REFUSED, MOST_REFUSED),
        FailureKind::ClockSkew => REFUSED,
        _ => costly_retry(failure, interval).unwrap_or_else(|| doubled(FIRST_RETRY, longest_retry(interval))),
    };
    // Up to a quarter more, differently for each watch and try.
    let spread = (seed.rotate_left(attempt.wrapping_mul(11)) >> 16) % 256;
    let delay = delay.max(asked_pause(failure));
    delay + delay * u32::try_from(spread).unwrap_or(0) / 1024
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn polls_keep_their_interval(seed: u64, interval in 5u64..86_400, started in 0i64..4_000_000_000) {
            let interval = Duration::from_secs(interval);
            let started = Timestamp::from_second(started).unwrap();
            let gap = |from: Timestamp, to: Timestamp| Duration::try_from(to.duration_since(from)).unwrap();
            let mut last = started;
            for poll in 0..30 {
                let next = next_poll(seed, interval, last);
                let gap = gap(last, next);
                prop_assert!(gap <= interval && gap * 20 >= interval * 19, "{gap:?}");
                prop_assert!(poll <= 20 || gap == interval, "{gap:?}");
                last = next;
            }
        }

        #[test]
        fn refused_credentials_are_never_tried_fast(attempt in 1u32..100, seed: u64, interval in 5u64..86_400) {
            for kind in [FailureKind::CredentialsInvalid, FailureKind::AccessDenied, FailureKind::ClockSkew] {
                let delay = retry_delay(&Failure::new(kind, ""), attempt, Duration::from_secs(interval), seed);
                prop_assert!(delay >= Duration::from_secs(60));
            }
        }

        #[test]
        fn every_failure_is_tried_again(attempt in 0u32..100_000, seed: u64, asked in 0u64..1_000_000_000) {
            for kind in FailureKind::ALL {
                let mut failure = Failure::new(kind, "");
                failure.retry_after = Some(Duration::from_secs(asked));
                let delay = retry_delay(&failure, attempt, Duration::from_secs(60), seed);
                prop_assert!(delay >= Duration::from_secs(2) && delay <= Duration::from_secs(1200), "{delay:?}");
            }
        }
    }

    #[test]
    fn what_costs_much_is_left_alone_from_the_first_time_on() {
        let mut failure = Failure::new(FailureKind::ListIncomplete, "");
        failure.least_wait = Duration::from_mins(15);
        let day = Duration::from_hours(24);
        for (interval, least) in [(Duration::from_secs(5), failure.least_wait), (day, day)] {
            for attempt in [1, 2, 100] {
                let delay = retry_delay(&failure, attempt, interval, 7);
                assert!(delay >= least && delay <= least * 5 / 4, "{delay:?}");
            }
        }
        assert_eq!(asked_pause(&failure), Duration::ZERO, "the API asked for nothing");
    }

    #[test]
    fn what_the_api_asks_for_is_kept() {
        let mut failure = Failure::new(FailureKind::Throttled, "");
        failure.retry_after = Some(Duration::from_secs(120));
        assert!(retry_delay(&failure, 1, Duration::from_secs(5), 1) >= Duration::from_secs(120));
    }
}
