//! The decision: what a watch's status should be, and whether it is written.
//!
//! Status is a function of the spec, the annotation, the last status, the newest complete listing, the current
//! failure and the clock. What a listing is compared with is the [`Memory`], which is itself a function of the
//! listings before; after a restart it is read back from the last status.

mod confirmation;
mod counts;
#[cfg(any(test, fuzzing))]
pub(crate) mod model;
mod values;

use std::{mem, sync::Arc, time::Duration};

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};

use confirmation::Confirmation;
use counts::{Counts, Laid};
pub use values::{Carried, Decision, Identity, Inputs, Observation, WholeNeeded};

use super::{
    changes::Changes,
    conditions::{Gates, Health, Reason, Signs, Truth, Verdict, any_gate_open, find, kept, truth, types},
    failure::Failure,
    last::Last,
    layout::Layout,
    memory::Memory,
    outbox,
    plan::Plan,
    quiet::{Writing, writing},
    schedule::seed,
    shown::Change,
    summary::{Tally, matched, missing},
    task::Snapshot,
    time::{after, whole_seconds, written},
    transition::{Basis, Compared, Transition, compare},
};
use crate::api::{MigrationTaskWatchStatus, Outbox, OutboxEvent, Summary};

/// Decides.
///
/// # Errors
/// The last status was given without its tasks, and they are needed: after a restart, and where they have to be written
/// again without a listing.
pub fn decide(inputs: &Inputs<'_>) -> Result<Decision, WholeNeeded> {
    match inputs.plan {
        Ok(plan) => Draft::new(inputs, plan).decide(),
        Err(failure) => refuse(inputs, failure),
    }
}

/// The spec can't be served: only `Ready` and its companions can be said.
fn refuse(inputs: &Inputs<'_>, failure: &Failure) -> Result<Decision, WholeNeeded> {
    let last = inputs.last.status();
    let health = Health::refused(failure);
    let events = ready_event(last, &health.ready).into_iter().collect();
    // No listing is on its way: what is known grows old.
    let stale_at = last.last_sync_time.as_ref().map(|last| after(last.0, LEAST_STALE));
    let gates = match stale_at {
        None => conditions(Gates::unknown_all(Reason::Pending, PENDING, false), inputs),
        Some(stale_at) if inputs.now >= stale_at => {
            conditions(Gates::unknown_all(Reason::Stale, "No listing is possible; see Ready.", false), inputs)
        }
        Some(_) => kept(&last.conditions),
    };
    let mut status = but_tasks(last);
    set_conditions(&mut status, health, gates, inputs);
    let mut carried = inputs.carried.clone();
    status.outbox = carried.outbox_after(last.outbox.as_ref(), events, inputs.now);
    let writing = write_over_last(inputs, &status, Change::Nothing);
    let wake = stale_at.filter(|time| *time > inputs.now);
    let decision = Decision::waiting(carried, wake, Changes::default());
    decision.with(writing, inputs.now, || with_last_tasks(status, inputs.last))
}

/// What is said of the tasks is stale after the longer of three intervals and this.
const LEAST_STALE: Duration = Duration::from_secs(900);
const PENDING: &str = "Waiting for the first complete listing.";

fn conditions(verdicts: Vec<Verdict>, inputs: &Inputs<'_>) -> Vec<Condition> {
    let last = &inputs.last.status().conditions;
    verdicts.into_iter().map(|verdict| verdict.after(last, inputs.identity.generation, inputs.now)).collect()
}

/// A status as it was, but for its tasks, its ledger and its outbox.
fn but_tasks(last: &MigrationTaskWatchStatus) -> MigrationTaskWatchStatus {
    MigrationTaskWatchStatus {
        observed_generation: last.observed_generation,
        observed_uid: last.observed_uid.clone(),
        observed_target: last.observed_target.clone(),
        conditions: last.conditions.clone(),
        summary: last.summary.clone(),
        tasks: Vec::new(),
        omitted_tasks: last.omitted_tasks,
        missing: last.missing.clone(),
        last_sync_time: last.last_sync_time.clone(),
        last_handled_reconcile_at: last.last_handled_reconcile_at.clone(),
        outbox: None,
        ledger: None,
    }
}

/// A status with the tasks that the last one has.
fn with_last_tasks(
    status: MigrationTaskWatchStatus,
    last: &Last,
) -> Result<MigrationTaskWatchStatus, WholeNeeded> {
    let last = last.as_whole().ok_or(WholeNeeded)?;
    Ok(MigrationTaskWatchStatus { tasks: last.tasks.clone(), ledger: last.ledger.clone(), ..status })
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
    /// Whether all tasks of the listing before are in this one.
    are_all_there: bool,
}

