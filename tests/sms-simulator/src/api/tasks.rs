//! The query of `GET /v3/tasks`: what it may say, by the vendor's page.

use std::ops::RangeInclusive;

use super::ErrorBody;
use crate::model::TaskState;
use crate::query::parameter;
pub(super) use crate::store::TaskQuery;

const LIMITS: RangeInclusive<usize> = 0..=200;
const OFFSETS: RangeInclusive<usize> = 0..=65_535;

/// A parameter that the page doesn't allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid parameter {name}: {value}.")]
pub(super) struct Invalid {
    name: &'static str,
    value: String,
}

impl Invalid {
    /// SMS-shaped; which code the real service gives is unverified.
    pub(super) fn body(&self) -> ErrorBody {
        ErrorBody::Sms { code: "SMS.0001".into(), message: self.to_string() }
    }
}

pub(super) fn parse(query: &str) -> Result<TaskQuery, Invalid> {
    let default = TaskQuery::default();
    Ok(TaskQuery {
        state: parameter(query, "state").map(state).transpose()?,
        name: parameter(query, "name"),
        id: parameter(query, "id"),
        source_server_id: parameter(query, "source_server_id"),
        enterprise_project_id: parameter(query, "enterprise_project_id"),
        limit: number(query, "limit", LIMITS)?.unwrap_or(default.limit),
        offset: number(query, "offset", OFFSETS)?.unwrap_or(default.offset),
        rotation: default.rotation,
    })
}

fn state(value: String) -> Result<TaskState, Invalid> {
    let known = TaskState::FILTERABLE.into_iter().find(|state| state.as_str() == value);
    known.ok_or(Invalid { name: "state", value })
}

fn number(query: &str, name: &'static str, range: RangeInclusive<usize>) -> Result<Option<usize>, Invalid> {
    let Some(value) = parameter(query, name) else {
        return Ok(None);
    };
    match value.parse() {
        Ok(number) if range.contains(&number) => Ok(Some(number)),
        _ => Err(Invalid { name, value }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_asked_means_the_vendors_defaults() {
        assert_eq!(parse(""), Ok(TaskQuery { limit: 100, offset: 0, ..TaskQuery::default() }));
    }

    #[test]
    fn everything_can_be_asked() {
        let query = "state=SYNCING&name=a%20%2B%E5%90%8D&id=1&source_server_id=2&limit=200&offset=65535&enterprise_project_id=0";
        let expected = TaskQuery {
            state: Some(TaskState::SYNCING),
            name: Some("a +名".into()),
            id: Some("1".into()),
            source_server_id: Some("2".into()),
            enterprise_project_id: Some("0".into()),
            limit: 200,
            offset: 65_535,
            rotation: 0,
        };
        assert_eq!(parse(query), Ok(expected));
    }

    #[test]
    fn limits_are_the_pages() {
        for refused in [
            "limit=201",
            "limit=-1",
            "limit=x",
            "limit=1.5",
            "limit=99999999999999999999",
            "offset=65536",
            "offset=-1",
            "offset=%20",
            "state=running",
            "state=SYNC_FAIL",
            "state=SYNC_SUCCESS",
            "state=SKIPPING",
            "state=RESETING",
        ] {
            assert!(parse(refused).is_err(), "{refused}");
        }
        assert_eq!(parse("limit=0").map(|query| query.limit), Ok(0));
    }
}
