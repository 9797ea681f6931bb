//! What all pollers share.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;

use super::{feed::Feeds, key::WatchKey};
use crate::telemetry::Watchdog;

/// Within which time somebody takes the news of a poller: whatever the controller waits for, it goes on taking them.
const TOLD: Duration = Duration::from_mins(5);

/// Says whether a watch still exists.
pub(super) type IsAlive = Box<dyn Fn(&WatchKey) -> bool + Send + Sync>;

/// What all pollers share.
pub(super) struct Shared<S> {
    pub(super) source: S,
    pub(super) feeds: Arc<Feeds>,
    pub(super) is_alive: IsAlive,
    pub(super) news: mpsc::Sender<WatchKey>,
    pub(super) watchdog: Watchdog,
}

impl<S> Shared<S> {
    pub(super) fn is_alive(&self, key: &WatchKey) -> bool {
        (self.is_alive)(key)
    }

    /// Says that there is something new. False when nobody listens any more.
    pub(super) async fn announce(&self, key: &WatchKey) -> bool {
        let _told = self.watchdog.vitals.expect("telling the controller of a listing", TOLD);
        self.news.send(key.clone()).await.is_ok()
    }
}