impl<'a> Draft<'a> {
    fn new(inputs: &'a Inputs<'a>, plan: &'a Plan) -> Self {
        let mut status = but_tasks(inputs.last.status());
        if status.observed_target.as_ref() == Some(&plan.former_target) {
            // It doesn't say by which credentials it was listed, but for which generation.
            let is_of_this = status.observed_generation.is_none_or(|of| of == inputs.identity.generation);
            status.observed_target = is_of_this.then(|| plan.target.clone());
        }
        Self {
            inputs,
            plan,
            snapshot: inputs.observation.snapshot.as_deref(),
            carried: inputs.carried.clone(),
            status,
            events: Vec::new(),
        }
    }

    fn decide(mut self) -> Result<Decision, WholeNeeded> {
        if self.is_early() {
            return Ok(Decision::waiting(self.carried, None, Changes::default()));
        }
        let had_listing = self.has_listing();
        let found = self.snapshot.map(|snapshot| self.compare(snapshot)).transpose()?;
        let counts = found.as_ref().map(|found| self.count(found));
        if let Some((found, counts)) = found.as_ref().zip(counts.as_deref()) {
            self.tell(found, counts);
        }
        let health = Health::judge(&self.signs());
        self.events.extend(ready_event(self.inputs.last.status(), &health.ready));
        let stale_at = self.stale_at();
        let wake = [health.until, Some(stale_at).filter(|_| !self.plan.suspended)]
            .into_iter()
            .flatten()
            .filter(|time| *time > self.inputs.now)
            .min();
        if let Some(handled) = &self.inputs.observation.handled_request {
            self.status.last_handled_reconcile_at = Some(handled.clone());
        }
        let verdicts = found
            .as_ref()
            .zip(counts.as_deref())
            .map(|(found, counts)| self.confirm(found, counts, had_listing));
        let unconfirmed = found.as_ref().filter(|_| verdicts.iter().flatten().any(is_confirming));
        let unconfirmed = unconfirmed.map(|found| found.snapshot.sequence);
        let gates = self.gates(verdicts, stale_at);
        set_conditions(&mut self.status, health, gates, self.inputs);
        let last_outbox = self.inputs.last.status().outbox.as_ref();
        let events = mem::take(&mut self.events);
        self.status.outbox = self.carried.outbox_after(last_outbox, events, self.inputs.now);
        let decision = match found.zip(counts) {
            Some((found, counts)) => self.with_tasks(&found, counts.total, wake),
            None => self.without_listing(wake),
        };
        Ok(Decision { unconfirmed, ..decision? })
    }

    /// Nothing has been found yet for a watch that has a status: that stays until there is something to say, and
    /// its generation tells that it isn't up to date.
    fn is_early(&self) -> bool {
        let observation = self.inputs.observation;
        self.snapshot.is_none()
            && observation.failure.is_none()
            && !self.plan.suspended
            && !self.inputs.last.status().conditions.is_empty()
    }

