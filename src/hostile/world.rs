//! A watch, its status on the API server, and the operator that decides.

use std::sync::Arc;

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use serde_json::{Value, json};

use super::{bytes::Bytes, schema};
use crate::{
    api::{MigrationTaskWatchStatus, OutboxEvent},
    core::{
        decide::{Carried, Decision, Identity, Inputs, Observation, WholeNeeded, decide},
        failure::{Failure, FailureKind},
        last::Last,
        layout::{MAX_STATUS, json_size},
        outbox::{MAX_NOTE, owed},
        plan::Plan,
        policy::Policy,
        task::{Snapshot, Task},
        time::after,
    },
};

const START: i64 = 1_800_000_000;

#[derive(Clone)]
pub(super) struct World {
    pub(super) plan: Result<Plan, Failure>,
    pub(super) status: MigrationTaskWatchStatus,
    identity: Identity,
    observation: Observation,
    carried: Carried,
    now: Timestamp,
    told: Vec<OutboxEvent>,
}

impl World {
    pub(super) fn new(spec: Value) -> Self {
        let now = Timestamp::from_second(START).unwrap();
        Self {
            plan: plan(spec),
            status: MigrationTaskWatchStatus::default(),
            identity: Identity { uid: "uid".to_owned(), generation: 1 },
            observation: Observation::start(now),
            carried: Carried::default(),
            now,
            told: Vec::new(),
        }
    }

    /// One whose operator has just started, a second after the last listing.
    #[cfg(test)]
    pub(super) fn resumed(identity: Identity, plan: Plan, status: MigrationTaskWatchStatus) -> Self {
        let last = status.last_sync_time.as_ref().map_or(START, |time| time.0.as_second());
        let now = Timestamp::from_second(last + 1).unwrap();
        let observation = Observation::start(now);
        Self { plan: Ok(plan), status, identity, observation, now, ..Self::new(json!({})) }
    }

    pub(super) fn edit(&mut self, spec: Value) {
        let target = |plan: &Result<Plan, Failure>| plan.as_ref().ok().map(|plan| plan.target.clone());
        let before = target(&self.plan);
        self.plan = plan(spec);
        self.identity.generation += 1;
        if before != target(&self.plan) || self.plan.is_err() {
            self.observation = Observation::start(self.now);
        }
    }

    pub(super) fn pass(&mut self, seconds: u64) {
        self.now = after(self.now, std::time::Duration::from_secs(seconds));
    }

    pub(super) fn list(&mut self, tasks: Vec<Task>, unreadable: usize) {
        let sequence = self.observation.snapshot.as_ref().map_or(1, |snapshot| snapshot.sequence + 1);
        let snapshot = Snapshot { sequence, completed: self.now, tasks: tasks.into(), unreadable };
        self.observation.snapshot = Some(Arc::new(snapshot));
        self.observation.failure = None;
    }

    pub(super) fn fail(&mut self, kind: FailureKind, message: &str) {
        self.observation.failure = Some(Failure::new(kind, message));
    }

    /// The operator starts anew.
    pub(super) fn restart(&mut self) {
        self.carried = Carried::default();
        self.observation = Observation::start(self.now);
    }

    /// What the shell does: deliver what is owed, decide, write, deliver. Checks all that must hold.
    pub(super) fn settle(&mut self) {
        self.deliver();
        let decision = self.decide();
        self.carried = decision.carried;
        let Some(status) = decision.status else { return };
        check(&status);
        let text = serde_json::to_string(&status).unwrap();
        self.status = serde_json::from_str(&text).unwrap();
        assert_eq!(self.status, status, "it comes back as it was written");
        self.deliver();
        let again = self.decide();
        assert!(again.status.is_none(), "{again:#?}\nafter {status:#?}");
        self.carried = again.carried;
    }

    pub(super) fn take_told(&mut self) -> Vec<OutboxEvent> {
        std::mem::take(&mut self.told)
    }

