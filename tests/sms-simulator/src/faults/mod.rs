//! What goes wrong on demand.
//!
//! A [`Fault`] says when (by path, query, caller, turn and chance) and what. All faults that match a request act on it together, in the
//! order in which they were added; of those that replace the answer the first does.

mod apply;
mod bytes;
mod effect;
mod page;

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};

pub use bytes::gzip;
pub use effect::{DropKind, Effect};
pub use page::PageEdit;

pub(crate) use apply::Disruption;

use crate::auth::{Credential, Signed};
use crate::seconds::Seconds;

/// An effect and when it comes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which requests it may hit; all when left out.
    #[serde(default)]
    pub when: Trigger,
    /// What happens to them.
    pub effect: Effect,
}

impl Fault {
    /// At the next request, and never again.
    #[must_use]
    pub fn once(effect: Effect) -> Self {
        Self { when: Trigger { times: Some(1), ..Trigger::default() }, effect }
    }
}

impl From<Effect> for Fault {
    /// At every request.
    fn from(effect: Effect) -> Self {
        Self { when: Trigger::default(), effect }
    }
}

/// Which requests a fault hits: those that match everything said here.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Trigger {
    /// Exactly this path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// This parameter in the query as sent, such as `offset=200`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Signed, rightly or not, with this access key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key: Option<String>,
    /// So many matching requests pass before it begins.
    #[serde(default)]
    pub skip: u64,
    /// It passes over so many matching requests in each such time, as flow control does; those that it hits don't count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<Above>,
    /// It hits so many requests and is over; without it, it never is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// It hits with this probability, drawn from the seed; without it, always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Where the drawing starts.
    #[serde(default)]
    pub seed: u64,
}

/// So many requests in so much time, whenever that begins.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Above {
    /// The number.
    pub requests: usize,
    /// The time.
    pub seconds: Seconds,
}

impl Trigger {
    fn matches(&self, request: Signed<'_>, credential: &Credential) -> bool {
        self.path.as_deref().is_none_or(|path| path == request.path)
            && self.query.as_deref().is_none_or(|wanted| request.query.split('&').any(|pair| pair == wanted))
            && self
                .access_key
                .as_deref()
                .is_none_or(|wanted| matches!(credential, Credential::AccessKey(key) if key == wanted))
    }
}

/// Names a fault until it is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FaultId(pub u64);

/// A fault that was added, and how often it has hit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaultStatus {
    /// Its name.
    pub id: FaultId,
    /// As it was added.
    pub fault: Fault,
    /// So many requests were hit.
    pub hits: u64,
}

/// The faults that are on.
#[derive(Debug, Default)]
pub struct Faults {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last_id: u64,
    armed: Vec<Armed>,
}

#[derive(Debug)]
struct Armed {
    id: FaultId,
    fault: Fault,
    matched: u64,
    hits: u64,
    /// When the last requests were passed over.
    passed: VecDeque<Instant>,
    random: fastrand::Rng,
}

impl Above {
    /// Whether a request that comes now is within the limit, after those that were at these times.
    fn passes(self, passed: &mut VecDeque<Instant>) -> bool {
        while passed.front().is_some_and(|at| at.elapsed() >= self.seconds.0) {
            passed.pop_front();
        }
        let passes = passed.len() < self.requests;
        if passes {
            passed.push_back(Instant::now());
        }
        passes
    }
}

impl Armed {
    /// Counts a matching request, and says whether it is hit.
    fn draw(&mut self) -> bool {
        let when = &self.fault.when;
        self.matched += 1;
        let hit = self.matched > when.skip
            && when.above.is_none_or(|above| !above.passes(&mut self.passed))
            && when.times.is_none_or(|times| self.hits < times)
            && when.probability.is_none_or(|probability| self.random.f64() < probability);
        self.hits += u64::from(hit);
        hit
    }
}

impl Faults {
    /// Turns a fault on.
    pub fn add(&self, fault: impl Into<Fault>) -> FaultId {
        let fault = fault.into();
        let mut state = self.lock();
        state.last_id += 1;
        let id = FaultId(state.last_id);
        let random = fastrand::Rng::with_seed(fault.when.seed);
        state.armed.push(Armed { id, fault, matched: 0, hits: 0, passed: VecDeque::new(), random });
        id
    }

