//! What all reconciles share.

use kube::{Client, api::ObjectMeta, runtime::reflector::ObjectRef};
use tokio::sync::mpsc;
use tracing::info;

use super::{Options, Watches, secrets::Secrets, state::States};
use crate::{
    listings::{Pollers, WatchKey},
    sms::{
        self,
        credentials::{DigestKey, RandomnessError},
    },
};

pub(super) struct Context {
    pub(super) client: Client,
    pub(super) options: Options,
    pub(super) pollers: Pollers<Secrets>,
    pub(super) states: States,
    pub(super) watches: Watches,
    secrets: Secrets,
}

impl Context {
    pub(super) fn new(
        client: Client,
        sms: sms::Client,
        options: Options,
        news: mpsc::Sender<WatchKey>,
        watches: Watches,
    ) -> Result<Self, RandomnessError> {
        let secrets = Secrets::new(client.clone());
        let known = watches.clone();
        let pollers =
            Pollers::new(secrets.clone(), sms, DigestKey::random()?, news, move |key| exists(&known, key));
        Ok(Self { client, options, pollers, states: States::default(), watches, secrets })
    }

    /// A watch has been deleted.
    pub(super) fn forget(&self, key: &WatchKey) {
        self.pollers.stop(key);
        self.states.remove(key);
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
