//! What is kept of each watch between reconciles.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    api::{MigrationTaskWatch, MigrationTaskWatchStatus},
    core::{decide::Carried, last::Last},
    listings::WatchKey,
};

/// What is kept of one watch.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The newest version of the watch that this process has seen, by its resourceVersion. A cache that shows
    /// another may be older than the operator's own last write.
    newest: Option<String>,
    /// The status of that version.
    last: Last,
    /// What the last decision left.
    pub(super) carried: Carried,
    /// The outbox that this process has delivered.
    pub(super) delivered: Option<i64>,
    /// A write whose outcome isn't known.
    attempt: Option<(Last, Carried)>,
    /// Failures in a row.
    pub(super) failures: u32,
}

impl State {
    /// Whether a cached watch can be decided from: it is the newest version seen, or the first.
    pub(super) fn trusts(&self, watch: &MigrationTaskWatch) -> bool {
        self.attempt.is_none() && (self.newest.is_none() || self.newest == watch.metadata.resource_version)
    }

    /// Takes notice of a watch that the cache shows, of whose status it keeps no tasks.
    pub(super) fn see_cached(&mut self, watch: &MigrationTaskWatch) {
        if self.newest.is_none() {
            self.newest.clone_from(&watch.metadata.resource_version);
            self.last = Last::trimmed(watch.status.clone().unwrap_or_default());
        }
    }

    /// Takes notice of a watch that has been read. When another operator has told something meanwhile, the memory of
    /// what was told is worthless: it is read back from the status. Whoever else edits a status tells nothing.
    pub(super) fn see(&mut self, watch: &mut MigrationTaskWatch) {
        let last = Last::whole(watch.status.take().unwrap_or_default());
        if let Some((attempted, carried)) = self.attempt.take()
            && (attempted.says(&last) || tells_the_same(attempted.status(), last.status()))
        {
            self.carried = carried;
        } else if told(last.status()) > told(self.last.status()) {
            self.carried.memory = None;
        }
        self.newest.clone_from(&watch.metadata.resource_version);
        self.last = last;
    }

    /// The status of the newest version.
    pub(super) fn last(&self) -> &Last {
        &self.last
    }

    /// Keeps only what is needed later.
    pub(super) fn trim(&mut self) {
        self.last.trim();
    }

    /// A status has been written, as this version of the watch.
    pub(super) fn wrote(&mut self, version: String, status: Last, carried: Carried) {
        self.newest = Some(version);
        self.last = status;
        self.carried = carried;
    }

    /// A status may have been written.
    pub(super) fn tried(&mut self, status: Last, carried: Carried) {
        self.attempt = Some((status, carried));
    }
}

/// The newest set of events that a status knows of.
fn told(status: &MigrationTaskWatchStatus) -> i64 {
    status.outbox.as_ref().map_or(0, |outbox| outbox.sequence)
}

/// Whether a status owes, or has owed, the very events of another: then it is that one, whatever else somebody has
/// edited since.
fn tells_the_same(status: &MigrationTaskWatchStatus, other: &MigrationTaskWatchStatus) -> bool {
    let owes = status.outbox.as_ref().is_some_and(|outbox| !outbox.events.is_empty());
    owes && status.outbox == other.outbox
}

/// The states of all watches. A reconcile takes its watch's state out and puts it back.
#[derive(Debug, Default)]
pub(super) struct States(Mutex<HashMap<WatchKey, State>>);

impl States {
    pub(super) fn take(&self, key: &WatchKey) -> State {
        self.lock().remove(key).unwrap_or_default()
    }

    pub(super) fn put(&self, key: WatchKey, state: State) {
        self.lock().insert(key, state);
    }

    /// How often in a row a watch's reconcile has failed.
    pub(super) fn failures(&self, key: &WatchKey) -> u32 {
        self.lock().get(key).map_or(0, |state| state.failures)
    }

    pub(super) fn remove(&self, key: &WatchKey) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<WatchKey, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{MigrationTaskWatchSpec, Outbox, OutboxEvent, Summary};

    fn status(sequence: i64, total: i64) -> MigrationTaskWatchStatus {
        let events = vec![OutboxEvent { reason: "TaskStarted".to_owned(), ..OutboxEvent::default() }];
        MigrationTaskWatchStatus {
            outbox: Some(Outbox { sequence, time: None, events }),
            summary: Some(Summary { total, ..Summary::default() }),
            ..MigrationTaskWatchStatus::default()
        }
    }

    /// A state that has tried to write a status, made of listing 2 after listing 1, and then sees another.
    fn after_seeing(seen: MigrationTaskWatchStatus) -> Carried {
        let carried = |compared| {
            let mut carried = Carried::default();
            carried.compared = Some(compared);
            carried
        };
        let mut state = State::default();
        state.wrote("7".to_owned(), Last::whole(status(1, 1)), carried(1));
        state.tried(Last::whole(status(2, 2)), carried(2));
        let mut watch = MigrationTaskWatch::new("wave-1", MigrationTaskWatchSpec::default());
        watch.status = Some(seen);
        state.see(&mut watch);
        state.carried
    }

    #[test]
    fn what_was_written_is_known_again_though_somebody_has_edited_it() {
        for (what, seen, compared) in [
            ("as it was tried", status(2, 2), 2),
            ("and edited", status(2, 9), 2),
            ("not written", status(1, 1), 1),
            ("not written, and edited", status(1, 9), 1),
            ("another's", status(3, 2), 1),
            ("wiped", MigrationTaskWatchStatus::default(), 1),
        ] {
            assert_eq!(after_seeing(seen).compared, Some(compared), "{what}");
        }
    }
}
