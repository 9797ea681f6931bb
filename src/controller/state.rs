//! What is kept of each watch between reconciles.

use std::{
    collections::{HashMap, VecDeque},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{refusal::Refusal, undelivered::Undelivered};
use crate::{
    api::{MigrationTaskWatch, MigrationTaskWatchStatus},
    clock,
    core::{
        decide::Carried,
        failure::Failure,
        last::{Last, judged},
        plan::Plan,
    },
    listings::WatchKey,
};

/// So many writes of unknown outcome are remembered. Each is given up after half a minute, and hardly any request is
/// late by minutes.
const MOST_ATTEMPTS: usize = 4;

/// What is kept of one watch.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The newest version of the watch that this process has seen, by its resourceVersion. A cache that shows
    /// another may be older than the operator's own last write.
    newest: Option<String>,
    /// The version that the operator's own last write has replaced; the cache may still show it.
    replaced: Option<String>,
    /// The status of the newest version.
    last: Last,
    /// What the spec of a generation asks for, parsed: a long filter costs more to prepare than to use.
    plan: Option<(i64, Arc<Result<Plan, Failure>>)>,
    /// What the last decision left.
    pub(super) carried: Carried,
    /// The outbox that this process has delivered.
    pub(super) delivered: Option<i64>,
    /// Events that are refused.
    pub(super) undelivered: Undelivered,
    /// What is known of statuses that are refused.
    pub(super) refusal: Refusal,
    /// Writes over the newest version that may have been carried out, or may be yet: one that is given up can arrive
    /// late.
    attempts: VecDeque<(Last, Carried)>,
    /// Whether such a write has failed since the watch was last read.
    is_unsure: bool,
    /// Failures in a row.
    pub(super) failures: u32,
}

impl State {
    /// A state of which no more is known than that there was one: the watch is read before anything is decided from it.
    pub(super) fn in_doubt(failures: u32) -> Self {
        Self { newest: Some(String::new()), failures, ..Self::default() }
    }

    /// What the spec of a generation asks for.
    pub(super) fn plan(
        &mut self,
        generation: Option<i64>,
        parse: impl FnOnce() -> Result<Plan, Failure>,
    ) -> Arc<Result<Plan, Failure>> {
        match (&self.plan, generation) {
            (Some((known, plan)), Some(generation)) if *known == generation => plan.clone(),
            _ => {
                let plan = Arc::new(parse());
                self.plan = generation.map(|generation| (generation, plan.clone()));
                plan
            }
        }
    }

    /// Whether a cached watch can be decided from: it is the first version seen, or the newest, or that without the
    /// operator's own last write, which is kept here.
    pub(super) fn trusts(&self, watch: &MigrationTaskWatch) -> bool {
        let shown = &watch.metadata.resource_version;
        !self.is_unsure
            && (self.newest.is_none()
                || *shown == self.newest
                || (shown.is_some() && *shown == self.replaced))
    }

    /// The newest version seen, which a write is held against.
    pub(super) fn newest(&self) -> Option<&str> {
        self.newest.as_deref()
    }

    /// Takes notice of a watch that the cache shows, of whose status it keeps no tasks.
    pub(super) fn see_cached(&mut self, watch: &MigrationTaskWatch) {
        if self.newest.is_none() {
            self.newest.clone_from(&watch.metadata.resource_version);
            self.last = Last::trimmed(believed(watch, watch.status.clone()));
        }
    }

    /// Takes notice of a watch that has been read. When another operator has told something meanwhile, the memory of
    /// what was told is worthless: it is read back from the status. Whoever else edits a status tells nothing.
    pub(super) fn see(&mut self, watch: &mut MigrationTaskWatch) {
        let read = watch.status.take();
        let last = Last::whole(believed(watch, read));
        self.is_unsure = false;
        if self.newest.is_none() || watch.metadata.resource_version != self.newest {
            // Any write over an older version will be refused from now on.
            let attempts = mem::take(&mut self.attempts);
            if let Some((_, carried)) = attempts.into_iter().rfind(|(status, _)| is_same(status, &last)) {
                self.carried = carried;
            } else if told(last.status()) > told(self.last.status()) {
                self.carried.memory = None;
            }
        }
        self.newest.clone_from(&watch.metadata.resource_version);
        self.replaced = None;
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
        // A version that isn't known can't be held against: the watch is read then.
        let replaced = (!version.is_empty()).then(|| self.newest.take()).flatten();
        (self.newest, self.replaced) = (Some(version), replaced);
        self.last = status;
        self.carried = carried;
        self.attempts.clear();
    }

    /// A status may have been written, or may be yet.
    pub(super) fn tried(&mut self, status: Last, carried: Carried) {
        self.is_unsure = true;
        if self.attempts.len() == MOST_ATTEMPTS {
            self.attempts.pop_front();
        }
        self.attempts.push_back((status, carried));
    }
}

