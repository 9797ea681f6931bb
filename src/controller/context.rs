//! What all reconciles share.

use kube::{Client, api::ObjectMeta, runtime::reflector::ObjectRef};
use tokio::sync::mpsc;

use super::{Options, Parts, Watches, credentials::Sources, state::States};
use crate::{
    listings::{Pollers, WatchKey},
    telemetry::Metrics,
};

pub(super) struct Context {
    pub(super) client: Client,
    pub(super) options: Options,
    pub(super) metrics: Metrics,
    pub(super) pollers: Pollers<Sources>,
    pub(super) states: States,
    watches: Watches,
}

impl Context {
    pub(super) fn new(client: Client, parts: Parts, news: mpsc::Sender<WatchKey>, watches: Watches) -> Self {
        let Parts { sms, ambient, options, metrics } = parts;
        let sources = Sources::new(client.clone(), ambient);
        let known = watches.clone();
        let pollers = Pollers::new(sources, sms, news, move |key| exists(&known, key));
        Self { client, options, metrics, pollers, states: States::default(), watches }
    }

    /// A watch has been deleted.
    pub(super) fn forget(&self, key: &WatchKey) {
        self.pollers.stop(key);
        self.states.remove(key);
        self.metrics.credentials.set(&key.namespace, &key.name, None);
    }

    /// Whether the watch is still there, as far as the API server has told.
    pub(super) fn knows(&self, key: &WatchKey) -> bool {
        exists(&self.watches, key)
    }

    /// The list of watches is new: those that were deleted while the stream was interrupted are forgotten.
    pub(super) fn forget_deleted(&self) {
        self.pollers.retain(|key| exists(&self.watches, key));
        self.states.retain(|key| exists(&self.watches, key));
        self.metrics
            .credentials
            .retain(|namespace, name| self.watches.get(&ObjectRef::new(name).within(namespace)).is_some());
    }
}

fn exists(watches: &Watches, key: &WatchKey) -> bool {
    let found = watches.get(&ObjectRef::new(&key.name).within(&key.namespace));
    found.is_some_and(|watch| watch.metadata.uid.as_deref() == Some(key.uid.as_str()))
}

/// The key of an object; none for one that the API server hasn't stored.
pub(super) fn key(meta: &ObjectMeta) -> Option<WatchKey> {
    Some(WatchKey { namespace: meta.namespace.clone()?, name: meta.name.clone()?, uid: meta.uid.clone()? })
}
