//! What was asked and how it was answered, for tests to count.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch;

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
}

/// The requests so far. A handle: clones share it.
#[derive(Debug, Clone)]
pub struct Journal {
    state: Arc<Mutex<State>>,
    answered: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    sequence: u64,
    records: VecDeque<Record>,
    counters: Counters,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            state: Arc::default(),
            answered: watch::Sender::new(0),
        }
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
        self.lock()
            .records
            .iter()
            .filter(|record| wanted(record))
            .count()
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
        state.counters = Counters {
            in_flight,
            peak_in_flight: in_flight,
            ..Counters::default()
        };
    }

    /// Waits until at least `count` of the remembered requests are so. Bound it by a timeout.
    pub async fn wait_for(&self, count: usize, wanted: impl Fn(&Record) -> bool) {
        let mut answered = self.answered.subscribe();
        while self.count(&wanted) < count {
            // The sender lives as long as this journal, so waiting can't fail.
            let _ = answered.changed().await;
        }
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
        Entry {
            journal: self.clone(),
            sequence,
            status: None,
        }
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
        if let Some(record) = state
            .records
            .iter_mut()
            .rev()
            .find(|record| record.sequence == sequence)
        {
            record.status = status;
        }
        drop(state);
        self.answered.send_modify(|answered| *answered += 1);
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
