//! Who is calling: verifies signatures and tokens as the vendor's gateway does.

mod denial;
mod lockout;
mod password;
mod signature;
#[cfg(test)]
mod tests;

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};

pub(crate) use denial::Denial;
pub(crate) use password::Login;
pub(crate) use signature::{Signed, hex};

use crate::accounts::{AccessKey, Account, Accounts};
use lockout::{KEY_LOCKED_FOR, Lockout, USER_LOCKED_FOR};
use signature::Authorization;

/// A signature older or newer than this is refused.
const MAX_SKEW: SignedDuration = SignedDuration::from_mins(15);
const DATE_FORMAT: &str = "%Y%m%dT%H%M%SZ";
/// These decide who the caller is or acts for, so an intermediary must not be able to change them.
const SIGNED_WHEN_SENT: [&str; 3] = ["x-domain-id", "x-project-id", "x-security-token"];

/// How a request says who is calling, before anything is verified.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Credential {
    /// Signed with the access key of this id.
    AccessKey(String),
    /// An `X-Auth-Token`, whichever.
    Token,
    /// Neither.
    None,
}

impl Credential {
    pub(crate) fn claimed(headers: &HeaderMap) -> Self {
        if let Some(authorization) = header(headers, "authorization").and_then(Authorization::parse) {
            Self::AccessKey(authorization.access_key)
        } else if headers.contains_key("x-auth-token") {
            Self::Token
        } else {
            Self::None
        }
    }
}

/// Verifies callers, and remembers who failed.
#[derive(Debug)]
pub(crate) struct Gate {
    keys: Lockout,
    users: Lockout,
}

impl Default for Gate {
    fn default() -> Self {
        Self { keys: Lockout::new(KEY_LOCKED_FOR), users: Lockout::new(USER_LOCKED_FOR) }
    }
}

impl Gate {
    /// The account that a request acts for.
    pub(crate) fn admit(
        &self,
        accounts: &Accounts,
        request: Signed<'_>,
        now: Timestamp,
    ) -> Result<Account, Denial> {
        let account =
            match (header(request.headers, "authorization"), header(request.headers, "x-auth-token")) {
                (Some(authorization), _) => self.admit_signature(accounts, request, authorization, now)?,
                (None, Some(token)) => admit_token(accounts, token, now)?,
                (None, None) => return Err(Denial::NoCredentials),
            };
        check_scope(&account, request.headers)?;
        Ok(account)
    }

    fn admit_signature(
        &self,
        accounts: &Accounts,
        request: Signed<'_>,
        authorization: &str,
        now: Timestamp,
    ) -> Result<Account, Denial> {
        let authorization = Authorization::parse(authorization).ok_or(Denial::MalformedAuthorization)?;
        let date = check_date(request.headers, now)?;
        check_coverage(request.headers, &authorization.signed_headers)?;
        let access_key = &authorization.access_key;
        let Some((account, key)) = accounts.by_access_key(access_key) else {
            return Err(Denial::UnknownAccessKey(access_key.clone()));
        };
        if self.keys.is_locked(access_key, now) {
            return Err(Denial::Locked);
        }
        let verified = verify(request, &authorization, &key, date);
        match verified {
            Ok(()) => self.keys.succeeded(access_key),
            Err(_) => self.keys.failed(access_key, now),
        }
        verified?;
        match key.expires_at {
            Some(expires_at) if expires_at <= now => Err(Denial::ExpiredAccessKey),
            _ => Ok(account),
        }
    }
}

fn verify(
    request: Signed<'_>,
    authorization: &Authorization,
    key: &AccessKey,
    date: &str,
) -> Result<(), Denial> {
    let canonical = signature::canonical_request(request, &authorization.signed_headers)?;
    let expected = signature::signature(&key.secret, &signature::string_to_sign(date, &canonical));
    if expected != authorization.signature {
        return Err(Denial::SignatureMismatch { canonical });
    }
    match (&key.security_token, header(request.headers, "x-security-token")) {
        (None, None) => Ok(()),
        (Some(expected), Some(sent)) if expected == sent => Ok(()),
        _ => Err(Denial::WrongSecurityToken),
    }
}

/// The date must be in the one format and near the server's time.
fn check_date(headers: &HeaderMap, now: Timestamp) -> Result<&str, Denial> {
    let date = header(headers, "x-sdk-date").ok_or(Denial::NoDate)?;
    let signed_at = jiff::civil::DateTime::strptime(DATE_FORMAT, date)
        .and_then(|signed_at| signed_at.to_zoned(jiff::tz::TimeZone::UTC))
        .map_err(|_| Denial::NoDate)?
        .timestamp();
    if signed_at.duration_since(now).abs() > MAX_SKEW {
        return Err(Denial::Expired {
            signed_at: date.to_owned(),
            now: now.strftime(DATE_FORMAT).to_string(),
        });
    }
    Ok(date)
}

fn check_coverage(headers: &HeaderMap, signed: &[String]) -> Result<(), Denial> {
    let sent = SIGNED_WHEN_SENT.into_iter().filter(|name| headers.contains_key(*name));
    let mut needed = ["host", "x-sdk-date"].into_iter().chain(sent);
    match needed.find(|name| !signed.iter().any(|signed| signed == name)) {
        Some(unsigned) => Err(Denial::HeaderNotSigned(unsigned)),
        None => Ok(()),
    }
}

fn admit_token(accounts: &Accounts, value: &str, now: Timestamp) -> Result<Account, Denial> {
    let (account, token) = accounts.by_token(value).ok_or(Denial::UnknownToken)?;
    if token.is_valid(&account, now) { Ok(account) } else { Err(Denial::InvalidToken) }
}

/// Domain and project are optional, but they must be the caller's own (how the real gateway says so is unverified).
fn check_scope(account: &Account, headers: &HeaderMap) -> Result<(), Denial> {
    let domain = header(headers, "x-domain-id").is_none_or(|id| id == account.domain_id);
    let project = header(headers, "x-project-id")
        .is_none_or(|id| account.projects.iter().any(|project| project.id == id));
    if domain && project { Ok(()) } else { Err(Denial::WrongScope) }
}

pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
