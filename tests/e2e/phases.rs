//! Watches in every phase of their life, as the operator really writes them. With `PHASES_DIR` set, each is written there as a
//! file, for the engines of Flux and Argo CD to judge (`tests/verify/gitops`).

use std::path::PathBuf;

use futures::future::join_all;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::{
    Client,
    api::{DeleteParams, Patch, PatchParams},
};
use migration_task_watch::api::MigrationTaskWatch;
use serde_json::{Value, json};
use sms_simulator::{Config, DropKind, Effect, ErrorBody, Seconds, Simulator, Task, TaskError, TaskState};

use crate::harness::{Operator, PATIENCE, Stage, setting, status};

/// How a watch comes into a phase: what its account holds, what is done then, and by what the phase is known.
struct Phase {
    name: &'static str,
    tasks: Vec<Task>,
    spec: Value,
    then: Then,
    /// Conditions with their status and reason.
    known_by: &'static [(&'static str, &'static str, &'static str)],
}

/// What happens to a watch.
enum Then {
    /// Nothing but its first listing.
    Listed,
    /// From the start SMS does this.
    Never(Effect),
    /// After the first listing SMS does this.
    Fails(Effect),
    /// After the first listing its owner changes the spec.
    Changed(Value),
}
use Then::{Changed, Fails, Listed, Never};

fn server(name: &str, state: TaskState) -> Task {
    Task::new(name).in_state(state)
}

fn running() -> Vec<Task> {
    vec![Task::new("web-1").copying(40, 12.5), Task::new("web-2").copying(70, 9.0)]
}

fn all(state: &TaskState) -> Vec<Task> {
    vec![server("web-1", state.clone()), server("web-2", state.clone())]
}

fn with(other: Task) -> Vec<Task> {
    vec![server("web-1", TaskState::MIGRATE_SUCCESS), other]
}

fn failed(name: &str) -> Task {
    Task::new(name).failed(TaskError::coded("SMS.0203", "The network is busy."))
}

/// All that can be played side by side.
fn phases() -> Vec<Phase> {
    let mut all = tasks_move();
    all.extend(a_person_must_act());
    all.extend(sms_fails());
    all.extend(the_owner_decides());
    all
}

fn tasks_move() -> Vec<Phase> {
    let phase = |name, tasks, known_by| Phase { name, tasks, spec: json!({}), then: Listed, known_by };
    let stall = json!({"stallAfter": "1s"});
    vec![
        Phase {
            then: Never(Effect::Delay(Seconds::new(3600))),
            ..phase(
                "first-listing",
                running(),
                &[("Ready", "Unknown", "Pending"), ("Reconciling", "True", "Pending")],
            )
        },
        phase("running", running(), &[("Ready", "True", "Synced"), ("Completed", "False", "InProgress")]),
        phase(
            "syncing",
            all(&TaskState::SYNCING),
            &[("CutoverReady", "True", "AllSynced"), ("Completed", "False", "InProgress")],
        ),
        phase("succeeded", all(&TaskState::MIGRATE_SUCCESS), &[("Succeeded", "True", "AllSucceeded")]),
        phase(
            "failed-others-running",
            vec![failed("web-1"), Task::new("web-2").copying(40, 12.5)],
            &[("TasksFailed", "True", "TasksFailed"), ("Completed", "False", "InProgress")],
        ),
        phase(
            "completed-with-failures",
            with(failed("web-2")),
            &[("Completed", "True", "AllEnded"), ("Succeeded", "False", "TasksFailed")],
        ),
        phase(
            "completed-with-aborts",
            with(server("web-2", TaskState::ABORT)),
            &[("Completed", "True", "AllEnded"), ("TasksFailed", "False", "NoTasksFailed")],
        ),
        Phase {
            spec: stall,
            ..phase(
                "stalled",
                vec![Task::new("web-1").copying(40, 0.0)],
                &[("TasksStalled", "True", "TasksStalled"), ("Ready", "True", "Synced")],
            )
        },
        phase("no-match", Vec::new(), &[("Completed", "False", "NoTasks")]),
        Phase {
            spec: json!({"expectedTasks": 3}),
            ..phase("too-few", all(&TaskState::MIGRATE_SUCCESS), &[("Completed", "False", "TasksMissing")])
        },
        Phase {
            spec: json!({"filter": {"states": ["RUNNING"]}}),
            ..phase(
                "by-state",
                running(),
                &[("Completed", "Unknown", "StatesFiltered"), ("Ready", "True", "Synced")],
            )
        },
    ]
}

