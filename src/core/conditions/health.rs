//! Whether the watch itself works: `Ready`, `Reconciling` and `Stalled`.

use std::time::Duration;

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::Condition,
    jiff::{SignedDuration, Timestamp},
};

use super::{Reason, Truth, Verdict, find, truth, types};
use crate::core::{
    failure::{Failure, FailureKind},
    schedule::{asked_pause, costly_retry, longest_retry},
    time::{after, short, whole_seconds},
};

/// A failure that isn't told at once is told after the longer of two intervals and this.
const LEAST_GRACE: Duration = Duration::from_secs(60);

/// How long before their end credentials are warned of: time for a person to replace them.
const EXPIRY_WARNING: SignedDuration = SignedDuration::from_hours(1);

/// What comes before the time at which the credentials ended.
const ENDED: &str = " The credentials ended at ";
/// What comes before the time at which the credentials end.
const END: &str = " The credentials end at ";

/// When the credentials end, if the message of a Ready condition warns of it.
#[must_use]
pub fn expiry(message: &str) -> Option<Timestamp> {
    let (_, rest) = message.split_once(ENDED).or_else(|| message.split_once(END))?;
    rest.split(';').next()?.parse().ok()
}

/// What is known of the watch's health.
#[derive(Clone, Debug)]
pub struct Signs<'a> {
    /// The conditions so far.
    pub last: &'a [Condition],
    /// Listings are paused.
    pub suspended: bool,
    /// Whether a listing of what the spec asks for has ever been complete.
    pub has_listing: bool,
    /// Whether this process has seen one complete.
    pub has_fresh_listing: bool,
    /// What the newest attempt failed with.
    pub failure: Option<&'a Failure>,
    /// When the last listing was complete, as far as is known.
    pub last_success: Option<Timestamp>,
    /// Since when this process has been asking.
    pub polling_since: Timestamp,
    /// Time between listings.
    pub interval: Duration,
    /// Tasks that were listed but couldn't be read.
    pub unreadable: usize,
    /// When the credentials end, if that is known and they aren't renewed by themselves.
    pub credentials_expire: Option<Timestamp>,
    /// Now.
    pub now: Timestamp,
}

/// What the three conditions say.
#[derive(Clone, Debug)]
pub struct Health {
    /// `Ready`.
    pub ready: Verdict,
    /// `Reconciling` or `Stalled`.
    pub abnormal: Option<Verdict>,
    /// When this changes if nothing else does.
    pub until: Option<Timestamp>,
}

impl Health {
    /// Judges.
    #[must_use]
    pub fn judge(signs: &Signs<'_>) -> Self {
        if signs.suspended {
            // What was listed for another spec says nothing of this one.
            let truth = match truth(signs.last, types::READY) {
                Truth::True if !signs.has_listing => Truth::Unknown,
                truth => truth,
            };
            return Self::of(ready(truth, Reason::Suspended, suspended()), None);
        }
        match signs.failure {
            Some(failure) => signs.failing(failure),
            None if signs.has_fresh_listing => {
                Self::of(ready(Truth::True, Reason::Synced, signs.synced()), signs.expiry_news())
            }
            None => signs.waiting(),
        }
    }

    /// A spec that can't be served: nothing is tried, and a person must act.
    #[must_use]
    pub fn refused(failure: &Failure) -> Self {
        let message = failing_message(failure, Duration::ZERO);
        Self::stalled(ready(Truth::False, Reason::Failing(failure.kind), message))
    }

    fn of(ready: Verdict, until: Option<Timestamp>) -> Self {
        Self { ready, abnormal: None, until }
    }

    fn stalled(ready: Verdict) -> Self {
        let stalled = Verdict { kind: types::STALLED, truth: Truth::True, ..ready.clone() };
        Self { ready, abnormal: Some(stalled), until: None }
    }

    fn reconciling(ready: Verdict, until: Option<Timestamp>) -> Self {
        let reconciling = Verdict { kind: types::RECONCILING, truth: Truth::True, ..ready.clone() };
        Self { ready, abnormal: Some(reconciling), until }
    }
}

fn ready(truth: Truth, reason: Reason, message: String) -> Verdict {
    Verdict { kind: types::READY, truth, reason, message }
}

fn suspended() -> String {
    "Listings are paused by spec.suspend; the status holds what the last one found.".to_owned()
}

