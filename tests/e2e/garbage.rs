//! Whatever SMS answers: what was known stays, and all is well again afterwards.

use serde_json::json;
use sms_simulator::{DropKind, Effect, ErrorBody, Fault, PageEdit, Simulator, Task};

use crate::harness::{Stage, condition, status};

#[tokio::test]
async fn the_last_good_listing_stays() {
    let stage = Stage::new("garbage", (0..3).map(|i| Task::new(format!("web-{i}"))).collect()).await;
    let attacker = Simulator::start(sms_simulator::Config::default()).await.unwrap();
    let _operator = stage.operator();
    stage.apply("wave-1", json!({})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    let faults = [
        ("html", Effect::respond(200, ErrorBody::Html)),
        ("proxy", Effect::respond(403, ErrorBody::Html)),
        ("cut", Effect::TruncateJson { keep: 200 }),
        ("utf8", Effect::InvalidUtf8),
        ("types", Effect::set("/tasks", 7)),
        ("no-count", Effect::Page(PageEdit::Remove("/count".into()))),
        ("count", Effect::wrong_count(2)),
        ("duplicate", Effect::Page(PageEdit::Duplicate)),
        ("short", Effect::Page(PageEdit::Shorten(1))),
        ("redirect", Effect::redirect(format!("{}/v3/tasks", attacker.endpoint()))),
        ("reset", Effect::Drop(DropKind::Reset)),
        ("throttled", Effect::throttle(Some("1"))),
    ];
    for (name, effect) in faults {
        let fault = stage.sms.faults().add(effect);
        stage.refresh("wave-1", name).await;
        let hits = stage.sms.faults().list().iter().map(|fault| fault.hits).sum::<u64>();
        assert!(hits > 0, "{name} was met");
        let watch = stage.watches().get("wave-1").await.unwrap();
        assert_eq!(status(&watch).summary.unwrap().total, 3, "{name}");
        assert_eq!(condition(&watch, "Completed").unwrap().1, "InProgress", "{name}");
        assert!(stage.sms.faults().remove(fault));
        stage.refresh("wave-1", &format!("{name}-over")).await;
        stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    }
    assert_eq!(attacker.requests().counters().requests, 0);
    assert_eq!(
        stage.events("wave-1").await.iter().filter(|(reason, _)| reason.starts_with("Task")).count(),
        0
    );
}

#[tokio::test]
async fn a_bad_task_hides_no_other() {
    let stage =
        Stage::new("bad-task", (0..3).map(|i| Task::new(format!("web-{i}")).copying(30, 1.0)).collect())
            .await;
    let _operator = stage.operator();
    stage.apply("wave-1", json!({})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    for (name, effect, total, progress) in [
        ("null", Effect::null_task(1), 2, 30),
        ("negative", Effect::negative_progress(), 3, 0),
        ("strings", Effect::Page(PageEdit::NumbersAsStrings), 3, 30),
        ("huge", Effect::Page(PageEdit::Inflate { path: "/tasks/0/name".into(), bytes: 10_000_000 }), 3, 30),
    ] {
        let fault = stage.sms.faults().add(effect);
        stage.refresh("wave-1", name).await;
        let watch = stage
            .until("wave-1", |watch| {
                let summary = status(watch).summary.unwrap();
                (summary.total, summary.progress) == (total, progress)
            })
            .await;
        assert!(serde_json::to_vec(&watch.status).unwrap().len() < 16 * 1024, "{name}");
        if name == "null" {
            let ready =
                status(&watch).conditions.into_iter().find(|condition| condition.type_ == "Ready").unwrap();
            assert!(ready.message.contains("One task of the account can't be read"), "{}", ready.message);
        }
        assert!(stage.sms.faults().remove(fault));
    }
}

#[tokio::test]
async fn a_task_that_cannot_be_read_has_not_disappeared() {
    let stage = Stage::new("unreadable", (0..3).map(|i| Task::new(format!("web-{i}"))).collect()).await;
    let _operator = stage.operator();
    stage.apply("wave-1", json!({})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    let fault = stage.sms.faults().add(Effect::null_task(1));
    for token in ["1", "2", "3"] {
        stage.refresh("wave-1", token).await;
    }
    assert!(stage.sms.faults().remove(fault));
    stage.refresh("wave-1", "4").await;
    stage.until("wave-1", |watch| status(watch).summary.is_some_and(|summary| summary.total == 3)).await;
    assert_eq!(stage.reasons("wave-1").await, ["WatchStarted"]);
}

#[tokio::test]
async fn flow_control_gets_the_pause_that_it_asks_for() {
    let stage = Stage::new("throttled", vec![Task::new("web-1")]).await;
    let throttled = Fault::once(Effect::throttle(Some("8")));
    stage.sms.faults().add(throttled);
    let _operator = stage.operator();
    stage.apply("wave-1", json!({})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    let [refused, next, ..] = &stage.sms.requests().records()[..] else { panic!("two requests") };
    assert_eq!((refused.status, next.status), (Some(429), Some(200)));
    assert!(next.received.duration_since(refused.received).as_secs() >= 8);
    assert_eq!(stage.reasons("wave-1").await, ["WatchStarted"]);
}

#[tokio::test]
async fn a_long_failure_is_told_once_and_so_is_its_end() {
    let stage = Stage::new("outage", vec![Task::new("web-1")]).await;
    let _operator = stage.operator();
    stage.apply("wave-1", json!({})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    let fault = stage.sms.faults().add(Effect::respond(502, ErrorBody::Html));
    let watch = stage.until_condition("wave-1", "Ready", ("False", "ServerError")).await;
    assert_eq!(condition(&watch, "Reconciling"), Some(("True".to_owned(), "ServerError".to_owned())));
    assert_eq!(condition(&watch, "Stalled"), None);
    assert_eq!(status(&watch).summary.unwrap().total, 1);
    stage.refresh("wave-1", "1").await;
    assert!(stage.sms.faults().remove(fault));
    stage.refresh("wave-1", "2").await;
    let watch = stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    assert_eq!(condition(&watch, "Reconciling"), None);
    stage.until_told("wave-1", &["WatchStarted", "ServerError", "Recovered"]).await;
}
