//! What a watch signs in with.

use k8s_openapi::jiff::Timestamp;

use super::{AccessKey, Credentials, Name, Password, ScopeId, SecretKey, SecurityToken};

/// What a watch signs in with, as a Secret or the operator's own environment holds it.
#[derive(Clone, Debug)]
pub struct Login {
    /// How.
    pub method: Method,
    /// When what is given ends by itself, if that is known.
    pub expires: Option<Timestamp>,
}

/// How credentials are got.
#[derive(Clone, Debug)]
pub enum Method {
    /// They are here.
    Ready(Credentials),
    /// They are here, but for an id that IAM tells.
    LookUp(KeyPair, LookUp),
    /// IAM gives a token for a password.
    Password(PasswordLogin),
}

/// A key that signs requests.
#[derive(Clone, Debug)]
pub struct KeyPair {
    /// Which key signs.
    pub access_key: AccessKey,
    /// What it signs with; never sent.
    pub secret_key: SecretKey,
    /// Sent along with temporary keys.
    pub security_token: Option<SecurityToken>,
}

/// Which id IAM is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LookUp {
    /// That of the account ("domain") that the key belongs to.
    Domain,
    /// That of the account's project which is named like the region.
    Project,
}

/// An IAM user.
#[derive(Clone, Debug)]
pub struct PasswordLogin {
    /// The user's name.
    pub username: Name,
    /// The user's password.
    pub password: Password,
    /// The account ("domain") that the user belongs to.
    pub domain: Name,
    /// What the token is for.
    pub scope: TokenScope,
}

/// What a token is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenScope {
    /// The user's whole account, which is how SMS as a global service sees it.
    Domain,
    /// A project, by its id.
    ProjectId(ScopeId),
    /// A project, by its name, usually that of a region.
    ProjectName(Name),
}

impl From<Credentials> for Login {
    fn from(credentials: Credentials) -> Self {
        Self { method: Method::Ready(credentials), expires: None }
    }
}
