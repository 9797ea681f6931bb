//! Taking secrets out of texts that are shown. The vendor's gateway quotes access keys in its error messages, and
//! some proxies quote whole requests.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

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
        let hidden = self.0.iter().flat_map(|hidden| spellings(hidden));
        hidden.fold(text.to_owned(), |text, hidden| text.replace(hidden.as_str(), "[hidden]"))
    }
}

/// What most encoders of URLs encode. Tokens have hyphens beside plus signs.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A secret as it is, and as it looks where a request is quoted: within JSON, and percent-encoded.
fn spellings(secret: &str) -> impl Iterator<Item = Zeroizing<String>> {
    let json = serde_json::Value::from(secret).to_string();
    let json = json.get(1..json.len() - 1).unwrap_or_default().to_owned();
    let percent = [RESERVED, NON_ALPHANUMERIC].map(|set| utf8_percent_encode(secret, set).to_string());
    [secret.to_owned(), json].into_iter().chain(percent).filter(|text| !text.is_empty()).map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_as_requests_spell_them() {
        let redactor = Redactor(vec!["a \"b\"\\c"]);
        for text in [r#"x a "b"\c x"#, r#"{"password":"a \"b\"\\c"}"#, "x=a%20%22b%22%5Cc&y"] {
            let hidden = redactor.hide_in(text);
            assert!(hidden.contains("[hidden]") && !hidden.contains('b'), "{hidden}");
        }
        let token = Redactor(vec!["MII-a+b/c_d=="]);
        for text in ["token=MII-a%2Bb%2Fc_d%3D%3D", "token=MII%2Da%2Bb%2Fc%5Fd%3D%3D"] {
            assert_eq!(token.hide_in(text), "token=[hidden]");
        }
        assert_eq!(Redactor(vec![""]).hide_in("text"), "text");
    }
}
