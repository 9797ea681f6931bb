//! Watches of one account are served by one listing, and what is asked of SMS doesn't grow with their number.

use serde_json::{Value, json};
use sms_simulator::{Account, Record, Task, TaskState};

use crate::harness::{PATIENCE, Stage, status};

const WATCHES: usize = 20;

fn names() -> impl Iterator<Item = String> {
    (0..WATCHES).map(|number| format!("wave-{number}"))
}

fn filter(number: usize) -> Value {
    json!({"filter": {"name": format!("web-{number}-*")}})
}

/// Two tasks for each watch.
fn tasks() -> Vec<Task> {
    let of = |number| {
        [1, 2].map(|task| Task::new(format!("web-{number}-{task}")).with_id(format!("id-{number}-{task}")))
    };
    (0..WATCHES).flat_map(of).collect()
}

fn asked(stage: &Stage, wanted: impl Fn(&Record) -> bool) -> usize {
    stage.sms.requests().count(wanted)
}

#[tokio::test]
async fn a_fleet_costs_as_many_requests_as_one_watch() {
    let stage = Stage::new("fleet-shared", tasks()).await;
    let _operator = stage.operator();
    for (number, name) in names().enumerate() {
        // So long that no second listing comes by itself.
        let mut spec = filter(number);
        spec["interval"] = json!("1h");
        stage.apply(&name, spec).await.unwrap();
    }
    for name in names() {
        let watch = stage.until_condition(&name, "Ready", ("True", "Synced")).await;
        assert_eq!(status(&watch).summary.unwrap().total, 2, "each has its own tasks alone");
    }
    assert_eq!(asked(&stage, |_| true), 1);
    // All ask at once: the listing that is under way began too early for some, and the next is new enough for all.
    for name in names() {
        stage.request(&name, "now").await;
    }
    for name in names() {
        stage.until(&name, |watch| status(watch).last_handled_reconcile_at.as_deref() == Some("now")).await;
    }
    let requests = asked(&stage, |_| true);
    assert!((2..=10).contains(&requests), "{requests} requests for {WATCHES} watches that asked one by one");
}

#[tokio::test]
async fn one_listing_tells_every_watch_what_changed_for_it() {
    let stage = Stage::new("fleet-changes", tasks()).await;
    let _operator = stage.operator();
    for (number, name) in names().enumerate() {
        stage.apply(&name, filter(number)).await.unwrap();
    }
    for name in names() {
        stage.until_condition(&name, "Ready", ("True", "Synced")).await;
    }
    for number in [3, 7] {
        stage.sms.tasks().change(&format!("id-{number}-1"), |task| task.state = TaskState::SYNCING);
    }
    for (number, name) in names().enumerate() {
        let told: &[&str] =
            if [3, 7].contains(&number) { &["WatchStarted", "TaskSyncing"] } else { &["WatchStarted"] };
        stage.until_told(&name, told).await;
    }
}

#[tokio::test]
async fn a_watch_that_leaves_holds_up_no_other() {
    let stage = Stage::new("fleet-leaves", tasks()).await;
    let _operator = stage.operator();
    for number in 0..3 {
        stage.apply(&format!("wave-{number}"), filter(number)).await.unwrap();
    }
    for number in 0..3 {
        stage.until_condition(&format!("wave-{number}"), "Ready", ("True", "Synced")).await;
    }
    stage.watches().delete("wave-0", &kube::api::DeleteParams::default()).await.unwrap();
    let mut suspended = filter(1);
    suspended["suspend"] = json!(true);
    stage.apply("wave-1", suspended).await.unwrap();
    stage.refresh("wave-2", "now").await;
    stage.further_requests(2).await;
    stage.until_condition("wave-2", "Ready", ("True", "Synced")).await;
}

