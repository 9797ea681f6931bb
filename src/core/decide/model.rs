//! A watch, its status on the API server, and the operator that decides: for what must hold whatever happens to them.

// What doesn't hold is a panic here, as in a test.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use serde_json::{Value, json};

use super::{Carried, Decision, Identity, Inputs, Observation, WholeNeeded, decide};
use crate::{
    api::{MigrationTaskWatchStatus, OutboxEvent},
    core::{
        failure::{Failure, FailureKind},
        last::Last,
        outbox::owed,
        plan::Plan,
        policy::Policy,
        task::{Snapshot, Task},
    },
    hostile::schema,
};

/// When it begins.
pub(crate) const START: i64 = 1_800_000_000;

/// A watch, its status on the API server, and the operator that decides.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) plan: Result<Plan, Failure>,
    pub(crate) status: MigrationTaskWatchStatus,
    pub(crate) identity: Identity,
    pub(crate) observation: Observation,
    pub(crate) carried: Carried,
    pub(crate) now: Timestamp,
    pub(crate) told: Vec<OutboxEvent>,
    /// How often the status was written.
    pub(crate) writes: usize,
    /// How many listings there were; each has a number of its own, whoever decides by it.
    pub(crate) listings: u64,
    /// When it wants to decide again.
    pub(crate) wake: Option<Timestamp>,
    /// The listing that must be confirmed by another.
    pub(crate) unconfirmed: Option<u64>,
}

impl World {
    /// A watch that has just been created, and was seen.
    pub(crate) fn new(spec: Value) -> Self {
        let identity = Identity { uid: "uid".to_owned(), generation: 1 };
        let now = Timestamp::from_second(START).unwrap();
        let mut world = Self::begin(plan(spec), MigrationTaskWatchStatus::default(), identity, now);
        world.settle();
        world
    }

    /// One whose operator begins with a status.
    pub(crate) fn begin(
        plan: Result<Plan, Failure>,
        status: MigrationTaskWatchStatus,
        identity: Identity,
        now: Timestamp,
    ) -> Self {
        let observation = Observation::start(now);
        let carried = Carried::default();
        let (told, writes, listings, wake, unconfirmed) = (Vec::new(), 0, 0, None, None);
        Self { plan, status, identity, observation, carried, now, told, writes, listings, wake, unconfirmed }
    }

    pub(crate) fn edit(&mut self, spec: Value) {
        let target = |plan: &Result<Plan, Failure>| plan.as_ref().ok().map(|plan| plan.target.clone());
        let before = target(&self.plan);
        self.plan = plan(spec);
        self.identity.generation += 1;
        if before != target(&self.plan) {
            self.observation = Observation::start(self.now);
        }
    }

    /// Lets so many seconds go by; less than none when somebody sets the clock back.
    pub(crate) fn pass(&mut self, seconds: i64) {
        self.now = Timestamp::from_second(self.now.as_second() + seconds).unwrap();
    }

    /// A listing has these tasks, and so many that can't be read.
    pub(crate) fn see(&mut self, tasks: Vec<Task>, unreadable: usize) {
        self.listings += 1;
        let snapshot =
            Snapshot { sequence: self.listings, completed: self.now, tasks: tasks.into(), unreadable };
        self.observation.snapshot = Some(Arc::new(snapshot));
        self.observation.failure = None;
    }

    /// A listing has failed.
    pub(crate) fn miss(&mut self, kind: FailureKind, message: &str) {
        self.observation.failure = Some(Failure::new(kind, message));
    }

    /// The operator starts anew.
    pub(crate) fn restart(&mut self) {
        self.carried = Carried::default();
        self.observation = Observation::start(self.now);
    }

    /// What the shell does: deliver what is owed, decide, write, deliver. Whether something was written.
    pub(crate) fn settle(&mut self) -> bool {
        self.deliver();
        let decision = self.decide();
        self.carried = decision.carried;
        self.wake = decision.wake;
        self.unconfirmed = decision.unconfirmed;
        let Some(status) = decision.status else { return false };
        self.write(status);
        self.deliver();
        true
    }

    /// Decides from the status; from less of it, and with less that is carried, it comes to the same.
    pub(crate) fn decide(&self) -> Decision {
        let whole = Last::whole(self.status.clone());
        let decision = self.decide_from(&whole, &self.carried).unwrap();
        if self.status.tasks.len() < 100 {
            self.assert_same_without_tasks(whole, &decision);
            self.assert_same_when_counted_anew(&decision);
        }
        decision
    }

    fn decide_from(&self, last: &Last, carried: &Carried) -> Result<Decision, WholeNeeded> {
        decide(&Inputs {
            identity: &self.identity,
            plan: self.plan.as_ref(),
            last,
            observation: &self.observation,
            carried,
            now: self.now,
        })
    }

    /// Where it is enough, a status without its tasks decides the same. The shell begins with that.
    fn assert_same_without_tasks(&self, mut last: Last, decision: &Decision) {
        last.trim();
        if let Ok(trimmed) = self.decide_from(&last, &self.carried) {
            assert_eq!((&trimmed.status, trimmed.wake), (&decision.status, decision.wake));
        } else {
            let are_known = self.carried.memory.is_some() && self.observation.snapshot.is_some();
            assert!(!are_known || self.plan.is_err(), "the tasks are at hand");
        }
        // Nor does it matter that they have never been seen, but for what is written then.
        let _ = self.decide_from(&Last::trimmed(last.status().clone()), &self.carried);
    }

    /// What is kept as long as no task changes is what would be found anew.
    fn assert_same_when_counted_anew(&self, decision: &Decision) {
        let forgetful = Carried { counts: None, laid: None, ..self.carried.clone() };
        let anew = self.decide_from(&Last::whole(self.status.clone()), &forgetful).unwrap();
        assert_eq!((&anew.status, anew.wake), (&decision.status, decision.wake));
        let kept = |carried: &Carried| (carried.counts.clone(), carried.laid);
        if anew.carried.counts.is_some() {
            assert_eq!(kept(&anew.carried), kept(&decision.carried));
        }
    }

    /// Writes as the API server does: what comes back has been JSON.
    pub(crate) fn write(&mut self, status: MigrationTaskWatchStatus) {
        let text = serde_json::to_string(&status).unwrap();
        let problem = schema::problem(schema::of_status(), &serde_json::from_str(&text).unwrap());
        assert_eq!(problem, None, "the API server would refuse {text}");
        self.status = serde_json::from_str(&text).unwrap();
        assert_eq!(self.status, status, "it comes back as it was written");
        self.writes += 1;
    }

    pub(crate) fn deliver(&mut self) {
        if let Some(outbox) = owed(self.status.outbox.as_ref(), None, self.now).cloned() {
            self.told.extend(outbox.events);
            // In memory, as the shell does; the next write clears it.
            self.status.outbox.as_mut().unwrap().time = Some(Time(Timestamp::UNIX_EPOCH));
        }
    }

    /// What was told since this was asked.
    pub(crate) fn take_told(&mut self) -> Vec<OutboxEvent> {
        std::mem::take(&mut self.told)
    }
}

/// The plan of a watch with these fields beside those that it must have.
pub(crate) fn plan(more: Value) -> Result<Plan, Failure> {
    let mut spec = json!({"region": "ap-southeast-3", "credentials": {"secretRef": {"name": "huawei"}}});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Plan::parse(&serde_json::from_value(spec).unwrap(), "migration", &Policy::default())
}
