//! Who may call: accounts with their access keys, users, tokens, ids and permissions.

mod account;
mod token;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

pub use account::{AccessKey, Account, Action, Project};
pub use token::{Grant, Scope, Token, User};

/// A token lives so long unless a test says otherwise (facts of the vendor's page).
const TOKEN_LIFETIME: Duration = Duration::from_hours(24);
/// Real tokens have some thousand characters.
const TOKEN_BYTES: usize = 1_536;

/// All accounts, to be changed while the server runs.
#[derive(Debug)]
pub struct Accounts {
    all: RwLock<Vec<Account>>,
    token_lifetime: Mutex<Duration>,
    /// How many random bytes a token is.
    token_bytes: AtomicUsize,
}

impl Default for Accounts {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Accounts {
    /// Starts with these.
    #[must_use]
    pub fn new(accounts: Vec<Account>) -> Self {
        Self {
            all: RwLock::new(accounts),
            token_lifetime: Mutex::new(TOKEN_LIFETIME),
            token_bytes: AtomicUsize::new(TOKEN_BYTES),
        }
    }

    /// An account as it is now, the tokens and temporary keys that it was given included.
    #[must_use]
    pub fn get(&self, domain_id: &str) -> Option<Account> {
        self.find(|account| (account.domain_id == domain_id).then(|| account.clone()))
    }

    /// Adds an account, in place of one with the same domain id.
    pub fn insert(&self, account: Account) {
        let mut accounts = self.all.write().unwrap_or_else(PoisonError::into_inner);
        accounts.retain(|known| known.domain_id != account.domain_id);
        accounts.push(account);
    }

    /// Removes an account and says whether there was one.
    pub fn remove(&self, domain_id: &str) -> bool {
        let mut accounts = self.all.write().unwrap_or_else(PoisonError::into_inner);
        let before = accounts.len();
        accounts.retain(|account| account.domain_id != domain_id);
        accounts.len() < before
    }

    /// Changes an account and says whether there was one.
    pub fn update(&self, domain_id: &str, change: impl FnOnce(&mut Account)) -> bool {
        let mut accounts = self.all.write().unwrap_or_else(PoisonError::into_inner);
        let found = accounts.iter_mut().find(|account| account.domain_id == domain_id);
        found.map(change).is_some()
    }

    /// Gives a user another password, which revokes their tokens (APIGW.0307), and says whether there was such a user.
    pub fn set_password(&self, domain_id: &str, user: &str, password: impl Into<String>) -> bool {
        let mut changed = false;
        self.update(domain_id, |account| {
            if let Some(user) = account.users.iter_mut().find(|known| known.name == user) {
                user.password = password.into();
                changed = true;
            }
        });
        changed
    }

    /// Forgets all tokens of an account, as if they had never been (APIGW.0301), and says whether there was such an account.
    pub fn revoke_tokens(&self, domain_id: &str) -> bool {
        self.update(domain_id, |account| account.tokens.clear())
    }

    /// Forgets the key pairs of these ids, whichever account has them.
    pub(crate) fn remove_access_keys(&self, ids: &[String]) {
        let mut accounts = self.all.write().unwrap_or_else(PoisonError::into_inner);
        for account in accounts.iter_mut() {
            account.access_keys.retain(|key| !ids.contains(&key.id));
        }
    }

    /// Tokens that are asked for from now on live so long.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        *self.token_lifetime.lock().unwrap_or_else(PoisonError::into_inner) = lifetime;
    }

    /// Tokens that are asked for from now on are so long, in characters: a multiple of four.
    pub fn set_token_length(&self, characters: usize) {
        self.token_bytes.store(characters / 4 * 3, Ordering::Relaxed);
    }

    pub(crate) fn token_bytes(&self) -> usize {
        self.token_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn token_lifetime(&self) -> Duration {
        *self.token_lifetime.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The account of a name, which need not be unique here: the first.
    pub(crate) fn by_name(&self, name: &str) -> Option<Account> {
        self.find(|account| (account.domain_name == name).then(|| account.clone()))
    }

    /// The account and key pair of an access key id.
    pub(crate) fn by_access_key(&self, id: &str) -> Option<(Account, AccessKey)> {
        self.find(|account| {
            let key = account.access_keys.iter().find(|key| key.id == id)?;
            Some((account.clone(), key.clone()))
        })
    }

    /// The account and token of a token's value.
    pub(crate) fn by_token(&self, value: &str) -> Option<(Account, Token)> {
        self.find(|account| {
            let token = account.tokens.iter().find(|token| token.value == value)?;
            Some((account.clone(), token.clone()))
        })
    }

    fn find<T>(&self, wanted: impl FnMut(&Account) -> Option<T>) -> Option<T> {
        self.all.read().unwrap_or_else(PoisonError::into_inner).iter().find_map(wanted)
    }
}
