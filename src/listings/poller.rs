//! The loop of one watch: wait, read the credentials, take the listing of their account, publish.

use std::{mem, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep_until},
};
use tracing::debug;

use super::{
    CredentialSource, Request, WatchKey,
    feed::{LEAST_GAP, Membership, Need, Round, Wish},
    observe::{Outcome, Slot},
    query,
    shared::Shared,
};
use crate::{
    clock,
    core::{
        failure::Failure,
        schedule::{SECRET, asked_pause, next_poll, retry_delay, seed},
        time::before,
    },
    sms::{ListTarget, Login},
};

/// How much later than its age allows a Secret is read, so that it is read then.
const SECRET_MARGIN: Duration = Duration::from_millis(100);

/// Within which time credentials have been read: calls have 30 seconds, and there are a few in a row at most.
const LOGIN: Duration = Duration::from_mins(5);

/// How often the pause before a listing is confirmed doubles, from a second to about a minute. A listing that is due comes
/// before that where the interval is shorter.
const MOST_DOUBLINGS: u32 = 6;

pub(super) struct Poller<S> {
    key: WatchKey,
    requests: watch::Receiver<Request>,
    slot: Arc<Slot>,
    nudged: Arc<Notify>,
    /// The listing that another one must confirm, by its sequence.
    unconfirmed: watch::Receiver<Option<u64>>,
    /// The Secret has changed since the last listing began, or the watch goes on.
    is_asked_for: bool,
    /// How many listings in a row were asked for to confirm another.
    confirmations: u32,
    shared: Arc<Shared<S>>,
    /// The part in its account's listings.
    membership: Option<Membership>,
    /// Failures in a row.
    failures: u32,
    /// When somebody asked for a listing, until one has begun since: just after a refusal it has to wait.
    asked: Option<Instant>,
    /// The last one may be the Secret's fault.
    doubt_secret: bool,
    last: Option<Last>,
}

/// What the last listing leaves to the next.
struct Last {
    request: Request,
    began: Instant,
    ended: Instant,
    /// The listing that it came to.
    listed: Option<u64>,
    /// How long the API asked to be left alone.
    pause: Duration,
}

impl Last {
    /// When a request may be served at the earliest, however urgent. What an endpoint asked for holds for itself.
    fn allows(&self, request: &Request) -> Instant {
        let is_same = request.plan.endpoint == self.request.plan.endpoint;
        self.began + if is_same { self.pause.max(LEAST_GAP) } else { LEAST_GAP }
    }
}

/// Why a listing is wanted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// It is time.
    Due,
    /// The watch, or what it is about, is new here.
    New,
    /// The spec has changed.
    Changed,
    /// Somebody asked for it.
    Asked,
    /// The last one, which ended then, must be confirmed.
    Unconfirmed(Instant),
}

impl<S: CredentialSource> Poller<S> {
    pub(super) fn new(
        key: WatchKey,
        requests: watch::Receiver<Request>,
        slot: Arc<Slot>,
        nudged: Arc<Notify>,
        unconfirmed: watch::Receiver<Option<u64>>,
        shared: Arc<Shared<S>>,
    ) -> Self {
        Self {
            key,
            requests,
            slot,
            nudged,
            unconfirmed,
            is_asked_for: false,
            confirmations: 0,
            shared,
            membership: None,
            failures: 0,
            asked: None,
            doubt_secret: false,
            last: None,
        }
    }

