//! What a listing came to, and for whom it will do.

use std::{sync::Arc, time::Duration};

use k8s_openapi::jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    core::{
        breaker::{is_refusal, pause_when_asked},
        failure::Failure,
        schedule::asked_pause,
        task::Snapshot,
    },
    listings::query::covers,
    sms::Query,
};

/// What a watch needs of a feed.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::listings) struct Need {
    /// How often.
    pub(in crate::listings) interval: Duration,
    /// What.
    pub(in crate::listings) query: Query,
}

/// When a listing is good enough.
#[derive(Clone, Copy, Debug)]
pub(in crate::listings) struct Wish {
    /// It may be this old.
    pub(in crate::listings) max_age: Duration,
    /// It must have begun after this: somebody asked for a listing then.
    pub(in crate::listings) asked: Option<Instant>,
    /// If it failed and is costly, it must have begun after this: the spec has changed then.
    pub(in crate::listings) changed: Option<Instant>,
}

/// What one listing came to.
#[derive(Debug)]
pub(in crate::listings) struct Round {
    pub(in crate::listings) result: Result<Found, Failure>,
    /// Of failures: when to try again.
    pub(in crate::listings) retry_at: Instant,
    /// How many failed in a row.
    pub(in crate::listings) failures: u32,
    /// What it was about.
    pub(in crate::listings) query: Query,
    /// When it began.
    pub(in crate::listings) started: Instant,
    /// When it ended.
    pub(in crate::listings) ended: Instant,
}

/// What a listing found.
#[derive(Clone, Debug)]
pub(in crate::listings) struct Found {
    pub(in crate::listings) snapshot: Arc<Snapshot>,
    /// When the credentials end, if that is known and they aren't renewed.
    pub(in crate::listings) credentials_expire: Option<Timestamp>,
}

impl Round {
    /// Whether it failed since it was about more than this, which may well be had.
    pub(super) fn wanted_too_much(&self, need: &Query) -> bool {
        self.result.as_ref().is_err_and(Failure::is_costly) && !covers(need, &self.query)
    }

    /// Whether it will do.
    pub(super) fn is_usable(&self, need: &Query, wish: Wish, now: Instant) -> bool {
        let is_after = |time: Option<Instant>| time.is_none_or(|time| self.started >= time);
        match &self.result {
            Ok(_) if wish.asked.is_some() => is_after(wish.asked),
            Ok(_) => now.duration_since(self.started) <= wish.max_age,
            Err(_) if self.wanted_too_much(need) => false,
            // Neither credentials that have just been refused nor an API that asked to be left alone are tried for the
            // asking.
            Err(failure) => {
                let refused =
                    if is_refusal(failure.kind) { pause_when_asked(failure.kind) } else { Duration::ZERO };
                let is_closed = now < self.ended + refused || now < self.started + asked_pause(failure);
                let is_new = is_after(wish.asked) && (is_after(wish.changed) || !failure.is_costly());
                now < self.retry_at && (is_new || is_closed)
            }
        }
    }
}