fn a_person_must_act() -> Vec<Phase> {
    let named = |secret: &str| json!({"credentials": {"secretRef": {"name": secret}}});
    let denied = ErrorBody::Sms { code: "SMS.9004".into(), message: "text".into() };
    let refused = ErrorBody::Gateway { code: "APIGW.0301".into(), message: "text".into() };
    let phase = |name, spec, then, known_by| Phase { name, tasks: running(), spec, then, known_by };
    vec![
        phase(
            "invalid-spec",
            json!({"credentials": {"ambient": true}}),
            Listed,
            &[("Ready", "False", "InvalidSpec"), ("Stalled", "True", "InvalidSpec")],
        ),
        phase(
            "endpoint-not-allowed",
            json!({"endpoint": "https://sms.example.com"}),
            Listed,
            &[("Ready", "False", "EndpointNotAllowed"), ("Stalled", "True", "EndpointNotAllowed")],
        ),
        phase(
            "secret-not-found",
            named("missing"),
            Listed,
            &[("Ready", "False", "SecretNotFound"), ("Stalled", "True", "SecretNotFound")],
        ),
        phase(
            "credentials-invalid",
            named("wrong"),
            Listed,
            &[("Ready", "False", "CredentialsInvalid"), ("Stalled", "True", "CredentialsInvalid")],
        ),
        phase(
            "access-denied",
            json!({}),
            Fails(Effect::respond(403, denied)),
            &[("Ready", "False", "AccessDenied"), ("Stalled", "True", "AccessDenied")],
        ),
        Phase {
            tasks: all(&TaskState::MIGRATE_SUCCESS),
            ..phase(
                "credentials-end-after-success",
                json!({}),
                Fails(Effect::respond(401, refused)),
                &[("Stalled", "True", "CredentialsInvalid"), ("Succeeded", "True", "AllSucceeded")],
            )
        },
    ]
}

fn sms_fails() -> Vec<Phase> {
    let phase = |name, then, known_by| Phase { name, tasks: running(), spec: json!({}), then, known_by };
    vec![
        phase(
            "unreachable-from-the-start",
            Never(Effect::Drop(DropKind::Close)),
            &[("Ready", "False", "EndpointUnreachable"), ("Completed", "Unknown", "Pending")],
        ),
        phase(
            "unreachable",
            Fails(Effect::Drop(DropKind::Close)),
            &[("Ready", "False", "EndpointUnreachable"), ("Completed", "False", "InProgress")],
        ),
        Phase {
            tasks: all(&TaskState::MIGRATE_SUCCESS),
            ..phase(
                "unreachable-after-success",
                Fails(Effect::Drop(DropKind::Close)),
                &[("Ready", "False", "EndpointUnreachable"), ("Succeeded", "True", "AllSucceeded")],
            )
        },
        phase(
            "throttled",
            Fails(Effect::throttle(None)),
            &[("Ready", "False", "Throttled"), ("Reconciling", "True", "Throttled")],
        ),
        phase(
            "list-incomplete",
            Fails(Effect::wrong_count(2)),
            &[("Ready", "False", "ListIncomplete"), ("Reconciling", "True", "ListIncomplete")],
        ),
    ]
}

fn the_owner_decides() -> Vec<Phase> {
    let suspend = || json!({"suspend": true});
    let phase = |name, tasks, then, known_by| Phase { name, tasks, spec: json!({}), then, known_by };
    vec![
        Phase {
            spec: suspend(),
            ..phase("suspended-from-the-start", running(), Listed, &[("Ready", "Unknown", "Suspended")])
        },
        phase("suspended", running(), Changed(suspend()), &[("Ready", "True", "Suspended")]),
        phase(
            "suspended-after-success",
            all(&TaskState::MIGRATE_SUCCESS),
            Changed(suspend()),
            &[("Ready", "True", "Suspended"), ("Succeeded", "True", "AllSucceeded")],
        ),
    ]
}

impl Phase {
    /// Brings a watch into the phase, on an SMS of its own.
    async fn play(&self, stage: &Stage) -> (&'static str, Value) {
        let sms = Simulator::start(Config { tasks: self.tasks.clone(), ..Config::default() }).await.unwrap();
        if let Never(effect) = &self.then {
            sms.faults().add(effect.clone());
        }
        let spec = |extra: &Value| {
            let mut spec = json!({"endpoint": sms.endpoint()});
            spec.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            spec
        };
        stage.apply(self.name, spec(&self.spec)).await.unwrap();
        if matches!(self.then, Fails(_) | Changed(_)) {
            stage.until_condition(self.name, "Ready", ("True", "Synced")).await;
            let is_confirming = |watch: &MigrationTaskWatch| {
                status(watch).conditions.iter().any(|condition| condition.reason == "Confirming")
            };
            stage.until(self.name, |watch| !is_confirming(watch)).await;
        }
        match &self.then {
            Fails(effect) => drop(sms.faults().add(effect.clone())),
            Changed(extra) => drop(stage.apply(self.name, spec(extra)).await.unwrap()),
            Listed | Never(_) => {}
        }
        (self.name, until_known(stage, self.name, self.known_by).await)
    }
}