    pub(super) async fn run(mut self) {
        let mut due = Instant::now();
        while let Some(request) = self.wait(due).await {
            if !self.shared.is_alive(&self.key) {
                debug!(watch = %self.key, "the watch is gone");
                return;
            }
            let last = self.last.take();
            let before = last.as_ref().map(|last| &last.request);
            if before.is_some_and(|before| request.is_fresh_start_after(before)) {
                self.failures = 0;
            }
            let began = Instant::now();
            let cause = self.cause(&request, last.as_ref(), began >= due);
            let outcome;
            // Apart, since it is large, and nearly all the time most pollers wait.
            (outcome, due) = Box::pin(self.poll(&request, cause)).await;
            let failure = outcome.failure().cloned();
            let pause = failure.as_ref().map(asked_pause).unwrap_or_default();
            let (listed, ended) = (outcome.listed(), Instant::now());
            self.last = Some(Last { request: request.clone(), began, ended, listed, pause });
            if self.slot.publish(&request, outcome) {
                self.log(failure.as_ref());
                if !self.shared.announce(&self.key).await {
                    return;
                }
            }
        }
    }

    fn cause(&mut self, request: &Request, last: Option<&Last>, is_due: bool) -> Cause {
        let is_asked_for = mem::take(&mut self.is_asked_for);
        let cause = match last {
            Some(last) if request.requested_at != last.request.requested_at => Cause::Asked,
            Some(last) if request.is_urgent_after(&last.request) => Cause::Changed,
            Some(last) if !is_asked_for && !is_due && self.must_be_confirmed(last) => {
                Cause::Unconfirmed(last.ended)
            }
            Some(_) if !is_asked_for => Cause::Due,
            _ => Cause::New,
        };
        self.confirmations = match cause {
            Cause::Unconfirmed(_) => self.confirmations.saturating_add(1),
            _ => 0,
        };
        cause
    }

    fn must_be_confirmed(&self, last: &Last) -> bool {
        last.listed.is_some() && *self.unconfirmed.borrow() == last.listed
    }

    /// When a listing is to be confirmed that must be: a moment later, and later each time while it can't be.
    fn confirmation(&self, last: &Last) -> Option<Instant> {
        let pause = LEAST_GAP.saturating_mul(1 << self.confirmations.min(MOST_DOUBLINGS));
        self.must_be_confirmed(last).then(|| last.ended + pause)
    }

    /// Waits until it is time, or there is something more urgent, and says what to list then. None when the watch has
    /// been dropped.
    async fn wait(&mut self, due: Instant) -> Option<Request> {
        loop {
            let request = self.requests.borrow_and_update().clone();
            let suspended = request.plan.suspended;
            self.is_asked_for |= suspended;
            if suspended {
                self.membership = None;
            }
            let due = due.min(self.urgent(&request).unwrap_or(due));
            tokio::select! {
                // What is new counts before what is due.
                biased;
                changed = self.requests.changed() => changed.ok()?,
                changed = self.unconfirmed.changed() => changed.ok()?,
                () = self.nudged.notified() => self.is_asked_for = true,
                () = sleep_until(due), if !suspended => return Some(request),
            }
        }
    }

    /// When a request is to be served that can't wait until it is due.
    fn urgent(&self, request: &Request) -> Option<Instant> {
        let last = self.last.as_ref()?;
        let is_urgent = self.is_asked_for
            || request.is_urgent_after(&last.request)
            || request.plan.interval != last.request.plan.interval;
        let urgent = is_urgent.then(|| last.allows(request));
        urgent.into_iter().chain(self.confirmation(last)).min()
    }

    /// What there is to publish, and when to look again.
    async fn poll(&mut self, request: &Request, cause: Cause) -> (Outcome, Instant) {
        let began = Instant::now();
        let plan = &request.plan;
        let max_age = match (cause, self.doubt_secret) {
            // Whoever asks may have changed the Secret a moment ago.
            (Cause::New | Cause::Changed | Cause::Asked, _) => LEAST_GAP,
            (Cause::Due | Cause::Unconfirmed(_), true) => SECRET,
            // A little less than an interval, so that a Secret isn't taken for fresh a whole interval later.
            (Cause::Due | Cause::Unconfirmed(_), false) => plan.interval * 9 / 10,
        };
        let login = {
            let _read = self.shared.watchdog.vitals.expect("reading the credentials of a watch", LOGIN);
            self.shared.source.login(&self.key.namespace, &plan.credentials, max_age).await
        };
        match login {
            Ok(login) => {
                let round = self.listing(request, &login, cause).await;
                let due = self.after_round(&round, plan.interval);
                (Outcome::of(&round, login.expires), due)
            }
            Err(failure) => {
                let due = began + self.after_failure(&failure, plan.interval);
                (Outcome::Failed(failure), due)
            }
        }
    }

