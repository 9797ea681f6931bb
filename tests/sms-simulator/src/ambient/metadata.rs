//! The metadata service of an ECS instance: temporary keys of the instance's agency, with a token step before them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::Agency;
use crate::accounts::Accounts;
use crate::random::{self, NoRandomness};

/// Whether an instance's metadata are asked for with a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TokenStep {
    /// Without one nothing is told.
    Required,
    /// It can be asked for and then must be right, but nobody must.
    #[default]
    Optional,
    /// There is no such thing: 404.
    Missing,
}

/// How the service says that its instance has no agency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NoAgency {
    /// 401 with the sentence that the vendor's SDKs look for.
    #[default]
    Unauthorized,
    /// 404.
    NotFound,
}

/// The metadata service. It has no agency until a test [assigns](Agency::assign) one.
#[derive(Debug)]
pub struct Metadata {
    agency: Agency,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    token_step: TokenStep,
    no_agency: NoAgency,
    /// The tokens given so far, with their ends.
    tokens: HashMap<String, Timestamp>,
}

/// The token is missing, unknown or expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("401 Unauthorized")]
pub(crate) struct Unauthorized;

impl Metadata {
    pub(crate) fn new(accounts: Arc<Accounts>) -> Self {
        Self { agency: Agency::new(accounts), state: Mutex::default() }
    }

    /// Whose keys it gives.
    #[must_use]
    pub fn agency(&self) -> &Agency {
        &self.agency
    }

    /// Sets whether tokens are asked for.
    pub fn set_token_step(&self, step: TokenStep) {
        self.lock().token_step = step;
    }

    /// Sets how it says that there is no agency.
    pub fn set_no_agency(&self, answer: NoAgency) {
        self.lock().no_agency = answer;
    }

    /// Refuses all tokens that were given; keys stay valid.
    pub fn revoke_tokens(&self) {
        self.lock().tokens.clear();
    }

    pub(crate) fn token_step(&self) -> TokenStep {
        self.lock().token_step
    }

    pub(crate) fn no_agency(&self) -> NoAgency {
        self.lock().no_agency
    }

    /// A token that is good for so long.
    pub(crate) fn give_token(&self, now: Timestamp, lifetime: Duration) -> Result<String, NoRandomness> {
        let token = random::base64(42)?;
        let ends = now.checked_add(lifetime).unwrap_or(Timestamp::MAX);
        self.lock().tokens.insert(token.clone(), ends);
        Ok(token)
    }

    /// Whether somebody with this token (or none) may ask.
    pub(crate) fn admit(&self, token: Option<&str>, now: Timestamp) -> Result<(), Unauthorized> {
        let state = self.lock();
        let admitted = match (state.token_step, token) {
            (TokenStep::Missing, _) | (TokenStep::Optional, None) => true,
            (TokenStep::Required, None) => false,
            (_, Some(token)) => state.tokens.get(token).is_some_and(|ends| now < *ends),
        };
        if admitted { Ok(()) } else { Err(Unauthorized) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
