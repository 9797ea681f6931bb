use sms_simulator::{Account, Config, Simulator, Task, TaskState};

use super::*;
use crate::{
    core::{endpoint::Endpoint, failure::FailureKind, plan::Iam},
    sms::{ClientOptions, Paging, StateFilter, Term, credentials::SecretData},
};

const HOUR: Duration = Duration::from_hours(1);

fn feeds(options: ClientOptions) -> Arc<Feeds> {
    // Another test may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Arc::new(Feeds::new(Client::new(options).unwrap(), Watchdog::default(), Listings::default()))
}

fn target(endpoint: &str) -> ListTarget {
    let endpoint = Endpoint::parse(endpoint).unwrap();
    let iam = Ok(Iam { endpoint: endpoint.clone(), otherwise: None });
    ListTarget { endpoint, enterprise_project_id: None, iam, region: None }
}

fn login() -> Arc<Login> {
    let key = &Account::default().access_keys[0];
    let entries = [("accessKey", &key.id), ("secretKey", &key.secret)];
    let data: SecretData =
        entries.into_iter().map(|(name, value)| (name.to_owned(), value.clone().into_bytes())).collect();
    Arc::new(Login::from_secret_data(&data).unwrap())
}

fn watch_key(name: &str) -> WatchKey {
    WatchKey { namespace: "migration".into(), name: name.into(), uid: name.into() }
}

/// The part of a watch in the listings of an account that nobody asks.
fn membership() -> (Arc<Feeds>, Membership) {
    let feeds = feeds(ClientOptions::default());
    let account = feeds.account(&target("https://sms.cn-north-4.myhuaweicloud.com"), &login());
    let need = Need { interval: Duration::from_mins(1), query: Query::All };
    let membership = feeds.join(account, watch_key("wave-1"), need);
    (feeds, membership)
}

/// An account, and watches of it.
struct Stage {
    simulator: Simulator,
    feeds: Arc<Feeds>,
    target: ListTarget,
    login: Arc<Login>,
}

impl Stage {
    /// An account whose last task is in a state that the API can't filter by, beyond the 13 tasks that paging reaches.
    async fn beyond_reach() -> Self {
        // The newest come first.
        let known = (0..10).map(|_| TaskState::READY).chain((0..9).map(|_| TaskState::RUNNING));
        let states = [TaskState::SKIPPING].into_iter().chain(known);
        let task = |(number, state)| Task::new(format!("task-{number:02}")).in_state(state);
        let tasks = (0..).zip(states).map(task).collect();
        let accounts = vec![Account::default()];
        let simulator = Simulator::start(Config { accounts, tasks, ..Config::default() }).await.unwrap();
        let options =
            ClientOptions { paging: Paging { page_size: 3, last_offset: 10 }, ..ClientOptions::default() };
        let target = target(&simulator.endpoint());
        Self { simulator, feeds: feeds(options), target, login: login() }
    }

    fn join(&self, name: &str, query: &Query) -> Membership {
        let account = self.feeds.account(&self.target, &self.login);
        self.feeds.join(account, watch_key(name), Need { interval: HOUR, query: query.clone() })
    }

    async fn list(&self, membership: &Membership, need: &Query, wish: Wish) -> Arc<Round> {
        membership.listing(&self.target, &self.login, need, wish).await
    }

    /// How many requests there were since this was asked last.
    fn requests(&self) -> usize {
        let requests = self.simulator.requests().count(|_| true);
        self.simulator.requests().clear();
        requests
    }
}

fn due() -> Wish {
    Wish { max_age: Duration::ZERO, asked: None, changed: None }
}

fn running() -> Query {
    Query::Any([Term::State(StateFilter::named("RUNNING").unwrap())].into())
}

fn is_incomplete(round: &Round) -> bool {
    round.result.as_ref().is_err_and(|failure| failure.kind == FailureKind::ListIncomplete)
}

