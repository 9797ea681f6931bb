//! The decision: what a watch's status should be, and whether it is written.
//!
//! Status is a function of the spec, the annotation, the last status, the newest complete listing, the current
//! failure and the clock. What a listing is compared with is the [`Memory`], which is itself a function of the
//! listings before; after a restart it is read back from the last status.

mod values;

use std::{sync::Arc, time::Duration};

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};

pub use values::{Carried, Decision, Identity, Inputs, Observation};

use super::{
    conditions::{Gates, Health, Signs, Truth, Verdict, any_gate_open, find, kept, truth, types},
    failure::Failure,
    layout::Layout,
    memory::Memory,
    outbox,
    plan::Plan,
    quiet::{Writing, writing},
    summary::{Tally, matched, missing},
    task::Snapshot,
    time::{after, whole_seconds},
    transition::{Basis, Transition, compare},
};
use crate::api::{MigrationTaskWatchStatus, OutboxEvent};

/// Decides.
#[must_use]
pub fn decide(inputs: &Inputs<'_>) -> Decision {
    match inputs.plan {
        Ok(plan) => Draft::new(inputs, plan).decide(),
        Err(failure) => refuse(inputs, failure),
    }
}

/// The spec can't be served: only `Ready` and its companions can be said.
fn refuse(inputs: &Inputs<'_>, failure: &Failure) -> Decision {
    let health = Health::refused(failure);
    let mut status = inputs.last.clone();
    let events = ready_event(inputs.last, &health.ready).into_iter().collect();
    // No listing is on its way: what is known grows old.
    let stale_at = inputs.last.last_sync_time.as_ref().map(|last| after(last.0, LEAST_STALE));
    let gates = match stale_at {
        None => conditions(Gates::unknown_all("Pending", PENDING, false), inputs),
        Some(stale_at) if inputs.now >= stale_at => {
            conditions(Gates::unknown_all("Stale", "No listing is possible; see Ready.", false), inputs)
        }
        Some(_) => kept(&inputs.last.conditions),
    };
    set_conditions(&mut status, health, gates, inputs);
    let wake = stale_at.filter(|time| *time > inputs.now);
    finish(inputs, status, events, inputs.carried.clone(), wake, None)
}

/// What is said of the tasks is stale after the longer of three intervals and this.
const LEAST_STALE: Duration = Duration::from_secs(900);
const PENDING: &str = "Waiting for the first complete listing.";

fn conditions(verdicts: Vec<Verdict>, inputs: &Inputs<'_>) -> Vec<Condition> {
    let last = &inputs.last.conditions;
    verdicts.into_iter().map(|verdict| verdict.after(last, inputs.identity.generation, inputs.now)).collect()
}

struct Draft<'a> {
    inputs: &'a Inputs<'a>,
    plan: &'a Plan,
    snapshot: Option<&'a Snapshot>,
    carried: Carried,
    status: MigrationTaskWatchStatus,
    events: Vec<OutboxEvent>,
}

/// Whether a listing is a new baseline, and why, where that has to be told.
enum Started {
    No,
    Yes { why: Option<String> },
}

/// What the comparison of a listing came to.
struct Found<'a> {
    snapshot: &'a Snapshot,
    memory: Arc<Memory>,
    transitions: Vec<Transition<'a>>,
    started: Started,
}

/// What a new status starts from: the last one, but for the tasks and their ledger if these are written anew.
fn draft(last: &MigrationTaskWatchStatus, has_tasks: bool) -> MigrationTaskWatchStatus {
    if !has_tasks {
        return last.clone();
    }
    MigrationTaskWatchStatus {
        observed_generation: last.observed_generation,
        observed_target: last.observed_target.clone(),
        conditions: last.conditions.clone(),
        summary: None,
        tasks: Vec::new(),
        omitted_tasks: last.omitted_tasks,
        missing: None,
        last_sync_time: last.last_sync_time.clone(),
        last_handled_reconcile_at: last.last_handled_reconcile_at.clone(),
        outbox: None,
        ledger: None,
    }
}

impl<'a> Draft<'a> {
    fn new(inputs: &'a Inputs<'a>, plan: &'a Plan) -> Self {
        Self {
            inputs,
            plan,
            snapshot: inputs.observation.snapshot.as_deref(),
            carried: inputs.carried.clone(),
            status: draft(inputs.last, inputs.observation.snapshot.is_some()),
            events: Vec::new(),
        }
    }

