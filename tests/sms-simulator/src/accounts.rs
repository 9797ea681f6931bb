//! Who may call: accounts with their access keys, tokens, ids and permissions.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{PoisonError, RwLock};

use jiff::Timestamp;

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
}

/// An IAM token as `X-Auth-Token` carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The header's whole value.
    pub value: String,
    /// From when on it is refused with APIGW.0307; none for never.
    pub expires_at: Option<Timestamp>,
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
    /// What `X-Domain-Id` carries; also the key in [`Accounts`].
    pub domain_id: String,
    /// The account's name.
    pub domain_name: String,
    /// The projects that `GET /v3/projects` finds.
    pub projects: Vec<Project>,
    /// The key pairs that sign for it.
    pub access_keys: Vec<AccessKey>,
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
    /// An account with one permanent key pair, one project in cn-north-4, no token, and every permission.
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
            access_keys: vec![AccessKey {
                id: access_key.into(),
                secret: secret_key.into(),
                security_token: None,
            }],
            tokens: Vec::new(),
            denied: BTreeSet::new(),
            domain_id,
        }
    }

    /// The same with one more token, which never expires.
    #[must_use]
    pub fn with_token(mut self, value: impl Into<String>) -> Self {
        self.tokens.push(Token { value: value.into(), expires_at: None });
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

/// All accounts, to be changed while the server runs.
#[derive(Debug, Default)]
pub struct Accounts {
    accounts: RwLock<Vec<Account>>,
}

impl Accounts {
    /// Starts with these.
    #[must_use]
    pub fn new(accounts: Vec<Account>) -> Self {
        Self { accounts: RwLock::new(accounts) }
    }

    /// Adds an account, in place of one with the same domain id.
    pub fn insert(&self, account: Account) {
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        accounts.retain(|known| known.domain_id != account.domain_id);
        accounts.push(account);
    }

    /// Removes an account and says whether there was one.
    pub fn remove(&self, domain_id: &str) -> bool {
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        let before = accounts.len();
        accounts.retain(|account| account.domain_id != domain_id);
        accounts.len() < before
    }

    /// Changes an account and says whether there was one.
    pub fn update(&self, domain_id: &str, change: impl FnOnce(&mut Account)) -> bool {
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        let found = accounts.iter_mut().find(|account| account.domain_id == domain_id);
        found.map(change).is_some()
    }

    /// The account and key pair of an access key id.
    pub(crate) fn by_access_key(&self, id: &str) -> Option<(Account, AccessKey)> {
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        accounts.iter().find_map(|account| {
            let key = account.access_keys.iter().find(|key| key.id == id)?;
            Some((account.clone(), key.clone()))
        })
    }

    /// The account and token of a token's value.
    pub(crate) fn by_token(&self, value: &str) -> Option<(Account, Token)> {
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        accounts.iter().find_map(|account| {
            let token = account.tokens.iter().find(|token| token.value == value)?;
            Some((account.clone(), token.clone()))
        })
    }
}