/// Waits until a watch has these conditions, of its newest generation, and reads it as the API server has it.
async fn until_known(stage: &Stage, name: &str, known_by: &[(&str, &str, &str)]) -> Value {
    let has = |watch: &MigrationTaskWatch, (kind, is, reason): &(&str, &str, &str)| {
        status(watch).conditions.iter().any(|condition| {
            (condition.type_.as_str(), condition.status.as_str(), condition.reason.as_str())
                == (*kind, *is, *reason)
                && condition.observed_generation == watch.metadata.generation
        })
    };
    stage.until_within(2 * PATIENCE, name, |watch| known_by.iter().all(|known| has(watch, known))).await;
    read(&stage.client, &stage.namespace, name).await
}

/// A watch as it is, with all that our types don't know.
async fn read(client: &Client, namespace: &str, name: &str) -> Value {
    let path =
        format!("/apis/migration-task-watch.dev/v1alpha1/namespaces/{namespace}/migrationtaskwatches/{name}");
    client.request(http::Request::get(path).body(Vec::new()).unwrap()).await.unwrap()
}

/// A watch whose wave has succeeded, and of which an operator that comes back after hours finds nothing newer.
async fn stale() -> (&'static str, Value) {
    let stage = Stage::new("phases-stale", all(&TaskState::MIGRATE_SUCCESS)).await;
    let operator = stage.operator();
    stage.apply("stale", json!({})).await.unwrap();
    stage.until_condition("stale", "Succeeded", ("True", "AllSucceeded")).await;
    stage.until_told("stale", &["WatchStarted"]).await;
    operator.kill();
    let hours_ago = Timestamp::now() - SignedDuration::from_hours(2);
    let patch = Patch::Merge(json!({"status": {"lastSyncTime": hours_ago.to_string()}}));
    stage.watches().patch_status("stale", &PatchParams::default(), &patch).await.unwrap();
    stage.sms.faults().add(Effect::respond(503, ErrorBody::Html));
    let _operator = stage.operator();
    let known_by = [("Succeeded", "Unknown", "Stale"), ("Ready", "False", "ServerError")];
    ("stale", until_known(&stage, "stale", &known_by).await)
}

/// A watch that the operator hasn't seen yet.
async fn new(stage: &Stage) -> (&'static str, Value) {
    stage.apply("new", json!({})).await.unwrap();
    ("new", read(&stage.client, &stage.namespace, "new").await)
}

/// Watches of a succeeded wave whose owner changes the one and deletes the other while the operator looks elsewhere.
async fn unseen(stage: &Stage, operator: &Operator) -> [(&'static str, Value); 2] {
    for name in ["changed", "deleting"] {
        stage.apply(name, json!({})).await.unwrap();
        until_known(stage, name, &[("Succeeded", "True", "AllSucceeded")]).await;
    }
    operator.pause();
    stage.apply("changed", json!({"filter": {"name": "wave-9-*"}})).await.unwrap();
    // Something of the owner's keeps it for now.
    hold(stage, "deleting", &json!(["example.com/hold"])).await;
    stage.watches().delete("deleting", &DeleteParams::default()).await.unwrap();
    let [changed, deleting] = ["changed", "deleting"]
        .map(|name| async move { (name, read(&stage.client, &stage.namespace, name).await) });
    let both = [changed.await, deleting.await];
    hold(stage, "deleting", &Value::Null).await;
    operator.resume();
    both
}

async fn hold(stage: &Stage, name: &str, finalizers: &Value) {
    let patch = Patch::Merge(json!({"metadata": {"finalizers": finalizers}}));
    stage.watches().patch(name, &PatchParams::default(), &patch).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_comes_into_every_phase() {
    let stage = Stage::new("phases", all(&TaskState::MIGRATE_SUCCESS)).await;
    stage.secret("wrong", json!({"accessKey": "AKSIMULATOR0000000001", "secretKey": "wrong"})).await;
    let new = new(&stage).await;
    let operator = stage.operator();
    let phases = phases();
    let (mut found, stale) = tokio::join!(join_all(phases.iter().map(|phase| phase.play(&stage))), stale());
    found.extend([new, stale]);
    found.extend(unseen(&stage, &operator).await);
    let Some(dir) = setting::<PathBuf>("PHASES_DIR") else { return };
    for (name, watch) in found {
        std::fs::write(dir.join(format!("{name}.json")), format!("{watch:#}\n")).unwrap();
    }
}
