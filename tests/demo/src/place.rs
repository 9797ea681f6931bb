//! The cluster on which the demo takes place: one of its own, or that of the current kubeconfig.

use std::{
    fmt::Debug,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use k8s_openapi::{
    api::core::v1::Namespace, apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Config, Resource, ResourceExt as _,
    api::{DeleteParams, ListParams, ObjectMeta, PostParams, Preconditions},
    runtime::wait::{await_condition, conditions},
};
use migration_task_watch::api::{self, MigrationTaskWatch};
use serde::{Serialize, de::DeserializeOwned};
use test_cluster::Cluster;
use tokio::time::timeout;

use crate::{
    error::{ApiError, Error},
    screen::say,
};

/// A label on the namespace and the definition that a demo creates; its value is another for each run.
const MARK: &str = "migration-task-watch.dev/demo";
/// Another one than in the examples of the documentation, so that these can be applied beside a demo.
const NAMESPACE: &str = "mtw-demo";
/// The name of the operator's ServiceAccount.
const ACCOUNT: &str = "migration-task-watch";
/// How long an API server may take for an answer, or to do what it has promised.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Place {
    pub(crate) client: Client,
    pub(crate) namespace: &'static str,
    mark: String,
    /// None on the current kubeconfig's.
    own: Option<Cluster>,
}

impl Place {
    /// Starts a cluster.
    pub(crate) async fn own() -> Result<Self, Error> {
        say("Starting etcd and kube-apiserver")?;
        let began = Instant::now();
        let cluster = Cluster::start(test_cluster::Options::default()).await?;
        say(format!("  ready after {:.1} s", began.elapsed().as_secs_f64()))?;
        Ok(Self::new(cluster.admin_client().await?, Some(cluster)))
    }

    /// Takes the cluster that kubectl would use.
    pub(crate) async fn current() -> Result<Self, Error> {
        // A cluster of the demo's own does this itself.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = Config::infer().await.map_err(|error| Error::NoCurrentCluster(Box::new(error)))?;
        let url = config.cluster_url.clone();
        say(format!("Using the cluster {url}; what the demo creates there is removed at the end"))?;
        let client = Client::try_from(config)
            .map_err(|error| Error::Api { action: "use the kubeconfig", source: error.into() })?;
        Ok(Self::new(client, None))
    }

    fn new(client: Client, own: Option<Cluster>) -> Self {
        Self { client, namespace: NAMESPACE, mark: format!("{:016x}", fastrand::u64(..)), own }
    }

    pub(crate) fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// The administrator's kubeconfig of a cluster of the demo's own.
    pub(crate) fn kubeconfig(&self) -> Option<&Path> {
        self.own.as_ref().map(Cluster::kubeconfig)
    }

    /// On a cluster of the demo's own, a kubeconfig with a token that has exactly the chart's rights, for an hour.
    pub(crate) async fn operator_kubeconfig(&self) -> Result<Option<PathBuf>, Error> {
        let Some(cluster) = &self.own else { return Ok(None) };
        cluster.create_service_account(self.namespace, ACCOUNT, test_cluster::chart_rules()?).await?;
        Ok(Some(cluster.service_account_kubeconfig(self.namespace, ACCOUNT).await?))
    }

    /// Creates the namespace and the CustomResourceDefinition. One that is there already stays as it is.
    pub(crate) async fn prepare(&self) -> Result<(), Error> {
        let namespace = Namespace { metadata: named(self.namespace), ..Namespace::default() };
        if !self.create("create the namespace", namespace).await? {
            return Err(Error::NamespaceTaken(self.namespace));
        }
        if !self.create("create the CustomResourceDefinition", api::crd()).await? {
            say("The CustomResourceDefinition is there already, and stays as it is")?;
        }
        let definitions: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        let name = api::crd().name_any();
        let established = await_condition(definitions, &name, conditions::is_crd_established());
        within("establish the CustomResourceDefinition", established).await.map(drop)
    }

