//! What a spec asks for, parsed: the one place where a spec's text turns into values.

use std::time::Duration;

use ring::digest;
use serde_json::json;

use super::{
    endpoint::{AllowedEndpoints, Endpoint, Region},
    failure::{Failure, FailureKind},
    filter::Filter,
};
use crate::api::MigrationTaskWatchSpec;

/// A valid spec.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Where SMS is.
    pub endpoint: Endpoint,
    /// The Secret with the credentials, in the watch's own namespace.
    pub secret: String,
    /// The enterprise project to list.
    pub enterprise_project: Option<String>,
    /// Which tasks.
    pub filter: Filter,
    /// Hash of all that decides which tasks are listed.
    pub target: String,
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

impl Plan {
    /// Reads a spec.
    ///
    /// # Errors
    /// `InvalidSpec` with the field and the rule, `EndpointNotAllowed` with the operator's flag.
    pub fn parse(spec: &MigrationTaskWatchSpec, allowed: &AllowedEndpoints) -> Result<Self, Failure> {
        let endpoint = endpoint(spec)?;
        if !allowed.allows(&endpoint) {
            return Err(Failure::new(
                FailureKind::EndpointNotAllowed,
                format!(
                    "The endpoint {endpoint} isn't one that the operator's owner allows. Use another endpoint or \
                     region, or have it added to the operator's flag --allowed-endpoints."
                ),
            ));
        }
        let filter = spec.filter.clone().unwrap_or_default();
        Ok(Self {
            secret: secret(spec)?,
            enterprise_project: filter.enterprise_project_id.clone(),
            target: target(&endpoint, spec),
            filter: Filter::new(&filter),
            expected_tasks: spec.expected_tasks.and_then(|count| usize::try_from(count).ok()),
            interval: bounded(
                "spec.interval",
                &spec.interval,
                Duration::from_secs(5),
                Duration::from_hours(24),
            )?,
            suspended: spec.suspend,
            stall_after: Some(duration("spec.stallAfter", &spec.stall_after)?)
                .filter(|after| !after.is_zero()),
            task_limit: usize::try_from(spec.task_limit.clamp(0, 2000)).unwrap_or(0),
            endpoint,
        })
    }
}

fn invalid(message: String) -> Failure {
    Failure::new(FailureKind::InvalidSpec, message)
}

fn endpoint(spec: &MigrationTaskWatchSpec) -> Result<Endpoint, Failure> {
    match (&spec.endpoint, &spec.region) {
        (Some(endpoint), _) => Endpoint::parse(endpoint)
            .map_err(|error| invalid(format!("spec.endpoint can't be used: {error}."))),
        (None, Some(region)) => Region::parse(region)
            .map(|region| region.sms_endpoint())
            .map_err(|error| invalid(format!("spec.region can't be used: {error}."))),
        (None, None) => Err(invalid("One of spec.region and spec.endpoint is required.".to_owned())),
    }
}

fn secret(spec: &MigrationTaskWatchSpec) -> Result<String, Failure> {
    match (&spec.credentials.secret_ref, spec.credentials.ambient) {
        (Some(secret), None | Some(false)) => Ok(secret.name.clone()),
        (None, Some(true)) => Err(invalid(
            "spec.credentials.ambient isn't allowed here by the operator's owner. Name a Secret in \
             spec.credentials.secretRef."
                .to_owned(),
        )),
        _ => Err(invalid("spec.credentials takes exactly one of secretRef and ambient: true.".to_owned())),
    }
}

fn duration(field: &str, text: &str) -> Result<Duration, Failure> {
    let parsed = text.parse::<kube::core::Duration>();
    parsed
        .ok()
        .filter(|duration| !duration.is_negative())
        .map(Duration::from)
        .ok_or_else(|| invalid(format!("{field} must be a duration such as 30s, 5m or 1h30m.")))
}

fn bounded(field: &str, text: &str, least: Duration, most: Duration) -> Result<Duration, Failure> {
    let duration = duration(field, text)?;
    if (least..=most).contains(&duration) {
        Ok(duration)
    } else {
        Err(invalid(format!("{field} must be at least 5s and at most 24h.")))
    }
}

/// Hash of endpoint, region and filter. The order of a list means nothing.
fn target(endpoint: &Endpoint, spec: &MigrationTaskWatchSpec) -> String {
    let mut filter = spec.filter.clone().unwrap_or_default();
    let lists =
        [&mut filter.ids, &mut filter.source_server_ids, &mut filter.source_server_names, &mut filter.states];
    for list in lists.into_iter().flatten() {
        list.sort_unstable();
        list.dedup();
    }
    let what = json!({"endpoint": endpoint.as_str(), "region": spec.region, "filter": filter});
    let hash = digest::digest(&digest::SHA256, what.to_string().as_bytes());
    let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(json: serde_json::Value) -> MigrationTaskWatchSpec {
        let mut spec = json!({"region": "ap-southeast-3", "credentials": {"secretRef": {"name": "huawei"}}});
        spec.as_object_mut().unwrap().extend(json.as_object().unwrap().clone());
        serde_json::from_value(spec).unwrap()
    }

    fn parse(json: serde_json::Value) -> Result<Plan, Failure> {
        Plan::parse(&spec(json), &AllowedEndpoints::default())
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
            (json!({"endpoint": "ftp://x"}), "spec.endpoint"),
            (json!({"region": "Not A Region"}), "spec.region"),
            (json!({"region": null}), "spec.region"),
            (json!({"credentials": {}}), "spec.credentials"),
            (json!({"credentials": {"ambient": true}}), "spec.credentials.ambient"),
            (json!({"endpoint": "https://sms.example.com"}), "--allowed-endpoints"),
        ] {
            let failure = parse(bad.clone()).unwrap_err();
            assert!(failure.message.contains(field), "{bad}: {}", failure.message);
            assert!(failure.needs_a_person);
        }
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
}
