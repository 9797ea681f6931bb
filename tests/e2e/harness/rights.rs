//! Taking rights from the operator, and giving them back.

use std::time::Duration;

use k8s_openapi::api::{
    authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
    rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding},
};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::json;
use test_cluster::{chart_rules, chart_secrets_watch_rules};

use super::{Stage, stage::PATIENCE};

impl Stage {
    /// Takes the rights on a resource, and waits until the API server knows.
    pub(crate) async fn forbid(&self, resource: &str) {
        self.grant(|rule| !rule.resources.iter().flatten().any(|name| name == resource)).await;
    }

    /// Gives all rights of the chart back.
    pub(crate) async fn forbid_nothing(&self) {
        self.grant(|_| true).await;
    }

    /// Gives the rights that the chart adds with `secrets.watch`, too.
    pub(crate) async fn allow_watching_secrets(&self) {
        let all = rules_with_secrets_watch();
        self.set_rules(&all.iter().collect::<Vec<_>>()).await;
        self.until_granted(&self.namespace, &all, |_| true).await;
    }

    /// Takes all rights in the cluster as a whole; those in namespaces stay.
    pub(crate) async fn confine(&self) {
        let bindings: Api<ClusterRoleBinding> = Api::all(self.client.clone());
        bindings.delete(&self.role(), &DeleteParams::default()).await.unwrap();
        self.until_granted("default", &chart_rules().unwrap(), |_| false).await;
    }

    /// Gives the rights of the chart, with `secrets.watch`, in one namespace.
    pub(crate) async fn grant_in(&self, namespace: &str) {
        let rules = rules_with_secrets_watch();
        let (roles, bindings) = self.roles_in(namespace);
        let name = self.role();
        let role = json!({"metadata": {"name": name}, "rules": rules});
        let binding = json!({
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": self.namespace}],
        });
        roles.create(&PostParams::default(), &serde_json::from_value(role).unwrap()).await.unwrap();
        bindings.create(&PostParams::default(), &serde_json::from_value(binding).unwrap()).await.unwrap();
        self.until_granted(namespace, &rules, |_| true).await;
    }

    /// Takes what [`Stage::grant_in`] gave.
    pub(crate) async fn revoke_in(&self, namespace: &str) {
        let (roles, bindings) = self.roles_in(namespace);
        bindings.delete(&self.role(), &DeleteParams::default()).await.unwrap();
        roles.delete(&self.role(), &DeleteParams::default()).await.unwrap();
        self.until_granted(namespace, &rules_with_secrets_watch(), |_| false).await;
    }

    fn roles_in(&self, namespace: &str) -> (Api<Role>, Api<RoleBinding>) {
        (Api::namespaced(self.client.clone(), namespace), Api::namespaced(self.client.clone(), namespace))
    }

    fn role(&self) -> String {
        format!("{}:operator", self.namespace)
    }

    async fn grant(&self, granted: impl Fn(&PolicyRule) -> bool) {
        let all = chart_rules().unwrap();
        let rules: Vec<&PolicyRule> = all.iter().filter(|rule| granted(rule)).collect();
        self.set_rules(&rules).await;
        self.until_granted(&self.namespace, &all, granted).await;
    }

    async fn set_rules(&self, rules: &[&PolicyRule]) {
        let roles: Api<ClusterRole> = Api::all(self.client.clone());
        let patch = Patch::Merge(json!({"rules": rules}));
        roles.patch(&self.role(), &PatchParams::default(), &patch).await.unwrap();
    }

    /// Waits until the API server grants those of the rules in a namespace that are to be granted, and no others.
    pub(super) async fn until_granted(
        &self,
        namespace: &str,
        rules: &[PolicyRule],
        granted: impl Fn(&PolicyRule) -> bool,
    ) {
        for rule in rules {
            let granted = self.until_allowed(namespace, rule, granted(rule));
            let waited = tokio::time::timeout(PATIENCE, granted).await;
            assert!(waited.is_ok(), "{namespace}: the API server doesn't go by {rule:?}");
        }
    }

    async fn until_allowed(&self, namespace: &str, rule: &PolicyRule, allowed: bool) {
        while self.is_allowed(namespace, rule).await != allowed {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn is_allowed(&self, namespace: &str, rule: &PolicyRule) -> bool {
        let first = |list: &Option<Vec<String>>| list.as_ref().unwrap()[0].clone();
        let name = first(&rule.resources);
        let (resource, subresource) = name.split_once('/').map_or((&*name, None), |(a, b)| (a, Some(b)));
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: Some(format!("system:serviceaccount:{}:operator", self.namespace)),
                resource_attributes: Some(ResourceAttributes {
                    namespace: Some(namespace.to_owned()),
                    group: Some(first(&rule.api_groups)),
                    resource: Some(resource.to_owned()),
                    subresource: subresource.map(str::to_owned),
                    verb: Some(rule.verbs[0].clone()),
                    name: rule.resource_names.as_ref().map(|names| names[0].clone()),
                    ..ResourceAttributes::default()
                }),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let reviews: Api<SubjectAccessReview> = Api::all(self.client.clone());
        reviews.create(&PostParams::default(), &review).await.unwrap().status.unwrap().allowed
    }
}

fn rules_with_secrets_watch() -> Vec<PolicyRule> {
    let mut rules = chart_rules().unwrap();
    rules.extend(chart_secrets_watch_rules().unwrap());
    rules
}
