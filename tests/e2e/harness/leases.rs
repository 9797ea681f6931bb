//! Several operators, of which one works.

use std::{path::Path, time::Duration};

use k8s_openapi::api::{
    coordination::v1::Lease,
    rbac::v1::{Role, RoleBinding},
};
use kube::{
    Api,
    api::{DeleteParams, PostParams},
};
use serde_json::json;
use test_cluster::chart_lease_rules;

use super::{Operator, PATIENCE, Stage};

/// The name of the Lease, and of the Role on it.
const LEASE: &str = "migration-task-watch";

/// Lease duration, renew deadline and retry period of most tests: long enough for an API server on a busy machine, since no
/// kubelet starts an operator anew that leads no more.
const STEADY: [&str; 3] = ["10s", "8s", "500ms"];

/// One of several operators: a running process with the name that the Lease would show.
pub(crate) struct Replica {
    pub(crate) name: String,
    pub(crate) operator: Operator,
}

impl Stage {
    /// Lets operators stand for election in the stage's namespace.
    pub(crate) async fn grant_lease(&self) {
        let (roles, bindings) = self.lease_roles();
        let rules = chart_lease_rules().unwrap();
        let role = json!({"metadata": {"name": LEASE}, "rules": rules});
        let binding = json!({
            "metadata": {"name": LEASE},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": LEASE},
            "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": self.namespace}],
        });
        roles.create(&PostParams::default(), &serde_json::from_value(role).unwrap()).await.unwrap();
        bindings.create(&PostParams::default(), &serde_json::from_value(binding).unwrap()).await.unwrap();
        self.until_granted(&self.namespace, &rules, |_| true).await;
    }

    /// Takes what [`Stage::grant_lease`] gave.
    pub(crate) async fn revoke_lease(&self) {
        let (roles, bindings) = self.lease_roles();
        bindings.delete(LEASE, &DeleteParams::default()).await.unwrap();
        roles.delete(LEASE, &DeleteParams::default()).await.unwrap();
        self.until_granted(&self.namespace, &chart_lease_rules().unwrap(), |_| false).await;
    }

    fn lease_roles(&self) -> (Api<Role>, Api<RoleBinding>) {
        (
            Api::namespaced(self.client.clone(), &self.namespace),
            Api::namespaced(self.client.clone(), &self.namespace),
        )
    }

    /// Starts an operator that stands for election, with a log of its own.
    pub(crate) fn replica(&self, name: &str) -> Replica {
        self.replica_with(self.kubeconfig(), name, STEADY)
    }

    /// Starts an operator that stands for election, by another way to the API server.
    pub(crate) fn replica_by(&self, kubeconfig: &Path, name: &str) -> Replica {
        self.replica_with(kubeconfig, name, STEADY)
    }

    /// Starts an operator with this lease duration, renew deadline and retry period.
    pub(crate) fn replica_with(&self, kubeconfig: &Path, name: &str, timing: [&str; 3]) -> Replica {
        let [lease_duration, renew_deadline, retry_period] = timing;
        let flags = [
            "--allowed-endpoints=http://127.0.0.1:*",
            "--leader-elect",
            "--lease-duration",
            lease_duration,
            "--renew-deadline",
            renew_deadline,
            "--retry-period",
            retry_period,
        ];
        let environment = [("POD_NAME", name), ("POD_NAMESPACE", &*self.namespace)];
        let log = self.log().with_file_name(format!("{name}.log"));
        let operator = Operator::start(kubeconfig, &[&self.namespace], &log, &flags, &environment);
        Replica { name: name.to_owned(), operator }
    }

    /// All Leases of the stage.
    pub(crate) fn leases(&self) -> Api<Lease> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The Lease.
    pub(crate) async fn lease(&self) -> Option<Lease> {
        self.leases().get_opt(LEASE).await.unwrap()
    }

    /// The name of the operator that holds the Lease.
    pub(crate) async fn holder(&self) -> Option<String> {
        let holder = self.lease().await?.spec?.holder_identity?;
        holder.rsplit_once('_').map(|(name, _)| name.to_owned())
    }

    /// Waits until the operator of this name leads.
    pub(crate) async fn until_led_by(&self, replica: &Replica) {
        self.until_led(|holder| holder == replica.name).await;
    }

    /// Waits until an operator leads whose name is as wanted, and says which.
    pub(crate) async fn until_led(&self, wanted: impl Fn(&str) -> bool) -> String {
        let wait = async {
            loop {
                if let Some(holder) = self.holder().await.filter(|holder| wanted(holder)) {
                    return holder;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let Ok(holder) = tokio::time::timeout(PATIENCE, wait).await else {
            panic!("nobody leads who should: {:?}", self.lease().await)
        };
        holder
    }
}