    /// Creates an object with this run's mark, and says whether there was none yet.
    async fn create<K>(&self, action: &'static str, mut object: K) -> Result<bool, Error>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned,
    {
        object.labels_mut().insert(MARK.to_owned(), self.mark.clone());
        let api: Api<K> = Api::all(self.client.clone());
        match within(action, api.create(&PostParams::default(), &object)).await {
            Err(error) if error.refusal().is_some_and(|status| status.is_already_exists()) => Ok(false),
            created => created.map(|_| true),
        }
    }

    /// Removes what this run has created on a cluster that isn't the demo's own.
    pub(crate) async fn leave(&self) -> Result<(), Error> {
        if self.is_own() {
            return Ok(());
        }
        let namespace = self.remove_namespace().await;
        let definition = self.remove_definition().await;
        namespace.and(definition)
    }

    /// With all that is in it.
    async fn remove_namespace(&self) -> Result<(), Error> {
        for namespace in self.mine::<Namespace>("list the namespaces").await? {
            self.remove("remove the namespace", namespace).await?;
        }
        Ok(())
    }

    /// With all watches, so not if somebody else has begun to use it.
    async fn remove_definition(&self) -> Result<(), Error> {
        for definition in self.mine::<CustomResourceDefinition>("list the CustomResourceDefinitions").await? {
            if self.is_definition_used().await? {
                return say("The CustomResourceDefinition stays: there are watches in other namespaces");
            }
            self.remove("remove the CustomResourceDefinition", definition).await?;
        }
        Ok(())
    }

    async fn is_definition_used(&self) -> Result<bool, Error> {
        let watches: Api<MigrationTaskWatch> = Api::all(self.client.clone());
        match within("list all watches", watches.list(&ListParams::default())).await {
            // It isn't served yet.
            Err(error) if error.refusal().is_some_and(|status| status.is_not_found()) => Ok(false),
            all => Ok(all?.iter().any(|watch| watch.namespace().as_deref() != Some(self.namespace))),
        }
    }

    /// The objects of a kind that this run has created.
    async fn mine<K>(&self, action: &'static str) -> Result<Vec<K>, Error>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let api: Api<K> = Api::all(self.client.clone());
        let mine = ListParams::default().labels(&format!("{MARK}={}", self.mark));
        Ok(within(action, api.list(&mine)).await?.items)
    }

    /// Deletes an object, and waits until it is gone.
    async fn remove<K>(&self, action: &'static str, object: K) -> Result<(), Error>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
    {
        let api: Api<K> = Api::all(self.client.clone());
        let (name, uid) = (object.name_any(), object.uid().unwrap_or_default());
        let exactly = Preconditions { uid: Some(uid.clone()), ..Preconditions::default() };
        within(action, api.delete(&name, &DeleteParams::default().preconditions(exactly))).await?;
        within(action, await_condition(api, &name, conditions::is_deleted(&uid))).await.map(drop)
    }
}

/// Metadata with a name alone.
pub(crate) fn named(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }
}

/// The answer of an API server, which has to come in a minute.
pub(crate) async fn within<T, E: Into<ApiError>>(
    action: &'static str,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, Error> {
    match timeout(PATIENCE, answer).await {
        Ok(answer) => answer.map_err(|error| Error::Api { action, source: error.into() }),
        Err(_) => Err(Error::Late { action, patience: PATIENCE }),
    }
}

#[cfg(test)]
mod tests {
    use super::NAMESPACE;

    /// What is applied on a demo's cluster, as the documentation has it, must not change the demo's Secret and watches.
    #[test]
    fn the_examples_of_the_documentation_are_in_other_namespaces() {
        let pages = [include_str!("../../../README.md"), include_str!("../../../examples/wave.yaml")];
        for page in pages {
            let namespaces: Vec<_> =
                page.lines().filter_map(|line| line.trim().strip_prefix("namespace: ")).collect();
            assert!(!namespaces.is_empty() && !namespaces.contains(&NAMESPACE), "{namespaces:?}");
        }
    }
}
