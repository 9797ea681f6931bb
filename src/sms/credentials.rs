//! What a request to SMS is authorised with.

mod digest;
mod hidden;
mod secret;

pub use digest::{CredentialsDigest, DigestKey, RandomnessError};
pub use hidden::{AccessKey, AuthToken, ScopeId, SecretKey, SecurityToken, ValueError};
pub use secret::SecretError;

/// Credentials that a request can be sent with at once. What needs a request of its own first, such as a password,
/// is turned into these before.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// An access key, permanent or temporary: requests are signed.
    AkSk {
        /// Which key signs.
        access_key: AccessKey,
        /// What it signs with; never sent.
        secret_key: SecretKey,
        /// Sent along with temporary keys.
        security_token: Option<SecurityToken>,
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

impl Credentials {
    /// Everything in these credentials that must not be seen.
    fn hidden_texts(&self) -> impl Iterator<Item = &str> {
        let (first, second, third) = match self {
            Self::AkSk { access_key, secret_key, security_token, .. } => (
                access_key.reveal(),
                Some(secret_key.reveal()),
                security_token.as_ref().map(SecurityToken::reveal),
            ),
            Self::Token(token) => (token.reveal(), None, None),
        };
        [Some(first), second, third].into_iter().flatten()
    }

    /// Takes these credentials out of a text. The vendor's gateway quotes access keys in its error messages.
    #[must_use]
    pub fn hide_in(&self, text: &str) -> String {
        self.hidden_texts().fold(text.to_owned(), |text, hidden| text.replace(hidden, "[hidden]"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_and_quoted_texts_show_nothing() {
        let credentials = Credentials::AkSk {
            access_key: AccessKey::parse("marker-ak").unwrap(),
            secret_key: SecretKey::parse("marker-sk").unwrap(),
            security_token: Some(SecurityToken::parse("marker-st").unwrap()),
            scope: Scope::None,
        };
        let token = Credentials::Token(AuthToken::parse("marker-token").unwrap());
        for credentials in [credentials, token] {
            assert!(!format!("{credentials:#?}").contains("marker"));
            let quoted = "AK marker-ak failed, marker-sk marker-st";
            let quoted = format!("{quoted} marker-token");
            let hidden = credentials.hide_in(&quoted);
            let count = credentials.hidden_texts().count();
            assert_eq!(hidden.matches("[hidden]").count(), count, "{hidden}");
        }
    }
}
