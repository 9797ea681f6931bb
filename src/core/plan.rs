//! What a spec asks for, parsed: the one place where a spec's text turns into values.

use std::time::Duration;

use ring::digest;
use serde_json::json;

use super::{
    duration,
    endpoint::{AllowedEndpoints, Endpoint, Region},
    failure::{Failure, FailureKind},
    filter::Filter,
    policy::Policy,
};
use crate::api::MigrationTaskWatchSpec;

/// A valid spec.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Where SMS is.
    pub endpoint: Endpoint,
    /// The region, which names a project of the account.
    pub region: Option<Region>,
    /// Where IAM is, for credentials that need it; or why it can't be asked.
    pub iam: Result<Iam, Failure>,
    /// What the requests are authorised with.
    pub credentials: CredentialsRef,
    /// The enterprise project to list.
    pub enterprise_project: Option<String>,
    /// Which tasks.
    pub filter: Filter,
    /// Hash of all that decides which tasks are listed.
    pub target: String,
    /// The same as version 0.1.0 wrote it: without the credentials.
    pub former_target: String,
    /// How many tasks there should be.
    pub expected_tasks: Option<usize>,
    /// Time between listings.
    pub interval: Duration,
    /// No listings for now.
    pub suspended: bool,
    /// How long a task may stand still.
    pub stall_after: Option<Duration>,
    /// How many tasks are written out.
    pub task_limit: usize,
}

/// Where the credentials of a watch come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CredentialsRef {
    /// From the Secret of this name, in the watch's own namespace.
    Secret(String),
    /// The operator's own identity.
    Ambient,
}

/// Where IAM is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Iam {
    /// The one to ask.
    pub endpoint: Endpoint,
    /// The one to ask where that has no host: not every region has an IAM of its own.
    pub otherwise: Option<Endpoint>,
}

impl Plan {
    /// Reads the spec of a watch in a namespace.
    ///
    /// # Errors
    /// `InvalidSpec` with the field and the rule, `EndpointNotAllowed` with the operator's flag.
    pub fn parse(spec: &MigrationTaskWatchSpec, namespace: &str, policy: &Policy) -> Result<Self, Failure> {
        let region = region(spec)?;
        let endpoint = endpoint(spec, region.as_ref())?;
        allowed(&endpoint, &policy.endpoints)?;
        let credentials = credentials(spec, namespace, policy)?;
        let filter = spec.filter.clone().unwrap_or_default();
        Ok(Self {
            iam: iam(spec, &endpoint, region.as_ref(), &policy.endpoints)?,
            enterprise_project: filter.enterprise_project_id.clone(),
            target: target(&endpoint, spec, Some(&credentials)),
            former_target: target(&endpoint, spec, None),
            credentials,
            region,
            filter: Filter::new(&filter),
            expected_tasks: spec.expected_tasks.and_then(|count| usize::try_from(count).ok()),
            interval: bounded(
                "spec.interval",
                &spec.interval,
                Duration::from_secs(5),
                Duration::from_hours(24),
            )?,
            suspended: spec.suspend,
            stall_after: Some(parsed("spec.stallAfter", &spec.stall_after)?).filter(|after| !after.is_zero()),
            task_limit: usize::try_from(spec.task_limit.clamp(0, 2000)).unwrap_or(0),
            endpoint,
        })
    }
}

fn invalid(message: String) -> Failure {
    Failure::new(FailureKind::InvalidSpec, message)
}

fn region(spec: &MigrationTaskWatchSpec) -> Result<Option<Region>, Failure> {
    let region = spec.region.as_deref().map(Region::parse).transpose();
    region.map_err(|error| invalid(format!("spec.region can't be used: {error}.")))
}

fn endpoint(spec: &MigrationTaskWatchSpec, region: Option<&Region>) -> Result<Endpoint, Failure> {
    match (&spec.endpoint, region) {
        (Some(endpoint), _) => Endpoint::parse(endpoint)
            .map_err(|error| invalid(format!("spec.endpoint can't be used: {error}."))),
        (None, Some(region)) => Ok(region.sms_endpoint()),
        (None, None) => Err(invalid("One of spec.region and spec.endpoint is required.".to_owned())),
    }
}

