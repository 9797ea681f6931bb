//! How long a listing may take.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use super::{error::Error, lanes::Place};

/// How many times as long a listing may take when its requests are spread over time, as long as pages come.
const SPREAD: u32 = 12;
/// How long a pause a listing that has no page yet waits for, and how long it asks again after refusals. Nothing is lost
/// when it fails, and its watches are told.
const WITHOUT_PAGES: Duration = Duration::from_secs(2);
const REFUSED_WITHOUT_PAGES: Duration = Duration::from_secs(10);

/// The time of one listing.
#[derive(Debug)]
pub(super) struct Patience {
    limit: Duration,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    last_page: Option<Instant>,
    /// Flow control has refused a page since then.
    is_refused: bool,
}

impl Patience {
    /// It begins now, and lasts so long by itself.
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, began: Instant::now(), state: Mutex::default() }
    }

    /// A page has come.
    pub(super) fn page_came(&self) {
        *self.lock() = State { last_page: Some(Instant::now()), is_refused: false };
    }

    /// Flow control has refused a page, and asked for a pause or not. Says whether to ask for it again: with pages that
    /// would be lost, yes, and for a while without, since the next try comes later and is likely to pass.
    pub(super) fn goes_on_after_refusal(&self, pause: Option<Duration>) -> bool {
        let mut state = self.lock();
        state.is_refused = true;
        let is_soon = pause.is_none_or(|pause| pause <= WITHOUT_PAGES);
        state.last_page.is_some() || (is_soon && self.began.elapsed() < REFUSED_WITHOUT_PAGES)
    }

    /// The longest pause that is worth waiting for.
    pub(super) fn longest_pause(&self) -> Duration {
        if self.lock().last_page.is_some() { self.limit } else { self.limit.min(WITHOUT_PAGES) }
    }

    /// Waits until the listing has taken too long, and says why.
    pub(super) async fn over(&self, place: &Place) -> Error {
        loop {
            let deadline = self.deadline(place.is_spread());
            if deadline <= Instant::now() {
                break;
            }
            sleep_until(deadline).await;
        }
        let refusal = place.refusal(self.lock().is_refused);
        refusal.map_or_else(
            || Error::ListingTimeout(self.began.elapsed()),
            |failure| Error::Known(Box::new(failure)),
        )
    }

    fn deadline(&self, is_spread: bool) -> Instant {
        let last_page = self.lock().last_page.filter(|_| is_spread).unwrap_or(self.began);
        (last_page + self.limit).min(self.began + self.limit.saturating_mul(SPREAD))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
