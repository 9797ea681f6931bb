use std::{
    sync::Mutex,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::lock;

/// What has been asked so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Requests that were answered with a page, or will be.
    pub requests: u64,
    /// Requests that got 429.
    pub refused: u64,
    /// Bytes of pages as sent.
    pub bytes: u64,
    /// Connections ever made.
    pub connections: u64,
    /// The most requests under way at a time.
    pub most_under_way: u64,
    /// When the first request came, in milliseconds since 1970.
    pub first: Option<u64>,
    /// Answered and refused requests of each ten seconds since the first.
    pub course: Vec<(u64, u64)>,
}

#[derive(Default)]
struct State {
    tally: Tally,
    began: Option<Instant>,
    under_way: u64,
}

impl State {
    /// The counts of the current ten seconds.
    fn current(&mut self) -> Option<&mut (u64, u64)> {
        let began = *self.began.get_or_insert_with(Instant::now);
        self.tally.first.get_or_insert_with(epoch_millis);
        let place = usize::try_from(began.elapsed().as_secs() / 10).ok()?;
        if self.tally.course.len() <= place {
            self.tally.course.resize(place + 1, (0, 0));
        }
        self.tally.course.get_mut(place)
    }
}

/// Counts requests.
#[derive(Default)]
pub(super) struct Recorder(Mutex<State>);

impl Recorder {
    pub(super) fn tally(&self) -> Bytes {
        serde_json::to_vec(&lock(&self.0).tally).unwrap_or_default().into()
    }

    pub(super) fn connected(&self) {
        lock(&self.0).tally.connections += 1;
    }

    pub(super) fn sent(&self, bytes: usize) {
        lock(&self.0).tally.bytes += bytes as u64;
    }

    pub(super) fn refused(&self) {
        let mut state = lock(&self.0);
        state.tally.refused += 1;
        if let Some((_, refused)) = state.current() {
            *refused += 1;
        }
    }

    /// A request is under way until what this returns is dropped.
    pub(super) fn begin(&self) -> UnderWay<'_> {
        let mut state = lock(&self.0);
        state.tally.requests += 1;
        state.under_way += 1;
        state.tally.most_under_way = state.tally.most_under_way.max(state.under_way);
        if let Some((answered, _)) = state.current() {
            *answered += 1;
        }
        UnderWay(self)
    }
}

pub(super) struct UnderWay<'a>(&'a Recorder);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        lock(&self.0.0).under_way -= 1;
    }
}

fn epoch_millis() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
