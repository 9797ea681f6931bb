//! One operator's part in the election: which call comes next, and what its answer means.

use std::time::Instant;

use k8s_openapi::jiff::Timestamp;

use super::{Lease, Record, Timing};
use crate::core::schedule::seed;

/// What is to be done next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Read the Lease.
    Read,
    /// Create it.
    Create(Record),
    /// Write it over the version that it carries, and over no other.
    Replace(Box<Lease>),
    /// Nothing before then.
    Wait(Instant),
    /// Nothing any more: leadership was lost or given up.
    End,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The Lease was read, or there is none.
    Read(Option<Box<Lease>>),
    /// It was written, and is this now.
    Written(Box<Lease>),
    /// It wasn't written, since it isn't what it was: another version, gone, or there already.
    Refused,
    /// The call failed; a write may have been done all the same.
    Failed,
}

/// Why an operator leads no more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    /// It couldn't renew the Lease in time.
    #[error("the Lease couldn't be renewed in time")]
    Expired,
    /// Another one has it.
    #[error("{by} has taken the Lease")]
    Taken {
        /// Who.
        by: String,
    },
}

/// Where an operator stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It leads, until then if nothing is renewed.
    Leading(Instant),
    /// Another leads, or nobody as far as is known.
    Following(Option<String>),
    /// It has led.
    Lost(Loss),
    /// It has been told to stop.
    Resigned,
}

/// What is known of the Lease.
#[derive(Clone, Debug)]
struct Sight {
    /// As it was seen last; none if it wasn't there.
    lease: Option<Box<Lease>>,
    /// What it says; or said, when it is gone.
    record: Record,
    /// Since when it has been seen like this.
    since: Instant,
    /// When it was seen last.
    seen: Instant,
}

/// One operator's part in the election. Values in, values out: it is asked for the next [`Step`], which somebody carries
/// out, and told of the [`Answer`].
#[derive(Clone, Debug)]
pub struct Elector {
    identity: String,
    timing: Timing,
    seed: u64,
    sight: Option<Sight>,
    /// What is known of the Lease is known to be old: a write would be refused.
    is_stale: bool,
    /// When the last successful write of this operator began.
    renewed: Option<Instant>,
    loss: Option<Loss>,
    has_resigned: bool,
    /// When the next try is due.
    due: Instant,
    attempts: u32,
    /// Refusals since the last pause.
    refusals: u32,
}

impl Elector {
    /// An operator that knows nothing yet. Its identity must be nobody else's, nor that of a former process.
    #[must_use]
    pub fn new(identity: &str, timing: Timing, now: Instant) -> Self {
        Self {
            identity: identity.to_owned(),
            timing,
            seed: seed(identity),
            sight: None,
            is_stale: true,
            renewed: None,
            loss: None,
            has_resigned: false,
            due: now,
            attempts: 0,
            refusals: 0,
        }
    }

    /// Where it stands. Nothing may be written for which it would have to lead once this says otherwise.
    #[must_use]
    pub fn standing(&self, now: Instant) -> Standing {
        match (&self.loss, self.term()) {
            (Some(loss), _) => Standing::Lost(loss.clone()),
            _ if self.has_resigned => Standing::Resigned,
            (None, Some(end)) if now < end => Standing::Leading(end),
            (None, Some(_)) => Standing::Lost(Loss::Expired),
            (None, None) => Standing::Following(self.other().map(str::to_owned)),
        }
    }

    /// When leadership ends unless it is renewed; none for one that hasn't led.
    fn term(&self) -> Option<Instant> {
        self.renewed.map(|renewed| renewed + self.timing.renew_deadline)
    }

    fn leads(&self, now: Instant) -> bool {
        matches!(self.standing(now), Standing::Leading(_))
    }

    /// Who else holds the Lease, or held it when it was last there.
    fn other(&self) -> Option<&str> {
        let holder = self.sight.as_ref().and_then(|sight| sight.record.holder());
        holder.filter(|holder| *holder != self.identity)
    }

    /// When the Lease of another has ended: none when it is free.
    fn expiry(&self) -> Option<Instant> {
        let sight = self.sight.as_ref().filter(|_| self.other().is_some())?;
        Some(sight.since + sight.record.duration(&self.timing))
    }

    /// What is to be done next.
    #[must_use]
    pub fn step(&self, now: Instant, time: Timestamp) -> Step {
        match self.standing(now) {
            Standing::Lost(_) => Step::End,
            Standing::Resigned => self.step_of_resigned(now, time),
            Standing::Leading(end) if now < self.due => Step::Wait(self.due.min(end)),
            _ if self.is_stale => {
                if now < self.due {
                    Step::Wait(self.due)
                } else {
                    Step::Read
                }
            }
            Standing::Leading(_) => self.write(now, time),
            Standing::Following(_) => self.step_of_follower(now, time),
        }
    }

