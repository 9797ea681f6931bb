//! The shell around [`decide`]: read, deliver, decide, write, deliver.

use std::{error::Error as _, sync::Arc, time::Duration};

use k8s_openapi::jiff::Timestamp;
use kube::{Api, ResourceExt, runtime::controller::Action};
use tokio::time::Instant;
use tracing::{debug, info_span};

use super::{
    aside::aside,
    context::{Context, key},
    error::{Error, call},
    events, log,
    refusal::{self, Extent},
    requested,
    state::State,
    status,
    survival::{self, Aim, survive},
    undelivered,
};
use crate::{
    api::{MigrationTaskWatch, Outbox},
    clock,
    core::{
        budget::Turn,
        decide::{Decision, Identity, Inputs, Observation, WholeNeeded, decide},
        failure::Failure,
        last::Last,
        outbox::owed,
        plan::Plan,
        text::cut,
        time::after,
    },
    listings::{Request, WatchKey},
    telemetry::{Telling, traces},
};

/// Within which time a reconcile has ended, with what it says of its own mistakes.
const WITHIN: Duration = survival::PATIENCE.saturating_mul(3);

/// So many comparisons of names are made without further ado: some milliseconds.
const MOST_COMPARISONS: usize = 100_000;

/// The longest value of the annotation that is told apart.
const MAX_REQUEST: usize = 256;

pub(super) async fn reconcile(
    watch: Arc<MigrationTaskWatch>,
    context: Arc<Context>,
) -> Result<Action, Error> {
    let Some(key) = key(&watch.metadata) else { return Ok(Action::await_change()) };
    let span = info_span!("reconcile", watch = %key);
    traces::within(span, reconcile_once(watch, key, context)).await
}

async fn reconcile_once(
    watch: Arc<MigrationTaskWatch>,
    key: WatchKey,
    context: Arc<Context>,
) -> Result<Action, Error> {
    let _reconciled = context.watchdog.vitals.expect("the reconcile of a watch", WITHIN);
    let reconciling = context.metrics.reconciles.begin();
    let state = context.states.take(&key);
    let failures = state.failures;
    let pass = |aim, mut state| {
        let (context, key, watch) = (&context, &key, &watch);
        Box::pin(async move {
            let result = Pass { context, key, state: &mut state, aim }.run(watch).await;
            (state, result)
        })
    };
    let in_doubt = || State::in_doubt(failures);
    let (mut state, result) = survive(&context.watchdog.panics, state, in_doubt, pass).await;
    state.trim();
    state.failures = if result.is_ok() { 0 } else { state.failures.saturating_add(1) };
    reconciling.ended(result.as_ref().err().map_or("done", Error::name));
    if context.knows(&key) {
        context.states.put(key, state);
    } else {
        // Deleted meanwhile: nothing of it stays.
        context.forget(&key);
    }
    result
}

/// Tries again, later each time.
pub(super) fn on_error(watch: Arc<MigrationTaskWatch>, error: &Error, context: Arc<Context>) -> Action {
    let Some(key) = key(&watch.metadata) else { return Action::await_change() };
    let failures = context.states.failures(&key);
    log::not_reconciled(&key, error, failures);
    if matches!(error, Error::Conflict) {
        return Action::requeue(Duration::from_millis(100));
    }
    Action::requeue(Duration::from_secs(1 << failures.min(6)))
}

struct Pass<'a> {
    context: &'a Context,
    key: &'a WatchKey,
    state: &'a mut State,
    aim: Aim,
}

