//! Who of several operators leads, by a Lease that each of them reads and only one holds.
//!
//! Nobody's clock is compared with anybody else's. The Lease of another has ended once it was seen unchanged for as long as
//! it says itself, by the own monotonic clock; and whoever leads stops by its own, counted from when its last successful
//! renewal began, which is before anybody can have seen that. So no two lead at once as long as the clocks run at
//! about the same speed. Times of day are written into the Lease for people alone.

mod elector;
mod record;

use std::time::Duration;

pub use elector::{Answer, Elector, Loss, Standing, Step};
pub use record::{Lease, Record};

/// A Lease of more than this is taken for a mistake: nobody waits longer for it, and nobody may ask for it.
pub const LONGEST: Duration = Duration::from_hours(1);

/// How often, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    lease_duration: Duration,
    renew_deadline: Duration,
    retry_period: Duration,
}

/// Durations that can't work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimingError {
    /// The API has whole seconds.
    #[error("the lease duration must be whole seconds, from 1s to 1h")]
    LeaseDuration,
    /// The leader would still write while another leads already.
    #[error("the lease duration must be longer than the renew deadline")]
    RenewDeadline,
    /// There would be no time for a second try.
    #[error("the renew deadline must be longer than 1.2 times the retry period")]
    RetryPeriod,
    /// That would be a busy loop.
    #[error("the retry period must be at least 10ms")]
    TooOften,
}

impl Timing {
    /// The least pause between two tries.
    const SHORTEST_RETRY: Duration = Duration::from_millis(10);

    /// Checks what doesn't fit together, as other controllers do.
    ///
    /// # Errors
    /// What must be changed.
    pub fn new(
        lease_duration: Duration,
        renew_deadline: Duration,
        retry_period: Duration,
    ) -> Result<Self, TimingError> {
        let is_whole = lease_duration.subsec_nanos() == 0;
        if !is_whole || !(Duration::from_secs(1)..=LONGEST).contains(&lease_duration) {
            return Err(TimingError::LeaseDuration);
        }
        if lease_duration <= renew_deadline {
            return Err(TimingError::RenewDeadline);
        }
        if retry_period < Self::SHORTEST_RETRY {
            return Err(TimingError::TooOften);
        }
        if renew_deadline <= retry_period.saturating_mul(6) / 5 {
            return Err(TimingError::RetryPeriod);
        }
        Ok(Self { lease_duration, renew_deadline, retry_period })
    }

    /// For how long others leave the Lease alone once they have seen it renewed.
    #[must_use]
    pub fn lease_duration(&self) -> Duration {
        self.lease_duration
    }

    /// For how long a leader goes on without a renewal.
    #[must_use]
    pub fn renew_deadline(&self) -> Duration {
        self.renew_deadline
    }

    /// How long the API server may take for one call: there is time for a second within the renew deadline.
    #[must_use]
    pub fn call_deadline(&self) -> Duration {
        self.renew_deadline / 2
    }

    /// The pause between two tries: up to a fifth more than the retry period, differently for each operator and try.
    fn pause(&self, seed: u64, attempt: u32) -> Duration {
        let spread = (seed.rotate_left(attempt.wrapping_mul(11)) >> 16) % 256;
        self.retry_period + self.retry_period * u32::try_from(spread).unwrap_or(0) / 1280
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