fn allowed(endpoint: &Endpoint, endpoints: &AllowedEndpoints) -> Result<(), Failure> {
    if endpoints.allows(endpoint) {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::EndpointNotAllowed,
        format!(
            "The endpoint {endpoint} isn't one that the operator's owner allows. Use another endpoint or region, or \
             have it added to the operator's flag --allowed-endpoints."
        ),
    ))
}

/// Where IAM is. An endpoint that the spec names must be allowed in any case; one that merely follows from the endpoint
/// and the region matters only to credentials that need it.
fn iam(
    spec: &MigrationTaskWatchSpec,
    endpoint: &Endpoint,
    region: Option<&Region>,
    endpoints: &AllowedEndpoints,
) -> Result<Result<Iam, Failure>, Failure> {
    if let Some(text) = &spec.iam_endpoint {
        let endpoint = Endpoint::parse(text)
            .map_err(|error| invalid(format!("spec.iamEndpoint can't be used: {error}.")))?;
        return allowed(&endpoint, endpoints).map(|()| Ok(Iam { endpoint, otherwise: None }));
    }
    let mut hosts = endpoint.iam(region).into_iter();
    let Some(first) = hosts.next() else {
        return Ok(Err(invalid(format!(
            "These credentials need IAM, and the endpoint {endpoint} doesn't say where that is. Set spec.iamEndpoint."
        ))));
    };
    let iam = Iam { endpoint: first, otherwise: hosts.next().filter(|global| endpoints.allows(global)) };
    Ok(allowed(&iam.endpoint, endpoints).map(|()| iam).map_err(|failure| Failure {
        message: format!("These credentials need IAM. {} Or set spec.iamEndpoint.", failure.message),
        ..failure
    }))
}

fn credentials(
    spec: &MigrationTaskWatchSpec,
    namespace: &str,
    policy: &Policy,
) -> Result<CredentialsRef, Failure> {
    match (&spec.credentials.secret_ref, spec.credentials.ambient) {
        (Some(secret), None | Some(false)) => Ok(CredentialsRef::Secret(secret.name.clone())),
        (None, Some(true)) if policy.ambient.allows(namespace) => Ok(CredentialsRef::Ambient),
        (None, Some(true)) => Err(invalid(format!(
            "spec.credentials.ambient isn't allowed in namespace {namespace}. Name a Secret in \
             spec.credentials.secretRef, or have the namespace added to the operator's flag --ambient-namespace."
        ))),
        _ => Err(invalid("spec.credentials takes exactly one of secretRef and ambient: true.".to_owned())),
    }
}

fn parsed(field: &str, text: &str) -> Result<Duration, Failure> {
    duration::parse(text)
        .ok_or_else(|| invalid(format!("{field} must be a duration such as 30s, 5m or 1h30m.")))
}

fn bounded(field: &str, text: &str, least: Duration, most: Duration) -> Result<Duration, Failure> {
    let duration = parsed(field, text)?;
    if (least..=most).contains(&duration) {
        Ok(duration)
    } else {
        Err(invalid(format!("{field} must be at least 5s and at most 24h.")))
    }
}

