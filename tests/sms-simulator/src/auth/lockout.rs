//! The answer to guessing: an access key or a user that fails again and again is locked for a while.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// As many failures in a row lock a key (facts page, unverified there).
pub(crate) const FAILURES: u32 = 5;
/// An access key for as long (facts page, unverified there).
pub(crate) const KEY_LOCKED_FOR: SignedDuration = SignedDuration::from_mins(5);
/// A user for as long (the default of IAM's policy for sign-ins; unverified for tokens).
pub(crate) const USER_LOCKED_FOR: SignedDuration = SignedDuration::from_mins(15);

/// Failures in a row, by access key or by user.
#[derive(Debug)]
pub(crate) struct Lockout {
    locked_for: SignedDuration,
    names: Mutex<HashMap<String, Strikes>>,
}

#[derive(Debug, Default)]
struct Strikes {
    failures: u32,
    locked_at: Option<Timestamp>,
}

impl Lockout {
    /// Locks for so long.
    pub(crate) fn new(locked_for: SignedDuration) -> Self {
        Self { locked_for, names: Mutex::default() }
    }

    pub(crate) fn is_locked(&self, name: &str, now: Timestamp) -> bool {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(locked_at) = names.get(name).and_then(|strikes| strikes.locked_at) else {
            return false;
        };
        let locked = now.duration_since(locked_at) < self.locked_for;
        if !locked {
            names.remove(name);
        }
        locked
    }

    pub(crate) fn failed(&self, name: &str, now: Timestamp) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let strikes = names.entry(name.to_owned()).or_default();
        strikes.failures += 1;
        if strikes.failures >= FAILURES {
            strikes.locked_at = Some(now);
        }
    }

    pub(crate) fn succeeded(&self, name: &str) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn five_failures_in_a_row_lock_for_five_minutes() {
        let lockout = Lockout::new(KEY_LOCKED_FOR);
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
        let lockout = Lockout::new(KEY_LOCKED_FOR);
        (0..4).for_each(|_| lockout.failed("ak", NOW));
        lockout.succeeded("ak");
        lockout.failed("ak", NOW);
        assert!(!lockout.is_locked("ak", NOW));
    }
}
