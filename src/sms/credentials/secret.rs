//! Reading credentials from the data of a Kubernetes Secret, which is a map of keys to bytes.

use std::{collections::BTreeMap, fmt};

use zeroize::Zeroizing;

use super::{
    AccessKey, AuthToken, Credentials, KeyPair, Login, LookUp, Method, Name, Password, PasswordLogin, Scope,
    ScopeId, SecretKey, SecurityToken, TokenScope, ValueError,
};
use crate::core::{
    failure::{Failure, FailureKind},
    text,
};

/// Why the data of a Secret can't be used. Messages name the key and say what to do; they never show a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// None of the keys that begin a kind of credentials is there.
    #[error(
        "it needs the keys `accessKey` and `secretKey`, or `token`, or `username`, `password` and `domainName`; the keys \
         that it has: {found}"
    )]
    NoCredentials {
        /// The names of the keys that are there.
        found: String,
    },
    /// A key that the others need isn't there.
    #[error("the key `{missing}` is missing; add it beside `{present}`")]
    Missing {
        /// The key that is needed.
        missing: &'static str,
        /// The key that needs it.
        present: &'static str,
    },
    /// A key that is spelled differently from the one that is meant.
    #[error("the key `{found}` must be written `{meant}`; rename it")]
    Misspelt {
        /// The key that is there.
        found: String,
        /// The key as it is read.
        meant: &'static str,
    },
    /// Keys that belong to different kinds of credentials.
    #[error("the keys `{first}` and `{second}` don't go together; remove the one that isn't meant")]
    Mixed {
        /// A key.
        first: &'static str,
        /// Another key.
        second: &'static str,
    },
    /// A value that can't be part of credentials.
    #[error("the value of the key `{key}` {problem}; write the value again, without quotes or line breaks")]
    Value {
        /// The key.
        key: &'static str,
        /// What is wrong with its value.
        problem: ValueError,
    },
    /// A value that isn't text.
    #[error(
        "the value of the key `{key}` is not text (UTF-8); write the value again, encoded in base64 only once"
    )]
    Encoding {
        /// The key.
        key: &'static str,
    },
}

impl SecretError {
    /// The failure that a watch shows; `whose` says what holds the data.
    #[must_use]
    pub fn into_failure(self, whose: &str) -> Failure {
        Failure::new(FailureKind::SecretInvalid, format!("{whose} can't be used: {self}."))
    }
}

const ACCESS_KEY: &str = "accessKey";
const SECRET_KEY: &str = "secretKey";
const SECURITY_TOKEN: &str = "securityToken";
const DOMAIN_ID: &str = "domainId";
const PROJECT_ID: &str = "projectId";
const TOKEN: &str = "token";
const USERNAME: &str = "username";
const PASSWORD: &str = "password";
const DOMAIN_NAME: &str = "domainName";
const PROJECT_NAME: &str = "projectName";

/// When what the Secret holds ends by itself.
const EXPIRES_AT: &str = "expiresAt";

/// Stands for an id that IAM is asked for.
const AUTO: &str = "auto";

const KNOWN: [&str; 11] = [
    ACCESS_KEY,
    SECRET_KEY,
    SECURITY_TOKEN,
    DOMAIN_ID,
    PROJECT_ID,
    TOKEN,
    USERNAME,
    PASSWORD,
    DOMAIN_NAME,
    PROJECT_NAME,
    EXPIRES_AT,
];

/// A kind of credentials that a Secret can hold.
struct Kind {
    /// The keys that tell the kind.
    marks: &'static [&'static str],
    /// All keys that it may have.
    keys: &'static [&'static str],
    read: fn(&SecretData) -> Result<Method, SecretError>,
}

const KINDS: [Kind; 3] = [
    Kind {
        marks: &[ACCESS_KEY, SECRET_KEY],
        keys: &[ACCESS_KEY, SECRET_KEY, SECURITY_TOKEN, DOMAIN_ID, PROJECT_ID, EXPIRES_AT],
        read: read_access_key,
    },
    Kind { marks: &[TOKEN], keys: &[TOKEN, EXPIRES_AT], read: read_token },
    Kind {
        marks: &[USERNAME, PASSWORD],
        keys: &[USERNAME, PASSWORD, DOMAIN_NAME, PROJECT_NAME, PROJECT_ID],
        read: read_password,
    },
];

impl Login {
    /// Reads the data of a Secret: `accessKey` and `secretKey`, with `securityToken` for temporary keys and with
    /// `domainId` or `projectId` where an account needs it (`auto` has IAM tell the id); or `token`; or `username`,
    /// `password` and `domainName`, with `projectName` or `projectId` for a token of a project. What ends by itself may
    /// say when, with `expiresAt`.
    ///
    /// Line breaks at the end of a value are dropped, since files have them. Other keys are left alone, but for
    /// those that are one of these in another spelling, such as `access_key`.
    pub fn from_secret_data(data: &SecretData) -> Result<Self, SecretError> {
        data.check_spelling()?;
        let (mark, kind) = data.kind()?;
        if let Some(second) = KNOWN.into_iter().find(|key| data.has(key) && !kind.keys.contains(key)) {
            return Err(SecretError::Mixed { first: mark, second });
        }
        let expires = data.optional(EXPIRES_AT, |text| text.parse().map_err(|_| ValueError::Time))?;
        Ok(Self { method: (kind.read)(data)?, expires })
    }
}

