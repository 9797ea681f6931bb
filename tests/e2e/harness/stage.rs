use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use k8s_openapi::{
    ByteString,
    api::{core::v1::Secret, events::v1::Event},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams},
    runtime::wait::{await_condition, conditions},
};
use migration_task_watch::api::{self, MigrationTaskWatch, MigrationTaskWatchStatus};
use serde_json::{Value, json};
use sms_simulator::{Config, Simulator, Task};
use test_cluster::Cluster;

use super::operator::{Operator, until_logged};

/// How long a test waits for what must come. Not a measure of speed: a machine may be slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A namespace of a real API server, with an SMS of its own.
pub(crate) struct Stage {
    pub(crate) namespace: String,
    pub(crate) client: Client,
    pub(crate) sms: Simulator,
    kubeconfig: PathBuf,
    dir: tempfile::TempDir,
}

impl Stage {
    /// Sets the stage, with these tasks and a Secret `huawei` that opens the account.
    pub(crate) async fn new(name: &str, tasks: Vec<Task>) -> Self {
        Self::with_sms(name, Config { tasks, ..Config::default() }).await
    }

    /// Sets the stage, with an SMS of this kind.
    pub(crate) async fn with_sms(name: &str, sms: Config) -> Self {
        Self::on(Cluster::shared().await.unwrap(), name, sms).await
    }

