//! What goes wrong at the API server and on the way to it. What can't be written can't be said either: the watch stays as it
//! was.

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api,
    api::DeleteParams,
    runtime::wait::{await_condition, conditions},
};
use migration_task_watch::api;
use serde_json::json;
use sms_simulator::Config;
use test_cluster::{Cluster, Options};

use super::{Row, Seen::Nothing, before, begin, move_on, shows_the_move, until_healed};
use crate::harness::{Line, PATIENCE, Stage, install_crd};

const RESTARTED: Row = Row {
    fault: "the API server restarts",
    seen: Nothing,
    heals: "by itself, within a minute of its being back",
};
const ETCD: Row =
    Row { fault: "etcd restarts", seen: Nothing, heals: "by itself, within a minute of its being back" };
const DEFINITION: Row = Row {
    fault: "the CustomResourceDefinition is deleted, and all watches with it",
    seen: Nothing,
    heals: "when it is there again; watches that are applied again start anew",
};
const PARTITION: Row = Row {
    fault: "the operator can't reach the API server, without an error",
    seen: Nothing,
    heals: "by itself, within a minute or so; with several operators another goes on meanwhile",
};

/// Longer than an interval, so that a listing falls into it, which fails since the Secret can't be read; not so long that this
/// is told afterwards.
const OUTAGE: Duration = Duration::from_secs(10);

pub(super) const ROWS: [Row; 4] = [RESTARTED, ETCD, DEFINITION, PARTITION];

/// These need a cluster of their own, and one is enough for all.
#[tokio::test]
async fn restarts_of_the_control_plane_lose_nothing() {
    let mut cluster = Cluster::start(Options::default()).await.unwrap();
    let stage = Stage::on(&cluster, "restarts", Config { tasks: before(), ..Config::default() }).await;
    let _operator = stage.operator();

    stage.apply("wave-1", json!({})).await.unwrap();
    begin(&stage, "wave-1").await;
    cluster.stop_apiserver();
    move_on(&stage.sms);
    tokio::time::sleep(OUTAGE).await;
    cluster.start_apiserver().await.unwrap();
    until_healed(&stage, "wave-1", &RESTARTED).await;

    stage.watches().delete("wave-1", &DeleteParams::default()).await.unwrap();
    stage.sms.tasks().replace(before());
    stage.apply("wave-2", json!({})).await.unwrap();
    begin(&stage, "wave-2").await;
    cluster.stop_etcd();
    move_on(&stage.sms);
    tokio::time::sleep(OUTAGE).await;
    cluster.start_etcd().await.unwrap();
    until_healed(&stage, "wave-2", &ETCD).await;

    let definitions: Api<CustomResourceDefinition> = Api::all(stage.client.clone());
    let name = api::crd().metadata.name.unwrap();
    let uid = definitions.get(&name).await.unwrap().metadata.uid.unwrap();
    definitions.delete(&name, &DeleteParams::default()).await.unwrap();
    let gone = await_condition(definitions, &name, conditions::is_deleted(&uid));
    tokio::time::timeout(PATIENCE, gone).await.unwrap().unwrap();
    install_crd(&stage.client).await;
    stage.sms.tasks().replace(before());
    stage.apply("wave-3", json!({})).await.unwrap();
    begin(&stage, "wave-3").await;
    move_on(&stage.sms);
    until_healed(&stage, "wave-3", &DEFINITION).await;
}

#[tokio::test]
async fn a_partition_loses_nothing() {
    let stage = Stage::new("partition", before()).await;
    let line = Line::new(stage.kubeconfig()).await;
    let _operator = stage.operator_by(line.kubeconfig());
    stage.apply("wave-1", json!({})).await.unwrap();
    begin(&stage, "wave-1").await;
    line.cut();
    move_on(&stage.sms);
    tokio::time::sleep(OUTAGE).await;
    assert!(!shows_the_move(&stage.watches().get("wave-1").await.unwrap()));
    line.mend();
    until_healed(&stage, "wave-1", &PARTITION).await;
}
