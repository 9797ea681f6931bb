//! The loop of one watch: wait, list, publish.

use std::{mem, sync::Arc, time::Duration};

use k8s_openapi::jiff::Timestamp;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep_until},
};
use tracing::{debug, warn};

use super::{
    CredentialSource, Request, WatchKey,
    observe::{Outcome, Slot},
    shared::Shared,
};
use crate::{
    core::{
        failure::Failure,
        schedule::{MOST_RETRY_AFTER, SECRET, next_poll, retry_delay, seed},
    },
    sms::ListTarget,
};

/// The least time between two listings of a watch, however often somebody asks.
const LEAST_GAP: Duration = Duration::from_secs(1);
/// How much later than its age allows a Secret is read, so that it is read then.
const SECRET_MARGIN: Duration = Duration::from_millis(100);

pub(super) struct Poller<S> {
    key: WatchKey,
    requests: watch::Receiver<Request>,
    slot: Arc<Slot>,
    nudged: Arc<Notify>,
    /// The Secret has changed since the last listing began.
    is_nudged: bool,
    shared: Arc<Shared<S>>,
    retries: Retries,
}

/// What is kept of failures in a row.
#[derive(Default)]
struct Retries {
    attempts: u32,
    /// The last one may be the Secret's fault.
    doubt_secret: bool,
}

impl<S: CredentialSource> Poller<S> {
    pub(super) fn new(
        key: WatchKey,
        requests: watch::Receiver<Request>,
        slot: Arc<Slot>,
        nudged: Arc<Notify>,
        shared: Arc<Shared<S>>,
    ) -> Self {
        Self { key, requests, slot, nudged, is_nudged: false, shared, retries: Retries::default() }
    }

    pub(super) async fn run(mut self) {
        let mut served: Option<Request> = None;
        loop {
            let request = self.requests.borrow_and_update().clone();
            if request.plan.suspended {
                served = Some(request);
                if self.requests.changed().await.is_err() {
                    return;
                }
                continue;
            }
            if !self.shared.is_alive(&self.key) {
                debug!(watch = %self.key, "the watch is gone");
                return;
            }
            let started = Timestamp::now();
            let due = Instant::now();
            let is_asked_for = mem::take(&mut self.is_nudged)
                || served.as_ref().is_none_or(|served| request.is_urgent_after(served));
            let outcome = self.poll(&request, is_asked_for).await;
            let wait = self.wait_after(&outcome, &request, started);
            let pause = asked_pause(&outcome).max(LEAST_GAP);
            let failure = outcome.failure().cloned();
            if self.slot.publish(&request, outcome) {
                self.log(failure.as_ref());
                if !self.shared.announce(&self.key).await {
                    return;
                }
            }
            if !self.wait(due + wait, due + pause, &request).await {
                return;
            }
            if self.requests.borrow().is_fresh_start_after(&request) {
                self.retries = Retries::default();
            }
            served = Some(request);
        }
    }

    /// Waits until it is time, or there is something more urgent. False when the watch has been dropped.
    async fn wait(&mut self, due: Instant, earliest: Instant, served: &Request) -> bool {
        loop {
            tokio::select! {
                () = sleep_until(due) => return true,
                () = self.nudged.notified() => {
                    self.is_nudged = true;
                    sleep_until(earliest).await;
                    return true;
                }
                changed = self.requests.changed() => {
                    if changed.is_err() {
                        return false;
                    }
                    let request = self.requests.borrow_and_update().clone();
                    // What the API asked for holds for the endpoint that asked.
                    if request.plan.suspended || request.is_fresh_start_after(served) {
                        return true;
                    }
                    if request.is_urgent_after(served) || request.plan.interval != served.plan.interval {
                        sleep_until(earliest).await;
                        return true;
                    }
                }
            }
        }
    }

    async fn poll(&mut self, request: &Request, is_asked_for: bool) -> Outcome {
        let plan = &request.plan;
        let max_age = match (is_asked_for, self.retries.doubt_secret) {
            // Whoever asks may have changed the Secret a moment ago.
            (true, _) => LEAST_GAP,
            (false, true) => SECRET,
            // A little less than an interval, so that a Secret isn't taken for fresh a whole interval later.
            (false, false) => plan.interval * 9 / 10,
        };
        let login = match self.shared.source.login(&self.key.namespace, &plan.credentials, max_age).await {
            Ok(login) => login,
            Err(failure) => return Outcome::Failed(failure),
        };
        match self.shared.client.list_tasks_again(&ListTarget::from(plan), &login, &self.slot.tasks()).await {
            Ok(listing) => {
                debug!(watch = %self.key, tasks = listing.tasks.len(), requests = listing.requests, "listed");
                let expire = listing.credentials_expire;
                Outcome::Listed(listing.into_snapshot(self.shared.next_sequence(), Timestamp::now()), expire)
            }
            Err(error) => Outcome::Failed(Failure::from(&error)),
        }
    }

    /// Says in the log what is new.
    fn log(&self, failure: Option<&Failure>) {
        if let Some(failure) = failure {
            warn!(
                watch = %self.key,
                reason = failure.kind.reason(),
                request_id = failure.request_id,
                attempt = self.retries.attempts,
                "listing failed: {}", failure.message
            );
        }
    }

    fn wait_after(&mut self, outcome: &Outcome, request: &Request, started: Timestamp) -> Duration {
        let seed = seed(&self.key.uid);
        match outcome {
            Outcome::Listed(..) => {
                self.retries = Retries::default();
                let next = next_poll(seed, request.plan.interval, started);
                Duration::try_from(next.duration_since(started)).unwrap_or(request.plan.interval)
            }

            Outcome::Failed(failure) => {
                self.retries.attempts = self.retries.attempts.saturating_add(1);
                self.retries.doubt_secret = failure.kind.is_told_at_once();
                let wait = retry_delay(failure, self.retries.attempts, request.plan.interval, seed);

                // The Secret is looked at meanwhile; the credentials themselves are tried when they may be.
                if self.retries.doubt_secret { SECRET + SECRET_MARGIN } else { wait }
            }
        }
    }
}

/// How long the API asked to be left alone, whoever asks for a listing.
fn asked_pause(outcome: &Outcome) -> Duration {
    let asked = outcome.failure().and_then(|failure| failure.retry_after);
    asked.unwrap_or_default().min(MOST_RETRY_AFTER)
}
