//! What the statuses say, beside what they should.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::TryStreamExt as _;
use kube::{
    Api, Client,
    api::ApiResource,
    core::{NotUsed, Object},
    runtime::{WatchStreamExt as _, watcher},
};
use migration_task_watch::api::{MigrationTaskWatch, Summary};
use serde::{Deserialize, Serialize};

type Counts = BTreeMap<String, i64>;

/// As much of a status as is looked at: the tasks of it aren't.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Seen {
    summary: Option<Summary>,
    #[serde(default)]
    conditions: Vec<Reason>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Reason {
    #[serde(default)]
    reason: String,
}

/// The reason for a listing that couldn't be complete.
const INCOMPLETE: &str = "ListIncomplete";

/// All watches.
#[derive(Debug, Default)]
pub(crate) struct Board(Mutex<HashMap<String, Entry>>);

/// What a watch should say, and since when, until it does.
#[derive(Debug)]
struct Entry {
    applied: Instant,
    due: VecDeque<(Instant, Counts)>,
    /// What it says, once it says something.
    says: Option<Counts>,
    first: Option<Duration>,
    delays: Vec<Duration>,
    is_incomplete: bool,
}

/// What became of all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    /// Statuses that say what they should.
    pub(crate) right: usize,
    /// Statuses that say that the listing is incomplete, and no counts.
    pub(crate) incomplete: usize,
    /// All of them.
    pub(crate) total: usize,
    /// From apply to status: the slowest.
    pub(crate) first: Option<Duration>,
    /// From a change to its status: how many, and the slowest.
    pub(crate) changes: usize,
    pub(crate) slowest_change: Option<Duration>,
}

impl Board {
    /// A watch is applied now, and should say this.
    pub(crate) fn apply(&self, name: &str, counts: Counts) {
        let now = Instant::now();
        let entry = Entry {
            applied: now,
            due: [(now, counts)].into(),
            says: None,
            first: None,
            delays: Vec::new(),
            is_incomplete: false,
        };
        self.lock().insert(name.to_owned(), entry);
    }

    /// From now on, a watch should say this.
    pub(crate) fn expect(&self, name: &str, counts: Counts) {
        if let Some(entry) = self.lock().get_mut(name) {
            entry.expect(counts, Instant::now());
        }
    }

    fn see(&self, name: &str, seen: Seen) {
        if let Some(entry) = self.lock().get_mut(name) {
            entry.see(seen, Instant::now());
        }
    }

    /// Whether all say what they should.
    pub(crate) fn is_settled(&self) -> bool {
        self.lock().values().all(|entry| entry.due.is_empty())
    }

    pub(crate) fn verdict(&self) -> Verdict {
        let entries = self.lock();
        let right = entries.values().filter(|entry| entry.due.is_empty()).count();
        let incomplete =
            entries.values().filter(|entry| entry.first.is_none() && entry.is_incomplete).count();
        let firsts: Option<Vec<Duration>> = entries.values().map(|entry| entry.first).collect();
        let delays = || entries.values().flat_map(|entry| &entry.delays);
        Verdict {
            right,
            incomplete,
            total: entries.len(),
            first: firsts.and_then(|firsts| firsts.into_iter().max()),
            changes: delays().count(),
            slowest_change: delays().max().copied(),
        }
    }

    /// Follows the watches of a namespace for as long as it is polled.
    pub(crate) async fn follow(&self, client: Client, namespace: &str) -> Result<(), watcher::Error> {
        let kind = ApiResource::erase::<MigrationTaskWatch>(&());
        let watches: Api<Object<NotUsed, Seen>> = Api::namespaced_with(client, namespace, &kind);
        let stream = watcher(watches, watcher::Config::default()).default_backoff().applied_objects();
        stream
            .try_for_each(async |watch| {
                if let (Some(name), Some(seen)) = (watch.metadata.name, watch.status) {
                    self.see(&name, seen);
                }
                Ok(())
            })
            .await
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn expect(&mut self, counts: Counts, now: Instant) {
        // What stays as it is, or becomes so again, is not written.
        if self.says.as_ref() == Some(&counts) {
            self.due.clear();
        } else {
            self.due.push_back((now, counts));
        }
    }

    fn see(&mut self, seen: Seen, now: Instant) {
        self.is_incomplete = seen.conditions.iter().any(|condition| condition.reason == INCOMPLETE);
        let Some(summary) = seen.summary else { return };
        let is_first = self.first.is_none();
        self.first.get_or_insert(now - self.applied);
        let counts_all = summary.by_state.values().sum::<i64>() == summary.total;
        self.says = counts_all.then_some(summary.by_state);
        // The newest that fits: what came before is outdated.
        let fits = |(_, counts): &(Instant, Counts)| self.says.as_ref() == Some(counts);
        let Some(place) = self.due.iter().rposition(fits) else { return };
        let reached = self.due.drain(..=place).skip(usize::from(is_first));
        self.delays.extend(reached.map(|(since, _)| now - since));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(running: i64, syncing: i64) -> Counts {
        [("RUNNING".to_owned(), running), ("SYNCING".to_owned(), syncing)].into()
    }

    fn seen(by_state: Counts, total: i64) -> Seen {
        let summary = Some(Summary { total, by_state, ..Summary::default() });
        Seen { summary, conditions: Vec::new() }
    }

    #[test]
    fn a_status_is_right_when_it_counts_what_it_should() {
        let board = Board::default();
        board.apply("a", counts(2, 1));
        for (wrong, total) in [(counts(1, 2), 3), (counts(2, 1), 4), (Counts::new(), 0)] {
            board.see("a", seen(wrong, total));
            assert!(!board.is_settled());
        }
        board.see("a", seen(counts(2, 1), 3));
        assert!(board.is_settled());
        assert!(board.verdict().first.is_some());
    }

    #[test]
    fn a_later_change_stands_for_those_before() {
        let board = Board::default();
        board.apply("a", counts(2, 0));
        board.see("a", seen(counts(2, 0), 2));
        board.expect("a", counts(1, 1));
        board.expect("a", counts(0, 2));
        board.see("a", seen(counts(1, 1), 2));
        assert_eq!((board.is_settled(), board.verdict().changes), (false, 1));
        board.see("a", seen(counts(0, 2), 2));
        assert_eq!((board.is_settled(), board.verdict().changes), (true, 2));
    }

    #[test]
    fn a_change_that_counts_nothing_else_needs_no_write() {
        let board = Board::default();
        board.apply("a", counts(2, 0));
        board.see("a", seen(counts(2, 0), 2));
        board.expect("a", counts(2, 0));
        assert!(board.is_settled());
        board.expect("a", counts(1, 1));
        assert!(!board.is_settled());
        board.expect("a", counts(2, 0));
        assert!(board.is_settled());
        assert_eq!(board.verdict().changes, 0);
    }

    #[test]
    fn an_incomplete_listing_counts_for_itself() {
        let board = Board::default();
        board.apply("a", counts(1, 0));
        let conditions = vec![Reason { reason: INCOMPLETE.to_owned() }];
        board.see("a", Seen { summary: None, conditions });
        let verdict = board.verdict();
        assert_eq!((verdict.right, verdict.incomplete, verdict.total), (0, 1, 1));
    }
}
