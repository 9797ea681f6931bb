//! Comparing credentials by content without keeping them.

use std::fmt;

use ring::{hmac, rand::SystemRandom};

use super::{Credentials, Scope, SecurityToken};

/// The system gave no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system's random number generator failed")]
pub struct RandomnessError;

/// The key of all digests of a process. It is random, so that a digest tells nothing outside the process.
pub struct DigestKey(hmac::Key);

impl DigestKey {
    /// A new key.
    pub fn random() -> Result<Self, RandomnessError> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        key.map(Self).map_err(|ring::error::Unspecified| RandomnessError)
    }
}

/// Stands for the content of credentials: equal for equal content, different for any other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialsDigest([u8; 32]);

impl fmt::Debug for CredentialsDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[digest]")
    }
}

impl Credentials {
    /// The digest of everything that a request with these credentials depends on.
    #[must_use]
    pub fn digest(&self, key: &DigestKey) -> CredentialsDigest {
        let mut context = hmac::Context::with_key(&key.0);
        for part in self.parts() {
            // With the length before each part, no two lists of parts are the same bytes.
            context.update(&part.map_or(u64::MAX, |part| part.len() as u64).to_be_bytes());
            context.update(part.unwrap_or_default().as_bytes());
        }
        let mut digest = [0; 32];
        for (to, from) in digest.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        CredentialsDigest(digest)
    }

    /// The content in a fixed order; the first part tells the kind.
    fn parts(&self) -> [Option<&str>; 6] {
        match self {
            Self::AkSk { access_key, secret_key, security_token, scope } => {
                let (domain, project) = match scope {
                    Scope::None => (None, None),
                    Scope::Domain(id) => (Some(id.as_str()), None),
                    Scope::Project(id) => (None, Some(id.as_str())),
                };
                let security_token = security_token.as_ref().map(SecurityToken::reveal);
                let keys = [access_key.reveal(), secret_key.reveal()].map(Some);
                [Some("AkSk"), keys[0], keys[1], security_token, domain, project]
            }
            Self::Token(token) => [Some("Token"), Some(token.reveal()), None, None, None, None],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use proptest::prelude::*;

    fn content() -> impl Strategy<Value = Credentials> {
        let text = || prop_oneof!["[ab]{1,2}"];
        let scope = prop_oneof![
            Just(Scope::None),
            text().prop_map(|id| Scope::Domain(ScopeId::parse(&id).unwrap())),
            text().prop_map(|id| Scope::Project(ScopeId::parse(&id).unwrap())),
        ];
        let keys = (text(), text(), proptest::option::of(text()), scope);
        prop_oneof![
            keys.prop_map(|(access_key, secret_key, security_token, scope)| Credentials::AkSk {
                access_key: AccessKey::parse(&access_key).unwrap(),
                secret_key: SecretKey::parse(&secret_key).unwrap(),
                security_token: security_token.map(|text| SecurityToken::parse(&text).unwrap()),
                scope,
            }),
            text().prop_map(|token| Credentials::Token(AuthToken::parse(&token).unwrap())),
        ]
    }

    proptest! {
        #[test]
        fn digests_are_equal_when_the_content_is(a in content(), b in content()) {
            let key = DigestKey::random().unwrap();
            prop_assert_eq!(a.digest(&key) == b.digest(&key), a.parts() == b.parts());
            prop_assert_eq!(a.digest(&key), a.clone().digest(&key));
        }
    }

    #[test]
    fn digests_of_two_processes_differ() {
        let credentials = Credentials::Token(AuthToken::parse("token").unwrap());
        let digest = || credentials.digest(&DigestKey::random().unwrap());
        assert_ne!(digest(), digest());
    }
}