    /// The Lease is read again and again, and taken as soon as it has ended.
    fn step_of_follower(&self, now: Instant, time: Timestamp) -> Step {
        match self.expiry() {
            Some(expiry) if now < expiry => {
                if now < self.due {
                    Step::Wait(self.due.min(expiry))
                } else {
                    Step::Read
                }
            }
            _ => self.write(now, time),
        }
    }

    fn step_of_resigned(&self, now: Instant, time: Timestamp) -> Step {
        let lease =
            self.sight.as_ref().filter(|_| self.other().is_none()).and_then(|sight| sight.lease.as_ref());
        let held = lease.filter(|lease| lease.spec.as_ref().and_then(Record::holder).is_some());
        match held {
            // A write may be under way that nobody has heard of.
            _ if self.is_stale && self.sight.is_some() => {
                if now < self.due {
                    Step::Wait(self.due)
                } else {
                    Step::Read
                }
            }
            None => Step::End,
            Some(lease) => {
                let spec = lease.spec.as_ref().map(|spec| spec.release(time));
                Step::Replace(Box::new(Lease { spec, ..Lease::clone(lease) }))
            }
        }
    }

    fn write(&self, now: Instant, time: Timestamp) -> Step {
        let Some(sight) = &self.sight else { return Step::Read };
        let known = Some(&sight.record).filter(|known| sight.lease.is_some() || known.holder().is_some());
        let claim = Record::claim(known, &self.identity, &self.timing, time);
        match &sight.lease {
            Some(lease) => Step::Replace(Box::new(Lease { spec: Some(claim), ..Lease::clone(lease) })),
            // There is no version to hold it against, so that it must have been looked at just now.
            None if now > sight.seen + self.timing.call_deadline() => Step::Read,
            None => Step::Create(claim),
        }
    }

    /// When a call that begins now is given up.
    #[must_use]
    pub fn give_up_at(&self, now: Instant) -> Instant {
        let end = now + self.timing.call_deadline();
        match self.standing(now) {
            Standing::Leading(term) => end.min(term),
            _ => end,
        }
    }

    /// Takes notice of what came of a call that began when it was `asked`.
    pub fn take(&mut self, answer: Answer, asked: Instant, now: Instant) {
        self.settle(now);
        self.plan(&answer, asked, now);
        match answer {
            Answer::Read(lease) => self.see(lease, now),
            Answer::Written(lease) => {
                self.see(Some(lease), now);
                if self.other().is_none() {
                    self.renewed = Some(asked);
                }
                self.settle(now);
            }
            Answer::Refused => self.is_stale = true,
            // Whoever leads tries again with what it knows.
            Answer::Failed => self.is_stale |= !self.leads(now),
        }
        if let (true, Some(by)) = (self.leads(now), self.other()) {
            self.loss = Some(Loss::Taken { by: by.to_owned() });
        }
    }

    /// Gives leadership up: from here on nothing may be written, and what is left to do is to free the Lease.
    pub fn resign(&mut self) {
        self.has_resigned = true;
    }

    /// What has ended stays so, whatever is heard later.
    fn settle(&mut self, now: Instant) {
        if self.standing(now) == Standing::Lost(Loss::Expired) {
            self.loss = Some(Loss::Expired);
        }
    }

    /// Says when the next try is due.
    fn plan(&mut self, answer: &Answer, asked: Instant, now: Instant) {
        let is_refused = matches!(answer, Answer::Refused);
        let is_read = matches!(answer, Answer::Read(_));
        self.refusals = match (is_refused, is_read) {
            (true, _) => self.refusals.saturating_add(1),
            (false, true) => self.refusals,
            (false, false) => 0,
        };
        let leads = self.leads(now);
        // One refusal needn't mean more than a label, or an own write that nobody heard of: it is looked at at once.
        let hurries =
            (is_read && leads) || (self.refusals == 1 && is_refused && (leads || self.has_resigned));
        self.due = if hurries {
            now
        } else {
            self.attempts = self.attempts.wrapping_add(1);
            now.max(asked + self.timing.pause(self.seed, self.attempts))
        };
    }

    /// What another holds isn't seen anew by being seen again.
    fn see(&mut self, lease: Option<Box<Lease>>, now: Instant) {
        self.is_stale = false;
        let last = self.sight.take();
        let record = match (&lease, &last) {
            (Some(lease), _) => lease.spec.clone().unwrap_or_default(),
            (None, Some(last)) => last.record.clone(),
            (None, None) => Record::default(),
        };
        let is_same = |last: &Sight| last.record == record && last.lease.is_some() == lease.is_some();
        // Whoever held a Lease that is deleted may not know it yet, and has its whole duration to find out.
        let since = last.filter(is_same).map_or(now, |last| last.since);
        self.sight = Some(Sight { lease, record, since, seen: now });
    }
}
