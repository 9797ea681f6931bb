//! What others do to the objects and rights that the operator works with.

use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::json;
use sms_simulator::{AccessKey, Account, Effect, Fault, Seconds};

use super::{
    Row,
    Seen::{Nothing, Stalled},
    before, begin, move_on, shows_the_move, until_healed, until_seen,
};
use crate::harness::{Operator, Stage, status};

const DELETED: Row = Row {
    fault: "a watch is deleted while it is listed",
    seen: Nothing,
    heals: "nothing is written or told any more; one that is applied again starts anew",
};
const TERMINATING: Row = Row {
    fault: "a namespace is being deleted",
    seen: Nothing,
    heals: "statuses go on; events are no longer told, since the API server takes none",
};
const REVOKED: Row = Row {
    fault: "the key of a Secret is revoked",
    seen: Stalled("CredentialsInvalid"),
    heals: "within seconds of a good key in the Secret",
};
const SECRET_GONE: Row = Row {
    fault: "a Secret is deleted",
    seen: Stalled("SecretNotFound"),
    heals: "within seconds of its being there again",
};
const NO_SECRETS: Row = Row {
    fault: "the right to get Secrets is taken away",
    seen: Stalled("InternalError"),
    heals: "by itself, within a minute of its being given back",
};
const NO_EVENTS: Row = Row {
    fault: "the right to create events is taken away",
    seen: Nothing,
    heals: "within a minute of its being given back; after half a minute statuses go on, and EventsRefused says why",
};
const NO_STATUS: Row = Row {
    fault: "the right to write statuses is taken away",
    seen: Nothing,
    heals: "within a minute of its being given back",
};
const NO_WATCHES: Row = Row {
    fault: "the right to get and watch watches is taken away",
    seen: Nothing,
    heals: "within a minute of its being given back",
};
const EDITED: Row = Row { fault: "a watch is edited 100 times a second", seen: Nothing, heals: "-" };
const STATUS_EDITED: Row = Row {
    fault: "somebody else edits the status",
    seen: Nothing,
    heals: "with the next listing, in silence",
};
const OTHER_MANAGER: Row = Row {
    fault: "another field manager applies the status, by force",
    seen: Nothing,
    heals: "with the next listing, in silence: all of the status is the operator's",
};

pub(super) const ROWS: [Row; 11] = [
    DELETED,
    TERMINATING,
    REVOKED,
    SECRET_GONE,
    NO_SECRETS,
    NO_EVENTS,
    NO_STATUS,
    NO_WATCHES,
    EDITED,
    STATUS_EDITED,
    OTHER_MANAGER,
];

const WATCH: &str = "wave-1";

/// A stage with a watch whose first listing is written and told.
async fn stage(name: &str) -> (Stage, Operator) {
    let stage = Stage::new(name, before()).await;
    let operator = stage.operator();
    stage.apply(WATCH, json!({})).await.unwrap();
    begin(&stage, WATCH).await;
    (stage, operator)
}

#[tokio::test]
async fn a_watch_that_is_deleted_while_it_is_listed_is_left_alone() {
    let (stage, operator) = stage("deleted-midway").await;
    let slow = Effect::Delay(Seconds::new(3));
    stage.sms.faults().add(Fault::once(slow));
    move_on(&stage.sms);
    let asked = stage.sms.requests().count(|_| true);
    stage.request(WATCH, "midway").await;
    stage.until_asked(asked + 1, |_| true).await;
    stage.watches().delete(WATCH, &DeleteParams::default()).await.unwrap();
    stage.until_asked(asked + 1, |record| !record.pending).await;
    stage.apply("other", json!({})).await.unwrap();
    begin(&stage, "other").await;
    assert_eq!(stage.reasons(WATCH).await, ["WatchStarted"], "{}", DELETED.fault);
    assert!(stage.watches().get_opt(WATCH).await.unwrap().is_none());
    assert!(!operator.log().contains("panicked"), "{}", operator.log());
    stage.apply(WATCH, json!({})).await.unwrap();
    stage.until(WATCH, shows_the_move).await;
    stage.until_told(WATCH, &["WatchStarted", "WatchStarted"]).await;
}

#[tokio::test]
async fn in_a_namespace_that_is_being_deleted_statuses_go_on() {
    let (stage, _operator) = stage("terminating").await;
    let namespaces: Api<Namespace> = Api::all(stage.client.clone());
    namespaces.delete(&stage.namespace, &DeleteParams::default()).await.unwrap();
    move_on(&stage.sms);
    stage.request(WATCH, "1").await;
    stage.until(WATCH, shows_the_move).await;
    // An event that can't be created holds up no later status.
    stage.sms.tasks().replace(before());
    stage.request(WATCH, "2").await;
    stage.until(WATCH, |watch| status(watch).summary.is_some_and(|found| found.pending == 3)).await;
    assert_eq!(stage.reasons(WATCH).await, ["WatchStarted"], "{}", TERMINATING.fault);
}

