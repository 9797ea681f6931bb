use std::{
    fs,
    path::{Path, PathBuf},
};

use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::{Namespace, ServiceAccount},
    rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, RoleRef, Subject},
};
use kube::{Api, Config, Resource, ResourceExt as _, api::PostParams, core::ObjectMeta};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Cluster, Error, access};

/// The RBAC rules that the Helm chart grants to the operator.
///
/// # Errors
/// When the chart's file is missing or isn't a list of rules.
pub fn chart_rules() -> Result<Vec<PolicyRule>, Error> {
    rules("rbac-rules.yaml")
}

/// The RBAC rules that the Helm chart adds with `secrets.watch`.
///
/// # Errors
/// As [`chart_rules`].
pub fn chart_secrets_watch_rules() -> Result<Vec<PolicyRule>, Error> {
    rules("rbac-rules-secrets-watch.yaml")
}

/// The RBAC rules that the Helm chart grants in the release's namespace for the election, on a Lease of the default name.
///
/// # Errors
/// As [`chart_rules`].
pub fn chart_lease_rules() -> Result<Vec<PolicyRule>, Error> {
    rules("rbac-rules-lease.yaml")
}

fn rules(file: &str) -> Result<Vec<PolicyRule>, Error> {
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charts/migration-task-watch/files");
    let path = files.join(file);
    let rules = fs::read_to_string(&path).map_err(Error::io(format!("read {}", path.display())))?;
    serde_saphyr::from_str(&rules).map_err(|source| Error::Rules { path, source: Box::new(source) })
}

impl Cluster {
    /// Creates a namespace that no other test has, named `<prefix>-` and some random letters.
    ///
    /// # Errors
    /// When the API server can't be asked or refuses the name.
    pub async fn namespace(&self, prefix: &str) -> Result<String, Error> {
        let namespace = Namespace {
            metadata: ObjectMeta { generate_name: Some(format!("{prefix}-")), ..ObjectMeta::default() },
            ..Namespace::default()
        };
        let api = Api::all(self.admin_client().await?);
        Ok(create(&api, &namespace).await?.name_any())
    }

    /// Creates a service account that holds `rules` in the whole cluster, and no other rights.
    ///
    /// # Errors
    /// When the API server can't be asked, or one of the objects exists.
    pub async fn create_service_account(
        &self,
        namespace: &str,
        name: &str,
        rules: Vec<PolicyRule>,
    ) -> Result<(), Error> {
        let client = self.admin_client().await?;
        let account = ServiceAccount { metadata: named(name), ..ServiceAccount::default() };
        create(&Api::namespaced(client.clone(), namespace), &account).await?;

        let role_name = format!("{namespace}:{name}");
        let role = ClusterRole { metadata: named(&role_name), rules: Some(rules), ..ClusterRole::default() };
        create(&Api::all(client.clone()), &role).await?;
        create(&Api::all(client), &binding(role_name, namespace, name)).await?;
        Ok(())
    }

    /// A client configuration with a token of this service account, good for an hour, and so with exactly its rights.
    ///
    /// # Errors
    /// When the API server can't be asked or doesn't know the service account.
    pub async fn service_account_config(&self, namespace: &str, name: &str) -> Result<Config, Error> {
        access::config(&self.service_account_kubeconfig(namespace, name).await?).await
    }

    /// A kubeconfig file of what [`Cluster::service_account_config`] gives.
    ///
    /// # Errors
    /// As there, or when the file can't be written.
    pub async fn service_account_kubeconfig(&self, namespace: &str, name: &str) -> Result<PathBuf, Error> {
        let api = Api::<ServiceAccount>::namespaced(self.admin_client().await?, namespace);
        // No audiences: the API server's own.
        let request = TokenRequest { spec: TokenRequestSpec::default(), ..TokenRequest::default() };
        let answer = api
            .create_token_request(name, &PostParams::default(), &request)
            .await
            .map_err(Error::api(format!("request a token of ServiceAccount {namespace}/{name}")))?;
        let status = answer.status.ok_or_else(|| Error::NoToken(format!("{namespace}/{name}")))?;
        self.access.write_kubeconfig(&format!("{namespace}-{name}"), &status.token)
    }
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }
}

fn binding(role_name: String, namespace: &str, account: &str) -> ClusterRoleBinding {
    ClusterRoleBinding {
        metadata: named(&role_name),
        role_ref: RoleRef {
            api_group: "rbac.authorization.k8s.io".to_owned(),
            kind: "ClusterRole".to_owned(),
            name: role_name,
        },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".to_owned(),
            namespace: Some(namespace.to_owned()),
            name: account.to_owned(),
            ..Subject::default()
        }]),
    }
}

async fn create<K>(api: &Api<K>, object: &K) -> Result<K, Error>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + Serialize + DeserializeOwned,
{
    let action = format!("create {} {}", K::kind(&()), object.name_any());
    api.create(&PostParams::default(), object).await.map_err(Error::api(action))
}
