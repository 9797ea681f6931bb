//! All pollers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    sync::{Notify, mpsc, watch},
    task::AbortHandle,
};

use super::{
    CredentialSource, Request, feed::Feeds, key::WatchKey, observe::Slot, poller::Poller, shared::Shared,
};
use crate::{
    clock,
    core::{decide::Observation, plan::CredentialsRef},
    sms::Client,
};

/// The pollers of all watches.
pub struct Pollers<S> {
    shared: Arc<Shared<S>>,
    running: Mutex<HashMap<WatchKey, Running>>,
}

struct Running {
    requests: watch::Sender<Request>,
    slot: Arc<Slot>,
    nudged: Arc<Notify>,
    task: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<S: CredentialSource> Pollers<S> {
    /// No pollers yet. `news` gets the key of each watch that has something new; `is_alive` says whether a watch
    /// still exists, so that the poller of one that was deleted meanwhile ends.
    pub fn new(
        source: S,
        client: Client,
        news: mpsc::Sender<WatchKey>,
        is_alive: impl Fn(&WatchKey) -> bool + Send + Sync + 'static,
    ) -> Self {
        let is_alive = Box::new(is_alive);
        let shared = Shared { source, feeds: Arc::new(Feeds::new(client)), is_alive, news };
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
        let poller = Poller::new(key.clone(), receiver, slot.clone(), nudged.clone(), self.shared.clone());
        let observation = slot.observation();
        let task = tokio::spawn(poller.run()).abort_handle();
        running.insert(key.clone(), Running { requests: sender, slot, nudged, task });
        observation
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
