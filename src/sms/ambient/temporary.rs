//! Temporary access keys, as the machine and the cluster give them.

use k8s_openapi::jiff::Timestamp;

use super::error::{AmbientError, Place};
use crate::sms::{
    credentials::{
        AccessKey, Credentials, KeyPair, Login, Method, Scope, SecretKey, SecurityToken, ValueError,
    },
    wire::json::Object,
};

/// Reads `{"credential": {"access", "secret", "securitytoken", "expires_at"}}`, or the newer names that the vendor's
/// SDKs accept as well.
pub(super) fn read(place: Place, frame: &'static str, body: &str) -> Result<Login, AmbientError> {
    let missing = |what| AmbientError::Answer { place, what, source: None };
    let credential = Object::parse(body).ok().and_then(|answer| answer.object(frame));
    let credential = Fields { place, object: &credential.ok_or_else(|| missing(frame))? };
    let expires = credential.text(["expires_at", "expiration"])?;
    let keys = KeyPair {
        access_key: credential.part(["access", "accessKeyId"], AccessKey::parse)?,
        secret_key: credential.part(["secret", "secretAccessKey"], SecretKey::parse)?,
        security_token: Some(credential.part(["securitytoken", "securityToken"], SecurityToken::parse)?),
    };
    Ok(Login {
        method: Method::Ready(Credentials::AkSk { keys, scope: Scope::None }),
        expires: Some(expires.parse::<Timestamp>().map_err(|_| missing("expires_at"))?),
    })
}

struct Fields<'a> {
    place: Place,
    object: &'a Object<'a>,
}

impl Fields<'_> {
    fn text(&self, names: [&'static str; 2]) -> Result<String, AmbientError> {
        let found = names.iter().find_map(|name| self.object.full_text(name));
        let missing = AmbientError::Answer { place: self.place, what: names[0], source: None };
        found.map(String::from).ok_or(missing)
    }

    fn part<T>(
        &self,
        names: [&'static str; 2],
        parse: fn(&str) -> Result<T, ValueError>,
    ) -> Result<T, AmbientError> {
        parse(&self.text(names)?).map_err(|source| AmbientError::Answer {
            place: self.place,
            what: names[0],
            source: Some(source),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        for (frame, body) in [
            (
                "credential",
                r#"{"credential": {"access": "AK", "secret": "SK", "securitytoken": "ST", "expires_at": "2026-11-25T09:05:22.701000Z"}}"#,
            ),
            (
                "credentials",
                r#"{"credentials": {"accessKeyId": "AK", "secretAccessKey": "SK", "securityToken": "ST", "expiration": "2026-11-25T09:05:22.701Z"}}"#,
            ),
        ] {
            let login = read(Place::Metadata, frame, body).unwrap();
            assert_eq!(login.expires, Some("2026-11-25T09:05:22.701Z".parse().unwrap()));
            let Method::Ready(Credentials::AkSk { keys, scope: Scope::None }) = login.method else {
                panic!()
            };
            assert_eq!((keys.access_key.reveal(), keys.secret_key.reveal()), ("AK", "SK"));
            assert_eq!(keys.security_token.unwrap().reveal(), "ST");
        }
    }

    #[test]
    fn what_is_missing_is_named_and_nothing_is_shown() {
        let read = |body: &str| read(Place::PodIdentity, "credential", body).unwrap_err();
        for (body, what) in [
            ("<html>", "credential"),
            ("{}", "credential"),
            (r#"{"credential": {"access": "MARKER"}}"#, "expires_at"),
            (
                r#"{"credential": {"access": "MARKER", "secret": "MARKER", "securitytoken": "MARKER", "expires_at": "MARKER"}}"#,
                "expires_at",
            ),
            (
                r#"{"credential": {"access": "MARKER", "secret": "MARKER MARKER", "securitytoken": "MARKER", "expires_at": "2026-11-25T09:05:22Z"}}"#,
                "secret",
            ),
        ] {
            let error = read(body);
            assert!(error.to_string().ends_with(&format!("no usable {what}")), "{error}");
            assert!(!format!("{error} {error:?}").contains("MARKER"));
        }
    }
}
