//! Reading what the API server may hold in a status, whoever wrote it.
//!
//! Its check of times is looser than RFC 3339: an offset of 99:99 passes, and a letter in place of a point. A status that
//! couldn't be read would hide the watches of everybody, since they are listed together. So a time that isn't one is
//! absent. Times are whole seconds, as they are written.

use std::fmt;

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};
use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};

/// Reads a time, or none.
pub(super) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Time>, D::Error> {
    Ok(Option::<AnyTime>::deserialize(deserializer)?.and_then(|time| time.0))
}

/// Reads conditions. One without a usable time has always been as it is.
pub(super) fn conditions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Condition>, D::Error> {
    let conditions = Vec::<AnyCondition>::deserialize(deserializer)?;
    Ok(conditions.into_iter().map(Condition::from).collect())
}

struct AnyTime(Option<Time>);

impl<'de> Deserialize<'de> for AnyTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TimeVisitor)
    }
}

struct TimeVisitor;

impl Visitor<'_> for TimeVisitor {
    type Value = AnyTime;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time as text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<AnyTime, E> {
        let time = text.parse::<Timestamp>().ok();
        Ok(AnyTime(time.and_then(|time| Timestamp::from_second(time.as_second()).ok()).map(Time)))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnyCondition {
    #[serde(default, deserialize_with = "time")]
    last_transition_time: Option<Time>,
    #[serde(default)]
    message: String,
    #[serde(default)]
    observed_generation: Option<i64>,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    status: String,
    #[serde(default, rename = "type")]
    kind: String,
}

impl From<AnyCondition> for Condition {
    fn from(condition: AnyCondition) -> Self {
        let AnyCondition { last_transition_time, message, observed_generation, reason, status, kind } =
            condition;
        let last_transition_time = last_transition_time.unwrap_or(Time(Timestamp::UNIX_EPOCH));
        Self { last_transition_time, message, observed_generation, reason, status, type_: kind }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::api::MigrationTaskWatchStatus;

    #[test]
    fn a_time_that_is_none_hides_nothing_else() {
        for (text, expected) in [
            ("2027-01-15T08:00:00Z", Some("2027-01-15T08:00:00Z")),
            ("2027-01-15t08:00:00.75z", Some("2027-01-15T08:00:00Z")),
            ("2027-01-15T08:00:00+08:00", Some("2027-01-15T00:00:00Z")),
            ("2027-01-15T08:00:00+99:99", None),
            ("2027-01-15T08:00:00x5Z", None),
            ("9999-12-31T23:59:59Z", None),
            ("", None),
        ] {
            let status = json!({
                "lastSyncTime": text,
                "ledger": "kept",
                "tasks": [{"id": "a", "createTime": text}],
                "conditions": [{"type": "Ready", "status": "True", "reason": "Synced", "message": "", "lastTransitionTime": text}],
            });
            let status: MigrationTaskWatchStatus = serde_json::from_value(status).unwrap();
            let read = status.last_sync_time.map(|time| time.0.to_string());
            assert_eq!(read.as_deref(), expected, "{text}");
            assert_eq!(status.tasks[0].create_time.is_some(), expected.is_some());
            assert_eq!((status.ledger.as_deref(), &*status.conditions[0].type_), (Some("kept"), "Ready"));
        }
    }
}