    /// Decides from the status, and without its tasks where that can be done: it comes to the same.
    fn decide(&self) -> Decision {
        let mut last = Last::whole(self.status.clone());
        let decision = self.decide_from(&last).expect("the status is whole");
        last.trim();
        if let Ok(trimmed) = self.decide_from(&last) {
            assert_eq!((&trimmed.status, trimmed.wake), (&decision.status, decision.wake));
        }
        // Nor does it matter that they have never been seen, but for what is written then.
        let _ = self.decide_from(&Last::trimmed(last.status().clone()));
        decision
    }

    fn decide_from(&self, last: &Last) -> Result<Decision, WholeNeeded> {
        decide(&Inputs {
            identity: &self.identity,
            plan: self.plan.as_ref(),
            last,
            observation: &self.observation,
            carried: &self.carried,
            now: self.now,
        })
    }

    fn deliver(&mut self) {
        if let Some(outbox) = owed(self.status.outbox.as_ref(), None, self.now).cloned() {
            self.told.extend(outbox.events);
            // In memory, as the shell does; the next write clears it.
            self.status.outbox.as_mut().unwrap().time = Some(Time(Timestamp::UNIX_EPOCH));
        }
    }
}

/// A status is one that the API server takes, and within its bounds.
fn check(status: &MigrationTaskWatchStatus) {
    let size = json_size(status);
    assert!(size <= MAX_STATUS, "{size} bytes");
    let problem = schema::problem(schema::of_status(), &json!(status));
    assert_eq!(problem, None);
    for condition in &status.conditions {
        assert!(condition.message.len() <= 32_768, "{condition:?}");
        assert!(condition.reason.starts_with(|c: char| c.is_ascii_uppercase()), "{condition:?}");
        assert!(["True", "False", "Unknown"].contains(&&*condition.status), "{condition:?}");
    }
    for event in status.outbox.iter().flat_map(|outbox| &outbox.events) {
        assert!((1..=MAX_NOTE).contains(&event.note.len()), "{event:?}");
        assert!(!event.reason.is_empty() && ["Normal", "Warning"].contains(&&*event.kind), "{event:?}");
    }
    let written = i64::try_from(status.tasks.len()).unwrap();
    if let Some((summary, omitted)) = status.summary.as_ref().zip(status.omitted_tasks) {
        assert_eq!(summary.total, written + omitted);
    }
}

fn plan(more: Value) -> Result<Plan, Failure> {
    let mut spec = json!({"region": "cn-north-4", "credentials": {"secretRef": {"name": "huawei"}}});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Plan::parse(&serde_json::from_value(spec).unwrap(), "migration", &Policy::default())
}

/// A spec as the bytes say.
pub(super) fn spec(bytes: &mut Bytes<'_>) -> Value {
    let mut filter = json!({});
    match bytes.byte() % 8 {
        0 => filter["name"] = json!(bytes.one_of(&["*", "t*", "*1", "t", "nothing"])),
        1 => filter["ids"] = json!(["a-0", "b-0", bytes.text()]),
        2 => filter["sourceServerIds"] = json!(["a-0", bytes.text()]),
        3 => filter["states"] = json!(["RUNNING", "MIGRATE_FAIL"]),
        4 => filter["ids"] = json!((0..2000).map(|i| format!("{i:064}")).collect::<Vec<_>>()),
        _ => {}
    }
    let mut spec = json!({
        "filter": filter,
        "taskLimit": bytes.one_of(&[500, 0, 1, 3, 2000]),
        "interval": bytes.one_of(&["1m", "5s", "1h", "24h"]),
        "stallAfter": bytes.one_of(&["30m", "0", "1s", "2562047h", "nonsense"]),
        "suspend": bytes.byte() == 1,
    });
    if bytes.flag() {
        spec["expectedTasks"] = json!(bytes.one_of(&[1, 2, 40, 1_000_000]));
    }
    spec
}
