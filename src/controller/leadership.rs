//! Who works when there are several operators: the one that leads.
//!
//! The work of one that leads no more is dropped, with its requests under way, and the process ends; a new one stands for
//! election anew. A process that was paused, and doesn't know it yet, asks the clock before it writes. What it sent
//! before is fenced: a status by its version, an event by its name.

mod campaign;

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::future;
use tokio::sync::{oneshot, watch};
use tracing::warn;

use super::error::{Error, call};
use crate::core::lease::{Loss, Timing};
use campaign::Campaign;

/// How long freeing the Lease may take, when the process is asked to end.
const GOODBYE: Duration = Duration::from_secs(5);

/// Where and as whom an operator stands for election.
#[derive(Clone, Debug)]
pub struct Candidacy {
    /// The namespace of the Lease.
    pub namespace: String,
    /// Its name.
    pub lease: String,
    /// Told apart from all other operators, and from former processes in the same pod.
    pub identity: String,
    /// How often, and for how long.
    pub timing: Timing,
}

/// Until when the process leads.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Term {
    /// It hasn't yet.
    Waiting,
    /// Until then, unless the Lease is renewed.
    Until(Instant),
    /// It has led.
    Lost(Loss),
    /// It has given up.
    Resigned,
}

/// Whether this process may write. Clones are the same.
#[derive(Clone, Debug)]
pub struct Leadership {
    /// None: there is no election.
    term: Option<watch::Receiver<Term>>,
}

impl Leadership {
    /// That of an operator that is alone.
    #[must_use]
    pub fn alone() -> Self {
        Self { term: None }
    }

    /// One that is given and taken away by hand.
    #[cfg(test)]
    pub(crate) fn by_hand() -> (Self, impl FnOnce()) {
        let far = Instant::now() + Duration::from_secs(1_000_000_000);
        let (sender, term) = watch::channel(Term::Until(far));
        (Self { term: Some(term) }, move || drop(sender.send(Term::Lost(Loss::Expired))))
    }

    /// Whether this process leads at this very moment.
    #[must_use]
    pub fn leading(&self) -> bool {
        let Some(term) = &self.term else { return true };
        matches!(*term.borrow(), Term::Until(until) if Instant::now() < until)
    }

    /// Has the API server write something, if this process leads.
    pub(super) async fn write<T>(
        &self,
        doing: &'static str,
        request: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, Error> {
        if self.leading() { call(doing, request).await } else { Err(Error::NotLeading { doing }) }
    }

    /// Resolves once this process leads.
    async fn won(&self) {
        let Some(mut term) = self.term.clone() else { return };
        if term.wait_for(|term| matches!(term, Term::Until(_))).await.is_err() {
            future::pending::<()>().await;
        }
    }

    /// Resolves once it leads no more, by the clock as well: whatever has become of the renewals.
    async fn lost(&self) -> Loss {
        let Some(mut term) = self.term.clone() else { return future::pending().await };
        loop {
            let until = match &*term.borrow_and_update() {
                Term::Until(until) => *until,
                Term::Lost(loss) => return loss.clone(),
                Term::Waiting | Term::Resigned => return Loss::Expired,
            };
            tokio::select! {
                () = tokio::time::sleep_until(until.into()) => return Loss::Expired,
                changed = term.changed() => if changed.is_err() { return Loss::Expired },
            }
        }
    }
}

/// Whether the election goes on: the loop that reads and renews the Lease leaves a mark each time. Clones are the same.
#[derive(Clone, Debug)]
pub struct Pulse {
    last: Arc<Mutex<Instant>>,
    most: Duration,
}

impl Pulse {
    /// Of a loop that takes no longer than this for one round.
    #[must_use]
    pub fn new(most: Duration) -> Self {
        Self { last: Arc::new(Mutex::new(Instant::now())), most }
    }

    fn beat(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Whether the loop goes on.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).elapsed() < self.most
    }
}

/// An operator that stands for election.
pub struct Election {
    campaign: Campaign,
    leadership: Leadership,
    pulse: Pulse,
}

impl Election {
    /// Prepares to stand for election. The client must not retry by itself. `heard` is called whenever the API server
    /// has answered one that doesn't lead.
    pub fn new(client: kube::Client, candidacy: Candidacy, heard: impl Fn() + Send + Sync + 'static) -> Self {
        let (sender, term) = watch::channel(Term::Waiting);
        let pulse = Pulse::new(candidacy.timing.renew_deadline() * 2);
        let campaign = Campaign::new(client, candidacy, sender, pulse.clone(), Box::new(heard));
        Self { campaign, leadership: Leadership { term: Some(term) }, pulse }
    }

    /// Tells whether the election goes on.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Waits until this process leads, and then works until `shutdown` ends the work, or leadership is lost; then the
    /// work is dropped. The Lease is freed when the work has ended by itself.
    ///
    /// # Errors
    /// Leadership was lost.
    pub async fn run<Work: Future<Output = ()>>(
        self,
        shutdown: impl Future<Output = ()>,
        work: impl FnOnce(Leadership) -> Work,
    ) -> Result<(), Loss> {
        let Self { campaign, leadership, .. } = self;
        let (resign, resigned) = oneshot::channel();
        // By itself, so that no work holds up a renewal.
        let mut campaign = tokio::spawn(campaign.run(resigned));
        let result = tokio::select! {
            () = shutdown => Ok(()),
            () = leadership.won() => tokio::select! {
                biased;
                loss = leadership.lost() => Err(loss),
                () = work(leadership.clone()) => Ok(()),
            },
            _ = &mut campaign => Err(Loss::Expired),
        };
        if result.is_ok() {
            let _ = resign.send(());
            if tokio::time::timeout(GOODBYE, &mut campaign).await.is_err() {
                warn!("the Lease couldn't be freed; another takes it when it has ended");
            }
        }
        campaign.abort();
        result
    }
}

#[cfg(test)]
mod tests;
