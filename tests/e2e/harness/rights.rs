//! Taking rights from the operator, and giving them back.

use std::time::Duration;

use k8s_openapi::api::{
    authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
    rbac::v1::{ClusterRole, PolicyRule},
};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;
use test_cluster::chart_rules;

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

    async fn grant(&self, granted: impl Fn(&PolicyRule) -> bool) {
        let all = chart_rules().unwrap();
        let rules: Vec<&PolicyRule> = all.iter().filter(|rule| granted(rule)).collect();
        let roles: Api<ClusterRole> = Api::all(self.client.clone());
        let role = format!("{}:operator", self.namespace);
        let patch = Patch::Merge(json!({"rules": rules}));
        roles.patch(&role, &PatchParams::default(), &patch).await.unwrap();
        for rule in &all {
            tokio::time::timeout(PATIENCE, self.until_allowed(rule, granted(rule))).await.unwrap();
        }
    }

    async fn until_allowed(&self, rule: &PolicyRule, allowed: bool) {
        while self.is_allowed(rule).await != allowed {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn is_allowed(&self, rule: &PolicyRule) -> bool {
        let first = |list: &Option<Vec<String>>| list.as_ref().unwrap()[0].clone();
        let name = first(&rule.resources);
        let (resource, subresource) = name.split_once('/').map_or((&*name, None), |(a, b)| (a, Some(b)));
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: Some(format!("system:serviceaccount:{}:operator", self.namespace)),
                resource_attributes: Some(ResourceAttributes {
                    namespace: Some(self.namespace.clone()),
                    group: Some(first(&rule.api_groups)),
                    resource: Some(resource.to_owned()),
                    subresource: subresource.map(str::to_owned),
                    verb: Some(rule.verbs[0].clone()),
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
