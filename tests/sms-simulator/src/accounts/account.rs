//! One account: its ids, what opens it, and what it may not do.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;

use super::{Token, User};

/// What a call needs a permission for, by the names that the vendor's policies use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// `GET /v3/tasks`.
    ListTasks,
    /// `GET /v3/auth/domains`.
    ListDomains,
    /// `GET /v3/projects`.
    ListProjects,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ListTasks => "sms:server:listTask",
            Self::ListDomains => "iam:users:listDomains",
            Self::ListProjects => "iam:projects:listProjects",
        })
    }
}

/// An access key pair; with a security token it is a temporary one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// The access key id (AK).
    pub id: String,
    /// The secret access key (SK).
    pub secret: String,
    /// What `X-Security-Token` must carry; none for a permanent key.
    pub security_token: Option<String>,
    /// From when on it is refused with APIGW.0301; none for never.
    pub expires_at: Option<Timestamp>,
}

impl AccessKey {
    /// A permanent key pair.
    #[must_use]
    pub fn permanent(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { id: id.into(), secret: secret.into(), security_token: None, expires_at: None }
    }
}

/// A project, which the vendor names after its region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// What `X-Project-Id` carries.
    pub id: String,
    /// The region, as `cn-north-4`.
    pub name: String,
}

/// A customer's account ("domain") and what opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// What `X-Domain-Id` carries; also the key in [`Accounts`](super::Accounts).
    pub domain_id: String,
    /// The account's name.
    pub domain_name: String,
    /// The projects that `GET /v3/projects` finds.
    pub projects: Vec<Project>,
    /// The key pairs that sign for it.
    pub access_keys: Vec<AccessKey>,
    /// Who gets tokens of it by a password.
    pub users: Vec<User>,
    /// The tokens that open it.
    pub tokens: Vec<Token>,
    /// What its callers are not permitted.
    pub denied: BTreeSet<Action>,
}

impl Default for Account {
    /// The account that tests use when it doesn't matter which.
    fn default() -> Self {
        Self::new(
            "0123456789abcdef0123456789abcdef",
            "AKSIMULATOR0000000001",
            "SKsimulator+/secretKEY0123456789abcdefgh",
        )
    }
}

impl Account {
    /// An account with one permanent key pair, one project in cn-north-4, no user, no token, and every permission.
    #[must_use]
    pub fn new(
        domain_id: impl Into<String>,
        access_key: impl Into<String>,
        secret_key: impl Into<String>,
    ) -> Self {
        let domain_id = domain_id.into();
        Self {
            domain_name: format!("account-{domain_id}"),
            projects: vec![Project { id: format!("project-{domain_id}"), name: "cn-north-4".into() }],
            access_keys: vec![AccessKey::permanent(access_key, secret_key)],
            users: Vec::new(),
            tokens: Vec::new(),
            denied: BTreeSet::new(),
            domain_id,
        }
    }

    /// The same with one more user, who gets tokens by this password.
    #[must_use]
    pub fn with_user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.users.push(User { name: name.into(), password: password.into() });
        self
    }

    /// The same with one more token, which never expires.
    #[must_use]
    pub fn with_token(mut self, value: impl Into<String>) -> Self {
        self.tokens.push(Token::new(value));
        self
    }

    /// The same with its first key made temporary: calls must carry this security token.
    #[must_use]
    pub fn with_security_token(mut self, token: impl Into<String>) -> Self {
        if let Some(key) = self.access_keys.first_mut() {
            key.security_token = Some(token.into());
        }
        self
    }

    /// Whether its callers may do this.
    #[must_use]
    pub fn may(&self, action: Action) -> bool {
        !self.denied.contains(&action)
    }
}
