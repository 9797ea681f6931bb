//! The lanes to endpoints: all requests with one login to one endpoint wait in one lane, and leave it at the pace that
//! [the core](crate::core::pace) finds out. Listings take turns there.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant as StdInstant},
};

use tokio::{
    sync::oneshot,
    time::{Instant, sleep_until},
};

use super::{credentials::LoginDigest, error::Error};
use crate::core::{
    endpoint::Endpoint,
    failure::{Failure, FailureKind},
    pace::{Bounds, Outcome, Pace, Sent, Turn, line::Line},
};

/// What nobody has used for this long is forgotten; it is longer than any limit is remembered.
const FORGET_AFTER: Duration = Duration::from_hours(2);

type Key = (Endpoint, LoginDigest);

/// All lanes, and when each was last asked for.
#[derive(Debug)]
pub(super) struct Lanes {
    bounds: Bounds,
    by_key: Mutex<HashMap<Key, (Instant, Arc<Lane>)>>,
    listings: AtomicU64,
}

impl Lanes {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, by_key: Mutex::default(), listings: AtomicU64::new(0) }
    }

    /// A place for one listing.
    pub(super) fn enter(&self, endpoint: &Endpoint, login: LoginDigest) -> Place {
        let now = Instant::now();
        let key = (endpoint.clone(), login);
        let mut lanes = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        if !lanes.contains_key(&key) {
            lanes.retain(|_, (used, lane)| used.elapsed() < FORGET_AFTER || Arc::strong_count(lane) > 1);
        }
        let (used, lane) = lanes.entry(key).or_insert_with(|| (now, Lane::new(self.bounds)));
        *used = now;
        Place { lane: lane.clone(), listing: self.listings.fetch_add(1, Ordering::Relaxed) }
    }
}

#[derive(Debug)]
struct Lane {
    /// For the alarm, which must not keep the lane alive.
    this: Weak<Lane>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    pace: Pace,
    line: Line<Waiting>,
    /// When the line is looked at next, though nothing happens.
    alarm: Option<StdInstant>,
    /// The last failure that asked for a pause, or that flow control was.
    pause: Option<Failure>,
}

#[derive(Debug)]
struct Waiting {
    /// The longest pause that is waited for.
    patience: Duration,
    turn: oneshot::Sender<Result<Permit, Failure>>,
}