#[tokio::test]
async fn an_account_beyond_reach_is_left_alone_until_somebody_asks() {
    let stage = Stage::beyond_reach().await;
    let watch = stage.join("all", &Query::All);
    let first = stage.list(&watch, &Query::All, due()).await;
    assert!(is_incomplete(&first), "{first:?}");
    assert!(first.retry_at >= Instant::now() + Duration::from_mins(14));
    // The first page, what there is of each state, what can be reached, and again what there is.
    assert_eq!(stage.requests(), 1 + 11 + 5 + 11);
    // Neither for those who come back nor for those who are new.
    let other = stage.join("other", &Query::All);
    for watch in [&watch, &other] {
        assert!(Arc::ptr_eq(&stage.list(watch, &Query::All, due()).await, &first));
    }
    assert_eq!(stage.requests(), 0);
    // Whoever asks, or changes the spec, gets another try.
    let wishes = [
        |now| Wish { asked: Some(now), changed: Some(now), ..due() },
        |now| Wish { changed: Some(now), ..due() },
    ];
    for wish in wishes {
        let again = stage.list(&watch, &Query::All, wish(Instant::now())).await;
        assert!(is_incomplete(&again) && again.started > first.started);
        assert!(stage.requests() > 20);
    }
    // What has been mended is found.
    stage.simulator.tasks().replace((0..5).map(|number| Task::new(format!("task-{number}"))));
    let now = Some(Instant::now());
    let mended = stage.list(&watch, &Query::All, Wish { asked: now, ..due() }).await;
    assert_eq!(mended.result.as_ref().unwrap().snapshot.tasks.len(), 5);
    let next = stage.list(&watch, &Query::All, due()).await;
    assert!(next.result.is_ok() && next.started > mended.started);
}

#[tokio::test]
async fn who_needs_less_is_served_beside_those_who_need_too_much() {
    let stage = Stage::beyond_reach().await;
    let (all, some) = (stage.join("all", &Query::All), stage.join("some", &running()));
    // Both begin together: the listing for both fails, and then the one of the modest is for itself.
    let (need, mine) = (Query::All, running());
    let (of_all, of_some) = tokio::join!(stage.list(&all, &need, due()), stage.list(&some, &mine, due()));
    assert!(is_incomplete(&of_all), "{of_all:?}");
    let found = of_some.result.as_ref().unwrap();
    assert_eq!(found.snapshot.tasks.len(), 9);
    stage.requests();
    // From then on, each for itself.
    for _ in 0..2 {
        let again = stage.list(&some, &mine, due()).await;
        assert_eq!(again.result.as_ref().unwrap().snapshot.tasks.len(), 9);
        assert_eq!(stage.requests(), 3);
        let of_all = stage.list(&all, &need, due()).await;
        assert!(is_incomplete(&of_all), "{of_all:?}");
        assert_eq!(stage.requests(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_panics_is_one_that_failed_and_is_tried_later_each_time() {
    let (feeds, membership) = membership();
    let mut pauses = Vec::new();
    for number in 1..=5 {
        let (sender, done) = oneshot::channel();
        let listing = async { panic!("on purpose") };
        membership.start(listing, Query::All, Instant::now(), sender);
        let round = done.await.unwrap();
        let failure = round.result.as_ref().unwrap_err();
        assert_eq!((failure.kind, round.failures), (FailureKind::InternalError, number));
        assert_eq!(feeds.watchdog.panics.count(), u64::from(number));
        pauses.push(round.retry_at - Instant::now());
        assert!(membership.feed.lock().running.is_none());
    }
    assert!(pauses[0] >= Duration::from_secs(2) && pauses.is_sorted(), "{pauses:?}");
    assert_eq!(feeds.watchdog.vitals.overdue(), None);
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_hangs_is_found() {
    let (feeds, membership) = membership();
    let (sender, _done) = oneshot::channel();
    membership.start(std::future::pending(), Query::All, Instant::now(), sender);
    sleep(feeds.client.longest_listing() * 2).await;
    assert_eq!(feeds.watchdog.vitals.overdue(), None);
    sleep(2 * MARGIN).await;
    assert_eq!(feeds.watchdog.vitals.overdue().unwrap().what, "the listing of an account");
}