    /// Compares the listing with what is remembered, if that hasn't been done.
    fn compare(&mut self, snapshot: &'a Snapshot) -> Result<Found<'a>, WholeNeeded> {
        let same_target = self.remembers_target();
        let again = same_target && self.carried.compared == Some(snapshot.sequence);
        let mut started = Started::No;
        let mut are_all_there = false;
        let (memory, transitions) = match self.carried.memory.take() {
            Some(memory) if again => (memory, Vec::new()),
            remembered => {
                are_all_there = self.carried.confirmation.as_ref().is_some_and(Confirmation::has_passed)
                    && remembered.as_ref().is_some_and(|memory| {
                        memory.is_of(&self.plan.target) && memory.last_tasks().are_all_in(&snapshot.tasks)
                    });
                let memory = remembered.map_or_else(|| self.restore(), |memory| Ok(Ok(memory)))?;
                let gate_open = any_gate_open(&self.inputs.last.status().conditions);
                let compared = match &memory {
                    Ok(memory) if same_target => {
                        compare(Basis::Memory { memory, gate_open, again }, self.plan, snapshot)
                    }
                    _ => {
                        started = Started::Yes { why: memory.err().filter(|_| same_target) };
                        compare(Basis::Baseline, self.plan, snapshot)
                    }
                };
                let Compared { memory, transitions, is_same } = compared;
                if !is_same {
                    (self.carried.counts, self.carried.laid) = (None, None);
                }
                (Arc::new(memory), transitions)
            }
        };
        self.carried.target = Some(self.plan.target.clone());
        self.carried.compared = Some(snapshot.sequence);
        self.carried.memory = Some(memory.clone());
        Ok(Found { snapshot, memory, transitions, started, are_all_there })
    }

    /// What is said of the gates: what the listing says, where that is sure.
    fn confirm(&mut self, found: &Found<'_>, counts: &Counts, had_listing: bool) -> Vec<Verdict> {
        let before = self.carried.confirmation.take().filter(|_| matches!(found.started, Started::No));
        let confirmation =
            Confirmation::after(before, found.snapshot.sequence, &counts.verdicts, || found.are_all_there);
        let last = &self.inputs.last.status().conditions;
        // What was open for another target doesn't count.
        let was_open = |kind| had_listing && truth(last, kind) == Truth::True;
        let hold = |verdict: &Verdict| confirmation.hold(verdict.clone(), was_open(verdict.kind));
        let verdicts = counts.verdicts.iter().map(hold).collect();
        self.carried.confirmation = Some(confirmation);
        verdicts
    }

    /// Reads back what the status remembers, or says why that can't be done.
    fn restore(&self) -> Result<Result<Arc<Memory>, String>, WholeNeeded> {
        let last = self.inputs.last.as_whole().ok_or(WholeNeeded)?;
        let memory = Memory::restore(&self.inputs.identity.uid, self.plan.stall_after, last).map(Arc::new);
        Ok(memory.map_err(|error| format!("What was known of the tasks is lost, since {error}.")))
    }

    /// Counts what was found, unless that is known.
    fn count(&mut self, found: &Found<'_>) -> Arc<Counts> {
        let Found { snapshot, memory, .. } = found;
        let (generation, unreadable) = (self.inputs.identity.generation, snapshot.unreadable);
        let missing_ids = missing(self.plan, snapshot);
        let missing = missing_ids.status();
        let known = self.carried.counts.take().filter(|counts| {
            counts.generation == generation
                && counts.unreadable == unreadable
                && counts.missing == missing
                // Where no task matches, it is told what others there are.
                && counts.total > 0
        });
        let counts = known.unwrap_or_else(|| {
            self.carried.laid = None;
            let tally = Tally::of(matched(self.plan, memory));
            let gates = Gates { plan: self.plan, tally: &tally, missing: &missing_ids, memory, unreadable };
            Arc::new(Counts {
                generation,
                unreadable,
                total: tally.total,
                verdicts: gates.judge(),
                summary: tally.summary(),
                missing,
                estimates: tally.estimates,
            })
        });
        self.carried.counts = Some(counts.clone());
        counts
    }

    /// Writes what was found, the tasks aside, and tells what happened.
    fn tell(&mut self, found: &Found<'_>, counts: &Counts) {
        if let Started::Yes { why } = &found.started {
            self.events.push(outbox::watch_started(&counts.summary, why.as_deref()));
        }
        self.events.extend(outbox::task_events(&found.transitions));
        self.status.observed_target = Some(self.plan.target.clone());
        let estimate = counts.estimates.completion(found.snapshot.completed).and_then(written);
        self.status.summary = Some(Summary { estimated_completion_time: estimate, ..counts.summary.clone() });
        self.status.missing = Some(&counts.missing).filter(|missing| missing.count > 0).cloned();
        self.status.last_sync_time = Some(Time(whole_seconds(found.snapshot.completed)));
    }

    /// Adds the tasks, which nobody looks at unless they have changed or are written.
    fn with_tasks(
        mut self,
        found: &Found<'_>,
        total: usize,
        wake: Option<Timestamp>,
    ) -> Result<Decision, WholeNeeded> {
        let Self { inputs, plan, .. } = self;
        let uid = &inputs.identity.uid;
        let lay_out = |status: &mut MigrationTaskWatchStatus| {
            Layout::write_tasks(status, uid, plan, &found.memory, total, found.snapshot.completed)
        };
        let known = self.carried.laid;
        let layout = known.is_none().then(|| lay_out(&mut self.status));
        let laid = known.unwrap_or_else(|| Laid::of(&self.status));
        self.status.omitted_tasks = laid.omitted;
        self.carried.laid = Some(laid);
        let change = inputs.last.shown().map_or(Change::Telling, |before| laid.shown.change_since(before));
        let writing = write_over_last(inputs, &self.status, change);
        let Self { mut status, mut carried, .. } = self;
        if matches!(writing, Writing::Now(_)) {
            let layout = layout.unwrap_or_else(|| lay_out(&mut status));
            carried.laid = Some(Laid::of(&status));
            // The one part that is costly, and tells nobody anything.
            status.ledger = layout.ledger();
        }
        let changes = Changes::of(matches!(found.started, Started::Yes { .. }), &found.transitions);
        Decision::waiting(carried, wake, changes).with(writing, inputs.now, || Ok(status))
    }

    /// The tasks stay as they are.
    fn without_listing(self, wake: Option<Timestamp>) -> Result<Decision, WholeNeeded> {
        let Self { inputs, status, carried, .. } = self;
        let writing = write_over_last(inputs, &status, Change::Nothing);
        Decision::waiting(carried, wake, Changes::default())
            .with(writing, inputs.now, || with_last_tasks(status, inputs.last))
    }

    /// Whether what is remembered of tasks, here or in the status, is of what the spec asks for.
    fn remembers_target(&self) -> bool {
        let Carried { memory, target, .. } = &self.carried;
        if memory.is_some() {
            target.as_deref() == Some(self.plan.target.as_str())
        } else {
            self.has_listing()
        }
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
            last: &self.inputs.last.status().conditions,
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

    fn gates(&self, verdicts: Option<Vec<Verdict>>, stale_at: Timestamp) -> Vec<Condition> {
        let inputs = self.inputs;
        let by_state = self.plan.filter.is_by_state();
        let verdicts = if !self.has_listing() {
            Gates::unknown_all(Reason::Pending, PENDING, by_state)
        } else if inputs.now >= stale_at && !self.plan.suspended {
            let last =
                self.last_success().map_or(String::new(), |last| format!(" since {}", whole_seconds(last)));
            Gates::unknown_all(Reason::Stale, &format!("No listing was complete{last}; see Ready."), by_state)
        } else if let Some(verdicts) = verdicts {
            verdicts
        } else {
            // Without a listing in this process, what the last one said still holds, for the spec that it was said of.
            return kept(&inputs.last.status().conditions);
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
        .map(|verdict| verdict.after(&inputs.last.status().conditions, generation, inputs.now))
        .chain(gates)
        .chain(events_refused(inputs))
        .collect();
    status.observed_generation = Some(generation);
    status.observed_uid = Some(inputs.identity.uid.clone());
}

fn is_confirming(verdict: &Verdict) -> bool {
    verdict.reason == Reason::Confirming
}

/// That events can't be told, and why.
fn events_refused(inputs: &Inputs<'_>) -> Option<Condition> {
    let why = inputs.carried.events_refused.as_ref()?;
    let verdict = Verdict {
        kind: types::EVENTS_REFUSED,
        truth: Truth::True,
        reason: Reason::EventsRefused,
        message: format!("The API server refuses events, and the status goes on without them: {why}."),
    };
    conditions(vec![verdict], inputs).pop()
}

/// What is told of the watch itself: why it isn't Ready, and that it is again.
fn ready_event(last: &MigrationTaskWatchStatus, ready: &Verdict) -> Option<OutboxEvent> {
    let was = truth(&last.conditions, types::READY);
    let same_reason =
        find(&last.conditions, types::READY).is_some_and(|condition| condition.reason == ready.reason.name());
    match (was, ready.truth) {
        _ if ready.reason == Reason::Suspended => None,
        (Truth::False, Truth::False) if same_reason => None,
        (_, Truth::False) => Some(outbox::watch_event(true, ready.reason.name(), &ready.message)),
        (Truth::False, Truth::True) => {
            Some(outbox::watch_event(false, "Recovered", "Listings are complete again."))
        }
        _ => None,
    }
}

/// Whether a status is written, by what has changed of it and of its tasks.
fn write_over_last(inputs: &Inputs<'_>, status: &MigrationTaskWatchStatus, tasks: Change) -> Writing {
    writing(inputs.last, status, tasks, inputs.carried.written, seed(&inputs.identity.uid), inputs.now)
}

impl Carried {
    /// The outbox that follows the one of the status.
    fn outbox_after(
        &mut self,
        last: Option<&Outbox>,
        events: Vec<OutboxEvent>,
        now: Timestamp,
    ) -> Option<Outbox> {
        let next = outbox::next(last, self.sequence, events, now);
        self.sequence = self.sequence.max(next.as_ref().map(|outbox| outbox.sequence));
        next
    }
}

impl Decision {
    /// Nothing is written, so far.
    fn waiting(carried: Carried, wake: Option<Timestamp>, changes: Changes) -> Self {
        Self { status: None, urgency: None, carried, wake, unconfirmed: None, changes }
    }

    /// The same with the status, if it is written.
    fn with(
        mut self,
        writing: Writing,
        now: Timestamp,
        status: impl FnOnce() -> Result<MigrationTaskWatchStatus, WholeNeeded>,
    ) -> Result<Self, WholeNeeded> {
        match writing {
            Writing::Now(urgency) => {
                // Whole seconds, as all times that it is compared with: no wake-up comes a moment too early.
                self.carried.written = Some(whole_seconds(now));
                (self.status, self.urgency) = (Some(status()?), Some(urgency));
            }
            Writing::At(time) => self.wake = Some(self.wake.map_or(time, |wake| wake.min(time))),
            Writing::Never => {}
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests;