impl Lane {
    fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            state: Mutex::new(State {
                pace: Pace::new(bounds, now()),
                line: Line::default(),
                alarm: None,
                pause: None,
            }),
        })
    }

    /// Lets everybody go whose turn it is, and sees to it that this is done again in time.
    fn serve(&self, state: &mut State) {
        let now = now();
        if let Some(pause) = state.remaining_pause(now) {
            let is_over = |waiting: &Waiting| waiting.patience < pause || waiting.turn.is_closed();
            for waiting in state.line.take_out(is_over) {
                // Whoever has gone needs no answer.
                let _ = waiting.turn.send(Err(state.told(now)));
            }
        }
        while !state.line.is_empty() {
            match state.pace.turn(now) {
                Turn::Now => self.let_go(state, now),
                Turn::At(at) => return self.set_alarm(state, at),
                Turn::AfterAnother => return,
            }
        }
    }

    fn let_go(&self, state: &mut State, now: StdInstant) {
        let (Some(waiting), Some(lane)) = (state.line.pop(), self.this.upgrade()) else { return };
        if waiting.turn.is_closed() {
            return;
        }
        let permit = Permit { lane, sent: Some(state.pace.sent(now)) };
        if let Err(Ok(mut permit)) = waiting.turn.send(Ok(permit))
            && let Some(sent) = permit.sent.take()
        {
            state.pace.ended(sent, Outcome::Silent, now);
        }
    }

    fn set_alarm(&self, state: &mut State, at: StdInstant) {
        if state.alarm.is_some_and(|alarm| alarm <= at) {
            return;
        }
        state.alarm = Some(at);
        let lane = self.this.clone();
        tokio::spawn(async move {
            sleep_until(at.into()).await;
            let Some(lane) = lane.upgrade() else { return };
            let mut state = lane.lock();
            // An earlier alarm may have been set meanwhile, and others after it.
            if state.alarm == Some(at) {
                state.alarm = None;
            }
            lane.serve(&mut state);
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The pace has no state that a panic elsewhere could leave half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remaining_pause(&self, now: StdInstant) -> Option<Duration> {
        Some(self.pace.paused_until(now)?.saturating_duration_since(now))
    }

    /// Why nothing is sent, with what is left of the pause.
    fn told(&self, now: StdInstant) -> Failure {
        let unknown = || Failure::new(FailureKind::Throttled, "SMS asked for a pause.");
        Failure { retry_after: self.remaining_pause(now), ..self.pause.clone().unwrap_or_else(unknown) }
    }
}

/// A listing's place at a lane.
#[derive(Clone, Debug)]
pub(super) struct Place {
    lane: Arc<Lane>,
    listing: u64,
}

impl Place {
    /// Waits until a request may be sent.
    ///
    /// # Errors
    /// The API asked for a pause that is longer than `patience`; now, or while this waited.
    pub(super) async fn turn(&self, patience: Duration) -> Result<Permit, Error> {
        let (turn, mine) = oneshot::channel();
        {
            let mut state = self.lane.lock();
            state.line.push(self.listing, Waiting { patience, turn });
            self.lane.serve(&mut state);
        }
        match mine.await {
            Ok(turn) => turn.map_err(|failure| Error::Known(Box::new(failure))),
            // The lane lives as long as this place, and drops nobody.
            Err(_) => Err(Error::Known(Box::new(self.lane.lock().told(now())))),
        }
    }

    /// Whether requests are spread over time, so that a listing takes longer than by itself.
    pub(super) fn is_spread(&self) -> bool {
        self.lane.lock().pace.is_spread()
    }

    /// Why requests aren't let through: if there is a pause, or if they are known to be refused.
    pub(super) fn refusal(&self, is_known: bool) -> Option<Failure> {
        let state = self.lane.lock();
        let now = now();
        (is_known || state.pace.paused_until(now).is_some()).then(|| state.told(now))
    }
}

/// The right to send one request. Dropped without an outcome, it says that the request was given up.
#[derive(Debug)]
pub(super) struct Permit {
    lane: Arc<Lane>,
    sent: Option<Sent>,
}

impl Permit {
    /// Whether the API has asked for a pause since this was given.
    pub(super) fn is_outdated(&self) -> bool {
        self.lane.lock().pace.paused_until(now()).is_some()
    }

    /// An answer came, after so long if that can be compared.
    pub(super) fn answered(mut self, took: Option<Duration>) {
        self.end(Outcome::Answered(took), None);
    }

    /// The request failed.
    pub(super) fn failed(mut self, error: &Error) {
        let outcome = match error {
            Error::Throttled { limit, .. } => {
                Outcome::Throttled { limit: *limit, pause: error.retry_after() }
            }
            Error::Server(_) => Outcome::Failed(error.retry_after()),
            error if error.is_transient() => Outcome::Failed(None),
            _ => Outcome::Silent,
        };
        let asks = matches!(outcome, Outcome::Throttled { .. } | Outcome::Failed(Some(_)));
        self.end(outcome, asks.then(|| Failure::from(error)));
    }

    fn end(&mut self, outcome: Outcome, pause: Option<Failure>) {
        let Some(sent) = self.sent.take() else { return };
        let mut state = self.lane.lock();
        state.pace.ended(sent, outcome, now());
        if pause.is_some() {
            state.pause = pause;
        }
        self.lane.serve(&mut state);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.end(Outcome::Silent, None);
    }
}

/// The time, which tests can stop.
fn now() -> StdInstant {
    Instant::now().into_std()
}

#[cfg(test)]
mod tests;
