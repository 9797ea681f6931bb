//! The way to an API for the holders of one login: everybody passes while the credentials are accepted, one at a time
//! while that isn't known, and nobody for a while after a refusal.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::OwnedMutexGuard, time::Instant};

use super::{api::Api, credentials::LoginDigest, error::Error};
use crate::core::{
    breaker::{Admission, Breaker, is_refusal, is_silence},
    endpoint::{Endpoint, Region},
    failure::{Failure, FailureKind},
};

/// What nobody has used for this long is forgotten; it is longer than any refusal lasts.
const FORGET_AFTER: Duration = Duration::from_mins(20);

/// What is refused or accepted together. It goes by the content of a login, so that a wrong secret key beside somebody
/// else's access key is another one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Door {
    pub(super) endpoint: Endpoint,
    /// What is asked for: who may sign in at IAM need not be welcome at SMS.
    pub(super) api: Api,
    pub(super) login: LoginDigest,
    /// Where the login is about another project in each region.
    pub(super) region: Option<Region>,
    /// Permissions may be granted by enterprise project.
    pub(super) enterprise_project: Option<String>,
}

/// All gates, and when each was last used.
#[derive(Debug, Default)]
pub(super) struct Gates(Mutex<HashMap<Key, (Instant, Arc<Gate>)>>);

type Key = (Door, Matter);

/// What a gate is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Matter {
    /// Whether the credentials are accepted at all, in whatever enterprise project.
    Credentials,
    /// Whether they have the permission.
    Permission,
}

impl Gates {
    /// Waits until a request may be sent.
    ///
    /// # Errors
    /// The credentials were refused lately; or somebody else's request, whose outcome was waited for, failed.
    pub(super) async fn enter(&self, door: &Door) -> Result<Passage, Error> {
        let credentials = Door { enterprise_project: None, ..door.clone() };
        let enter = |door, matter| self.gate(door, matter).enter();
        Ok(Passage {
            credentials: enter(credentials, Matter::Credentials).await?,
            permission: enter(door.clone(), Matter::Permission).await?,
        })
    }

    /// Somebody asks for a listing with this login: what shuts its gates is tried as soon as it may be.
    pub(super) fn asked(&self, login: LoginDigest) {
        let gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = gates.iter().filter(|((door, _), _)| door.login == login);
        own.for_each(|(_, (_, gate))| gate.lock().breaker.asked());
    }

    /// How many of them are shut.
    pub(super) fn shut(&self) -> usize {
        let gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gates.values().filter(|(_, gate)| matches!(gate.admit(), Some(Err(_)))).count()
    }

    fn gate(&self, door: Door, matter: Matter) -> Arc<Gate> {
        let now = Instant::now();
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !gates.contains_key(&(door.clone(), matter)) {
            gates.retain(|_, (used, _)| used.elapsed() < FORGET_AFTER);
        }
        let (used, gate) = gates.entry((door, matter)).or_insert_with(|| (now, Arc::default()));
        *used = now;
        gate.clone()
    }
}

/// The way of one request through its gates. Dropped without an outcome, as when a watch is deleted, it lets the next
/// one try.
#[derive(Debug)]
pub(super) struct Passage {
    credentials: Pass,
    permission: Pass,
}

impl Passage {
    /// Whether nothing was refused while this waited for something else.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.credentials.check()?;
        self.permission.check()
    }

    /// An answer came that only accepted credentials get.
    pub(super) fn accepted(self) {
        self.credentials.accepted();
        self.permission.accepted();
    }

    /// The request failed.
    pub(super) fn failed(self, failure: &Failure) {
        match failure.kind {
            // Who lacks a permission has been recognised.
            FailureKind::AccessDenied => {
                self.credentials.accepted();
                self.permission.failed(failure);
            }
            kind if is_refusal(kind) => self.credentials.failed(failure),
            _ => {
                self.credentials.failed(failure);
                self.permission.failed(failure);
            }
        }
    }
}

#[derive(Debug, Default)]
struct Gate {
    state: Mutex<State>,
    /// Held by the one that tries.
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct State {
    breaker: Breaker,
    /// The last try that neither accepted nor refused the credentials, such as one without an answer.
    failed: Option<(Instant, Failure)>,
}

impl Gate {
    async fn enter(self: Arc<Self>) -> Result<Pass, Error> {
        let asked = Instant::now();
        if let Some(entered) = self.admit() {
            return entered.map(|()| Pass { gate: self, turn: None });
        }
        let turn = self.turn.clone().lock_owned().await;
        if let Some(entered) = self.admit() {
            return entered.map(|()| Pass { gate: self, turn: None });
        }
        // What the one before found while this one waited holds for both: an endpoint that doesn't answer isn't asked
        // by one after the other.
        if let Some((at, failure)) = &self.lock().failed
            && *at > asked
        {
            return Err(Error::Known(Box::new(failure.clone())));
        }
        Ok(Pass { gate: self, turn: Some(turn) })
    }

    /// Whether the gate is open or shut; none when somebody has to try.
    fn admit(&self) -> Option<Result<(), Error>> {
        match self.lock().breaker.admit(Instant::now().into_std()) {
            Admission::Use => Some(Ok(())),
            Admission::Try => None,
            Admission::Refused(failure) => Some(Err(Error::Known(Box::new(failure.clone())))),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment; a panic elsewhere can't leave half of one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way through one gate.
#[derive(Debug)]
struct Pass {
    gate: Arc<Gate>,
    /// Keeps others waiting until there is an outcome.
    turn: Option<OwnedMutexGuard<()>>,
}

impl Pass {
    fn check(&self) -> Result<(), Error> {
        // Whoever tries isn't refused by what was found before.
        if self.turn.is_some() { Ok(()) } else { self.gate.admit().unwrap_or(Ok(())) }
    }

    fn accepted(self) {
        let mut state = self.gate.lock();
        // A late answer to an early request says nothing of credentials that were refused since.
        if self.turn.is_some() || !matches!(state.breaker, Breaker::Open { .. }) {
            state.breaker.accepted();
        }
    }

    fn failed(self, failure: &Failure) {
        let mut state = self.gate.lock();
        if is_refusal(failure.kind) {
            state.breaker.refused(failure, Instant::now().into_std(), fastrand::u64(..));
            return;
        }
        if is_silence(failure.kind) {
            // Each who waits for an answer takes up a turn that others need.
            state.breaker.unanswered();
        }
        if self.turn.is_some() {
            state.failed = Some((Instant::now(), failure.clone()));
        }
    }
}

#[cfg(test)]
mod tests;
