//! The time of day, as the controller, the listings and the sessions at IAM go by it.

use k8s_openapi::jiff::Timestamp;

/// Now.
#[cfg(not(test))]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Now: that of the simulated operator at work in this thread, if there is one.
#[cfg(test)]
pub(crate) fn now() -> Timestamp {
    simulated::now().unwrap_or_else(Timestamp::now)
}

/// Clocks that simulated operators look at.
#[cfg(test)]
pub(crate) mod simulated {
    use std::cell::Cell;

    use k8s_openapi::jiff::{SignedDuration, Timestamp};
    use tokio::time::Instant;

    thread_local! {
        static SHOWN: Cell<Option<(Instant, Timestamp)>> = const { Cell::new(None) };
    }

    /// From now on, the clock of this thread shows `time` at `instant`, and goes on as tokio's does.
    pub(crate) fn set(instant: Instant, time: Timestamp) {
        SHOWN.set(Some((instant, time)));
    }

    pub(super) fn now() -> Option<Timestamp> {
        let (instant, time) = SHOWN.get()?;
        let passed = SignedDuration::try_from(Instant::now().duration_since(instant)).ok()?;
        time.checked_add(passed).ok()
    }
}
