//! Whether credentials may be tried. The vendor locks an access key after a few refusals in a row, so that credentials
//! which have been refused are left alone for a growing time, by everybody who uses them.

use std::time::{Duration, Instant};

use super::{
    failure::{Failure, FailureKind},
    schedule::{REFUSED, retry_delay},
};

/// What is known of credentials at one endpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Breaker {
    /// Nothing yet, or nothing since a request got no answer: one request at a time may find out.
    #[default]
    Unproven,
    /// The newest answer accepted them.
    Closed,
    /// They were refused.
    Open {
        /// With what.
        failure: Box<Failure>,
        /// How often in a row.
        refusals: u32,
        /// When.
        since: Instant,
        /// When they may be tried again. No time of day: a clock that was wrong is set, often just because of the refusal.
        until: Instant,
    },
}

/// What may be done with credentials now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Admission<'a> {
    /// They may be used.
    Use,
    /// They may be tried, by one request.
    Try,
    /// They must not be used.
    Refused(&'a Failure),
}

impl Breaker {
    /// What may be done now.
    #[must_use]
    pub fn admit(&self, now: Instant) -> Admission<'_> {
        match self {
            Self::Closed => Admission::Use,
            Self::Open { failure, until, .. } if now < *until => Admission::Refused(failure),
            Self::Unproven | Self::Open { .. } => Admission::Try,
        }
    }

    /// An answer accepted them.
    pub fn accepted(&mut self) {
        *self = Self::Closed;
    }

    /// There was no answer, so that one request at a time may find out when there is one again. What is known of a
    /// refusal stays.
    pub fn unanswered(&mut self) {
        if *self == Self::Closed {
            *self = Self::Unproven;
        }
    }

    /// Somebody asks for a try, and may have mended what was wrong: they are left alone no longer than it takes.
    pub fn asked(&mut self) {
        if let Self::Open { failure, since, until, .. } = self {
            *until = (*until).min(*since + pause_when_asked(failure.kind));
        }
    }

    /// They were refused. `seed` spreads those that are refused at the same time.
    pub fn refused(&mut self, failure: &Failure, now: Instant, seed: u64) {
        let refusals = match self {
            // Of several requests that were under way together, the first counts.
            Self::Open { until, .. } if now < *until => return,
            Self::Open { refusals, .. } => refusals.saturating_add(1),
            Self::Unproven | Self::Closed => 1,
        };
        let until = now + retry_delay(failure, refusals, Duration::ZERO, seed);
        *self = Self::Open { failure: Box::new(failure.clone()), refusals, since: now, until };
    }
}

/// After which time somebody who asks for it may try again: a permission that is lacking locks no key.
#[must_use]
pub fn pause_when_asked(kind: FailureKind) -> Duration {
    if kind == FailureKind::AccessDenied { PERMISSION } else { REFUSED }
}

/// The least time between two requests that are refused for a permission.
const PERMISSION: Duration = Duration::from_secs(15);

/// Whether a failure says that there was no answer.
#[must_use]
pub fn is_silence(kind: FailureKind) -> bool {
    matches!(kind, FailureKind::EndpointUnreachable | FailureKind::TlsFailed)
}

/// Whether a failure says that the same credentials must not be tried again soon.
#[must_use]
pub fn is_refusal(kind: FailureKind) -> bool {
    matches!(kind, FailureKind::CredentialsInvalid | FailureKind::AccessDenied | FailureKind::ClockSkew)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Wait(u64),
        Ask { accepted: bool, by_hand: bool },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0u64..400).prop_map(Step::Wait),
            (prop::bool::weighted(0.1), any::<bool>())
                .prop_map(|(accepted, by_hand)| Step::Ask { accepted, by_hand }),
        ]
    }

    proptest! {
           /// However often and by however many the credentials are asked for: no two refusals of a key within a minute, nor
           /// of a permission within 15 seconds.
           #[test]
           fn refusals_are_apart(steps in prop::collection::vec(step(), 1..200), is_key: bool, seed: u64) {
               let (kind, least) = if is_key {
                   (FailureKind::CredentialsInvalid, 60)
               } else {
                   (FailureKind::AccessDenied, 15)
               };
               let failure = Failure::new(kind, "refused");
               let mut breaker = Breaker::default();
               let (mut now, mut refused_at, mut was_accepted) = (Instant::now(), None::<Instant>, false);
               let mut was_asked = false;
               for step in steps {
                   match step {
                       Step::Wait(seconds) => now += Duration::from_secs(seconds),
                       Step::Ask { accepted, by_hand } => {
                           if by_hand {
                               breaker.asked();
                           }
                           was_asked |= by_hand;
                           match breaker.admit(now) {
                           Admission::Refused(_) => {
                               let last = refused_at.unwrap();
                               // Who asks isn't kept waiting any longer.
                               prop_assert!(!by_hand || now.duration_since(last) < Duration::from_secs(least));
                           }
                           Admission::Use => {
                               prop_assert!(was_accepted);
                               if !accepted {
                                   breaker.refused(&failure, now, seed);
                                   (refused_at, was_accepted, was_asked) = (Some(now), false, false);
                               }
                           }
                           Admission::Try => {
                               if let Some(last) = refused_at {
                                   let least = if was_asked { least } else { 60 };
    prop_assert!(now.duration_since(last) >= Duration::from_secs(least));
                               }
                               if accepted { breaker.accepted() } else { breaker.refused(&failure, now, seed) }
                               (refused_at, was_accepted, was_asked) = ((!accepted).then_some(now), accepted, false);
                           }
                       }},
                   }
               }
           }

           #[test]
           fn every_refusal_ends(refusals in 1u32..1000, seed: u64) {
               let failure = Failure::new(FailureKind::AccessDenied, "refused");
               let mut breaker = Breaker::default();
               let mut now = Instant::now();
               for _ in 0..refusals {
                   breaker.refused(&failure, now, seed);
                   now += Duration::from_secs(1200);
                   prop_assert_eq!(breaker.admit(now), Admission::Try);
               }
           }
       }
}
