use std::{collections::BTreeMap, pin::Pin};

use futures::{FutureExt, Stream, StreamExt};
use kube::runtime::{WatchStreamExt, watcher};

use super::{
    error::PluginError,
    place::{Place, key},
};
use crate::{
    api::MigrationTaskWatch,
    controller::{begun, of_stream},
};

/// Watches as they are, and as they change.
pub(super) struct Follow {
    events: Pin<Box<dyn Stream<Item = watcher::Result<watcher::Event<MigrationTaskWatch>>> + Send>>,
    watches: BTreeMap<(String, String), MigrationTaskWatch>,
    /// What is being read anew after a break.
    fresh: BTreeMap<(String, String), MigrationTaskWatch>,
    trouble: Option<String>,
    is_known: bool,
}

/// Something that happened to a watch.
pub(super) enum News {
    /// It is there, or has changed; before it was like this.
    Changed {
        /// As it is now.
        watch: Box<MigrationTaskWatch>,
        /// As it was.
        before: Option<Box<MigrationTaskWatch>>,
    },
    /// It is gone.
    Gone(Box<MigrationTaskWatch>),
}

impl Follow {
    /// Follows one watch, or all.
    pub(super) fn start(place: &Place, name: Option<&str>, all_namespaces: bool) -> Self {
        let config = watcher::Config::default();
        let config = name.iter().fold(config, |config, name| config.fields(&format!("metadata.name={name}")));
        let events = begun(watcher(place.watches(all_namespaces), config)).default_backoff();
        Self {
            events: Box::pin(events),
            watches: BTreeMap::new(),
            fresh: BTreeMap::new(),
            trouble: None,
            is_known: false,
        }
    }

    /// All watches, by namespace and name.
    pub(super) fn watches(&self) -> Vec<&MigrationTaskWatch> {
        self.watches.values().collect()
    }

    /// Why they may be old.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Whether all that there is has been read once.
    pub(super) fn is_known(&self) -> bool {
        self.is_known
    }

    /// Waits for something to happen.
    ///
    /// # Errors
    /// When it isn't allowed. What heals by itself is tried again, and told as [`trouble`](Self::trouble).
    pub(super) async fn next(&mut self) -> Result<Vec<News>, PluginError> {
        loop {
            match self.events.next().await {
                // As long as not all has been read, nothing is known to have changed.
                Some(Ok(watcher::Event::Init)) => self.fresh.clear(),
                Some(Ok(watcher::Event::InitApply(watch))) => {
                    self.fresh.insert(key(&watch), watch);
                }
                Some(Ok(event)) => {
                    self.trouble = None;
                    return Ok(self.apply(event));
                }
                Some(Err(error)) if is_refusal(&error) => return Err(PluginError::Follow(of_stream(&error))),
                Some(Err(error)) => {
                    let cause = of_stream(&error);
                    self.trouble = Some(format!("the API server can't be followed, tried again: {cause}"));
                    return Ok(Vec::new());
                }
                // The stream has no end; if it had one, nothing would ever happen again.
                None => std::future::pending().await,
            }
        }
    }

    /// Takes what has happened already, without waiting for more.
    pub(super) fn catch_up(&mut self) -> Result<(), PluginError> {
        while let Some(news) = self.next().now_or_never() {
            news?;
        }
        Ok(())
    }

    fn apply(&mut self, event: watcher::Event<MigrationTaskWatch>) -> Vec<News> {
        match event {
            watcher::Event::Init | watcher::Event::InitApply(_) => Vec::new(),
            watcher::Event::InitDone => self.replace(),
            watcher::Event::Apply(watch) => {
                let before = self.watches.insert(key(&watch), watch.clone()).map(Box::new);
                vec![News::Changed { watch: Box::new(watch), before }]
            }
            watcher::Event::Delete(watch) => {
                self.watches.remove(&key(&watch));
                vec![News::Gone(Box::new(watch))]
            }
        }
    }

    /// What was read anew takes the place of what was known.
    fn replace(&mut self) -> Vec<News> {
        self.is_known = true;
        let mut old = std::mem::replace(&mut self.watches, std::mem::take(&mut self.fresh));
        let changed = self.watches.iter().map(|(key, watch)| {
            let before = old.remove(key).map(Box::new);
            News::Changed { watch: Box::new(watch.clone()), before }
        });
        let mut news: Vec<News> = changed.collect();
        news.extend(old.into_values().map(|watch| News::Gone(Box::new(watch))));
        news
    }
}

/// A right that is missing, or a kind that isn't known, doesn't come by waiting.
fn is_refusal(error: &watcher::Error) -> bool {
    let (watcher::Error::InitialListFailed(source) | watcher::Error::WatchStartFailed(source)) = error else {
        return false;
    };
    matches!(source, kube::Error::Api(status) if matches!(status.code, 401 | 403 | 404))
}
