//! All pollers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use k8s_openapi::jiff::Timestamp;
use tokio::{
    sync::{Notify, mpsc, watch},
    task::AbortHandle,
    time::Instant,
};

use super::{
    CredentialSource, Request,
    feed::Feeds,
    key::WatchKey,
    observe::{Outcome, Slot},
    poller::Poller,
    shared::Shared,
};
use crate::{
    clock,
    core::{
        decide::Observation,
        failure::Failure,
        plan::CredentialsRef,
        schedule::{retry_delay, seed},
    },
    sms::Client,
    telemetry::{Listings, Panicked, Watchdog},
};

/// A poller that has gone on for so long has got over its last panic.
const CALM: Duration = Duration::from_hours(1);

/// The pollers of all watches.
pub struct Pollers<S> {
    shared: Arc<Shared<S>>,
    running: Mutex<HashMap<WatchKey, Running>>,
}

struct Running {
    requests: watch::Sender<Request>,
    slot: Arc<Slot>,
    nudged: Arc<Notify>,
    unconfirmed: watch::Sender<Option<u64>>,
    task: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a poller is made of, so that another can take its place.
struct Work<S> {
    key: WatchKey,
    requests: watch::Receiver<Request>,
    slot: Arc<Slot>,
    nudged: Arc<Notify>,
    unconfirmed: watch::Receiver<Option<u64>>,
    shared: Arc<Shared<S>>,
}

impl<S: CredentialSource> Work<S> {
    /// Polls until the watch is gone. A poller that panics is replaced, later each time; meanwhile the watch shows it.
    async fn go_on(self) {
        let mut panics = 0;
        loop {
            let began = Instant::now();
            let Err(Panicked) = self.shared.watchdog.panics.caught(self.poller().run()).await else { return };
            panics = if began.elapsed() < CALM { panics + 1 } else { 1 };
            let failure = Failure::defect();
            let request = self.requests.borrow().clone();
            let pause = retry_delay(&failure, panics, request.plan.interval, seed(&self.key.uid));
            let is_news = self.slot.publish(&request, Outcome::Failed(failure));
            if is_news && !self.shared.announce(&self.key).await {
                return;
            }
            tokio::time::sleep(pause).await;
        }
    }

    fn poller(&self) -> Poller<S> {
        let Self { key, requests, slot, nudged, unconfirmed, shared } = self;
        let (requests, unconfirmed) = (requests.clone(), unconfirmed.clone());
        Poller::new(key.clone(), requests, slot.clone(), nudged.clone(), unconfirmed, shared.clone())
    }
}

impl<S: CredentialSource> Pollers<S> {
    /// No pollers yet. `news` gets the key of each watch that has something new; `is_alive` says whether a watch
    /// still exists, so that the poller of one that was deleted meanwhile ends.
    pub fn new(
        source: S,
        client: Client,
        watchdog: Watchdog,
        listings: Listings,
        news: mpsc::Sender<WatchKey>,
        is_alive: impl Fn(&WatchKey) -> bool + Send + Sync + 'static,
    ) -> Self {
        let is_alive = Box::new(is_alive);
        let feeds = Arc::new(Feeds::new(client, watchdog.clone(), listings));
        let shared = Shared { source, feeds, is_alive, news, watchdog };
        Self { shared: Arc::new(shared), running: Mutex::default() }
    }

    /// Starts the poller of a watch, or tells it what is new; and says what it has found so far.
    pub fn ask(&self, key: &WatchKey, request: &Request) -> Observation {
        let now = clock::now();
        let mut running = self.lock();
        if let Some(running) = running.get(key).filter(|running| !running.task.is_finished()) {
            running.slot.ask(request, now);
            running.requests.send_if_modified(|current| {
                let modified = current != request;
                current.clone_from(request);
                modified
            });
            return running.slot.observation();
        }
        let (sender, receiver) = watch::channel(request.clone());
        let slot = Arc::new(Slot::new(request.clone(), now));
        let nudged = Arc::new(Notify::new());
        let (to_confirm, unconfirmed) = watch::channel(None);
        let observation = slot.observation();
        let work = Work {
            key: key.clone(),
            requests: receiver,
            slot: slot.clone(),
            nudged: nudged.clone(),
            unconfirmed,
            shared: self.shared.clone(),
        };
        let task = tokio::spawn(work.go_on()).abort_handle();
        let entry = Running { requests: sender, slot, nudged, unconfirmed: to_confirm, task };
        running.insert(key.clone(), entry);
        observation
    }

    /// Asks for another listing of a watch at once, if this is still its newest: a gate would open by it.
    pub fn confirm(&self, key: &WatchKey, sequence: u64) {
        if let Some(running) = self.lock().get(key) {
            running.unconfirmed.send_if_modified(|current| current.replace(sequence) != Some(sequence));
        }
    }

    /// When the tasks of each watch were last listed completely.
    pub fn listed(&self) -> HashMap<WatchKey, Timestamp> {
        let running = self.lock();
        let listed = |(key, running): (&WatchKey, &Running)| Some((key.clone(), running.slot.listed()?));
        running.iter().filter_map(listed).collect()
    }

    /// How many logins are held back, since they were refused.
    pub fn refused(&self) -> usize {
        self.shared.feeds.refused()
    }

    /// Ends the poller of a watch.
    pub fn stop(&self, key: &WatchKey) {
        self.lock().remove(key);
    }

    /// Has all who use a Secret read it anew and list now. Those that are suspended read it when they go on.
    pub fn nudge(&self, namespace: &str, secret: &str) {
        for (key, running) in self.lock().iter() {
            let plan = &running.requests.borrow().plan;
            let uses_it = matches!(&plan.credentials, CredentialsRef::Secret(name) if name == secret);
            if key.namespace == namespace && uses_it && !plan.suspended {
                running.nudged.notify_one();
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<WatchKey, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
