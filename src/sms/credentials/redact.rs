//! Taking secrets out of texts that are shown. The vendor's gateway quotes access keys in its error messages, and
//! some proxies quote whole requests.

use super::{Credentials, KeyPair, PasswordLogin, SecurityToken};

/// The texts of one request that must not be seen.
#[derive(Clone, Default)]
pub(in crate::sms) struct Redactor<'a>(Vec<&'a str>);

impl<'a> Redactor<'a> {
    /// Hides credentials.
    pub(in crate::sms) fn of(credentials: &'a Credentials) -> Self {
        match credentials {
            Credentials::AkSk { keys, .. } => Self::of_keys(keys),
            Credentials::Token(token) => Self(vec![token.reveal()]),
        }
    }

    /// Hides an access key.
    pub(in crate::sms) fn of_keys(keys: &'a KeyPair) -> Self {
        let token = keys.security_token.as_ref().map(SecurityToken::reveal);
        Self(
            [Some(keys.access_key.reveal()), Some(keys.secret_key.reveal()), token]
                .into_iter()
                .flatten()
                .collect(),
        )
    }

    /// Hides a password.
    pub(in crate::sms) fn of_password(login: &'a PasswordLogin) -> Self {
        Self(vec![login.password.reveal()])
    }

    /// Takes the texts out of another one.
    pub(in crate::sms) fn hide_in(&self, text: &str) -> String {
        let hidden = self.0.iter().filter(|hidden| !hidden.is_empty());
        hidden.fold(text.to_owned(), |text, hidden| text.replace(hidden, "[hidden]"))
    }
}
