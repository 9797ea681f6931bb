//! Temporary keys that act for an account.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::accounts::{AccessKey, Accounts};
use crate::random::{self, NoRandomness};

/// A temporary key lives so long unless a test says otherwise (unverified).
const LIFETIME: Duration = Duration::from_hours(24);

/// An agency: who holds it gets temporary keys of an account. The same key is given until half of its life is over, then a new one.
#[derive(Debug)]
pub struct Agency {
    accounts: Arc<Accounts>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    domain_id: Option<String>,
    lifetime: Duration,
    current: Option<Current>,
    issued: Vec<String>,
}

/// The key that is given now.
#[derive(Debug)]
struct Current {
    key: AccessKey,
    renew_at: Timestamp,
}

/// There is no key to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoKey {
    #[error("there is no agency")]
    NoAgency,
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl Agency {
    /// An agency for no account yet.
    pub(crate) fn new(accounts: Arc<Accounts>) -> Self {
        let state = State { domain_id: None, lifetime: LIFETIME, current: None, issued: Vec::new() };
        Self { accounts, state: Mutex::new(state) }
    }

    /// Lets it act for the account of this domain id; keys of another account that it gave before stay valid.
    pub fn assign(&self, domain_id: impl Into<String>) {
        let mut state = self.lock();
        state.domain_id = Some(domain_id.into());
        state.current = None;
    }

    /// Lets it act for nobody; keys that it gave before stay valid.
    pub fn withdraw(&self) {
        let mut state = self.lock();
        state.domain_id = None;
        state.current = None;
    }

    /// Keys that are made from now on live so long. The current one is still given out: [`Agency::rotate`] ends that.
    pub fn set_lifetime(&self, lifetime: Duration) {
        self.lock().lifetime = lifetime;
    }

    /// The next request gets a new key; those given before stay valid.
    pub fn rotate(&self) {
        self.lock().current = None;
    }

    /// All keys that it gave are refused at once, as unknown (APIGW.0301); the next request gets a new one.
    pub fn revoke(&self) {
        let mut state = self.lock();
        self.accounts.remove_access_keys(&std::mem::take(&mut state.issued));
        state.current = None;
    }

    /// The ids of the keys that it has given since the start or the last [`Agency::revoke`], oldest first.
    #[must_use]
    pub fn issued(&self) -> Vec<String> {
        self.lock().issued.clone()
    }

    /// The key for a request that comes now.
    pub(crate) fn key(&self, now: Timestamp) -> Result<AccessKey, NoKey> {
        let mut state = self.lock();
        if let Some(current) = &state.current
            && now < current.renew_at
            // A test may have put another account in the place of the one that had it.
            && self.accounts.by_access_key(&current.key.id).is_some()
        {
            return Ok(current.key.clone());
        }
        let domain_id = state.domain_id.clone().ok_or(NoKey::NoAgency)?;
        let current = Current::made(now, state.lifetime)?;
        let key = current.key.clone();
        if !self.accounts.update(&domain_id, |account| account.access_keys.push(key.clone())) {
            return Err(NoKey::NoAgency);
        }
        state.issued.push(key.id.clone());
        state.current = Some(current);
        Ok(key)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Current {
    fn made(now: Timestamp, lifetime: Duration) -> Result<Self, NoRandomness> {
        let after = |time: Duration| now.checked_add(time).unwrap_or(Timestamp::MAX);
        let key = AccessKey {
            id: format!("HSTA{}", random::capitals(8)?),
            secret: random::base64(30)?,
            security_token: Some(random::base64(600)?),
            expires_at: Some(after(lifetime)),
        };
        Ok(Self { key, renew_at: after(lifetime / 2) })
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::accounts::Account;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn agency() -> Agency {
        let accounts = Arc::new(Accounts::new(vec![Account::new("d", "AK", "SK")]));
        let agency = Agency::new(accounts);
        agency.assign("d");
        agency.set_lifetime(Duration::from_secs(100));
        agency
    }

    fn at(agency: &Agency, seconds: i64) -> AccessKey {
        agency.key(NOW + SignedDuration::from_secs(seconds)).unwrap()
    }

    #[test]
    fn a_key_is_given_for_half_of_its_life() {
        let agency = agency();
        let first = at(&agency, 0);
        assert_eq!(first.expires_at, Some(NOW + SignedDuration::from_secs(100)));
        assert_eq!(at(&agency, 49), first);
        let second = at(&agency, 50);
        assert_ne!(second.id, first.id);
        assert_eq!(second.expires_at, Some(NOW + SignedDuration::from_secs(150)));
        assert_eq!(agency.issued(), [first.id, second.id]);
    }

    #[test]
    fn given_keys_open_the_account_until_they_are_revoked() {
        let agency = agency();
        let old = at(&agency, 0);
        agency.rotate();
        let new = at(&agency, 0);
        assert_ne!(old.id, new.id);
        let opens = |key: &AccessKey| agency.accounts.by_access_key(&key.id).is_some();
        assert!(opens(&old) && opens(&new));
        agency.revoke();
        assert!(!opens(&old) && !opens(&new));
        assert!(agency.accounts.by_access_key("AK").is_some(), "keys of others stay");
        assert!(opens(&at(&agency, 0)));

        let key = at(&agency, 0);
        agency.assign("other");
        agency.revoke();
        assert!(!opens(&key), "revoking reaches the accounts of before too");
    }

    #[test]
    fn nobody_and_unknown_accounts_have_no_key() {
        let agency = agency();
        agency.withdraw();
        assert_eq!(agency.key(NOW), Err(NoKey::NoAgency));
        agency.assign("nobody");
        assert_eq!(agency.key(NOW), Err(NoKey::NoAgency));
        assert!(agency.issued().is_empty());
    }

    #[test]
    fn ids_and_secrets_look_like_real_ones() {
        let key = at(&agency(), 0);
        assert_eq!((key.id.len(), key.secret.len()), (20, 40));
        assert!(key.id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()));
    }
}
