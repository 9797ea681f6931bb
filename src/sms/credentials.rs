//! What a request is authorised with, and what a watch signs in with to get there.

mod digest;
mod hidden;
mod login;
mod redact;
mod secret;

pub use digest::{DigestKey, LoginDigest, RandomnessError};
pub use hidden::{AccessKey, AuthToken, Name, Password, ScopeId, SecretKey, SecurityToken, ValueError};
pub use login::{KeyPair, Login, LookUp, Method, PasswordLogin, TokenScope};
pub use secret::{SecretData, SecretError};

pub(in crate::sms) use redact::Redactor;

/// Credentials that a request can be sent with at once. What needs a request of its own first, such as a password,
/// is turned into these before: see [`Login`].
#[derive(Clone, Debug)]
pub enum Credentials {
    /// An access key, permanent or temporary: requests are signed.
    AkSk {
        /// The key.
        keys: KeyPair,
        /// What the requests are about.
        scope: Scope,
    },
    /// A token of IAM, sent as it is. It carries its own scope.
    Token(AuthToken),
}

/// Which account or project signed requests are about. SMS itself needs neither; some accounts do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// What IAM derives from the key.
    None,
    /// An account ("domain"), sent as X-Domain-Id.
    Domain(ScopeId),
    /// A project, sent as X-Project-Id.
    Project(ScopeId),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_and_quoted_texts_show_nothing() {
        let keys = KeyPair {
            access_key: AccessKey::parse("marker-ak").unwrap(),
            secret_key: SecretKey::parse("marker-sk").unwrap(),
            security_token: Some(SecurityToken::parse("marker-st").unwrap()),
        };
        let credentials = Credentials::AkSk { keys, scope: Scope::None };
        let token = Credentials::Token(AuthToken::parse("marker-token").unwrap());
        for (credentials, count) in [(credentials, 3), (token, 1)] {
            assert!(!format!("{credentials:#?}").contains("marker"));
            let quoted = "AK marker-ak failed, marker-sk marker-st marker-token";
            let hidden = Redactor::of(&credentials).hide_in(quoted);
            assert_eq!(hidden.matches("[hidden]").count(), count, "{hidden}");
        }
    }
}
