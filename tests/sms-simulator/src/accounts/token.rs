//! IAM's users, and the tokens that they get by their passwords.

use jiff::Timestamp;

use super::Account;

/// An IAM user of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name to sign in with.
    pub name: String,
    /// The password. Another one in its place revokes the user's tokens.
    pub password: String,
}

/// What a token was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The whole account.
    Domain,
    /// The project of this id.
    Project(String),
}

/// An IAM token as `X-Auth-Token` carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The header's whole value.
    pub value: String,
    /// From when on it is refused with APIGW.0307; none for never.
    pub expires_at: Option<Timestamp>,
    /// Who got it, and for what; none for a token that a test made up.
    pub grant: Option<Grant>,
}

/// How a token came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The user as they were then: without them, or with another password, the token is void.
    pub user: User,
    /// What it was asked for.
    pub scope: Scope,
}

impl Token {
    /// A token that never expires and needs no user.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self { value: value.into(), expires_at: None, grant: None }
    }

    /// Whether it still opens the account: it has not expired, and its user is as they were.
    pub(crate) fn is_valid(&self, account: &Account, now: Timestamp) -> bool {
        let granted = self.grant.as_ref().is_none_or(|grant| account.users.contains(&grant.user));
        granted && self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}