impl Signs<'_> {
    fn failing(&self, failure: &Failure) -> Health {
        let told_at = self.told_at();
        let is_told = failure.kind.is_told_at_once() || self.now >= told_at;
        let verdict = |truth, reason| ready(truth, reason, failing_message(failure, self.interval));
        let was = truth(self.last, types::READY);
        match (is_told || was == Truth::False, failure.needs_a_person) {
            (true, true) => Health::stalled(verdict(Truth::False, Reason::Failing(failure.kind))),
            (true, false) => Health::reconciling(verdict(Truth::False, Reason::Failing(failure.kind)), None),
            (false, _) if !self.has_listing => {
                Health::reconciling(verdict(Truth::Unknown, Reason::Pending), Some(told_at))
            }
            // A short failure flips nothing, and says nothing.
            (false, _) => Health { until: Some(told_at), ..self.as_before() },
        }
    }

    /// When a failure has lasted long enough to be told. A process that has just started waits a little longer,
    /// since it can't know whether the time before was without listings.
    fn told_at(&self) -> Timestamp {
        let grace = (2 * self.interval).max(LEAST_GRACE);
        let patience = if self.last_success.is_some() { self.interval + LEAST_GRACE } else { grace };
        let since_success = self.last_success.map_or(self.polling_since, |last| after(last, grace));
        since_success.max(after(self.polling_since, patience.min(grace)))
    }

    /// Nothing has been tried yet: what was said before still holds.
    fn waiting(&self) -> Health {
        if self.has_listing {
            return self.as_before();
        }
        let message = "Waiting for the first complete listing.".to_owned();
        Health::reconciling(ready(Truth::Unknown, Reason::Pending, message), None)
    }

    fn as_before(&self) -> Health {
        let message =
            |kind| find(self.last, kind).map_or_else(String::new, |condition| condition.message.clone());
        let reason = find(self.last, types::READY).and_then(|condition| known_reason(&condition.reason));
        match (truth(self.last, types::READY), reason) {
            (Truth::True, _) => Health::of(ready(Truth::True, Reason::Synced, self.synced()), None),
            (truth, reason) => {
                let verdict = ready(truth, reason.unwrap_or(Reason::Pending), message(types::READY));
                if truth == Truth::False && find(self.last, types::STALLED).is_some() {
                    Health::stalled(verdict)
                } else {
                    Health::reconciling(verdict, None)
                }
            }
        }
    }

    /// When the credentials' end becomes worth a warning, or has come.
    fn expiry_news(&self) -> Option<Timestamp> {
        let expire = self.credentials_expire?;
        let warning = expire.saturating_sub(EXPIRY_WARNING).unwrap_or(expire);
        [warning, expire].into_iter().find(|time| *time > self.now)
    }

    /// What is said of the credentials' end. Nothing of one that is far.
    fn expiry(&self) -> String {
        let Some(expire) = self.credentials_expire else { return String::new() };
        let time = whole_seconds(expire);
        if self.now >= expire {
            format!("{ENDED}{time}; replace them.")
        } else if expire.duration_since(self.now) <= EXPIRY_WARNING {
            format!("{END}{time}; replace them before.")
        } else {
            String::new()
        }
    }

    fn synced(&self) -> String {
        let unreadable = match self.unreadable {
            0 => String::new(),
            1 => " One task of the account can't be read and is left out.".to_owned(),
            many => format!(" {many} tasks of the account can't be read and are left out."),
        };
        format!("Listings are complete, every {}.{unreadable}{}", short(self.interval), self.expiry())
    }
}

fn failing_message(failure: &Failure, interval: Duration) -> String {
    format!("{} {}{}", failure.message, retry(failure, interval), failure.request_note())
}

/// When the next try is, in words that stay the same from try to try.
fn retry(failure: &Failure, interval: Duration) -> String {
    if let Some(pause) = costly_retry(failure, interval) {
        let pause = short(pause);
        return format!(
            "Tried again about every {pause}, since it takes many requests, and at once when the filter changes or a \
             listing is asked for."
        );
    }
    let text = match failure.kind {
        FailureKind::InvalidSpec => "Tried again when the spec changes.",
        // Names may resolve to other addresses by then.
        FailureKind::EndpointNotAllowed => {
            let pause = short(longest_retry(interval));
            return format!(
                "Tried again when the spec changes; its name is looked up again about every {pause}."
            );
        }
        FailureKind::SecretNotFound | FailureKind::SecretInvalid => {
            "The Secret is read again every 5 seconds."
        }
        FailureKind::CredentialsInvalid | FailureKind::AccessDenied => {
            "Tried again within 5 seconds of a change of the Secret, otherwise after a minute or more."
        }
        FailureKind::StatusRefused => "The whole status is tried again, every 5m at least.",
        FailureKind::ClockSkew => "Tried again every minute.",
        // Without its length, which differs from try to try.
        _ if asked_pause(failure) > longest_retry(interval) => {
            "SMS asks for a longer pause; tried again when that is over, after 15m at most."
        }
        _ => {
            let pause = short(longest_retry(interval));
            return format!("Tried again after seconds at first, then about every {pause}.");
        }
    };
    text.to_owned()
}

/// A reason that a Ready condition which isn't True can have.
fn known_reason(name: &str) -> Option<Reason> {
    Reason::parse(name)
        .filter(|reason| matches!(reason, Reason::Failing(_) | Reason::Suspended | Reason::Pending))
}