    fn decide(mut self) -> Decision {
        if self.is_early() {
            return Decision { status: None, carried: self.carried, wake: None };
        }
        let found = self.snapshot.map(|snapshot| self.compare(snapshot));
        let (gates, layout) = found.as_ref().map(|found| self.write(found)).unzip();
        let gates = gates.unwrap_or_default();
        let health = Health::judge(&self.signs());
        let stale_at = self.stale_at();
        let verdicts = self.gates(gates, stale_at);
        self.events.extend(ready_event(self.inputs.last, &health.ready));
        let wake = [health.until, Some(stale_at).filter(|_| !self.plan.suspended)]
            .into_iter()
            .flatten()
            .filter(|time| *time > self.inputs.now)
            .min();
        if let Some(handled) = &self.inputs.observation.handled_request {
            self.status.last_handled_reconcile_at = Some(handled.clone());
        }
        set_conditions(&mut self.status, health, verdicts, self.inputs);
        finish(self.inputs, self.status, self.events, self.carried, wake, layout)
    }

    /// Nothing has been found yet for a watch that has a status: that stays until there is something to say, and
    /// its generation tells that it isn't up to date.
    fn is_early(&self) -> bool {
        let observation = self.inputs.observation;
        self.snapshot.is_none()
            && observation.failure.is_none()
            && !self.plan.suspended
            && !self.inputs.last.conditions.is_empty()
    }

    /// Compares the listing with what is remembered, if that hasn't been done.
    fn compare(&mut self, snapshot: &'a Snapshot) -> Found<'a> {
        let same_target = self.has_listing();
        let again = same_target && self.carried.compared == Some(snapshot.sequence);
        let mut started = Started::No;
        let (memory, transitions) = match self.carried.memory.take() {
            Some(memory) if again => (memory, Vec::new()),
            remembered => {
                let memory = remembered
                    .map_or_else(
                        || Memory::restore(&self.inputs.identity.uid, self.inputs.last).map(Arc::new),
                        Ok,
                    )
                    .map_err(|error| format!("What was known of omitted tasks is lost, since {error}."));
                let gate_open = any_gate_open(&self.inputs.last.conditions);
                let (memory, transitions) = match &memory {
                    Ok(memory) if same_target => {
                        compare(Basis::Memory { memory, gate_open, again }, self.plan, snapshot)
                    }
                    _ => {
                        started = Started::Yes { why: memory.err().filter(|_| same_target) };
                        compare(Basis::Baseline, self.plan, snapshot)
                    }
                };
                (Arc::new(memory), transitions)
            }
        };
        self.carried.compared = Some(snapshot.sequence);
        self.carried.memory = Some(memory.clone());
        Found { snapshot, memory, transitions, started }
    }

    /// Writes what was found.
    fn write<'f>(&mut self, found: &'f Found<'_>) -> (Vec<Verdict>, Layout<'f>)
    where
        'a: 'f,
    {
        let Found { snapshot, memory, transitions, started } = found;
        self.events = outbox::task_events(transitions);
        let tally = Tally::of(matched(self.plan, memory));
        let missing = missing(self.plan, snapshot);
        let verdicts = Gates {
            plan: self.plan,
            tally: &tally,
            missing: &missing,
            memory,
            unreadable: snapshot.unreadable,
        }
        .judge();
        let summary = tally.summary();
        self.status.observed_target = Some(self.plan.target.clone());
        self.status.missing = (missing.count > 0).then_some(missing);
        self.status.last_sync_time = Some(Time(whole_seconds(snapshot.completed)));
        let started = match started {
            Started::No => None,
            Started::Yes { why } => Some(outbox::watch_started(&summary, why.as_deref())),
        };
        self.status.summary = Some(summary);
        // The outbox is part of what has to fit.
        self.status.outbox =
            outbox::next(self.inputs.last.outbox.as_ref(), self.events.clone(), self.inputs.now);
        self.events.splice(..0, started);
        let uid = &self.inputs.identity.uid;
        let layout =
            Layout::write_tasks(&mut self.status, uid, self.plan, memory, tally.total, snapshot.completed);
        (verdicts, layout)
    }

    /// Whether the status holds a listing of what the spec asks for.
    fn has_listing(&self) -> bool {
        self.status.observed_target.as_deref() == Some(self.plan.target.as_str())
    }