#[tokio::test]
async fn a_lone_watch_on_few_ids_asks_for_these_alone_until_somebody_needs_all() {
    // Four pages: more than three ids cost.
    let others = (0..700).map(|number| Task::new(format!("other-{number}")));
    let stage = Stage::new("narrow", tasks().into_iter().chain(others).collect()).await;
    let _operator = stage.operator();
    let narrow = json!({"filter": {"ids": ["id-1-1", "id-2-2", "gone"]}});
    stage.apply("narrow", narrow).await.unwrap();
    let watch = stage.until_condition("narrow", "Ready", ("True", "Synced")).await;
    let found = status(&watch);
    assert_eq!(found.summary.unwrap().total, 2);
    assert_eq!(found.missing.unwrap().names, ["gone"]);
    let is_narrow = |record: &Record| record.query.contains("id=");
    assert_eq!((asked(&stage, is_narrow), asked(&stage, |_| true)), (3, 3));
    // What happens to them is told.
    stage.sms.tasks().change("id-1-1", |task| task.state = TaskState::SYNCING);
    stage.until_told("narrow", &["WatchStarted", "TaskSyncing"]).await;
    // With a neighbour that needs all, theirs serves both.
    stage.apply("wide", json!({})).await.unwrap();
    stage.until_condition("wide", "Ready", ("True", "Synced")).await;
    stage.refresh("narrow", "1").await;
    let narrow_so_far = asked(&stage, is_narrow);
    for token in ["2", "3"] {
        stage.refresh("narrow", token).await;
    }
    assert_eq!(asked(&stage, is_narrow), narrow_so_far);
    // And once it is gone, they are enough again.
    stage.watches().delete("wide", &kube::api::DeleteParams::default()).await.unwrap();
    let known = narrow_so_far + 3;
    let requests = stage.sms.requests();
    tokio::time::timeout(PATIENCE, requests.wait_for(known, is_narrow)).await.unwrap();
}

#[tokio::test]
async fn many_narrow_watches_together_cost_no_more_than_one_that_needs_all() {
    let stage = Stage::new("many-narrow", tasks()).await;
    let _operator = stage.operator();
    for (number, name) in names().enumerate() {
        let ids = json!({"filter": {"ids": [format!("id-{number}-1")]}, "interval": "1h"});
        stage.apply(&name, ids).await.unwrap();
    }
    for name in names() {
        let watch = stage.until_condition(&name, "Ready", ("True", "Synced")).await;
        assert_eq!(status(&watch).summary.unwrap().total, 1);
    }
    // Each that comes may add its own id, until all tasks cost less than these.
    assert!(asked(&stage, |_| true) <= 1 + 2 + 3 + 4 + 5 + 1, "{}", asked(&stage, |_| true));
}

#[tokio::test]
async fn other_credentials_are_another_listing() {
    let stage = Stage::new("not-shared", tasks()).await;
    stage.sms.accounts().insert(Account::new("d1d1", "AKOTHER", "SKOTHER"));
    stage.secret("other", json!({"accessKey": "AKOTHER", "secretKey": "SKOTHER"})).await;
    let _operator = stage.operator();
    stage.apply("one", json!({"interval": "1h"})).await.unwrap();
    stage
        .apply("two", json!({"interval": "1h", "credentials": {"secretRef": {"name": "other"}}}))
        .await
        .unwrap();
    stage.apply("three", json!({"interval": "1h", "filter": {"enterpriseProjectId": "0"}})).await.unwrap();
    for name in ["one", "two", "three"] {
        stage.until_condition(name, "Ready", ("True", "Synced")).await;
    }
    assert_eq!(asked(&stage, |_| true), 3);
}

#[tokio::test]
async fn a_lone_watch_on_a_state_asks_for_that_and_looks_up_what_leaves_it() {
    let others = (0..700).map(|number| Task::new(format!("other-{number}")).in_state(TaskState::READY));
    let running = (0..3)
        .map(|number| Task::new(format!("web-{number}")).with_id(format!("web-{number}")).copying(5, 1.0));
    let stage = Stage::new("by-state", running.chain(others).collect()).await;
    let _operator = stage.operator();
    stage.apply("wave-1", json!({"filter": {"states": ["RUNNING"]}})).await.unwrap();
    let watch = stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    assert_eq!(status(&watch).summary.unwrap().total, 3);
    let by_state = |record: &Record| record.query.contains("state=RUNNING");
    assert_eq!((asked(&stage, by_state), asked(&stage, |_| true)), (0, 4), "first, all are looked at");
    stage.refresh("wave-1", "1").await;
    assert_eq!(asked(&stage, by_state), asked(&stage, |_| true) - 4);
    stage.sms.tasks().change("web-1", |task| task.state = TaskState::MIGRATE_SUCCESS);
    stage.until_told("wave-1", &["WatchStarted", "TaskSucceeded"]).await;
    assert_eq!(asked(&stage, |record| record.query.contains("id=web-1")), 1);
    stage.refresh("wave-1", "2").await;
    let left = asked(&stage, |record| !record.query.contains("state=RUNNING"));
    assert_eq!(left, 5, "all at first, and the one that left, once");
}
