//! What a poller is asked for, and what it has found.

use std::sync::{Mutex, PoisonError};

use k8s_openapi::jiff::Timestamp;

use super::feed::{Found, Round};
use crate::core::{decide::Observation, failure::Failure, plan::Plan};

/// What a watch asks of its poller.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The spec.
    pub plan: Plan,
    /// The annotation that asks for a listing now, whenever it changes.
    pub requested_at: Option<String>,
}

impl Request {
    /// Whether a poller that served `before` must list now rather than when it is due. What is suspended is never
    /// served.
    #[must_use]
    pub fn is_urgent_after(&self, before: &Self) -> bool {
        self.plan.target != before.plan.target
            || self.plan.credentials != before.plan.credentials
            || self.plan.iam != before.plan.iam
            || self.requested_at != before.requested_at
    }

    /// Whether what was found for `before` says nothing of this.
    pub(super) fn is_fresh_start_after(&self, before: &Self) -> bool {
        self.plan.target != before.plan.target
    }
}

/// What one attempt came to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// A complete listing.
    Listed(Found),
    /// It failed.
    Failed(Failure),
}

impl Outcome {
    /// What a listing came to for a watch whose own credentials end then, as far as is known.
    pub(super) fn of(round: &Round, expires: Option<Timestamp>) -> Self {
        match &round.result {
            Ok(found) => {
                let credentials_expire = expires.into_iter().chain(found.credentials_expire).min();
                Self::Listed(Found { credentials_expire, ..found.clone() })
            }
            Err(failure) => Self::Failed(failure.clone()),
        }
    }

    /// The listing, by its sequence.
    pub(super) fn listed(&self) -> Option<u64> {
        match self {
            Self::Listed(found) => Some(found.snapshot.sequence),
            Self::Failed(_) => None,
        }
    }

    pub(super) fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Listed(..) => None,
            Self::Failed(failure) => Some(failure),
        }
    }
}

/// What a poller has found, for the target of the request that it serves now.
#[derive(Debug)]
pub(super) struct Slot(Mutex<(Request, Observation)>);

impl Slot {
    pub(super) fn new(request: Request, now: Timestamp) -> Self {
        Self(Mutex::new((request, Observation::start(now))))
    }

    pub(super) fn observation(&self) -> Observation {
        self.lock().1.clone()
    }

    /// When the newest complete listing was complete.
    pub(super) fn listed(&self) -> Option<Timestamp> {
        self.lock().1.snapshot.as_ref().map(|snapshot| snapshot.completed)
    }

    /// Takes a new request. What was found stays if it still answers it.
    pub(super) fn ask(&self, request: &Request, now: Timestamp) {
        let (current, observation) = &mut *self.lock();
        if request.is_fresh_start_after(current) {
            *observation = Observation::start(now);
        } else if current.plan.suspended && !request.plan.suspended {
            observation.polling_since = now;
            observation.failure = None;
        }
        *current = request.clone();
    }

    /// Keeps an outcome, unless the watch has moved on to another target meanwhile. Says whether it is news.
    pub(super) fn publish(&self, request: &Request, outcome: Outcome) -> bool {
        let (current, observation) = &mut *self.lock();
        if request.is_fresh_start_after(current) {
            return false;
        }
        let mut is_news = observation.handled_request != request.requested_at;
        match outcome {
            Outcome::Listed(found) => {
                let before = observation.snapshot.as_ref().map(|snapshot| snapshot.sequence);
                is_news |= before != Some(found.snapshot.sequence) || observation.failure.is_some();
                observation.snapshot = Some(found.snapshot);
                observation.credentials_expire = found.credentials_expire;
                observation.failure = None;
            }
            Outcome::Failed(failure) => {
                is_news |= observation.failure.as_ref() != Some(&failure);
                observation.failure = Some(failure);
            }
        }
        observation.handled_request.clone_from(&request.requested_at);
        is_news
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Request, Observation)> {
        // Whole values are put in; a panic elsewhere can't leave half of one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
