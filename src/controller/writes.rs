//! Whose status is written when.

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

use tokio::time;
use tracing::debug;

use crate::{
    core::budget::{Budget, Turn, Urgency, WriteRate},
    listings::WatchKey,
    telemetry::StatusWrites,
};

/// All writes of statuses, within what the operator's owner allows.
#[derive(Debug)]
pub(super) struct Writes {
    budget: Mutex<Budget<WatchKey>>,
    metrics: StatusWrites,
}

impl Writes {
    pub(super) fn new(rate: WriteRate, metrics: StatusWrites) -> Self {
        Self { budget: Mutex::new(Budget::new(rate, time::Instant::now().into_std())), metrics }
    }

    /// When a watch may write a status of so many bytes. Unless it is now, the status isn't kept: it is decided again at
    /// that time, from what is known then.
    pub(super) fn turn(&self, watch: &WatchKey, urgency: Urgency, bytes: usize) -> Turn {
        let turn = self.budget(|budget, now| budget.ask(watch, urgency, bytes, now));
        match turn {
            Turn::Now => self.metrics.sent(urgency, bytes),
            Turn::At(_) => debug!(%watch, urgency = urgency.name(), bytes, "the status has to wait"),
        }
        turn
    }

    /// A watch has nothing to write, or is gone.
    pub(super) fn leave(&self, watch: &WatchKey) {
        self.budget(|budget, _| budget.leave(watch));
    }

    fn budget<T>(&self, ask: impl FnOnce(&mut Budget<WatchKey>, Instant) -> T) -> T {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let now = time::Instant::now().into_std();
        let answer = ask(&mut budget, now);
        let queue = budget.queue(now);
        self.metrics.wait(queue.length, queue.since);
        answer
    }
}