impl Pass<'_> {
    async fn run(&mut self, cached: &Arc<MigrationTaskWatch>) -> Result<Action, Error> {
        let mut watch = cached.clone();
        if self.state.trusts(cached) {
            self.state.see_cached(cached);
        } else if !self.read(&mut watch).await? {
            return Ok(Action::await_change());
        }
        if watch.metadata.deletion_timestamp.is_some() {
            self.context.pollers.stop(self.key);
            return Ok(Action::await_change());
        }
        self.deliver(&watch).await?;
        let next = loop {
            let extent = self.state.refusal.extent(Instant::now());
            let decision = match self.decide(&watch, extent) {
                Ok(decision) => decision,
                Err(WholeNeeded) if !self.read(&mut watch).await? => return Ok(Action::await_change()),
                Err(WholeNeeded) => {
                    self.deliver(&watch).await?;
                    continue;
                }
            };
            if let Some(listing) = decision.unconfirmed {
                self.context.pollers.confirm(self.key, listing);
            }
            let wake = decision.wake;
            match self.write(&watch, decision, extent).await? {
                Written::Refused => {}
                Written::Done => break wake,
                Written::Waits(turn) => break Some(wake.map_or(turn, |wake| wake.min(turn))),
            }
        };
        let tries = [self.state.undelivered.next_try(), self.state.refusal.until()];
        let tries = tries.into_iter().flatten().map(time_of);
        Ok(tries.chain(next).min().map_or_else(Action::await_change, requeue_at))
    }

    /// Reads the newest version of the watch. False when it is gone, or another has its name.
    async fn read(&mut self, watch: &mut Arc<MigrationTaskWatch>) -> Result<bool, Error> {
        let watches: Api<MigrationTaskWatch> =
            Api::namespaced(self.context.client.clone(), &self.key.namespace);
        let found = call("reading the watch", watches.get_opt(&self.key.name)).await?;
        let Some(mut found) = found.filter(|found| found.uid().as_deref() == Some(self.key.uid.as_str()))
        else {
            self.context.forget(self.key);
            return Ok(false);
        };
        self.state.see(&mut found);
        *watch = Arc::new(found);
        Ok(true)
    }

    /// Creates the events that the status owes. Nothing else is written before, unless they are refused for long.
    async fn deliver(&mut self, watch: &MigrationTaskWatch) -> Result<(), Error> {
        self.deliver_older(watch).await?;
        let outbox = self.state.last().status().outbox.clone();
        let Some(outbox) = owed(outbox.as_ref(), self.state.delivered, clock::now()) else { return Ok(()) };
        let created = self.create(watch, outbox).await;
        let now = Instant::now();
        match created {
            Ok(()) => self.state.undelivered.accepted(now),
            Err(error) => {
                let Some(why) = undelivered::refusal(&error) else { return Err(error) };
                if self.state.undelivered.holds(why, now) {
                    return Err(error);
                }
                log::goes_on_without_events(self.key, &error, self.state.undelivered.why().is_none());
                let given_up = self.state.undelivered.keep(outbox.clone(), now);
                self.give_up(&given_up);
            }
        }
        self.state.delivered = Some(outbox.sequence);
        Ok(())
    }

    /// Tries events again that were refused.
    async fn deliver_older(&mut self, watch: &MigrationTaskWatch) -> Result<(), Error> {
        let expired = self.state.undelivered.expired(clock::now(), Instant::now());
        self.give_up(&expired);
        while let Some(outbox) = self.state.undelivered.due(Instant::now()) {
            match self.create(watch, &outbox).await {
                Ok(()) => self.state.undelivered.told(Instant::now()),
                Err(error @ Error::NotLeading { .. }) => return Err(error),
                Err(error) => {
                    self.state.undelivered.failed(undelivered::refusal(&error), Instant::now());
                    break;
                }
            }
        }
        Ok(())
    }

    async fn create(&self, watch: &MigrationTaskWatch, outbox: &Outbox) -> Result<(), Error> {
        let Context { client, leadership, options, metrics, .. } = self.context;
        let span = info_span!("create events", events = outbox.events.len());
        let delivery = events::deliver(client, leadership, watch, outbox, &options.instance, &metrics.events);
        traces::within(span, delivery).await
    }

    /// Counts events that are never told.
    fn give_up(&self, outboxes: &[Outbox]) {
        for event in outboxes.iter().flat_map(|outbox| &outbox.events) {
            self.context.metrics.events.told(&event.reason, Telling::GivenUp);
        }
    }

    fn decide(&mut self, watch: &MigrationTaskWatch, extent: Extent) -> Result<Decision, WholeNeeded> {
        let mut plan = self.state.plan(watch.metadata.generation, || {
            Plan::parse(&watch.spec, &self.key.namespace, &self.context.options.policy)
        });
        let mut observation = self.observe(watch, plan.as_ref().as_ref().ok());
        if extent != Extent::Whole {
            let without_tasks = |plan: &Plan| Plan { task_limit: 0, ..plan.clone() };
            plan = Arc::new(plan.as_ref().as_ref().map(without_tasks).map_err(Failure::clone));
            observation.failure = self.state.refusal.failure();
        }
        if extent == Extent::ConditionsAlone {
            observation.snapshot = None;
        }
        self.state.carried.events_refused = self.state.undelivered.why().map(str::to_owned);
        if self.state.refusal.is_open() {
            self.state.carried.lay_out_anew();
        }
        let WatchKey { namespace, name, .. } = self.key;
        self.context.metrics.credentials.set(namespace, name, observation.credentials_expire);
        let inputs = Inputs {
            identity: &Identity {
                uid: self.key.uid.clone(),
                generation: watch.metadata.generation.unwrap_or_default(),
            },
            plan: plan.as_ref().as_ref(),
            last: self.state.last(),
            observation: &observation,
            carried: &self.state.carried,
            now: clock::now(),
        };
        if takes_long(&inputs) { aside(|| decide(&inputs)) } else { decide(&inputs) }
    }

    /// Has the poller do what the spec says, and asks what it has found.
    fn observe(&self, watch: &MigrationTaskWatch, plan: Option<&Plan>) -> Observation {
        if let Some(plan) = plan {
            let requested_at = requested(&watch.metadata).map(|value| cut(value, MAX_REQUEST).to_owned());
            let found = self.context.pollers.ask(self.key, &Request { plan: plan.clone(), requested_at });
            return match self.aim {
                Aim::Usual => found,
                Aim::Confess => Observation { snapshot: None, failure: Some(Failure::defect()), ..found },
            };
        }
        self.context.pollers.stop(self.key);
        Observation::start(clock::now())
    }

    /// Writes the status, if there is one to write and it is its turn; else comes back with the time to decide again.
    async fn write(
        &mut self,
        watch: &MigrationTaskWatch,
        decision: Decision,
        extent: Extent,
    ) -> Result<Written, Error> {
        let Decision { status, urgency, carried, changes, .. } = decision;
        let (Some(status), Some(urgency)) = (status, urgency) else {
            self.context.writes.leave(self.key);
            self.state.carried = carried;
            return Ok(Written::Done);
        };
        let write = status::Write::new(watch, self.state.newest(), &status)?;
        // Nothing of the decision stays: what is carried holds what the status would have told.
        if let Turn::At(turn) = self.context.writes.turn(self.key, urgency, write.size()) {
            return Ok(Written::Waits(time_of(turn.into())));
        }
        // The tasks are in the request now; many of these may be under way.
        let mut status = Last::whole(status);
        status.trim();
        let span = info_span!("write status", bytes = write.size());
        match traces::within(span, write.send(&self.context.client, &self.context.leadership)).await {
            Ok(version) => {
                log::written(self.key, self.state.last().status(), status.status(), &version, &changes);
                self.state.wrote(version, status, carried);
                self.state.refusal.written(extent);
                self.deliver(watch).await?;
                Ok(Written::Done)
            }
            Err(error) => {
                if let Some(why) = refusal::refused(&error)
                    && self.state.refusal.refused(extent, why, Instant::now())
                {
                    debug!(watch = %self.key, error = error.source(), "the status is refused; less of it is written");
                    return Ok(Written::Refused);
                }
                // Perhaps it was written all the same: the watch is read before it is decided again.
                self.state.tried(status, carried);
                if error.code() == Some(409) { Err(Error::Conflict) } else { Err(error) }
            }
        }
    }
}

/// Whether a decision can take so long that others would notice.
fn takes_long(inputs: &Inputs<'_>) -> bool {
    let snapshot = inputs.observation.snapshot.as_ref();
    let new = snapshot.filter(|snapshot| inputs.carried.compared != Some(snapshot.sequence));
    let comparisons = inputs.plan.ok().zip(new);
    comparisons.is_some_and(|(plan, new)| plan.filter.most_comparisons(new.tasks.len()) > MOST_COMPARISONS)
}

/// What became of a status.
enum Written {
    /// It is written, or there was none to write.
    Done,
    /// Its turn is then.
    Waits(Timestamp),
    /// The API server refuses it, and there is less to write.
    Refused,
}

/// The time of day at a moment.
fn time_of(moment: Instant) -> Timestamp {
    after(clock::now(), moment.saturating_duration_since(Instant::now()))
}

fn requeue_at(time: Timestamp) -> Action {
    let wait = Duration::try_from(time.duration_since(clock::now())).unwrap_or_default();
    // A little later than the moment, so that it has come when it is looked at.
    Action::requeue(wait + Duration::from_millis(50))
}
