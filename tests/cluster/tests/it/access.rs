use k8s_openapi::api::{
    core::v1::{ConfigMap, Secret},
    rbac::v1::PolicyRule,
};
use kube::{Api, Client, api::ListParams};
use test_cluster::{Cluster, chart_rules};

fn read(resource: &str) -> PolicyRule {
    PolicyRule {
        api_groups: Some(vec![String::new()]),
        resources: Some(vec![resource.to_owned()]),
        verbs: vec!["list".to_owned()],
        ..PolicyRule::default()
    }
}

#[tokio::test]
async fn a_service_account_has_its_rights_and_no_others() {
    let cluster = Cluster::shared().await.unwrap();
    let namespace = cluster.namespace("rights").await.unwrap();
    cluster.create_service_account(&namespace, "reader", vec![read("configmaps")]).await.unwrap();

    let config = cluster.service_account_config(&namespace, "reader").await.unwrap();
    let client = Client::try_from(config).unwrap();
    Api::<ConfigMap>::namespaced(client.clone(), &namespace).list(&ListParams::default()).await.unwrap();
    let refused = Api::<Secret>::namespaced(client, &namespace).list(&ListParams::default()).await;
    assert!(matches!(refused, Err(kube::Error::Api(status)) if status.code == 403));
}

#[tokio::test]
async fn the_api_server_accepts_the_rules_of_the_chart() {
    let cluster = Cluster::shared().await.unwrap();
    let namespace = cluster.namespace("chart").await.unwrap();
    let rules = chart_rules().unwrap();
    assert!(!rules.is_empty());
    cluster.create_service_account(&namespace, "migration-task-watch", rules).await.unwrap();
}

#[tokio::test]
async fn namespaces_with_one_prefix_differ() {
    let cluster = Cluster::shared().await.unwrap();
    assert_ne!(cluster.namespace("same").await.unwrap(), cluster.namespace("same").await.unwrap());
}