/// Hash of endpoint, region, filter and where the credentials come from: another Secret, or another IAM, may open another
/// account. What the Secret holds isn't part of it, so that a rotated key changes nothing. The order of a list means
/// nothing.
fn target(
    endpoint: &Endpoint,
    spec: &MigrationTaskWatchSpec,
    credentials: Option<&CredentialsRef>,
) -> String {
    let mut filter = spec.filter.clone().unwrap_or_default();
    let lists =
        [&mut filter.ids, &mut filter.source_server_ids, &mut filter.source_server_names, &mut filter.states];
    for list in lists.into_iter().flatten() {
        list.sort_unstable();
        list.dedup();
    }
    let (endpoint, region, iam) = (endpoint.as_str(), &spec.region, &spec.iam_endpoint);
    let what = match credentials {
        None => json!({"endpoint": endpoint, "region": region, "filter": filter}),
        Some(credentials) => {
            let credentials = match credentials {
                CredentialsRef::Secret(name) => json!({"secret": name}),
                CredentialsRef::Ambient => json!("ambient"),
            };
            json!({"endpoint": endpoint, "region": region, "filter": filter, "credentials": credentials, "iamEndpoint": iam})
        }
    };
    let hash = digest::digest(&digest::SHA256, what.to_string().as_bytes());
    let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::policy::AmbientNamespaces;

    fn spec(json: serde_json::Value) -> MigrationTaskWatchSpec {
        let mut spec = json!({"region": "ap-southeast-3", "credentials": {"secretRef": {"name": "huawei"}}});
        spec.as_object_mut().unwrap().extend(json.as_object().unwrap().clone());
        serde_json::from_value(spec).unwrap()
    }

    fn parse(json: serde_json::Value) -> Result<Plan, Failure> {
        Plan::parse(&spec(json), "migration", &Policy::default())
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        let plan = parse(json!({})).unwrap();
        assert_eq!(plan.endpoint.as_str(), "https://sms.ap-southeast-3.myhuaweicloud.com");
        assert_eq!(plan.interval, Duration::from_secs(60));
        assert_eq!(plan.stall_after, Some(Duration::from_secs(1800)));
        assert_eq!((plan.task_limit, plan.suspended), (500, false));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (bad, field) in [
            (json!({"interval": "5 minutes"}), "spec.interval"),
            (json!({"interval": "4s"}), "spec.interval"),
            (json!({"interval": "-1m"}), "spec.interval"),
            (json!({"stallAfter": "soon"}), "spec.stallAfter"),
            (json!({"stallAfter": "99999999999999999999h"}), "spec.stallAfter"),
            (json!({"interval": "99999999999999999999h"}), "spec.interval"),
            (json!({"endpoint": "ftp://x"}), "spec.endpoint"),
            (json!({"region": "Not A Region"}), "spec.region"),
            (json!({"region": null}), "spec.region"),
            (json!({"credentials": {}}), "spec.credentials"),
            (json!({"credentials": {"ambient": true}}), "spec.credentials.ambient"),
            (json!({"credentials": {"ambient": true}}), "--ambient-namespace"),
            (json!({"endpoint": "https://sms.example.com"}), "--allowed-endpoints"),
            (json!({"iamEndpoint": "https://iam.example.com"}), "--allowed-endpoints"),
            (json!({"iamEndpoint": "iam.example.com"}), "spec.iamEndpoint"),
        ] {
            let failure = parse(bad.clone()).unwrap_err();
            assert!(failure.message.contains(field), "{bad}: {}", failure.message);
            assert!(failure.needs_a_person);
        }
    }

    #[test]
    fn iam_is_where_the_spec_or_the_region_says() {
        let iam = |json| {
            let iam = parse(json).unwrap().iam.unwrap();
            (iam.endpoint.to_string(), iam.otherwise.map(|otherwise| otherwise.to_string()))
        };
        let global = "https://iam.myhuaweicloud.com".to_owned();
        assert_eq!(
            iam(json!({})),
            ("https://iam.ap-southeast-3.myhuaweicloud.com".to_owned(), Some(global.clone()))
        );
        assert_eq!(
            iam(json!({"iamEndpoint": "https://iam.cn-north-4.myhuaweicloud.com/"})),
            ("https://iam.cn-north-4.myhuaweicloud.com".to_owned(), None)
        );
        let endpoint = json!({"region": null, "endpoint": "https://sms.eu-west-0.myhuaweicloud.com"});
        assert_eq!(iam(endpoint), (global, None));
    }

    #[test]
    fn credentials_go_to_no_other_partition() {
        let policy = Policy {
            endpoints: "https://*.eu-west-101.myhuaweicloud.eu,https://sms.example.com,https://*.*.myhuaweicloud.com,\
                        https://iam.myhuaweicloud.com"
                .parse()
                .unwrap(),
            ..Policy::default()
        };
        let iam = |json| Plan::parse(&spec(json), "migration", &policy).unwrap().iam;
        for region in [json!("eu-west-101"), json!(null)] {
            let endpoint = json!({"region": region, "endpoint": "https://sms.eu-west-101.myhuaweicloud.eu"});
            let Iam { endpoint, otherwise } = iam(endpoint).unwrap();
            assert_eq!((endpoint.as_str(), otherwise), ("https://iam.eu-west-101.myhuaweicloud.eu", None));
        }
        assert_eq!(
            iam(json!({"region": "eu-west-101"})).unwrap().endpoint.as_str(),
            "https://iam.eu-west-101.myhuaweicloud.eu"
        );
        let failure = iam(json!({"endpoint": "https://sms.example.com"})).unwrap_err();
        assert_eq!(failure.kind, FailureKind::InvalidSpec);
        assert!(failure.message.contains("Set spec.iamEndpoint"), "{}", failure.message);
    }

    #[test]
    fn an_iam_that_is_not_allowed_matters_only_when_it_is_needed() {
        let policy = Policy {
            endpoints: "https://sms.ap-southeast-3.myhuaweicloud.com".parse().unwrap(),
            ..Policy::default()
        };
        let plan = Plan::parse(&spec(json!({})), "migration", &policy).unwrap();
        let failure = plan.iam.unwrap_err();
        assert_eq!(failure.kind, FailureKind::EndpointNotAllowed);
        assert!(
            failure.message.contains("need IAM") && failure.message.contains("spec.iamEndpoint"),
            "{failure:?}"
        );
    }

    #[test]
    fn the_operators_own_identity_is_for_the_namespaces_that_its_owner_names() {
        let policy = Policy { ambient: "migration".parse().unwrap(), ..Policy::default() };
        let spec = spec(json!({"credentials": {"ambient": true}}));
        assert_eq!(Plan::parse(&spec, "migration", &policy).unwrap().credentials, CredentialsRef::Ambient);
        assert_eq!(Plan::parse(&spec, "default", &policy).unwrap_err().kind, FailureKind::InvalidSpec);
    }

    #[test]
    fn stall_detection_can_be_turned_off() {
        for off in ["0", "0s"] {
            assert_eq!(parse(json!({"stallAfter": off})).unwrap().stall_after, None);
        }
    }

    #[test]
    fn the_target_changes_with_what_is_listed_only() {
        let target = |json| parse(json).unwrap().target;
        let base = target(json!({"filter": {"ids": ["a", "b"]}}));
        assert_eq!(
            base,
            target(json!({"filter": {"ids": ["b", "a", "b"]}, "interval": "5m", "expectedTasks": 3}))
        );
        assert_ne!(base, target(json!({"filter": {"ids": ["a"]}})));
        assert_ne!(base, target(json!({"filter": {"sourceServerIds": ["a", "b"]}})));
        assert_ne!(base, target(json!({"region": "cn-north-4", "filter": {"ids": ["a", "b"]}})));
    }

    #[test]
    fn other_credentials_are_another_target() {
        let secret = |name: &str| json!({"credentials": {"secretRef": {"name": name}}});
        let policy = Policy { ambient: AmbientNamespaces::All, ..Policy::default() };
        let parse = |json| Plan::parse(&spec(json), "migration", &policy).unwrap();
        let one = parse(secret("a"));
        for other in [
            secret("b"),
            json!({"credentials": {"ambient": true}}),
            json!({"credentials": {"secretRef": {"name": "a"}}, "iamEndpoint": "https://iam.cn-north-4.myhuaweicloud.com"}),
        ] {
            let other = parse(other);
            assert_ne!(one.target, other.target);
            assert_eq!(one.former_target, other.former_target);
        }
        assert_eq!(one.target, parse(secret("a")).target);
    }
}
