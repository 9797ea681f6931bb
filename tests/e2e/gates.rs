//! Gates open only when it is sure that all tasks are there: a cut-over can't be taken back.

use std::time::Duration;

use serde_json::{Value, json};
use sms_simulator::{Account, Config, Effect, Fault, Task, TaskState, Trigger};

use crate::harness::{PATIENCE, Stage, condition, status};

const GATES: [&str; 3] = ["Completed", "Succeeded", "CutoverReady"];

fn done(id: &str) -> Task {
    Task::new(format!("web-{id}")).with_id(id).in_state(TaskState::new("MIGRATE_SUCCESS"))
}

fn runs(id: &str) -> Task {
    Task::new(format!("web-{id}")).with_id(id).copying(40, 12.5)
}

/// The watch once a listing has answered the annotation.
async fn listed(stage: &Stage, token: &str) -> migration_task_watch::api::MigrationTaskWatch {
    stage.request("wave-1", token).await;
    stage.until("wave-1", |watch| status(watch).last_handled_reconcile_at.as_deref() == Some(token)).await
}

#[tokio::test]
async fn a_task_that_one_listing_leaves_out_keeps_the_gates_shut() {
    let stage = Stage::new("gate-left-out", vec![done("t1"), done("t2"), runs("t3")]).await;
    let _operator = stage.operator();
    stage.apply("wave-1", json!({"interval": "1h"})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    let left_out = stage.sms.tasks().remove("t3").unwrap();
    let watch = listed(&stage, "1").await;
    assert_eq!(status(&watch).summary.unwrap().total, 2);
    for gate in GATES {
        assert_eq!(condition(&watch, gate), Some(("False".to_owned(), "TasksMissing".to_owned())));
    }
    stage.sms.tasks().insert(left_out);
    let watch = listed(&stage, "2").await;
    assert_eq!(condition(&watch, "Succeeded"), Some(("False".to_owned(), "InProgress".to_owned())));
    assert_eq!(stage.reasons("wave-1").await, ["WatchStarted"]);
    // Now it is really gone.
    stage.sms.tasks().remove("t3");
    listed(&stage, "3").await;
    listed(&stage, "4").await;
    stage.until_condition("wave-1", "Succeeded", ("True", "AllSucceeded")).await;
    assert_eq!(stage.reasons("wave-1").await, ["WatchStarted", "TaskDisappeared"]);
}

#[tokio::test]
async fn all_watches_of_an_account_share_the_second_listing() {
    let stage = Stage::new("gate-shared", vec![done("t1"), done("t2")]).await;
    let _operator = stage.operator();
    let names: Vec<_> = (1..=10).map(|number| format!("wave-{number}")).collect();
    for name in &names {
        stage.apply(name, json!({"interval": "1h"})).await.unwrap();
    }
    for name in &names {
        stage.until_condition(name, "Succeeded", ("True", "AllSucceeded")).await;
    }
    let requests = stage.sms.requests().count(|_| true);
    // A watch that is applied a little later may be confirmed a little later, too.
    assert!((2..10).contains(&requests), "{requests} listings for 10 watches that needed two each");
}

/// 401 tasks on three pages: after the first has been read, its first task is deleted and another is created, so that the
/// running one slips from the second page to the first unseen.
#[tokio::test]
async fn a_task_that_slips_between_two_pages_keeps_the_gates_shut() {
    let task = |number: u32| if number == 200 { runs("t200") } else { done(&format!("t{number:03}")) };
    let stage = Stage::new("gate-pages", (0..401).map(task).collect()).await;
    let page = |offset: &str| Trigger {
        query: Some(format!("offset={offset}")),
        times: Some(1),
        ..Trigger::default()
    };
    for offset in ["200", "400"] {
        let effect = Effect::Delay(Duration::from_secs(2).into());
        stage.sms.faults().add(Fault { when: page(offset), effect });
    }
    let _operator = stage.operator();
    stage.apply("wave-1", json!({"interval": "1h", "taskLimit": 0})).await.unwrap();
    tokio::time::timeout(PATIENCE, stage.sms.requests().wait_for(1, |_| true)).await.unwrap();
    stage.sms.tasks().remove("t000");
    stage.sms.tasks().insert(done("t401"));
    let watch = stage.until("wave-1", |watch| {
        GATES.iter().all(|gate| condition(watch, gate).is_none_or(|(status, _)| status != "True"))
            && condition(watch, "Completed").is_some_and(|(_, reason)| reason == "InProgress")
    });
    let summary = status(&watch.await).summary.unwrap();
    assert_eq!((summary.total, summary.running), (401, 1));
}

fn other_account() -> Account {
    Account::new("company-b", "AKOTHER", "the-other-secret")
}

fn key(account: &Account) -> Value {
    json!({"accessKey": account.access_keys[0].id, "secretKey": account.access_keys[0].secret})
}

#[tokio::test]
async fn the_tasks_of_other_credentials_answer_for_none() {
    let (a, b) = (Account::default(), other_account());
    let accounts = vec![a.clone(), b.clone()];
    let tasks = vec![done("t1"), done("t2")];
    let stage = Stage::with_sms("gate-account", Config { accounts, tasks, ..Config::default() }).await;
    stage.secret("a", key(&a)).await;
    stage.secret("b", key(&b)).await;
    let of = |name: &str| json!({"interval": "1h", "credentials": {"secretRef": {"name": name}}});
    let _operator = stage.operator();
    stage.apply("wave-1", of("a")).await.unwrap();
    stage.until_condition("wave-1", "Succeeded", ("True", "AllSucceeded")).await;
    // The other account is slow, and has one task, which runs.
    let when = Trigger { access_key: Some(b.access_keys[0].id.clone()), ..Trigger::default() };
    stage.sms.faults().add(Fault { when, effect: Effect::Delay(Duration::from_secs(3).into()) });
    stage.sms.tasks().replace([runs("t3")]);
    let generation = stage.apply("wave-1", of("b")).await.unwrap().metadata.generation;
    // As kubectl wait reads it: what was said of another generation counts for nothing.
    let watch = stage.until("wave-1", |watch| status(watch).observed_generation == generation).await;
    let (summary, ready) = (status(&watch).summary.unwrap(), condition(&watch, "Ready"));
    assert_eq!((summary.total, summary.running), (1, 1));
    assert_eq!(ready, Some(("True".to_owned(), "Synced".to_owned())));
    assert_eq!(condition(&watch, "Succeeded"), Some(("False".to_owned(), "InProgress".to_owned())));
    assert_eq!(stage.reasons("wave-1").await, ["WatchStarted", "WatchStarted"]);
}
