//! The gateway's answer to guessing: an access key that fails again and again is locked for a while.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// As many failures in a row lock a key (facts page, unverified there).
pub(crate) const FAILURES: u32 = 5;
/// For as long (facts page, unverified there).
pub(crate) const LOCKED_FOR: SignedDuration = SignedDuration::from_mins(5);

/// Failures in a row, by access key.
#[derive(Debug, Default)]
pub(crate) struct Lockout {
    keys: Mutex<HashMap<String, Strikes>>,
}

#[derive(Debug, Default)]
struct Strikes {
    failures: u32,
    locked_at: Option<Timestamp>,
}

impl Lockout {
    pub(crate) fn is_locked(&self, access_key: &str, now: Timestamp) -> bool {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(locked_at) = keys.get(access_key).and_then(|strikes| strikes.locked_at) else {
            return false;
        };
        let locked = now.duration_since(locked_at) < LOCKED_FOR;
        if !locked {
            keys.remove(access_key);
        }
        locked
    }

    pub(crate) fn failed(&self, access_key: &str, now: Timestamp) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let strikes = keys.entry(access_key.to_owned()).or_default();
        strikes.failures += 1;
        if strikes.failures >= FAILURES {
            strikes.locked_at = Some(now);
        }
    }

    pub(crate) fn succeeded(&self, access_key: &str) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).remove(access_key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn five_failures_in_a_row_lock_for_five_minutes() {
        let lockout = Lockout::default();
        (0..4).for_each(|_| lockout.failed("ak", NOW));
        assert!(!lockout.is_locked("ak", NOW));
        lockout.failed("ak", NOW);
        assert!(lockout.is_locked("ak", NOW + SignedDuration::from_secs(299)));
        assert!(!lockout.is_locked("other", NOW));
        assert!(!lockout.is_locked("ak", NOW + SignedDuration::from_secs(300)));
        lockout.failed("ak", NOW);
        assert!(!lockout.is_locked("ak", NOW), "the count starts anew after a lock");
    }

    #[test]
    fn a_success_forgets_failures() {
        let lockout = Lockout::default();
        (0..4).for_each(|_| lockout.failed("ak", NOW));
        lockout.succeeded("ak");
        lockout.failed("ak", NOW);
        assert!(!lockout.is_locked("ak", NOW));
    }
}
