//! The invariants of the decision, on a model of the world around it.

mod conditions;
mod exactly_once;
mod quiet;
mod sharing;
mod size;

use std::sync::Arc;

use super::*;
use crate::{
    api::MigrationTaskWatchSpec,
    core::{
        budget::Urgency,
        failure::FailureKind,
        outbox::owed,
        policy::Policy,
        task::{Details, Percent, Server, SubTask, Task, TaskError, TaskState},
    },
};

const START: i64 = 1_800_000_000;

/// A watch, its status on the API server, and the operator that decides.
struct World {
    plan: Result<Plan, Failure>,
    identity: Identity,
    status: MigrationTaskWatchStatus,
    observation: Observation,
    carried: Carried,
    now: Timestamp,
    told: Vec<OutboxEvent>,
    writes: usize,
    wake: Option<Timestamp>,
}

impl World {
    fn new(spec: serde_json::Value) -> Self {
        let now = Timestamp::from_second(START).unwrap();
        let observation = Observation::start(now);
        let mut world = Self {
            plan: plan(spec),
            identity: Identity { uid: "uid".to_owned(), generation: 1 },
            status: MigrationTaskWatchStatus::default(),
            observation,
            carried: Carried::default(),
            now,
            told: Vec::new(),
            writes: 0,
            wake: None,
        };
        world.settle();
        world
    }

    fn edit(&mut self, spec: serde_json::Value) {
        let before = self.plan.clone();
        self.plan = plan(spec);
        self.identity.generation += 1;
        let target = |plan: &Result<Plan, Failure>| plan.as_ref().ok().map(|plan| plan.target.clone());
        if target(&before) != target(&self.plan) {
            self.observation.snapshot = None;
            self.observation.failure = None;
            self.observation.polling_since = self.now;
        }
        self.settle();
    }

    fn pass(&mut self, seconds: i64) {
        self.now = Timestamp::from_second(self.now.as_second() + seconds).unwrap();
    }

    fn list(&mut self, tasks: Vec<Task>) {
        self.see(tasks);
        self.settle();
    }

    fn see(&mut self, tasks: Vec<Task>) {
        let sequence = self.observation.snapshot.as_ref().map_or(1, |snapshot| snapshot.sequence + 1);
        self.observation.snapshot =
            Some(Arc::new(Snapshot { sequence, completed: self.now, tasks: tasks.into(), unreadable: 0 }));
        self.observation.failure = None;
    }

    fn fail(&mut self, kind: FailureKind) {
        self.observation.failure = Some(Failure::new(kind, "It went wrong."));
        self.settle();
    }

    fn restart(&mut self) {
        self.carried = Carried::default();
        self.observation.snapshot = None;
        self.observation.failure = None;
        self.observation.polling_since = self.now;
    }

    fn decide(&self) -> Decision {
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

    /// What the shell does: deliver what is owed, decide, write, deliver.
    fn settle(&mut self) {
        self.deliver();
        let decision = self.decide();
        self.carried = decision.carried;
        self.wake = decision.wake;
        if let Some(status) = decision.status {
            self.write(status);
            self.deliver();
        }
    }

    /// Writes as the API server does: what comes back has been JSON.
    fn write(&mut self, status: MigrationTaskWatchStatus) {
        let text = serde_json::to_string(&status).unwrap();
        self.status = serde_json::from_str(&text).unwrap();
        self.writes += 1;
    }

    fn deliver(&mut self) {
        if let Some(outbox) = owed(self.status.outbox.as_ref(), None, self.now).cloned() {
            self.told.extend(outbox.events);
            // In memory, as the shell does; the next write clears it.
            self.status.outbox.as_mut().unwrap().time = Some(Time(Timestamp::UNIX_EPOCH));
        }
    }

    fn take_told(&mut self) -> Vec<(String, String)> {
        self.told.drain(..).map(|event| (event.reason, event.note)).collect()
    }

    fn reasons(&mut self) -> Vec<String> {
        self.take_told().into_iter().map(|(reason, _)| reason).collect()
    }

    fn condition(&self, kind: &str) -> (Truth, &str) {
        let condition = find(&self.status.conditions, kind);
        (truth(&self.status.conditions, kind), condition.map_or("", |condition| condition.reason.as_str()))
    }
}

fn plan(extra: serde_json::Value) -> Result<Plan, Failure> {
    let mut spec =
        serde_json::json!({"region": "ap-southeast-3", "credentials": {"secretRef": {"name": "huawei"}}});
    spec.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    let spec: MigrationTaskWatchSpec = serde_json::from_value(spec).unwrap();
    Plan::parse(&spec, "migration", &Policy::default())
}

fn details(id: &str, state: &str) -> Details<'static> {
    Details {
        name: format!("name-{id}").into(),
        kind: Some("MIGRATE_FILE".into()),
        os_type: Some("LINUX".into()),
        source: Server { id: Some(format!("source-{id}").into()), ..Server::default() },
        ..Details::bare(id.to_owned(), TaskState::parse(state))
    }
}

fn task(id: &str, state: &str) -> Task {
    details(id, state).into()
}

fn at(id: &str, progress: i64, speed: f64) -> Task {
    let progress = Percent::clamped(progress);
    let details = Details {
        sub_task: Some(SubTask { name: "MIGRATE_LINUX_FILE".into(), progress }),
        copied: Some(progress),
        migrate_speed: Some(speed),
        ..details(id, "RUNNING")
    };
    details.into()
}

fn failed(id: &str, message: &str) -> Task {
    let error = TaskError { code: Some("SMS.0203".into()), message: Some(message.into()) };
    Details { error: Some(error), ..details(id, "MIGRATE_FAIL") }.into()
}