fn read_access_key(data: &SecretData) -> Result<Method, SecretError> {
    let keys = KeyPair {
        access_key: data.required(ACCESS_KEY, SECRET_KEY, AccessKey::parse)?,
        secret_key: data.required(SECRET_KEY, ACCESS_KEY, SecretKey::parse)?,
        security_token: data.optional(SECURITY_TOKEN, SecurityToken::parse)?,
    };
    let domain = data.optional(DOMAIN_ID, GivenId::parse)?;
    let project = data.optional(PROJECT_ID, GivenId::parse)?;
    let scope = match (domain, project) {
        (None, None) => Scope::None,
        (Some(GivenId::Id(id)), None) => Scope::Domain(id),
        (None, Some(GivenId::Id(id))) => Scope::Project(id),
        (Some(GivenId::Auto), None) => return Ok(Method::LookUp(keys, LookUp::Domain)),
        (None, Some(GivenId::Auto)) => return Ok(Method::LookUp(keys, LookUp::Project)),
        (Some(_), Some(_)) => return Err(SecretError::Mixed { first: DOMAIN_ID, second: PROJECT_ID }),
    };
    Ok(Method::Ready(Credentials::AkSk { keys, scope }))
}

/// An id, or that IAM is to be asked for it.
enum GivenId {
    Id(ScopeId),
    Auto,
}

impl GivenId {
    fn parse(text: &str) -> Result<Self, ValueError> {
        if text == AUTO { Ok(Self::Auto) } else { ScopeId::parse(text).map(Self::Id) }
    }
}

fn read_token(data: &SecretData) -> Result<Method, SecretError> {
    data.required(TOKEN, TOKEN, AuthToken::parse).map(|token| Method::Ready(Credentials::Token(token)))
}

fn read_password(data: &SecretData) -> Result<Method, SecretError> {
    let id = data.optional(PROJECT_ID, ScopeId::parse)?;
    let name = data.optional(PROJECT_NAME, Name::parse)?;
    let scope = match (id, name) {
        (None, None) => TokenScope::Domain,
        (Some(id), None) => TokenScope::ProjectId(id),
        (None, Some(name)) => TokenScope::ProjectName(name),
        (Some(_), Some(_)) => return Err(SecretError::Mixed { first: PROJECT_ID, second: PROJECT_NAME }),
    };
    Ok(Method::Password(PasswordLogin {
        username: data.required(USERNAME, PASSWORD, Name::parse)?,
        password: data.required(PASSWORD, USERNAME, Password::parse)?,
        domain: data.required(DOMAIN_NAME, USERNAME, Name::parse)?,
        scope,
    }))
}

/// The data of a Secret, which is overwritten in memory when it is dropped.
#[derive(Clone, Default)]
pub struct SecretData(BTreeMap<String, Zeroizing<Vec<u8>>>);

impl FromIterator<(String, Vec<u8>)> for SecretData {
    fn from_iter<T: IntoIterator<Item = (String, Vec<u8>)>>(entries: T) -> Self {
        Self(entries.into_iter().map(|(key, value)| (key, Zeroizing::new(value))).collect())
    }
}

impl Extend<(String, Vec<u8>)> for SecretData {
    fn extend<T: IntoIterator<Item = (String, Vec<u8>)>>(&mut self, entries: T) {
        self.0.extend(entries.into_iter().map(|(key, value)| (key, Zeroizing::new(value))));
    }
}

impl fmt::Debug for SecretData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl SecretData {
    fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Refuses a key that is meant to be a known one which isn't there.
    fn check_spelling(&self) -> Result<(), SecretError> {
        let is_meant = |found: &str, meant: &str| !self.has(meant) && plain(found) == plain(meant);
        let misspelt = self.0.keys().find_map(|found| {
            let meant = KNOWN.into_iter().find(|meant| is_meant(found, meant))?;
            Some(SecretError::Misspelt { found: found.clone(), meant })
        });
        misspelt.map_or(Ok(()), Err)
    }

    /// The only kind that the keys speak of, and the key that says so.
    fn kind(&self) -> Result<(&'static str, &'static Kind), SecretError> {
        let mut marks = KINDS.iter().filter_map(|kind| {
            let mark = kind.marks.iter().find(|key| self.has(key))?;
            Some((*mark, kind))
        });
        match (marks.next(), marks.next()) {
            (Some(found), None) => Ok(found),
            (Some((first, _)), Some((second, _))) => Err(SecretError::Mixed { first, second }),
            (None, _) => Err(SecretError::NoCredentials { found: self.key_names() }),
        }
    }

    fn key_names(&self) -> String {
        let names: Vec<String> = self.0.keys().map(|key| format!("`{key}`")).collect();
        if names.is_empty() { "none".to_owned() } else { text::one_line(&names.join(", "), 256) }
    }

    fn optional<T>(
        &self,
        key: &'static str,
        parse: fn(&str) -> Result<T, ValueError>,
    ) -> Result<Option<T>, SecretError> {
        let Some(bytes) = self.0.get(key) else { return Ok(None) };
        let text = std::str::from_utf8(bytes).map_err(|_| SecretError::Encoding { key })?;
        let text = text.trim_end_matches(['\r', '\n']);
        parse(text).map(Some).map_err(|problem| SecretError::Value { key, problem })
    }

    fn required<T>(
        &self,
        key: &'static str,
        present: &'static str,
        parse: fn(&str) -> Result<T, ValueError>,
    ) -> Result<T, SecretError> {
        self.optional(key, parse)?.ok_or(SecretError::Missing { missing: key, present })
    }
}

/// What is the same in all spellings of a key.
fn plain(key: &str) -> String {
    key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests;
