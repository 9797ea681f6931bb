//! One listing for all watches of an account: whoever needs one gets the one that is under way, or one that is new
//! enough.

mod round;

use std::{
    collections::HashMap,
    future::Future,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt as _, channel::oneshot, future::Shared};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{Instrument as _, Span, debug, field::Empty, info, info_span, warn};

pub(super) use self::round::{Found, Need, Round, Wish};
use super::{
    key::WatchKey,
    query::{Costs, cheapest, covers, left_states, together},
};
use crate::{
    clock,
    core::{
        failure::{Failure, FailureKind},
        repeats::Repeats,
        schedule::{asked_pause, retry_delay},
        task::Snapshot,
    },
    sms::{AccountKey, Client, Error, ListTarget, Login, Query},
    telemetry::{Listings, Panicked, Watchdog, traces},
};

/// How many tasks that left a state are looked up one by one, where all can be listed instead.
const MOST_LOOK_UPS: usize = 50;
/// The least time between two listings of an account, or of a watch, however often somebody asks.
pub(super) const LEAST_GAP: Duration = Duration::from_secs(1);

/// More than any pause before a listing.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// What is spared for a busy machine.
const MARGIN: Duration = Duration::from_mins(5);

/// The feeds of all accounts.
pub(super) struct Feeds {
    client: Client,
    watchdog: Watchdog,
    listings: Listings,
    by_account: Mutex<HashMap<AccountKey, Arc<Feed>>>,
    sequence: AtomicU64,
}

impl Feeds {
    pub(super) fn new(client: Client, watchdog: Watchdog, listings: Listings) -> Self {
        Self { client, watchdog, listings, by_account: Mutex::default(), sequence: AtomicU64::new(0) }
    }

    /// How many logins are held back, since they were refused.
    pub(super) fn refused(&self) -> usize {
        self.client.refused()
    }

    /// Somebody asks for a listing with this login.
    pub(super) fn asked(&self, login: &Login) {
        self.client.asked(login);
    }

    /// How long a round takes at most: two listings, where tasks that left a state are looked up; or the pause before it.
    fn longest_round(&self) -> Duration {
        self.client.longest_listing().saturating_mul(2).max(LONGEST_PAUSE) + MARGIN
    }

    /// Whose listings a watch needs.
    pub(super) fn account(&self, target: &ListTarget, login: &Login) -> AccountKey {
        self.client.account(target, login)
    }

    /// Makes a watch one of those that an account is listed for.
    pub(super) fn join(self: &Arc<Self>, account: AccountKey, watch: WatchKey, need: Need) -> Membership {
        let mut feeds = self.lock();
        let feed = feeds.entry(account.clone()).or_insert_with(|| Arc::new(Feed::new(&account))).clone();
        feed.lock().members.insert(watch.clone(), need);
        Membership { feeds: self.clone(), feed, account, watch }
    }

    /// Lists, and looks up what has left the states that are asked for.
    async fn list(
        &self,
        target: &ListTarget,
        login: &Login,
        query: &Query,
        before: Option<&Snapshot>,
        can_list_all: bool,
    ) -> Result<Found, Error> {
        let earlier = before.map(|before| before.tasks.clone()).unwrap_or_default();
        let began = Instant::now();
        let listing = self.client.list_tasks_again(target, login, query, &earlier).await?;
        let mut credentials_expire = listing.credentials_expire;
        let mut requests = listing.requests;
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        let mut snapshot = listing.into_snapshot(sequence, clock::now());
        let left = before.map(|before| left_states(query, before, &snapshot)).unwrap_or_default();
        if left.len() > MOST_LOOK_UPS && can_list_all {
            let all = self.client.list_tasks_again(target, login, &Query::All, &earlier).await?;
            credentials_expire = credentials_expire.into_iter().chain(all.credentials_expire).min();
            requests += all.requests;
            snapshot = all.into_snapshot(sequence, clock::now());
        } else if !left.is_empty() {
            let looked_up = self.client.list_tasks(target, login, &Query::Any(left)).await?;
            credentials_expire = credentials_expire.into_iter().chain(looked_up.credentials_expire).min();
            requests += looked_up.requests;
            snapshot.unreadable += looked_up.skipped;
            snapshot.tasks = snapshot.tasks.iter().chain(looked_up.tasks.iter()).cloned().collect();
        }
        self.listings.complete(began.elapsed(), requests, snapshot.tasks.len());
        Span::current().record("requests", requests).record("tasks", snapshot.tasks.len());
        debug!(endpoint = %target.endpoint, tasks = snapshot.tasks.len(), requests, "listed");
        Ok(Found { snapshot: Arc::new(snapshot), credentials_expire })
    }