    /// Sets the stage on a cluster of the test's own.
    pub(crate) async fn on(cluster: &Cluster, name: &str, sms: Config) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = cluster.admin_client().await.unwrap();
        install_crd(&client).await;
        let namespace = cluster.namespace(name).await.unwrap();
        cluster
            .create_service_account(&namespace, "operator", test_cluster::chart_rules().unwrap())
            .await
            .unwrap();
        let kubeconfig = cluster.service_account_kubeconfig(&namespace, "operator").await.unwrap();
        let sms = Simulator::start(sms).await.unwrap();
        let stage = Self { namespace, client, sms, kubeconfig, dir: tempfile::tempdir().unwrap() };
        let key = &sms_simulator::Account::default().access_keys[0];
        stage.secret("huawei", json!({"accessKey": key.id, "secretKey": key.secret})).await;
        stage
    }

    /// Starts an operator.
    pub(crate) fn operator(&self) -> Operator {
        self.operator_with(&["--allowed-endpoints", "http://127.0.0.1:*"], &[])
    }

    pub(crate) fn operator_with(&self, flags: &[&str], environment: &[(&str, &str)]) -> Operator {
        self.operator_in(&[&self.namespace], flags, environment)
    }

    /// Starts an operator by another way to the API server.
    pub(crate) fn operator_by(&self, kubeconfig: &Path) -> Operator {
        let flags = ["--allowed-endpoints", "http://127.0.0.1:*"];
        Operator::start(kubeconfig, &[&self.namespace], &self.log(), &flags, &[])
    }

    /// Starts an operator on other namespaces than the stage's alone.
    pub(crate) fn operator_in(
        &self,
        namespaces: &[&str],
        flags: &[&str],
        environment: &[(&str, &str)],
    ) -> Operator {
        Operator::start(&self.kubeconfig, namespaces, &self.log(), flags, environment)
    }

    /// A file that gives the operator's rights.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.dir.path().join("operator.log")
    }

    /// What the operator's metrics say.
    pub(crate) async fn metrics(&self) -> String {
        let log = std::fs::read_to_string(self.log()).unwrap();
        let address = log.rsplit("metrics=").next().unwrap().split_whitespace().next().unwrap();
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        client.get(format!("http://{address}/metrics")).send().await.unwrap().text().await.unwrap()
    }

    pub(crate) fn watches(&self) -> Api<MigrationTaskWatch> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Writes a Secret.
    pub(crate) async fn secret(&self, name: &str, data: Value) {
        let secret =
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data});
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
        // Replaced whole: keys that aren't named any more are gone.
        let _ = secrets.delete(name, &DeleteParams::default()).await;
        secrets.create(&PostParams::default(), &serde_json::from_value(secret).unwrap()).await.unwrap();
    }

    /// Writes a Secret of any bytes.
    pub(crate) async fn secret_bytes(&self, name: &str, data: &[(&str, &[u8])]) {
        let data = data.iter().map(|(key, value)| ((*key).to_owned(), ByteString(value.to_vec()))).collect();
        let secret = Secret { data: Some(data), ..Secret::default() };
        let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
        secrets.create(&PostParams::default(), &Secret { metadata, ..secret }).await.unwrap();
    }

    /// Changes a Secret in place.
    pub(crate) async fn change_secret(&self, name: &str, data: Value) {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
        let patch = Patch::Merge(json!({"stringData": data}));
        secrets.patch(name, &PatchParams::default(), &patch).await.unwrap();
    }

    /// Deletes a Secret.
    pub(crate) async fn delete_secret(&self, name: &str) {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
        secrets.delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// Waits until the operator's log has a line with all of these.
    pub(crate) async fn until_logged(&self, texts: &[&str]) -> String {
        until_logged(&self.log(), texts).await
    }

    /// A manifest on this stage's SMS.
    pub(crate) fn manifest(&self, name: &str, spec: Value) -> Value {
        let mut all = json!({
            "endpoint": self.sms.endpoint(),
            "credentials": {"secretRef": {"name": "huawei"}},
            "interval": "5s",
        });
        all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        json!({
            "apiVersion": "migration-task-watch.dev/v1alpha1",
            "kind": "MigrationTaskWatch",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": all,
        })
    }

    /// Applies a watch, as `kubectl apply --server-side` does.
    pub(crate) async fn apply(&self, name: &str, spec: Value) -> kube::Result<MigrationTaskWatch> {
        let manifest = self.manifest(name, spec);
        self.watches().patch(name, &PatchParams::apply("a-user"), &Patch::Apply(&manifest)).await
    }

    /// Asks for a listing now, and waits until that has been answered.
    pub(crate) async fn refresh(&self, name: &str, token: &str) {
        self.request(name, token).await;
        self.until(name, |watch| status(watch).last_handled_reconcile_at.as_deref() == Some(token)).await;
    }

    /// Asks for a listing now.
    pub(crate) async fn request(&self, name: &str, token: &str) {
        let patch = json!({"metadata": {"annotations": {api::REQUESTED_AT: token}}});
        self.watches().patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    }

    /// Waits until SMS has been asked so many times more.
    pub(crate) async fn further_requests(&self, count: usize) {
        let requests = self.sms.requests();
        let seen = requests.count(|_| true);
        tokio::time::timeout(PATIENCE, requests.wait_for(seen + count, |_| true)).await.unwrap();
    }

    /// What the Ready condition says.
    pub(crate) async fn message(&self, name: &str) -> String {
        let conditions = status(&self.watches().get(name).await.unwrap()).conditions;
        conditions.into_iter().find(|condition| condition.type_ == "Ready").unwrap().message
    }

    /// Waits until a watch is as wanted.
    pub(crate) async fn until(
        &self,
        name: &str,
        wanted: impl Fn(&MigrationTaskWatch) -> bool,
    ) -> MigrationTaskWatch {
        self.until_within(PATIENCE, name, wanted).await
    }

    /// Waits until a watch is as wanted, and for no longer than this.
    pub(crate) async fn until_within(
        &self,
        patience: Duration,
        name: &str,
        wanted: impl Fn(&MigrationTaskWatch) -> bool,
    ) -> MigrationTaskWatch {
        let found = |watch: Option<&MigrationTaskWatch>| watch.is_some_and(&wanted);
        let waited = tokio::time::timeout(patience, await_condition(self.watches(), name, found)).await;
        if let Ok(watch) = waited {
            return watch.unwrap().unwrap();
        }
        let watch = self.watches().get(name).await;
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        panic!("{name} doesn't come to what is wanted; it is {watch:#?}\n{log}");
    }

    /// Waits until a condition has this status and reason.
    pub(crate) async fn until_condition(
        &self,
        name: &str,
        kind: &str,
        is: (&str, &str),
    ) -> MigrationTaskWatch {
        self.until(name, |watch| condition(watch, kind) == Some((is.0.to_owned(), is.1.to_owned()))).await
    }

    /// Everything that has been told of a watch, oldest first.
    pub(crate) async fn events(&self, name: &str) -> Vec<(String, String)> {
        let events: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        let mut events = events.list(&ListParams::default()).await.unwrap().items;
        events.retain(|event| event.regarding.as_ref().and_then(|watch| watch.name.as_deref()) == Some(name));
        events.sort_by_key(|event| event.metadata.name.clone().map(|name| natural(&name)));
        events
            .into_iter()
            .map(|event| (event.reason.unwrap_or_default(), event.note.unwrap_or_default()))
            .collect()
    }

    /// Waits until as many events are there as are expected, and compares them.
    pub(crate) async fn until_told(&self, name: &str, reasons: &[&str]) {
        let start = std::time::Instant::now();
        loop {
            let told = self.reasons(name).await;
            if told.len() >= reasons.len() || start.elapsed() > PATIENCE {
                assert_eq!(told, reasons, "{}", std::fs::read_to_string(self.log()).unwrap_or_default());
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The reasons of the events, oldest first.
    pub(crate) async fn reasons(&self, name: &str) -> Vec<String> {
        self.events(name).await.into_iter().map(|(reason, _)| reason).collect()
    }
}

/// Event names end in sequence and place.
fn natural(name: &str) -> Vec<u64> {
    name.rsplit('.')
        .take(2)
        .map(|number| number.parse().unwrap_or(0))
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect()
}

/// The status of a watch; an empty one if there is none.
pub(crate) fn status(watch: &MigrationTaskWatch) -> MigrationTaskWatchStatus {
    watch.status.clone().unwrap_or_default()
}

/// Status and reason of a condition.
pub(crate) fn condition(watch: &MigrationTaskWatch, kind: &str) -> Option<(String, String)> {
    let conditions = status(watch).conditions;
    let condition = conditions.into_iter().find(|condition| condition.type_ == kind)?;
    Some((condition.status, condition.reason))
}

/// Several tests apply the same definition at the same time.
pub(crate) async fn install_crd(client: &Client) {
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    let crd = api::crd();
    let name = crd.metadata.name.clone().unwrap();
    let (params, patch) = (PatchParams::apply("tests").force(), Patch::Apply(&crd));
    for tries_left in (0..10).rev() {
        match crds.patch(&name, &params, &patch).await {
            Ok(_) => break,
            Err(error) if tries_left == 0 => panic!("the CRD can't be applied: {error}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    let established = await_condition(crds, &name, conditions::is_crd_established());
    tokio::time::timeout(PATIENCE, established).await.expect("the CRD isn't established").unwrap();
}
