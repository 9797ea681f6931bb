//! What all reconciles share.

use kube::{Client, api::ObjectMeta, runtime::reflector::ObjectRef};
use tokio::sync::mpsc;
use tracing::info;

use super::{
    Options, Parts, Watches, credentials::Sources, leadership::Leadership, secrets::Secrets, state::States,
    writes::Writes,
};
use crate::{
    listings::{Pollers, WatchKey},
    telemetry::{Metrics, Vitals, Watchdog},
};

pub(super) struct Context {
    pub(super) client: Client,
    pub(super) leadership: Leadership,
    pub(super) options: Options,
    pub(super) metrics: Metrics,
    pub(super) watchdog: Watchdog,
    pub(super) pollers: Pollers<Sources>,
    pub(super) states: States,
    pub(super) watches: Watches,
    pub(super) writes: Writes,
    secrets: Secrets,
}

impl Context {
    pub(super) fn new(
        client: Client,
        parts: Parts,
        vitals: Vitals,
        news: mpsc::Sender<WatchKey>,
        watches: Watches,
    ) -> Self {
        let Parts { sms, ambient, leadership, options, metrics } = parts;
        let secrets = Secrets::new(client.clone());
        let sources = Sources::new(secrets.clone(), ambient);
        let known = watches.clone();
        let watchdog = Watchdog { vitals, panics: metrics.panics.clone() };
        let pollers = {
            let listings = metrics.listings.clone();
            Pollers::new(sources, sms, watchdog.clone(), listings, news, move |key| exists(&known, key))
        };
        let writes = Writes::new(options.write_rate, metrics.status_writes.clone());
        let states = States::default();
        Self { client, leadership, options, metrics, watchdog, pollers, states, watches, writes, secrets }
    }

    /// A watch has been deleted.
    pub(super) fn forget(&self, key: &WatchKey) {
        self.pollers.stop(key);
        self.states.remove(key);
        self.writes.leave(key);
        self.metrics.credentials.set(&key.namespace, &key.name, None);
    }

    /// Whether the watch is still there, as far as the API server has told.
    pub(super) fn knows(&self, key: &WatchKey) -> bool {
        exists(&self.watches, key)
    }

    /// A Secret isn't what it was: it is read anew by all that use it.
    pub(super) fn secret_changed(&self, namespace: &str, secret: &str, version: Option<&str>) {
        info!(namespace, secret, resource_version = version.unwrap_or("deleted"), "the Secret has changed");
        self.secrets.forget(namespace, secret);
        self.pollers.nudge(namespace, secret);
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
