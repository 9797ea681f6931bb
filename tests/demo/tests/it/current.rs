//! On a cluster that isn't the demo's own.

use std::fmt::Debug;

use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        core::v1::{Namespace, Secret},
        events::v1::Event,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    api::{DeleteParams, ListParams, ObjectMeta, PostParams},
    runtime::wait::{await_condition, conditions},
};
use migration_task_watch::api::{self, MigrationTaskWatch};
use serde::de::DeserializeOwned;
use serde_json::json;
use test_cluster::{Cluster, Options};

use crate::harness::{Running, demo};

const NAMESPACE: &str = "mtw-demo";

/// Somebody's cluster.
struct Theirs {
    cluster: Cluster,
    client: Client,
}

impl Theirs {
    fn demo(&self) -> Running {
        let kubeconfig = self.cluster.kubeconfig();
        let mut command = demo();
        // A relative path, as anybody may have it.
        command.current_dir(self.cluster.dir()).env("KUBECONFIG", kubeconfig.file_name().unwrap());
        // Clusters may be behind a proxy; that of plain HTTP stays.
        command.env("CLUSTER", "current").env_remove("HTTPS_PROXY");
        Running::start(&mut command)
    }

    async fn has_definition(&self) -> bool {
        let definitions: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        definitions.get_opt(&api::crd().name_any()).await.unwrap().is_some()
    }

    fn namespaces(&self) -> Api<Namespace> {
        Api::all(self.client.clone())
    }

    /// Does what a namespace controller would, once the namespace is deleted.
    async fn let_namespace_go(&self) {
        let deleted = |namespace: Option<&Namespace>| {
            namespace.is_some_and(|namespace| namespace.meta().deletion_timestamp.is_some())
        };
        let namespace = await_condition(self.namespaces(), NAMESPACE, deleted).await.unwrap().unwrap();
        self.empty::<Secret>().await;
        self.empty::<Event>().await;
        self.empty::<MigrationTaskWatch>().await;
        let mut emptied = namespace.clone();
        emptied.spec.get_or_insert_default().finalizers = None;
        self.namespaces()
            .replace_subresource("finalize", NAMESPACE, &PostParams::default(), &emptied)
            .await
            .unwrap();
        let uid = namespace.uid().unwrap();
        await_condition(self.namespaces(), NAMESPACE, conditions::is_deleted(&uid)).await.unwrap();
    }

    async fn empty<K>(&self)
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let api: Api<K> = Api::namespaced(self.client.clone(), NAMESPACE);
        api.delete_collection(&DeleteParams::default(), &ListParams::default()).await.unwrap();
    }

    /// Runs a demo to its first event and interrupts it.
    async fn interrupted_demo(&self) -> String {
        let mut running = self.demo();
        let mut text = running.read_to("WatchStarted");
        running.signal("INT");
        self.let_namespace_go().await;
        let (status, rest) = running.wait();
        assert_eq!(status.code(), Some(130));
        text.push_str(&rest);
        text
    }
}

fn watch() -> MigrationTaskWatch {
    let spec = json!({"region": "ap-southeast-3", "credentials": {"secretRef": {"name": "huawei"}}});
    MigrationTaskWatch::new("theirs", serde_json::from_value(spec).unwrap())
}

#[tokio::test]
async fn it_removes_what_it_created_and_nothing_else() {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    let client = cluster.admin_client().await.unwrap();
    let theirs = Theirs { cluster, client };

    // The definition goes with the demo that created it ...
    theirs.interrupted_demo().await;
    assert!(!theirs.has_definition().await);

    // ... unless somebody has begun to use it ...
    let mut running = theirs.demo();
    running.read_to("WatchStarted");
    let watches: Api<MigrationTaskWatch> = Api::namespaced(theirs.client.clone(), "default");
    let created = watches.create(&PostParams::default(), &watch()).await.unwrap();
    running.signal("TERM");
    theirs.let_namespace_go().await;
    let (status, rest) = running.wait();
    assert_eq!(status.code(), Some(143));
    assert!(rest.contains("there are watches in other namespaces"), "{rest}");
    let found = watches.get("theirs").await.unwrap();
    assert_eq!(
        found.resource_version(),
        created.resource_version(),
        "its operator leaves others' watches alone"
    );

    // ... or had it before.
    watches.delete("theirs", &DeleteParams::default()).await.unwrap();
    let text = theirs.interrupted_demo().await;
    assert!(text.contains("is there already, and stays as it is"), "{text}");
    assert!(theirs.has_definition().await);

    let namespace = ObjectMeta { name: Some(NAMESPACE.to_owned()), ..ObjectMeta::default() };
    let namespace = Namespace { metadata: namespace, ..Namespace::default() };
    theirs.namespaces().create(&PostParams::default(), &namespace).await.unwrap();
    assert_eq!(theirs.demo().wait().0.code(), Some(1));
    let namespace = theirs.namespaces().get(NAMESPACE).await.unwrap();
    assert!(namespace.meta().deletion_timestamp.is_none(), "it is somebody else's");
}