    /// The listing of the account that the credentials open.
    async fn listing(&mut self, request: &Request, login: &Arc<Login>, cause: Cause) -> Arc<Round> {
        let plan = &request.plan;
        let target = ListTarget::from(plan);
        let account = self.shared.feeds.account(&target, login);
        let need = Need { interval: plan.interval, query: query::need(&plan.filter) };
        let query = need.query.clone();
        let current = self.membership.take().filter(|membership| *membership.account() == account);
        let membership = match current {
            Some(membership) => {
                membership.update(need);
                membership
            }
            None => self.shared.feeds.join(account, self.key.clone(), need),
        };
        let pace = membership.pace(plan.interval);
        let now = Some(Instant::now());
        if cause == Cause::Asked {
            self.asked = now;
        }
        if self.asked.is_some() {
            self.shared.feeds.asked(login);
        }
        let asked = self.asked;
        let wish = match cause {
            // The one before this is older, whoever else keeps the same times.
            Cause::Due => Wish { max_age: membership.least_interval() / 2, asked, changed: None },
            Cause::New => Wish { max_age: pace, asked: None, changed: None },
            Cause::Changed => Wish { max_age: pace, asked: None, changed: now },
            Cause::Asked => Wish { max_age: Duration::ZERO, asked: now, changed: now },
            // Whoever asks first asks for all.
            Cause::Unconfirmed(ended) => Wish { max_age: Duration::ZERO, asked: Some(ended), changed: None },
        };
        let round = membership.listing(&target, login, &query, wish).await;
        self.asked = asked.filter(|asked| round.started < *asked);
        self.membership = Some(membership);
        round
    }

    fn after_round(&mut self, round: &Round, interval: Duration) -> Instant {
        let now = Instant::now();
        self.failures = round.failures;
        match &round.result {
            Ok(_) => {
                self.doubt_secret = false;
                let membership = self.membership.as_ref();
                let (seed, pace) = membership.map_or((0, interval), |own| (own.seed(), own.pace(interval)));
                let since = now.duration_since(round.started);
                let started = before(clock::now(), since);
                let wait = next_poll(seed, pace, started).duration_since(started);
                let wait = Duration::try_from(wait).unwrap_or(pace).saturating_sub(since);
                // A listing that takes as long as an interval leaves a little time to others.
                now + wait.max(pace / 10).max(LEAST_GAP)
            }
            Err(failure) => {
                self.doubt_secret = failure.kind.is_of_credentials();
                // The Secret is looked at meanwhile; the credentials themselves are tried when they may be.
                let secret = now + SECRET + SECRET_MARGIN;
                if self.doubt_secret { secret } else { round.retry_at.max(now + LEAST_GAP) }
            }
        }
    }

    /// How long to wait after there were no credentials.
    fn after_failure(&mut self, failure: &Failure, interval: Duration) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.doubt_secret = failure.kind.is_of_credentials();
        let wait = retry_delay(failure, self.failures, interval, seed(&self.key.uid));
        if self.doubt_secret { SECRET + SECRET_MARGIN } else { wait }
    }

    /// Says in the log what is new.
    fn log(&self, failure: Option<&Failure>) {
        if let Some(failure) = failure {
            debug!(
                watch = %self.key,
                reason = failure.kind.reason(),
                request_id = failure.request_id,
                attempt = self.failures,
                "listing failed: {}", failure.message
            );
        }
    }
}

#[cfg(test)]
mod tests;
