//! How many requests are under way at a time.
//!
//! # The order of waits
//!
//! On its way, a request waits for several things that others may have, and keeps them while it waits for the next:
//!
//! 1. the turn to ask IAM for a login (`sessions`), by those who ask for a token or an id,
//! 2. the gates of its door, first that of the credentials, then that of the permission (`gate`),
//! 3. a permit of its lane (`lanes`), by those who ask for a page,
//! 4. a [turn](Turns::take), first of its endpoint, then of all,
//! 5. leave to keep more of a body than usual (`http`),
//! 6. the network, which has a deadline.
//!
//! Whoever has one of these waits for none before it, nor for another of the same: then nobody waits for those who wait
//! for it. What is merely looked at (an entry of `sessions`, the state of a gate or lane) is behind a lock that is never
//! kept over an await.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::core::endpoint::Endpoint;

/// The turns of all requests. No endpoint has them all: one that doesn't answer would hold up the others.
#[derive(Debug)]
pub(super) struct Turns {
    all: Arc<Semaphore>,
    /// How many of them one endpoint can have.
    of_one: usize,
    by_endpoint: Mutex<HashMap<Endpoint, Arc<Semaphore>>>,
}

/// One turn, at an endpoint and of all; ends when it is dropped. Semaphores are never closed; without a permit there
/// would just be no bound.
pub(in crate::sms) type Turn = (Option<OwnedSemaphorePermit>, Option<OwnedSemaphorePermit>);

impl Turns {
    /// So many turns, one at least.
    pub(super) fn new(count: usize) -> Self {
        let count = count.clamp(1, Semaphore::MAX_PERMITS);
        let all = Arc::new(Semaphore::new(count));
        Self { all, of_one: (count - count.div_ceil(4)).max(1), by_endpoint: Mutex::default() }
    }

    /// Waits for a turn.
    pub(super) async fn take(&self, endpoint: &Endpoint) -> Turn {
        // In this order, so that those who wait for an endpoint don't wait before the others.
        let of_endpoint = self.of(endpoint).acquire_owned().await.ok();
        let of_all = self.all.clone().acquire_owned().await.ok();
        (of_endpoint, of_all)
    }

    fn of(&self, endpoint: &Endpoint) -> Arc<Semaphore> {
        let mut by_endpoint = self.by_endpoint.lock().unwrap_or_else(PoisonError::into_inner);
        if !by_endpoint.contains_key(endpoint) {
            // Whoever waits or has a turn holds on to its semaphore.
            by_endpoint.retain(|_, turns| Arc::strong_count(turns) > 1);
        }
        let new = || Arc::new(Semaphore::new(self.of_one));
        by_endpoint.entry(endpoint.clone()).or_insert_with(new).clone()
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, future::join_all};

    use super::*;

    fn endpoint(name: &str) -> Endpoint {
        Endpoint::parse(&format!("https://{name}.example.com")).unwrap()
    }

    #[tokio::test]
    async fn one_endpoint_leaves_turns_to_the_others() {
        for count in [2, 3, 4, 5, 16] {
            let turns = Turns::new(count);
            let (silent, other) = (endpoint("silent"), endpoint("other"));
            let mut held = join_all((0..turns.of_one).map(|_| turns.take(&silent))).await;
            // Many more wait for it, and came first.
            let mut waiting: Vec<_> = (0..20).map(|_| Box::pin(turns.take(&silent))).collect();
            assert!(waiting.iter_mut().all(|turn| turn.now_or_never().is_none()));
            let others: Vec<_> = (turns.of_one..count).map(|_| turns.take(&other).now_or_never()).collect();
            assert!(!others.is_empty() && others.iter().all(Option::is_some));
            assert!(turns.take(&other).now_or_never().is_none(), "more than {count}");
            held.pop();
            assert!(waiting.remove(0).now_or_never().is_some());
        }
    }

    #[tokio::test]
    async fn endpoints_that_nobody_calls_are_forgotten() {
        let turns = Turns::new(1);
        for number in 0..100 {
            drop(turns.take(&endpoint(&format!("host-{number}"))).await);
        }
        assert_eq!(turns.by_endpoint.lock().unwrap().len(), 1);
    }
}