    /// Turns a fault off and says whether it was on.
    pub fn remove(&self, id: FaultId) -> bool {
        let mut state = self.lock();
        let before = state.armed.len();
        state.armed.retain(|armed| armed.id != id);
        state.armed.len() < before
    }

    /// Turns all faults off.
    pub fn clear(&self) {
        self.lock().armed.clear();
    }

    /// The faults that are on, those that are over included.
    #[must_use]
    pub fn list(&self) -> Vec<FaultStatus> {
        let state = self.lock();
        let statuses = state.armed.iter().map(|armed| FaultStatus {
            id: armed.id,
            fault: armed.fault.clone(),
            hits: armed.hits,
        });
        statuses.collect()
    }

    /// What happens to this request.
    pub(crate) fn hit(&self, request: Signed<'_>, credential: &Credential) -> Disruption {
        let mut state = self.lock();
        let matching = state.armed.iter_mut().filter(|armed| armed.fault.when.matches(request, credential));
        let hits =
            matching.filter_map(|armed| armed.draw().then(|| (armed.fault.effect.clone(), armed.hits)));
        Disruption::new(hits.collect())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(when: Trigger, requests: &[(&str, &str)]) -> Vec<bool> {
        let faults = Faults::default();
        faults.add(Fault { when, effect: Effect::Gzip });
        let headers = http::HeaderMap::new();
        let hit = |(path, query): &(&str, &str)| {
            let request = Signed { method: "GET", path, query, headers: &headers, body: &[] };
            !faults.hit(request, &Credential::AccessKey("ak".into())).is_empty()
        };
        requests.iter().map(hit).collect()
    }

    #[test]
    fn path_query_and_caller_must_match() {
        let requests = [("/a", "offset=200&x=1"), ("/b", "offset=200"), ("/a", "offset=2000")];
        let path = Trigger { path: Some("/a".into()), ..Trigger::default() };
        assert_eq!(hits(path, &requests), [true, false, true]);
        let query = Trigger { query: Some("offset=200".into()), ..Trigger::default() };
        assert_eq!(hits(query, &requests), [true, true, false]);
        let caller = |key: &str| Trigger { access_key: Some(key.into()), ..Trigger::default() };
        assert_eq!(hits(caller("ak"), &requests), [true; 3]);
        assert_eq!(hits(caller("other"), &requests), [false; 3]);
    }

    #[test]
    fn skip_and_times_count_matching_requests_only() {
        let when = Trigger { path: Some("/a".into()), skip: 1, times: Some(2), ..Trigger::default() };
        let requests = [("/a", ""), ("/b", ""), ("/a", ""), ("/a", ""), ("/a", "")];
        assert_eq!(hits(when, &requests), [false, false, true, true, false]);
    }

    #[test]
    fn what_is_above_a_number_in_a_time_is_hit() {
        let above = |requests, seconds| Trigger {
            above: Some(Above { requests, seconds: Seconds::new(seconds) }),
            ..Trigger::default()
        };
        assert_eq!(hits(above(2, 3600), &[("/a", ""); 4]), [false, false, true, true]);
        assert_eq!(hits(above(2, 0), &[("/a", ""); 4]), [false; 4]);
    }

    #[test]
    fn chance_is_the_same_for_the_same_seed() {
        let when = |probability, seed| Trigger { probability: Some(probability), seed, ..Trigger::default() };
        let requests = [("/a", ""); 200];
        assert_eq!(hits(when(0.0, 1), &requests), [false; 200]);
        assert_eq!(hits(when(1.0, 1), &requests), [true; 200]);
        let half = hits(when(0.5, 7), &requests);
        assert_eq!(half, hits(when(0.5, 7), &requests));
        assert_ne!(half, hits(when(0.5, 8), &requests));
        let count = half.iter().filter(|hit| **hit).count();
        assert!((60..140).contains(&count), "{count}");
    }
}