    /// A feed that nobody needs any more goes.
    fn leave(&self, membership: &Membership) {
        let mut feeds = self.lock();
        let is_empty = {
            let mut state = membership.feed.lock();
            state.members.remove(&membership.watch);
            state.members.is_empty()
        };
        let is_current =
            feeds.get(&membership.account).is_some_and(|feed| Arc::ptr_eq(feed, &membership.feed));
        if is_empty && is_current {
            feeds.remove(&membership.account);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AccountKey, Arc<Feed>>> {
        self.by_account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Feed {
    seed: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    members: HashMap<WatchKey, Need>,
    costs: Costs,
    last: Option<Arc<Round>>,
    /// The last listing that failed in a way that is costly to repeat, until one of the same succeeds.
    costly: Option<Arc<Round>>,
    /// What the last listing that didn't fail found.
    found: Option<Arc<Snapshot>>,
    running: Option<Running>,
    repeats: Repeats<FailureKind>,
}

/// A listing that is under way.
#[derive(Clone, Debug)]
struct Running {
    query: Query,
    started: Instant,
    /// Those who wait are told in the order in which they came.
    done: Shared<oneshot::Receiver<Arc<Round>>>,
}

/// What to do for a wish.
enum Next {
    Take(Arc<Round>),
    /// The one that is under way is the one, or not.
    Await(Running, bool),
    Sleep(Instant),
}

impl Feed {
    fn new(account: &AccountKey) -> Self {
        let mut hasher = DefaultHasher::new();
        account.hash(&mut hasher);
        Self { seed: hasher.finish(), state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The listing that will do, if there is one.
    fn usable(&self, need: &Query, wish: Wish, now: Instant) -> Option<Arc<Round>> {
        let last = self.last.as_ref().filter(|last| covers(&last.query, need));
        let costly = self.costly.as_ref().filter(|costly| covers(&costly.query, need));
        last.into_iter().chain(costly).find(|round| round.is_usable(need, wish, now)).cloned()
    }

    /// What to ask for, to fulfil a need and others: what all members need, but for what is costly and has failed, unless
    /// this need is just that.
    fn query(&self, need: &Query, now: Instant) -> Query {
        let needs = || self.members.values().map(|member| &member.query);
        let Some(costly) = self.costly.as_ref().filter(|costly| now < costly.retry_at) else {
            return cheapest(needs(), &self.costs);
        };
        if covers(need, &costly.query) {
            return cheapest(needs(), &self.costs);
        }
        let modest: Vec<&Query> = needs().filter(|need| !covers(need, &costly.query)).collect();
        let query = cheapest(modest.iter().copied(), &self.costs);
        if covers(&query, &costly.query) { together(modest) } else { query }
    }

    /// When the next listing may begin.
    fn earliest(&self) -> Option<Instant> {
        let last = self.last.as_ref()?;
        let pause = last.result.as_ref().err().map(asked_pause);
        Some(last.started + LEAST_GAP.max(pause.unwrap_or_default()))
    }

    /// What was found before, and whether listing all may succeed.
    fn known(&self) -> (Option<Arc<Snapshot>>, bool) {
        let is_costly = self.costly.as_ref().is_some_and(|costly| costly.query == Query::All);
        (self.found.clone(), !is_costly)
    }

    fn least_interval(&self) -> Duration {
        self.members.values().map(|need| need.interval).min().unwrap_or_default()
    }
}

/// A watch's part in a feed, until it is dropped.
pub(super) struct Membership {
    feeds: Arc<Feeds>,
    feed: Arc<Feed>,
    account: AccountKey,
    watch: WatchKey,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.feeds.leave(self);
    }
}

impl Membership {
    pub(super) fn account(&self) -> &AccountKey {
        &self.account
    }

    /// Says what is needed from now on.
    pub(super) fn update(&self, need: Need) {
        self.feed.lock().members.insert(self.watch.clone(), need);
    }

    /// Spreads accounts over time.
    pub(super) fn seed(&self) -> u64 {
        self.feed.seed
    }

    /// How often the account is listed for the most eager of its watches.
    pub(super) fn least_interval(&self) -> Duration {
        self.feed.lock().least_interval()
    }

    /// How often a watch takes part that wants a listing at this interval: each time, or every so many times. Not
    /// more seldom than it wants.
    pub(super) fn pace(&self, interval: Duration) -> Duration {
        let least = self.least_interval();
        let times = interval.as_millis().checked_div(least.as_millis()).unwrap_or(1).max(1);
        least.saturating_mul(u32::try_from(times).unwrap_or(1))
    }

    /// The newest listing if it fulfils the wish, else the next one.
    pub(super) async fn listing(
        &self,
        target: &ListTarget,
        login: &Arc<Login>,
        need: &Query,
        wish: Wish,
    ) -> Arc<Round> {
        let round = self.feeds.longest_round();
        let expected = self.feeds.watchdog.vitals.expect("waiting for the listing of an account", round);
        loop {
            expected.renew(round);
            match self.next(target, login, need, wish) {
                Next::Take(round) => return round,
                Next::Await(running, is_wanted) => {
                    // Its end is also that of its sender.
                    match running.done.await.ok() {
                        Some(round) if is_wanted && !round.wanted_too_much(need) => return round,
                        Some(_) => {}
                        None => {
                            self.feed.lock().running = None;
                            // Whatever has ended it may end the next one.
                            sleep(LEAST_GAP).await;
                        }
                    }
                }
                Next::Sleep(until) => sleep_until(until).await,
            }
        }
    }

    fn next(&self, target: &ListTarget, login: &Arc<Login>, need: &Query, wish: Wish) -> Next {
        let now = Instant::now();
        let mut state = self.feed.lock();
        if let Some(round) = state.usable(need, wish, now) {
            return Next::Take(round);
        }
        if let Some(running) = &state.running {
            let is_wanted =
                covers(&running.query, need) && wish.asked.is_none_or(|asked| running.started >= asked);
            return Next::Await(running.clone(), is_wanted);
        }
        if let Some(earliest) = state.earliest().filter(|earliest| now < *earliest) {
            return Next::Sleep(earliest);
        }
        let query = state.query(need, now);
        let (sender, done) = oneshot::channel();
        let running = Running { query: query.clone(), started: now, done: done.shared() };
        state.running = Some(running.clone());
        drop(state);
        let (feeds, feed) = (self.feeds.clone(), self.feed.clone());
        let (target, login, asked) = (target.clone(), login.clone(), query.clone());
        let listing = async move {
            let (before, can_list_all) = feed.lock().known();
            feeds.list(&target, &login, &asked, before.as_deref(), can_list_all).await
        };
        self.start(listing, query, now, sender);
        // What was chosen for all members covers this one's need.
        Next::Await(running, true)
    }

    /// Lists in a task of its own, so that it goes on when the watch that began it is deleted.
    fn start(
        &self,
        listing: impl Future<Output = Result<Found, Error>> + Send + 'static,
        query: Query,
        started: Instant,
        done: oneshot::Sender<Arc<Round>>,
    ) {
        let (feeds, feed, account) = (self.feeds.clone(), self.feed.clone(), self.account.clone());
        let span = info_span!(
            parent: None,
            "listing",
            endpoint = %account.endpoint(),
            watches = feed.lock().members.len(),
            requests = Empty,
            tasks = Empty,
            reason = Empty,
        );
        let in_span = span.clone();
        let work = async move {
            let Watchdog { vitals, panics } = &feeds.watchdog;
            let _listed = vitals.expect("the listing of an account", feeds.longest_round());
            // Whoever waits for it gets an answer in any case.
            let result = match panics.caught(listing).await {
                Ok(result) => result.map_err(|error| Failure::from(&error)),
                Err(Panicked) => Err(Failure::defect()),
            };
            if let Err(failure) = &result {
                feeds.listings.failed(failure.kind);
                span.record("reason", failure.kind.reason());
                traces::failed(&span, &failure.message);
            }
            let round = feed.end(result, query, started);
            feed.log(&account, &round);
            // Nobody may be waiting any more.
            let _ = done.send(round);
        };
        tokio::spawn(work.instrument(in_span));
    }
}

impl Feed {
    /// Says that listings fail: when that is new, and now and then. Of what is found, those tell who look at it.
    fn log(&self, account: &AccountKey, round: &Round) {
        let mut state = self.lock();
        let (endpoint, watches) = (account.endpoint(), state.members.len());
        match &round.result {
            Ok(_) => {
                if let Some(times) = state.repeats.works() {
                    info!(%endpoint, watches, times, "listings work again");
                }
            }
            Err(failure) => {
                let Some(times) = state.repeats.fails(failure.kind, Instant::now().into_std()) else {
                    return;
                };
                let (reason, request_id) = (failure.kind.reason(), failure.request_id.as_deref());
                warn!(%endpoint, watches, reason, request_id, times, "listings fail: {}", failure.message);
            }
        }
    }

    /// Keeps what a listing came to.
    fn end(&self, result: Result<Found, Failure>, query: Query, started: Instant) -> Arc<Round> {
        let mut state = self.lock();
        let failures = match &result {
            Ok(_) => 0,
            Err(_) => state.last.as_ref().map_or(0, |last| last.failures).saturating_add(1),
        };
        if let Ok(found) = &result {
            state.costs.learn(&query, &found.snapshot);
            state.found = Some(found.snapshot.clone());
            state.costly = state.costly.take().filter(|costly| !covers(&query, &costly.query));
        }
        let ended = Instant::now();
        let delay = match &result {
            Ok(_) => Duration::ZERO,
            Err(failure) => retry_delay(failure, failures, state.least_interval(), self.seed),
        };
        let round = Arc::new(Round { result, retry_at: ended + delay, failures, query, started, ended });
        if round.result.as_ref().is_err_and(Failure::is_costly) {
            state.costly = Some(round.clone());
        }
        state.last = Some(round.clone());
        state.running = None;
        round
    }
}

#[cfg(test)]
mod tests;
