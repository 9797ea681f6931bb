//! What IAM answers.

use k8s_openapi::jiff::Timestamp;

use super::{PageError, json::Object};
use crate::{core::text::limits, sms::credentials::ScopeId};

/// The time at which a token ends: `{"token": {"expires_at": "2020-01-04T09:05:22.701000Z"}}`. None when the answer
/// doesn't say, or not in a way that can be read.
pub(in crate::sms) fn token_expiry(body: &[u8]) -> Option<Timestamp> {
    let text = String::from_utf8_lossy(body);
    Object::parse(&text).ok()?.object("token")?.full_text("expires_at")?.trim().parse().ok()
}

/// The account that a key belongs to: `{"domains": [{"id", "name", ...}]}`.
pub(in crate::sms) fn domain(body: &[u8]) -> Result<Option<ScopeId>, PageError> {
    first_id(body, "domains", |_| true)
}

/// The project of this name: `{"projects": [{"id", "name", ...}]}`.
pub(in crate::sms) fn project(body: &[u8], name: &str) -> Result<Option<ScopeId>, PageError> {
    first_id(body, "projects", |entry| entry.full_text("name").is_some_and(|found| found == name))
}

fn first_id(
    body: &[u8],
    list: &'static str,
    wanted: impl Fn(&Object<'_>) -> bool,
) -> Result<Option<ScopeId>, PageError> {
    let text = String::from_utf8_lossy(body);
    let answer = Object::parse(&text).map_err(|_| PageError::Syntax)?;
    let entries = answer.list(list).map_err(|_| PageError::List(list))?;
    let mut entries = entries.iter().filter_map(|entry| Object::parse(entry.get()).ok());
    let found = entries.find(|entry| wanted(entry));
    Ok(found.and_then(|entry| ScopeId::parse(&entry.text("id", limits::ID)?).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found() {
        let id = |id: Option<ScopeId>| id.map(|id| id.as_str().to_owned());
        for (body, expected) in [
            (r#"{"domains": [{"id": "d1", "name": "a"}, {"id": "d2"}]}"#, Some("d1")),
            (r#"{"domains": [null, {"name": "a"}]}"#, None),
            (r#"{"domains": [{"id": "not an id"}]}"#, None),
            (r#"{"domains": []}"#, None),
            (r#"{"domains": null}"#, None),
            ("{}", None),
        ] {
            assert_eq!(id(domain(body.as_bytes()).unwrap()).as_deref(), expected, "{body}");
        }
        let projects =
            br#"{"projects": [{"id": "p1", "name": "cn-north-4_sub"}, {"id": "p2", "name": "cn-north-4"}]}"#;
        assert_eq!(id(project(projects, "cn-north-4").unwrap()).as_deref(), Some("p2"));
        assert_eq!(id(project(projects, "cn-north").unwrap()), None);
        assert!(domain(b"[]").is_err() && domain(br#"{"domains": 5}"#).is_err());
    }

    #[test]
    fn a_tokens_end_is_read() {
        let body = |time: &str| format!(r#"{{"token": {{"expires_at": {time}}}}}"#);
        let read = |time| token_expiry(body(time).as_bytes());
        assert_eq!(
            read(r#""2020-01-04T09:05:22.701000Z""#),
            Some("2020-01-04T09:05:22.701Z".parse().unwrap())
        );
        for time in ["null", r#""""#, "17", r#""soon""#] {
            assert_eq!(read(time), None);
        }
        assert_eq!(token_expiry(b"<html>"), None);
    }
}
