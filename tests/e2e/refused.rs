//! What admission policies refuse: statuses go on without events, and say less where the whole isn't taken.

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use sms_simulator::{Task, TaskState};

use crate::harness::{PATIENCE, Stage, condition, status};

const WATCH: &str = "wave-1";

fn tasks(states: [&'static str; 2]) -> Vec<Task> {
    let task =
        |(i, state)| Task::new(format!("web-{i}")).with_id(format!("t{i}")).in_state(TaskState::new(state));
    states.into_iter().enumerate().map(task).collect()
}

/// Refuses what this rule finds in the stage's namespace, unless the expression holds.
async fn refuse(stage: &Stage, rule: Value, expression: &str) {
    let name = format!("refuse-{}", stage.namespace);
    let policy = json!({"metadata": {"name": name}, "spec": {
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": stage.namespace}},
            "resourceRules": [rule],
        },
        "validations": [{"expression": expression, "message": "our policy says no", "reason": "Forbidden"}],
    }});
    let policies: Api<ValidatingAdmissionPolicy> = Api::all(stage.client.clone());
    let policy = serde_json::from_value(policy).unwrap();
    policies.create(&PostParams::default(), &policy).await.unwrap();
    let binding =
        json!({"metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]}});
    let bindings: Api<ValidatingAdmissionPolicyBinding> = Api::all(stage.client.clone());
    let binding = serde_json::from_value(binding).unwrap();
    bindings.create(&PostParams::default(), &binding).await.unwrap();
}

async fn allow(stage: &Stage) {
    let name = format!("refuse-{}", stage.namespace);
    let bindings: Api<ValidatingAdmissionPolicyBinding> = Api::all(stage.client.clone());
    bindings.delete(&name, &DeleteParams::default()).await.unwrap();
    let policies: Api<ValidatingAdmissionPolicy> = Api::all(stage.client.clone());
    policies.delete(&name, &DeleteParams::default()).await.unwrap();
}

/// Waits until the API server acts by a policy: something that it refuses is tried, and not carried out.
async fn until_refused<T>(attempt: impl AsyncFn() -> kube::Result<T>) {
    let refused = async {
        while attempt().await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.expect("the policy isn't acted by");
}

async fn begin(name: &str) -> (Stage, crate::harness::Operator) {
    let stage = Stage::new(name, tasks(["RUNNING", "RUNNING"])).await;
    let operator = stage.operator();
    stage.apply(WATCH, json!({"interval": "5s"})).await.unwrap();
    stage.until_condition(WATCH, "Ready", ("True", "Synced")).await;
    stage.until_told(WATCH, &["WatchStarted"]).await;
    (stage, operator)
}

#[tokio::test]
async fn a_policy_that_denies_events_holds_up_no_status() {
    let (stage, operator) = begin("no-events-policy").await;
    let rule = json!({"apiGroups": ["", "events.k8s.io"], "apiVersions": ["*"], "operations": ["CREATE"],
        "resources": ["events"]});
    refuse(&stage, rule, "false").await;
    let events: Api<k8s_openapi::api::events::v1::Event> =
        Api::namespaced(stage.client.clone(), &stage.namespace);
    until_refused(async || {
        let event = json!({"metadata": {"name": "attempt"}, "eventTime": "2026-01-01T00:00:00.000000Z",
            "action": "Try", "reason": "Try", "type": "Normal", "reportingController": "test",
            "reportingInstance": "test", "regarding": {"namespace": stage.namespace}});
        let event = serde_json::from_value(event).unwrap();
        events.create(&PostParams { dry_run: true, ..PostParams::default() }, &event).await
    })
    .await;
    stage.sms.tasks().replace(tasks(["SYNCING", "RUNNING"]));
    stage.until(WATCH, |watch| status(watch).summary.is_some_and(|found| found.syncing == 1)).await;
    // This status owes an event, and the next one is written all the same.
    stage.sms.tasks().replace(tasks(["SYNCING", "MIGRATE_FAIL"]));
    let watch =
        stage.until(WATCH, |watch| status(watch).summary.is_some_and(|found| found.failed == 1)).await;
    assert_eq!(condition(&watch, "Ready"), Some(("True".to_owned(), "Synced".to_owned())));
    let conditions = status(&watch).conditions;
    let refused = conditions.iter().find(|condition| condition.type_ == "EventsRefused").unwrap();
    assert_eq!((&*refused.status, &*refused.reason), ("True", "EventsRefused"));
    assert!(refused.message.contains("our policy says no"), "{}", refused.message);
    assert!(!operator.log().contains("ErrorResponse") && !operator.log().contains("Status {"));

    allow(&stage).await;
    stage.until_within(2 * PATIENCE, WATCH, |watch| condition(watch, "EventsRefused").is_none()).await;
    stage.until_told(WATCH, &["WatchStarted", "TaskSyncing", "TaskFailed"]).await;
}

#[tokio::test]
async fn a_status_that_a_policy_refuses_is_written_without_its_tasks_and_loses_nothing() {
    let (stage, _operator) = begin("no-status-policy").await;
    let rule = json!({"apiGroups": ["migration-task-watch.dev"], "apiVersions": ["*"], "operations": ["UPDATE"],
        "resources": ["migrationtaskwatches/status"]});
    refuse(
        &stage,
        rule,
        "!has(object.status.tasks) || object.status.tasks.all(task, task.state != 'SYNCING')",
    )
    .await;
    until_refused(async || {
        let tasks = json!({"status": {"tasks": [{"id": "x", "state": "SYNCING"}]}});
        let params = PatchParams { dry_run: true, ..PatchParams::default() };
        stage.watches().patch_status(WATCH, &params, &Patch::Merge(&tasks)).await
    })
    .await;
    stage.sms.tasks().replace(tasks(["SYNCING", "RUNNING"]));
    let watch = stage.until_condition(WATCH, "Ready", ("False", "StatusRefused")).await;
    let less = status(&watch);
    assert!(less.tasks.is_empty(), "{less:#?}");
    assert_eq!(less.summary.map(|found| (found.running, found.syncing)), Some((1, 1)));
    let message = stage.message(WATCH).await;
    assert!(message.contains("our policy says no"), "{message}");
    stage.sms.tasks().replace(tasks(["SYNCING", "MIGRATE_FAIL"]));
    stage.until_told(WATCH, &["WatchStarted", "TaskSyncing", "StatusRefused", "TaskFailed"]).await;

    allow(&stage).await;
    let watch = stage
        .until_within(3 * PATIENCE, WATCH, |watch| {
            condition(watch, "Ready") == Some(("True".to_owned(), "Synced".to_owned()))
        })
        .await;
    assert_eq!(status(&watch).tasks.len(), 2);
    let told = ["WatchStarted", "TaskSyncing", "StatusRefused", "TaskFailed", "Recovered"];
    stage.until_told(WATCH, &told).await;
}
