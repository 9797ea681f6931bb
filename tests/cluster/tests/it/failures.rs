use std::path::PathBuf;

use test_cluster::{Cluster, Error, Options};

use crate::namespaces;

#[tokio::test]
async fn data_outlives_both_servers() {
    let mut cluster = Cluster::start(Options::default()).await.unwrap();
    let namespace = cluster.namespace("kept").await.unwrap();
    let first = cluster.apiserver_pid();
    let api = namespaces(&cluster).await.unwrap();

    cluster.stop_apiserver();
    assert_eq!(cluster.apiserver_pid(), None);
    api.get(&namespace).await.expect_err("the API server is stopped");
    cluster.stop_etcd();
    cluster.start_etcd().await.unwrap();
    cluster.start_apiserver().await.unwrap();
    assert_ne!(cluster.apiserver_pid(), first);
    // The client of before: port, certificate and token are the same.
    api.get(&namespace).await.unwrap();

    cluster.stop_etcd();
    cluster.start_etcd().await.unwrap();
    api.get(&namespace).await.unwrap();
}

#[tokio::test]
async fn a_missing_binary_is_named_with_its_remedy() {
    let options = Options { assets: Some(PathBuf::from("/nowhere")), ..Options::default() };
    let error = Cluster::start(options).await.unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/etcd is missing: run `make cluster`"), "{error}");
}

#[tokio::test]
async fn a_server_that_ends_shows_its_log() {
    let options = Options { apiserver_args: vec!["--no-such-flag".to_owned()], ..Options::default() };
    match Cluster::start(options).await {
        Err(Error::Exited { name: "kube-apiserver", log, .. }) => {
            assert!(log.contains("--no-such-flag"), "{log}");
        }
        other => panic!("{other:?}"),
    }
}
