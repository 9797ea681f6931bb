//! The cluster on which all scenarios run, one after the other.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use futures::{StreamExt as _, TryStreamExt as _, future, stream};
use k8s_openapi::{
    api::core::v1::Secret, apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, ResourceExt as _,
    api::{DeleteParams, ListParams, ObjectMeta, PostParams},
    runtime::wait::{await_condition, conditions},
};
use migration_task_watch::api::{self, MigrationTaskWatch};
use tempfile::TempDir;
use test_cluster::Cluster;
use tokio::time::{sleep, timeout};

use crate::{audit::AuditLog, error::Error, fleet::SECRET};

const ACCOUNT: &str = "migration-task-watch";
const PATIENCE: Duration = Duration::from_mins(1);
const RETRY: Duration = Duration::from_millis(100);
/// In the first seconds of a definition the API server ends all watches of its resources again and again. Nothing of
/// that is the programs' doing.
const SETTLING: Duration = Duration::from_secs(4);
/// How many watches are applied at a time.
const APPLIED_AT_ONCE: usize = 16;

/// A cluster that counts what service accounts ask for.
pub(crate) struct Stage {
    cluster: Cluster,
    pub(crate) audit: AuditLog,
    pub(crate) client: Client,
    dir: TempDir,
    keep_logs: Option<PathBuf>,
}

/// A namespace of its own for each program.
pub(crate) struct Place<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) namespace: String,
    pub(crate) kubeconfig: PathBuf,
    watches: Api<MigrationTaskWatch>,
}

impl Stage {
    pub(crate) async fn start(keep_logs: Option<PathBuf>) -> Result<Self, Error> {
        let dir = tempfile::tempdir().map_err(Error::io("create a temporary directory"))?;
        let audit = AuditLog::new(dir.path())?;
        let options =
            test_cluster::Options { apiserver_args: audit.arguments(), ..test_cluster::Options::default() };
        let cluster = Cluster::start(options).await?;
        let client = cluster.admin_client().await?;
        let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
        let definition = api::crd();
        let created = definitions.create(&PostParams::default(), &definition).await;
        created.map_err(Error::api("create the CustomResourceDefinition"))?;
        let name = definition.name_any();
        let established = await_condition(definitions, &name, conditions::is_crd_established());
        let action = "establish the CustomResourceDefinition";
        let late = |_| Error::Late { action, patience: PATIENCE };
        timeout(PATIENCE, established).await.map_err(late)?.map_err(Error::wait(action))?;
        sleep(SETTLING).await;
        Ok(Self { cluster, audit, client, dir, keep_logs })
    }

    /// A directory for the log of a program.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Where SMS leaves the certificate of its authority.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.dir.path().join("sms-ca.pem")
    }

    /// A namespace with a Secret, and an account with the chart's rights.
    pub(crate) async fn place(&self) -> Result<Place<'_>, Error> {
        let namespace = self.cluster.namespace("bench").await?;
        self.cluster.create_service_account(&namespace, ACCOUNT, test_cluster::chart_rules()?).await?;
        let kubeconfig = self.cluster.service_account_kubeconfig(&namespace, ACCOUNT).await?;
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), &namespace);
        let created = secrets.create(&PostParams::default(), &secret()).await;
        created.map_err(Error::api("create the Secret"))?;
        let watches = Api::namespaced(self.client.clone(), &namespace);
        Ok(Place { stage: self, namespace, kubeconfig, watches })
    }

    /// Keeps a log, if that was asked for.
    pub(crate) fn keep(&self, log: &Path, name: &str) -> Result<(), Error> {
        let Some(dir) = &self.keep_logs else { return Ok(()) };
        let action = || format!("keep the log in {}", dir.display());
        fs::create_dir_all(dir).map_err(Error::io(action()))?;
        fs::copy(log, dir.join(name)).map(drop).map_err(Error::io(action()))
    }
}

impl Place<'_> {
    /// The user that the program is to the API server.
    pub(crate) fn user(&self) -> String {
        format!("system:serviceaccount:{}:{ACCOUNT}", self.namespace)
    }

    /// Applies watches; `applying` hears of each one just before.
    pub(crate) async fn apply(
        &self,
        watches: Vec<MigrationTaskWatch>,
        applying: impl Fn(&str),
    ) -> Result<(), Error> {
        let applied = futures::stream::iter(watches).map(|watch| {
            let applying = &applying;
            async move {
                applying(&watch.name_any());
                self.create(&watch).await
            }
        });
        applied.buffer_unordered(APPLIED_AT_ONCE).try_collect().await
    }

    /// An API server doesn't serve a new definition everywhere as soon as it is established.
    async fn create(&self, watch: &MigrationTaskWatch) -> Result<(), Error> {
        loop {
            match self.watches.create(&PostParams::default(), watch).await {
                Err(kube::Error::Api(status)) if status.is_not_found() => sleep(RETRY).await,
                created => return created.map(drop).map_err(Error::api("create a watch")),
            }
        }
    }

    /// Removes all watches: the next program looks at all namespaces.
    pub(crate) async fn clear(&self) -> Result<(), Error> {
        let action = "delete the watches";
        // One by one, and without their statuses: together these can be a hundred megabytes.
        let all = self.watches.list_metadata(&ListParams::default()).await.map_err(Error::api(action))?;
        stream::iter(all.items)
            .map(
                |watch| async move { self.watches.delete(&watch.name_any(), &DeleteParams::default()).await },
            )
            .buffer_unordered(APPLIED_AT_ONCE)
            .try_for_each(|_| future::ready(Ok(())))
            .await
            .map_err(Error::api(action))
    }
}

/// What signs in: the operator by its key, the naive program by a token.
fn secret() -> Secret {
    let data = [("accessKey", "AKBENCH"), ("secretKey", "secret-of-the-bench"), ("naiveToken", "token")];
    Secret {
        metadata: ObjectMeta { name: Some(SECRET.to_owned()), ..ObjectMeta::default() },
        string_data: Some(data.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
        ..Secret::default()
    }
}
