use std::{future::Future, sync::Mutex};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::*;
use crate::{
    core::{
        failure::FailureKind,
        plan::{CredentialsRef, Plan},
        policy::Policy,
    },
    listings::feed::Feeds,
    sms::{Client, ClientOptions, Login},
    telemetry::{Listings, Watchdog},
};

/// Fails always in the same way, and keeps when it was asked.
struct Source {
    failure: Failure,
    asked: Arc<Mutex<Vec<Instant>>>,
}

impl CredentialSource for Source {
    fn login(
        &self,
        _: &str,
        _: &CredentialsRef,
        _: Duration,
    ) -> impl Future<Output = Result<Arc<Login>, Failure>> + Send {
        self.asked.lock().unwrap().push(Instant::now());
        std::future::ready(Err(self.failure.clone()))
    }
}

struct Stage {
    requests: watch::Sender<Request>,
    nudged: Arc<Notify>,
    _unconfirmed: watch::Sender<Option<u64>>,
    asked: Arc<Mutex<Vec<Instant>>>,
    start: Instant,
}

impl Stage {
    fn new(failure: Failure) -> Self {
        // Another test may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (asked, nudged) = (Arc::<Mutex<Vec<Instant>>>::default(), Arc::new(Notify::new()));
        let (news, mut told) = mpsc::channel(8);
        let shared = Shared {
            source: Source { failure, asked: asked.clone() },
            feeds: Arc::new(Feeds::new(
                Client::new(ClientOptions::default()).unwrap(),
                Watchdog::default(),
                Listings::default(),
            )),
            is_alive: Box::new(|_| true),
            news,
            watchdog: Watchdog::default(),
        };
        let (requests, receiver) = watch::channel(request(json!({})));
        let (to_confirm, unconfirmed) = watch::channel(None);
        let slot = Arc::new(Slot::new(request(json!({})), clock::now()));
        let key = WatchKey { namespace: "migration".into(), name: "wave-1".into(), uid: "uid".into() };
        tokio::spawn(Poller::new(key, receiver, slot, nudged.clone(), unconfirmed, Arc::new(shared)).run());
        tokio::spawn(async move { while told.recv().await.is_some() {} });
        Self { requests, nudged, _unconfirmed: to_confirm, asked, start: Instant::now() }
    }

    /// The spec becomes another one.
    fn change(&self, spec: Value) {
        self.requests.send(request(spec)).unwrap();
    }

    /// How often the poller has listed by this second.
    async fn listed_by(&self, second: u64) -> usize {
        sleep_until(self.start + Duration::from_secs(second)).await;
        self.asked.lock().unwrap().len()
    }
}

fn request(more: Value) -> Request {
    let mut spec = json!({"region": "cn-north-4", "credentials": {"secretRef": {"name": "huawei"}}});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let spec = serde_json::from_value(spec).unwrap();
    Request { plan: Plan::parse(&spec, "migration", &Policy::default()).unwrap(), requested_at: None }
}

/// Flow control that asks for this many seconds.
fn throttled(seconds: u64) -> Failure {
    let pause = Some(Duration::from_secs(seconds));
    Failure { retry_after: pause, ..Failure::new(FailureKind::Throttled, "slower") }
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_the_api_asked_for_is_kept_by_all_who_ask() {
    let stage = Stage::new(throttled(600));
    assert_eq!(stage.listed_by(1).await, 1);
    stage.nudged.notify_one();
    stage.change(json!({"interval": "5s"}));
    assert_eq!(stage.listed_by(100).await, 1);
    // Another filter is one more question to the same endpoint.
    stage.change(json!({"filter": {"name": "web"}}));
    assert_eq!(stage.listed_by(599).await, 1);
    assert_eq!(stage.listed_by(601).await, 2);
}

#[tokio::test(start_paused = true)]
async fn another_endpoint_is_asked_at_once_whoever_asked_before() {
    let stage = Stage::new(throttled(600));
    assert_eq!(stage.listed_by(10).await, 1);
    stage.nudged.notify_one();
    assert_eq!(stage.listed_by(20).await, 1);
    stage.change(json!({"region": "ap-southeast-3"}));
    assert_eq!(stage.listed_by(21).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_watch_lists_once_a_second_at_most_however_it_is_changed() {
    let stage = Stage::new(Failure::new(FailureKind::ServerError, "away"));
    for number in 0..100 {
        stage.change(json!({"filter": {"name": format!("web-{number}")}}));
        tokio::time::sleep(Duration::from_millis(20)).await;
        stage.change(json!({"suspend": true}));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stage.change(json!({}));
    let listed = stage.listed_by(6).await;
    assert!((2..=7).contains(&listed), "{listed}");
    let asked = stage.asked.lock().unwrap();
    assert!(asked.windows(2).all(|pair| pair[1] - pair[0] >= LEAST_GAP), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn the_suspended_are_not_listed_and_go_on_at_once() {
    let stage = Stage::new(throttled(1));
    assert_eq!(stage.listed_by(1).await, 1);
    stage.change(json!({"suspend": true}));
    stage.nudged.notify_one();
    assert_eq!(stage.listed_by(10_000).await, 1);
    stage.change(json!({}));
    assert_eq!(stage.listed_by(10_001).await, 2);
}

#[tokio::test(start_paused = true)]
async fn only_what_other_credentials_can_mend_is_looked_at_every_few_seconds() {
    for (kind, often) in [(FailureKind::AccessDenied, true), (FailureKind::EndpointNotAllowed, false)] {
        let listed = Stage::new(Failure::new(kind, "no")).listed_by(600).await;
        assert_eq!(listed > 100, often, "{kind:?} {listed}");
    }
}