    fn last_success(&self) -> Option<Timestamp> {
        let written = self.status.last_sync_time.as_ref().filter(|_| self.has_listing()).map(|time| time.0);
        self.snapshot.map(|snapshot| snapshot.completed).or(written)
    }

    fn signs(&self) -> Signs<'_> {
        Signs {
            last: &self.inputs.last.conditions,
            suspended: self.plan.suspended,
            has_listing: self.has_listing(),
            has_fresh_listing: self.snapshot.is_some(),
            failure: self.inputs.observation.failure.as_ref(),
            last_success: self.last_success(),
            polling_since: self.inputs.observation.polling_since,
            interval: self.plan.interval,
            unreadable: self.snapshot.map_or(0, |snapshot| snapshot.unreadable),
            credentials_expire: self.inputs.observation.credentials_expire,
            now: self.inputs.now,
        }
    }

    /// When what is said of the tasks is too old: after the longer of three intervals and 15 minutes, and not
    /// before a process that has just started had time for a listing.
    fn stale_at(&self) -> Timestamp {
        let started = self.inputs.observation.polling_since;
        let patience = (3 * self.plan.interval).max(LEAST_STALE);
        let newest = self.last_success().map_or(started, |last| after(last, patience));
        newest.max(after(started, self.plan.interval + Duration::from_secs(60)))
    }

    fn gates(&self, verdicts: Vec<Verdict>, stale_at: Timestamp) -> Vec<Condition> {
        let inputs = self.inputs;
        let by_state = self.plan.filter.is_by_state();
        let verdicts = if !self.has_listing() {
            Gates::unknown_all("Pending", PENDING, by_state)
        } else if inputs.now >= stale_at && !self.plan.suspended {
            let last =
                self.last_success().map_or(String::new(), |last| format!(" since {}", whole_seconds(last)));
            Gates::unknown_all("Stale", &format!("No listing was complete{last}; see Ready."), by_state)
        } else if verdicts.is_empty() {
            // Without a listing in this process, what the last one said still holds, for the spec that it was said of.
            return kept(&inputs.last.conditions);
        } else {
            verdicts
        };
        conditions(verdicts, inputs)
    }
}

fn set_conditions(
    status: &mut MigrationTaskWatchStatus,
    health: Health,
    gates: Vec<Condition>,
    inputs: &Inputs<'_>,
) {
    let generation = inputs.identity.generation;
    let own = [Some(health.ready), health.abnormal].into_iter().flatten();
    status.conditions = own
        .map(|verdict| verdict.after(&inputs.last.conditions, generation, inputs.now))
        .chain(gates)
        .collect();
    status.observed_generation = Some(generation);
}

/// What is told of the watch itself: why it isn't Ready, and that it is again.
fn ready_event(last: &MigrationTaskWatchStatus, ready: &Verdict) -> Option<OutboxEvent> {
    let was = truth(&last.conditions, types::READY);
    let same_reason =
        find(&last.conditions, types::READY).is_some_and(|condition| condition.reason == ready.reason);
    match (was, ready.truth) {
        _ if ready.reason == "Suspended" => None,
        (Truth::False, Truth::False) if same_reason => None,
        (_, Truth::False) => Some(outbox::watch_event(true, ready.reason, &ready.message)),
        (Truth::False, Truth::True) => {
            Some(outbox::watch_event(false, "Recovered", "Listings are complete again."))
        }
        _ => None,
    }
}

fn finish(
    inputs: &Inputs<'_>,
    mut status: MigrationTaskWatchStatus,
    events: Vec<OutboxEvent>,
    mut carried: Carried,
    wake: Option<Timestamp>,
    layout: Option<Layout<'_>>,
) -> Decision {
    status.outbox = outbox::next(inputs.last.outbox.as_ref(), events, inputs.now);
    match writing(inputs.last, &status, carried.written, inputs.now) {
        Writing::Now => {
            // Whole seconds, as all times that it is compared with: no wake-up comes a moment too early.
            carried.written = Some(whole_seconds(inputs.now));
            // The one part that is costly, and tells nobody anything.
            if let Some(layout) = layout {
                status.ledger = layout.ledger();
            }
            Decision { status: Some(status), carried, wake }
        }
        Writing::At(time) => {
            Decision { status: None, carried, wake: Some(wake.map_or(time, |wake| wake.min(time))) }
        }
        Writing::Never => Decision { status: None, carried, wake },
    }
}

#[cfg(test)]
mod tests;
