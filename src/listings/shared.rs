//! What all pollers share.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{feed::Feeds, key::WatchKey};

/// Says whether a watch still exists.
pub(super) type IsAlive = Box<dyn Fn(&WatchKey) -> bool + Send + Sync>;

/// What all pollers share.
pub(super) struct Shared<S> {
    pub(super) source: S,
    pub(super) feeds: Arc<Feeds>,

    pub(super) is_alive: IsAlive,
    pub(super) news: mpsc::Sender<WatchKey>,
}

impl<S> Shared<S> {
    pub(super) fn is_alive(&self, key: &WatchKey) -> bool {
        (self.is_alive)(key)
    }

    /// Says that there is something new. False when nobody listens any more.
    pub(super) async fn announce(&self, key: &WatchKey) -> bool {
        self.news.send(key.clone()).await.is_ok()
    }
}