#[tokio::test]
async fn a_key_that_is_revoked_is_told_until_there_is_another() {
    let (stage, _operator) = stage("revoked").await;
    let account = Account::default();
    let with_key = |id: &str| {
        let key = AccessKey::permanent(id, "another-secret");
        assert!(
            stage
                .sms
                .accounts()
                .update(&account.domain_id, |account| account.access_keys = vec![key.clone()])
        );
    };
    with_key("AKANOTHER");
    move_on(&stage.sms);
    stage.request(WATCH, "1").await;
    until_seen(&stage, WATCH, &REVOKED).await;
    stage.change_secret("huawei", json!({"accessKey": "AKANOTHER", "secretKey": "another-secret"})).await;
    until_healed(&stage, WATCH, &REVOKED).await;
}

#[tokio::test]
async fn a_secret_that_is_deleted_is_told_until_it_is_back() {
    let (stage, _operator) = stage("secret-gone").await;
    stage.delete_secret("huawei").await;
    move_on(&stage.sms);
    stage.request(WATCH, "1").await;
    until_seen(&stage, WATCH, &SECRET_GONE).await;
    let key = &Account::default().access_keys[0];
    stage.secret("huawei", json!({"accessKey": key.id, "secretKey": key.secret})).await;
    until_healed(&stage, WATCH, &SECRET_GONE).await;
}

#[tokio::test]
async fn rights_that_are_taken_away_and_given_back_lose_nothing() {
    let rows = [
        ("secrets", NO_SECRETS),
        ("events", NO_EVENTS),
        ("migrationtaskwatches/status", NO_STATUS),
        ("migrationtaskwatches", NO_WATCHES),
    ];
    join_all(rows.map(async |(resource, row)| {
        let (stage, _operator) = stage("rights").await;
        stage.forbid(resource).await;
        move_on(&stage.sms);
        stage.request(WATCH, "1").await;
        until_seen(&stage, WATCH, &row).await;
        if row.seen == Nothing {
            stage.further_requests(2).await;
            assert_eq!(stage.reasons(WATCH).await, ["WatchStarted"], "{}", row.fault);
        }
        stage.forbid_nothing().await;
        until_healed(&stage, WATCH, &row).await;
    }))
    .await;
}

#[tokio::test]
async fn a_watch_that_is_edited_all_the_time_is_listed_as_ever() {
    let (stage, operator) = stage("edited").await;
    let watches = stage.watches();
    let edits = async {
        for number in 0..500 {
            // Neither has to do with what is listed.
            let patch = json!({"spec": {"expectedTasks": 1 + number % 3}, "metadata": {"labels": {"n": number.to_string()}}});
            watches.patch(WATCH, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let asked = stage.sms.requests().count(|_| true);
    let began = std::time::Instant::now();
    move_on(&stage.sms);
    edits.await;
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap();
    let asked = stage.sms.requests().count(|_| true) - asked;
    assert!(asked <= 3 + seconds, "{asked} requests in {seconds} s");
    let generation = watches.get(WATCH).await.unwrap().metadata.generation;
    stage.until(WATCH, |watch| status(watch).observed_generation == generation).await;
    until_healed(&stage, WATCH, &EDITED).await;
    assert!(!operator.log().contains("panicked"), "{}", operator.log());
}

#[tokio::test]
async fn a_status_that_others_write_is_written_over() {
    join_all([STATUS_EDITED, OTHER_MANAGER].map(async |row| {
        let (stage, _operator) = stage("others").await;
        let api = json!({"apiVersion": "migration-task-watch.dev/v1alpha1", "kind": "MigrationTaskWatch"});
        let theirs = json!({
            "summary": {"total": 99, "running": 7, "byState": {"RUNNING": 99}},
            "missing": {"count": 3, "names": ["nobody"]},
            "omittedTasks": 5,
            "ledger": "theirs",
        });
        if row.fault == OTHER_MANAGER.fault {
            let mut applied = json!({"metadata": {"labels": {"theirs": "1"}}, "status": theirs});
            applied.as_object_mut().unwrap().extend(api.as_object().unwrap().clone());
            let params = PatchParams::apply("another").force();
            stage.watches().patch_status(WATCH, &params, &Patch::Apply(&applied)).await.unwrap();
        } else {
            let edited = json!({"status": theirs});
            stage
                .watches()
                .patch_status(WATCH, &PatchParams::default(), &Patch::Merge(&edited))
                .await
                .unwrap();
        }
        move_on(&stage.sms);
        stage.request(WATCH, "1").await;
        until_healed(&stage, WATCH, &row).await;
        let status = status(&stage.watches().get(WATCH).await.unwrap());
        assert_eq!(
            (status.missing, status.omitted_tasks, status.ledger),
            (None, Some(0), None),
            "{}",
            row.fault
        );
        let summary = status.summary.unwrap();
        assert_eq!((summary.total, summary.running), (3, 0), "{}", row.fault);
        assert_eq!(summary.by_state.get("RUNNING"), None, "{}", row.fault);
    }))
    .await;
}
