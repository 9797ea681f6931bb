//! What a decision is made from, and what it is.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use thiserror::Error;

use super::{
    confirmation::Confirmation,
    counts::{Counts, Laid},
};
use crate::{
    api::MigrationTaskWatchStatus,
    core::{
        budget::Urgency, changes::Changes, failure::Failure, last::Last, memory::Memory, plan::Plan,
        task::Snapshot,
    },
};

/// What identifies the watch and its current spec.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its uid.
    pub uid: String,
    /// The generation of its spec.
    pub generation: i64,
}

/// What polling has found so far, in this process and for the plan's target.
#[derive(Clone, Debug)]
pub struct Observation {
    /// Since when it asks.
    pub polling_since: Timestamp,
    /// The newest complete listing.
    pub snapshot: Option<Arc<Snapshot>>,
    /// When the credentials end, if that is known and they aren't renewed by themselves.
    pub credentials_expire: Option<Timestamp>,
    /// Why the newest attempt failed, if it did.
    pub failure: Option<Failure>,
    /// The last value of the annotation whose request has been answered.
    pub handled_request: Option<String>,
}

impl Observation {
    /// Nothing yet.
    #[must_use]
    pub fn start(now: Timestamp) -> Self {
        Self {
            polling_since: now,
            snapshot: None,
            credentials_expire: None,
            failure: None,
            handled_request: None,
        }
    }
}

/// What is carried from decision to decision, besides the status.
#[derive(Clone, Debug, Default)]
pub struct Carried {
    /// What is remembered of the tasks; none before the first look at the status.
    pub memory: Option<Arc<Memory>>,
    /// What the tasks of the memory were listed for. The status says so, too, unless somebody has wiped it.
    pub(super) target: Option<String>,
    /// The sequence of the last outbox, likewise.
    pub(super) sequence: Option<i64>,
    /// The listing that the last status was decided from.
    pub compared: Option<u64>,
    /// What the tasks came to, as long as nothing of them changes.
    pub(super) counts: Option<Arc<Counts>>,
    /// What was written out of them, or would have been.
    pub(super) laid: Option<Laid>,
    /// What the listing says of the gates, and whether the one before says the same.
    pub(super) confirmation: Option<Confirmation>,
    /// When this process last wrote the status.
    pub written: Option<Timestamp>,
    /// What the API server says to events that it refuses, where statuses go on without them.
    pub events_refused: Option<String>,
}

impl Carried {
    /// What is written out depends on more than the tasks.
    pub fn lay_out_anew(&mut self) {
        self.laid = None;
    }
}

/// Everything that a decision depends on.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// Which watch.
    pub identity: &'a Identity,
    /// Its spec, or what is wrong with it.
    pub plan: Result<&'a Plan, &'a Failure>,
    /// Its status on the API server.
    pub last: &'a Last,
    /// What polling has found.
    pub observation: &'a Observation,
    /// What the last decision left.
    pub carried: &'a Carried,
    /// Now.
    pub now: Timestamp,
}

/// What follows.
#[derive(Debug)]
pub struct Decision {
    /// The status to write; none when it may stay as it is.
    pub status: Option<MigrationTaskWatchStatus>,
    /// How urgent it is to write it; none when there is nothing to write.
    pub urgency: Option<Urgency>,
    /// What to carry on once the status, if any, is written.
    pub carried: Carried,
    /// When to decide again, if nothing happens before.
    pub wake: Option<Timestamp>,
    /// The listing by which a gate would open, and which another one must confirm: that is asked for at once.
    pub unconfirmed: Option<u64>,
    /// What the listing has changed.
    pub changes: Changes,
}

/// The tasks or the ledger of the last status are needed, and were left away: it must be read, and decided again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the whole status is needed")]
pub struct WholeNeeded;
