//! Users who sign in with a password, as IAM checks them.

use jiff::Timestamp;

use super::Gate;
use crate::accounts::{Account, Accounts, User};

/// Who wants to sign in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Login<'a> {
    /// The account's name.
    pub(crate) domain: &'a str,
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
}

/// Why somebody isn't signed in; each is a 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejection {
    /// One answer for all of it, so that nobody learns which accounts and users there are.
    #[error("The username or password is wrong.")]
    Wrong,
    /// The words are unverified.
    #[error("The user has been locked because of too many failed attempts. Try again later.")]
    Locked,
}

impl Gate {
    /// The user of a password, and the account.
    pub(crate) fn sign_in(
        &self,
        accounts: &Accounts,
        login: Login<'_>,
        now: Timestamp,
    ) -> Result<(Account, User), Rejection> {
        let name = format!("{}/{}", login.domain, login.user);
        if self.users.is_locked(&name, now) {
            return Err(Rejection::Locked);
        }
        let signed_in = find(accounts, login);
        match signed_in {
            Some(_) => self.users.succeeded(&name),
            None => self.users.failed(&name, now),
        }
        signed_in.ok_or(Rejection::Wrong)
    }
}

fn find(accounts: &Accounts, login: Login<'_>) -> Option<(Account, User)> {
    let account = accounts.by_name(login.domain)?;
    let wanted = |user: &&User| user.name == login.user && user.password == login.password;
    let user = account.users.iter().find(wanted)?.clone();
    Some((account, user))
}
