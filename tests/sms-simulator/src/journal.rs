//! What was asked and how it was answered, for tests to count.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::auth::Credential;

/// So many requests are remembered; the counters know all.
const REMEMBERED: usize = 100_000;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Its number, from 1, in the order of arrival.
    pub sequence: u64,
    /// When it came, by the server's clock.
    pub received: Timestamp,
    /// Its method.
    pub method: String,
    /// Its path as sent.
    pub path: String,
    /// Its query as sent, without the question mark.
    pub query: String,
    /// Who it claims to be from.
    pub credential: Credential,
    /// The answer's status; none while there is no answer, and when the connection was dropped or given up.
    pub status: Option<u16>,
    /// Whether it is still being answered.
    pub pending: bool,
}

/// The sums since the start or the last [`Journal::clear`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    /// Requests that came.
    pub requests: u64,
    /// Requests that carried a signature, right or wrong.
    pub signed: u64,
    /// Answers of 2xx.
    pub succeeded: u64,
    /// Answers of 401.
    pub unauthorized: u64,
    /// Other answers of 4xx.
    pub refused: u64,
    /// Answers of 5xx.
    pub server_errors: u64,
    /// Requests that are being answered.
    pub in_flight: u64,
    /// The most that were being answered at the same time.
    pub peak_in_flight: u64,
    /// Connections that were accepted.
    pub connections: u64,
}

/// How long a test waits for requests. Not a measure of speed: a machine may be slow.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// The requests so far. A handle: clones share it.
#[derive(Debug, Clone)]
pub struct Journal {
    state: Arc<Mutex<State>>,
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    sequence: u64,
    records: VecDeque<Record>,
    counters: Counters,
}

impl Default for Journal {
    fn default() -> Self {
        Self { state: Arc::default(), changes: watch::Sender::new(0) }
    }
}

impl Journal {
    /// The remembered requests, oldest first.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.lock().records.iter().cloned().collect()
    }

    /// How many of the remembered requests are so.
    pub fn count(&self, wanted: impl Fn(&Record) -> bool) -> usize {
        self.lock().records.iter().filter(|record| wanted(record)).count()
    }

    /// The sums.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.lock().counters
    }

    /// Forgets the requests and starts the sums anew; what is in flight stays counted.
    pub fn clear(&self) {
        let mut state = self.lock();
        state.records.clear();
        let in_flight = state.counters.in_flight;
        state.counters = Counters { in_flight, peak_in_flight: in_flight, ..Counters::default() };
    }

    /// Waits until at least `count` of the remembered requests are so.
    ///
    /// # Panics
    /// When they don't come in time: a test that waits in vain says what it has seen.
    pub async fn wait_for(&self, count: usize, wanted: impl Fn(&Record) -> bool) {
        let mut changes = self.changes.subscribe();
        let come = async {
            while self.count(&wanted) < count {
                // The sender lives as long as this journal, so waiting can't fail.
                let _ = changes.changed().await;
            }
        };
        let in_time = timeout(PATIENCE, come).await.is_ok();
        let records = self.records();
        let last = records.get(records.len().saturating_sub(20)..);
        assert!(in_time, "{} of {count} requests came; the last of all are {last:#?}", self.count(&wanted));
    }

    pub(crate) fn connected(&self) {
        self.lock().counters.connections += 1;
    }

    pub(crate) fn begin(&self, record: Record) -> Entry {
        let mut state = self.lock();
        state.sequence += 1;
        let sequence = state.sequence;
        if state.records.len() >= REMEMBERED {
            state.records.pop_front();
        }
        state.counters.requests += 1;
        state.counters.in_flight += 1;
        state.counters.peak_in_flight = state.counters.peak_in_flight.max(state.counters.in_flight);
        if matches!(record.credential, Credential::AccessKey(_)) {
            state.counters.signed += 1;
        }
        state.records.push_back(Record { sequence, ..record });
        drop(state);
        self.changes.send_modify(|changes| *changes += 1);
        Entry { journal: self.clone(), sequence, status: None }
    }

    fn finish(&self, sequence: u64, status: Option<u16>) {
        let mut state = self.lock();
        state.counters.in_flight = state.counters.in_flight.saturating_sub(1);
        match status {
            Some(200..300) => state.counters.succeeded += 1,
            Some(401) => state.counters.unauthorized += 1,
            Some(400..500) => state.counters.refused += 1,
            Some(500..) => state.counters.server_errors += 1,
            _ => {}
        }
        if let Some(record) = state.records.iter_mut().rev().find(|record| record.sequence == sequence) {
            record.status = status;
            record.pending = false;
        }
        drop(state);
        self.changes.send_modify(|changes| *changes += 1);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is being answered; it is over when this is dropped.
#[derive(Debug)]
pub(crate) struct Entry {
    journal: Journal,
    sequence: u64,
    status: Option<u16>,
}

impl Entry {
    pub(crate) fn answered(&mut self, status: u16) {
        self.status = Some(status);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.journal.finish(self.sequence, self.status);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str) -> Record {
        Record {
            sequence: 0,
            received: Timestamp::UNIX_EPOCH,
            method: "GET".into(),
            path: path.into(),
            query: String::new(),
            credential: Credential::None,
            status: None,
            pending: true,
        }
    }

    #[test]
    fn the_peak_is_of_those_at_the_same_time() {
        let journal = Journal::default();
        drop(journal.begin(request("/a")));
        let (second, third) = (journal.begin(request("/b")), journal.begin(request("/c")));
        assert_eq!(journal.counters().in_flight, 2);
        drop((second, third));
        let counters = journal.counters();
        assert_eq!((counters.requests, counters.in_flight, counters.peak_in_flight), (3, 0, 2));
    }

    #[test]
    fn clearing_keeps_what_is_in_flight_straight() {
        let journal = Journal::default();
        let mut entry = journal.begin(request("/a"));
        journal.clear();
        entry.answered(200);
        drop(entry);
        let counters = journal.counters();
        assert_eq!((counters.requests, counters.succeeded, counters.in_flight), (0, 1, 0));
        assert_eq!(journal.records(), []);
    }

    #[tokio::test]
    async fn waiting_ends_with_arrivals_and_with_answers() {
        let journal = Journal::default();
        let answered = journal.wait_for(1, |record| record.status == Some(200));
        let arrive = async {
            let mut entry = journal.begin(request("/a"));
            journal.wait_for(1, |record| record.pending).await;
            entry.answered(200);
        };
        tokio::join!(answered, arrive);
    }
}
