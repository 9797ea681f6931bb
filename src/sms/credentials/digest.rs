//! Comparing credentials by content without keeping them.

use std::fmt;

use ring::{hmac, rand::SystemRandom};

use super::{Credentials, KeyPair, Login, LookUp, Method, Scope, SecurityToken, TokenScope};

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

#[cfg(test)]
impl DigestKey {
    /// The same one always.
    pub(in crate::sms) fn fixed() -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, b"fixed"))
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key]")
    }
}

/// Stands for the content of a login: equal for equal content, different for any other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LoginDigest([u8; 32]);

impl fmt::Debug for LoginDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[digest]")
    }
}

impl Login {
    /// The digest of everything that signing in depends on.
    #[must_use]
    pub fn digest(&self, key: &DigestKey) -> LoginDigest {
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
        LoginDigest(digest)
    }

    /// The content in a fixed order; the first part tells the kind.
    fn parts(&self) -> [Option<&str>; 6] {
        match &self.method {
            Method::Ready(Credentials::AkSk { keys, scope }) => {
                let (kind, id) = match scope {
                    Scope::None => ("keys", None),
                    Scope::Domain(id) => ("keys of a domain", Some(id.as_str())),
                    Scope::Project(id) => ("keys of a project", Some(id.as_str())),
                };
                of_keys(kind, keys, id)
            }
            Method::Ready(Credentials::Token(token)) => {
                [Some("token"), Some(token.reveal()), None, None, None, None]
            }
            Method::LookUp(keys, LookUp::Domain) => of_keys("keys, looking a domain up", keys, None),
            Method::LookUp(keys, LookUp::Project) => of_keys("keys, looking a project up", keys, None),
            Method::Password(login) => {
                let (kind, scope) = match &login.scope {
                    TokenScope::Domain => ("password for a domain", None),
                    TokenScope::ProjectId(id) => ("password for a project's id", Some(id.as_str())),
                    TokenScope::ProjectName(name) => ("password for a project's name", Some(name.as_str())),
                };
                let user = [&login.username, &login.domain].map(|name| Some(name.as_str()));
                [Some(kind), user[0], user[1], Some(login.password.reveal()), scope, None]
            }
        }
    }
}

fn of_keys<'a>(kind: &'a str, keys: &'a KeyPair, id: Option<&'a str>) -> [Option<&'a str>; 6] {
    let token = keys.security_token.as_ref().map(SecurityToken::reveal);
    [Some(kind), Some(keys.access_key.reveal()), Some(keys.secret_key.reveal()), token, id, None]
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use proptest::prelude::*;

    fn content() -> impl Strategy<Value = Login> {
        let text = || prop_oneof!["[ab]{1,2}"];
        let keys =
            (text(), text(), proptest::option::of(text())).prop_map(|(access_key, secret_key, token)| {
                KeyPair {
                    access_key: AccessKey::parse(&access_key).unwrap(),
                    secret_key: SecretKey::parse(&secret_key).unwrap(),
                    security_token: token.map(|text| SecurityToken::parse(&text).unwrap()),
                }
            });
        let scope = prop_oneof![
            Just(Scope::None),
            text().prop_map(|id| Scope::Domain(ScopeId::parse(&id).unwrap())),
            text().prop_map(|id| Scope::Project(ScopeId::parse(&id).unwrap())),
        ];
        let token_scope = prop_oneof![
            Just(TokenScope::Domain),
            text().prop_map(|id| TokenScope::ProjectId(ScopeId::parse(&id).unwrap())),
            text().prop_map(|name| TokenScope::ProjectName(Name::parse(&name).unwrap())),
        ];
        let method = prop_oneof![
            (keys.clone(), scope).prop_map(|(keys, scope)| Method::Ready(Credentials::AkSk { keys, scope })),
            (keys, prop_oneof![Just(LookUp::Domain), Just(LookUp::Project)])
                .prop_map(|(keys, look_up)| Method::LookUp(keys, look_up)),
            text().prop_map(|token| Method::Ready(Credentials::Token(AuthToken::parse(&token).unwrap()))),
            (text(), text(), text(), token_scope).prop_map(|(username, password, domain, scope)| {
                Method::Password(PasswordLogin {
                    username: Name::parse(&username).unwrap(),
                    password: Password::parse(&password).unwrap(),
                    domain: Name::parse(&domain).unwrap(),
                    scope,
                })
            }),
        ];
        method.prop_map(|method| Login { method, expires: None })
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
        let login = Login::from(Credentials::Token(AuthToken::parse("token").unwrap()));
        let digest = || login.digest(&DigestKey::random().unwrap());
        assert_ne!(digest(), digest());
    }
}