/// What can be believed of a status that was read.
fn believed(watch: &MigrationTaskWatch, read: Option<MigrationTaskWatchStatus>) -> MigrationTaskWatchStatus {
    judged(read.unwrap_or_default(), watch.metadata.uid.as_deref().unwrap_or_default(), clock::now())
}

/// The newest set of events that a status knows of.
fn told(status: &MigrationTaskWatchStatus) -> i64 {
    status.outbox.as_ref().map_or(0, |outbox| outbox.sequence)
}

/// Whether a status is one that was tried: it says the same, or owes, or has owed, the very same events, whatever else
/// somebody has edited since.
fn is_same(tried: &Last, seen: &Last) -> bool {
    let outbox = &tried.status().outbox;
    let owes = outbox.as_ref().is_some_and(|outbox| !outbox.events.is_empty());
    tried.says(seen) || (owes && *outbox == seen.status().outbox)
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

    fn carried(compared: u64) -> Carried {
        let mut carried = Carried::default();
        carried.compared = Some(compared);
        carried
    }

    fn seen(version: &str, status: MigrationTaskWatchStatus) -> MigrationTaskWatch {
        let mut watch = self::version(version);
        watch.status = Some(status);
        watch
    }

    /// A state that has written a status made of listing 1, as version 7, and tried one of listing 2.
    fn trying() -> State {
        let mut state = State::default();
        state.wrote("7".to_owned(), Last::whole(status(1, 1)), carried(1));
        state.tried(Last::whole(status(2, 2)), carried(2));
        state
    }

    #[test]
    fn what_was_written_is_known_again_though_somebody_has_edited_it() {
        for (what, version, status, compared) in [
            ("as it was tried", "8", status(2, 2), 2),
            ("and edited", "9", status(2, 9), 2),
            ("not written", "7", status(1, 1), 1),
            ("not written, and edited", "8", status(1, 9), 1),
            ("another's", "8", status(3, 2), 1),
            ("wiped", "8", MigrationTaskWatchStatus::default(), 1),
        ] {
            let mut state = trying();
            state.see(&mut seen(version, status));
            assert_eq!(state.carried.compared, Some(compared), "{what}");
        }
    }

    #[test]
    fn a_write_that_arrives_after_it_was_given_up_is_known_again() {
        let mut state = trying();
        state.see(&mut seen("7", status(1, 1)));
        assert!(state.trusts(&version("7")));
        // The next one, decided later, finds the first one there.
        state.tried(Last::whole(status(3, 2)), carried(2));
        state.see(&mut seen("8", status(2, 2)));
        assert_eq!(state.carried.compared, Some(2));
        assert!(state.attempts.is_empty(), "the other will be refused");
    }

    #[test]
    fn few_attempts_are_kept() {
        let mut state = trying();
        for sequence in 3..100 {
            state.tried(Last::whole(status(sequence, 1)), carried(2));
        }
        assert_eq!(state.attempts.len(), MOST_ATTEMPTS);
        state.see(&mut seen("8", status(99, 1)));
        assert!(state.attempts.is_empty());
    }

    fn version(version: &str) -> MigrationTaskWatch {
        let mut watch = MigrationTaskWatch::new("w", MigrationTaskWatchSpec::default());
        watch.metadata.resource_version = Some(version.to_owned());
        watch
    }

    #[test]
    fn a_cache_that_lacks_the_own_last_write_alone_is_trusted() {
        let mut state = State::default();
        assert!(state.trusts(&version("1")));
        state.see_cached(&version("1"));
        assert!(state.trusts(&version("1")) && !state.trusts(&version("2")));
        state.wrote("3".to_owned(), Last::default(), Carried::default());
        assert_eq!(state.newest(), Some("3"));
        assert!(state.trusts(&version("1")) && state.trusts(&version("3")));
        // Somebody else's, before or after.
        assert!(!state.trusts(&version("2")) && !state.trusts(&version("4")));
        state.wrote("5".to_owned(), Last::default(), Carried::default());
        assert!(!state.trusts(&version("1")), "what lacks two writes is too old");
        state.see(&mut version("6"));
        assert!(state.trusts(&version("6")) && !state.trusts(&version("5")));
    }

    #[test]
    fn an_answer_without_a_version_is_never_written_over() {
        let mut state = State::default();
        state.see_cached(&version("1"));
        state.wrote(String::new(), Last::default(), Carried::default());
        assert!(!state.trusts(&version("1")));
    }

    #[test]
    fn after_a_write_of_unknown_outcome_nothing_is_trusted() {
        let mut state = State::default();
        state.see_cached(&version("1"));
        state.tried(Last::default(), Carried::default());
        assert!(!state.trusts(&version("1")));
    }
}
