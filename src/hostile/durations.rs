//! Durations in specs.

use std::time::Duration;

use crate::{
    api::MigrationTaskWatchSpec,
    core::{duration, plan::Plan, policy::Policy},
};

/// Texts that should be durations, in a spec.
pub fn durations(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let read = duration::parse(&text);
    let spec = MigrationTaskWatchSpec {
        region: Some("cn-north-4".to_owned()),
        credentials: serde_json::from_str(r#"{"secretRef": {"name": "huawei"}}"#).unwrap(),
        interval: "1m".to_owned(),
        stall_after: text.clone(),
        ..MigrationTaskWatchSpec::default()
    };
    let plan = Plan::parse(&spec, "migration", &Policy::default());
    assert_eq!(
        plan.map(|plan| plan.stall_after).ok(),
        read.map(|read| Some(read).filter(|read| !read.is_zero()))
    );
    let spec = MigrationTaskWatchSpec { interval: text, stall_after: "0".to_owned(), ..spec };
    let plan = Plan::parse(&spec, "migration", &Policy::default());
    let bounds = Duration::from_secs(5)..=Duration::from_hours(24);
    assert_eq!(plan.map(|plan| plan.interval).ok(), read.filter(|read| bounds.contains(read)));
}
