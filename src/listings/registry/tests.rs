use std::{
    collections::HashMap,
    future::Future,
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::json;

use super::*;
use crate::{
    core::{failure::FailureKind, plan::Plan, policy::Policy},
    sms::{ClientOptions, Login},
    telemetry::{Health, Listings},
};

/// What asking for the credentials of a namespace's watches leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// A panic, so many times; a failure from then on.
    Panic(usize),
    /// Nothing, ever.
    Hang,
}

#[derive(Clone, Default)]
struct Source(Arc<HashMap<&'static str, (Manner, AtomicUsize)>>);

impl Source {
    fn new(namespaces: impl IntoIterator<Item = (&'static str, Manner)>) -> Self {
        let asked = |(name, manner)| (name, (manner, AtomicUsize::new(0)));
        Self(Arc::new(namespaces.into_iter().map(asked).collect()))
    }

    fn asked(&self, namespace: &str) -> usize {
        self.0[namespace].1.load(Ordering::Relaxed)
    }
}

impl CredentialSource for Source {
    fn login(
        &self,
        namespace: &str,
        _: &CredentialsRef,
        _: Duration,
    ) -> impl Future<Output = Result<Arc<Login>, Failure>> + Send {
        let (manner, asked) = &self.0[namespace];
        let (manner, number) = (*manner, asked.fetch_add(1, Ordering::Relaxed));
        async move {
            match manner {
                Manner::Panic(times) => assert!(number >= times, "on purpose"),
                Manner::Hang => std::future::pending().await,
            }
            Err(Failure::new(FailureKind::ServerError, "away"))
        }
    }
}

struct Stage {
    pollers: Pollers<Source>,
    source: Source,
    health: Health,
    panics: crate::telemetry::Panics,
    news: mpsc::Receiver<WatchKey>,
}

impl Stage {
    fn new(namespaces: impl IntoIterator<Item = (&'static str, Manner)>) -> Self {
        // Another test may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (source, health) = (Source::new(namespaces), Health::default());
        let (sender, news) = mpsc::channel(1024);
        let client = Client::new(ClientOptions::default()).unwrap();
        let watchdog = Watchdog { vitals: health.vitals().clone(), ..Watchdog::default() };
        let panics = watchdog.panics.clone();
        let pollers = Pollers::new(source.clone(), client, watchdog, Listings::default(), sender, |_| true);
        for namespace in source.0.keys() {
            pollers.ask(&key(namespace), &request());
        }
        Self { pollers, source, health, panics, news }
    }

    fn failure(&self, namespace: &str) -> Option<FailureKind> {
        self.pollers.ask(&key(namespace), &request()).failure.map(|failure| failure.kind)
    }

    fn stuck(&self) -> Option<&'static str> {
        self.health.vitals().overdue().map(|overdue| overdue.what)
    }
}

fn key(namespace: &str) -> WatchKey {
    WatchKey { namespace: namespace.into(), name: "wave-1".into(), uid: namespace.into() }
}

fn request() -> Request {
    let spec = json!({"region": "cn-north-4", "credentials": {"secretRef": {"name": "huawei"}}});
    let spec = serde_json::from_value(spec).unwrap();
    Request { plan: Plan::parse(&spec, "migration", &Policy::default()).unwrap(), requested_at: None }
}

async fn minutes(count: u64) {
    tokio::time::sleep(Duration::from_mins(count)).await;
}

#[tokio::test(start_paused = true)]
async fn a_poller_that_panics_is_replaced_and_shows_it_meanwhile() {
    let mut stage = Stage::new([("broken", Manner::Panic(3)), ("well", Manner::Panic(0))]);
    // Nobody asks for it: there is no reconcile in between.
    while stage.news.recv().await.unwrap() != key("broken") {}
    assert_eq!(stage.failure("broken"), Some(FailureKind::InternalError));
    assert_eq!(stage.failure("well"), Some(FailureKind::ServerError));
    minutes(5).await;
    assert_eq!(stage.failure("broken"), Some(FailureKind::ServerError));
    assert_eq!(stage.panics.count(), 3);
    assert!(stage.source.asked("broken") > 3, "it goes on");
    assert_eq!(stage.stuck(), None);
}

#[tokio::test(start_paused = true)]
async fn a_poller_that_panics_always_is_tried_seldom_and_harms_no_other() {
    let stage = Stage::new([("broken", Manner::Panic(usize::MAX)), ("well", Manner::Panic(0))]);
    minutes(60).await;
    let asked = stage.source.asked("broken");
    assert!((30..120).contains(&asked), "{asked}");
    assert_eq!(stage.panics.count(), asked as u64);
    let before = stage.source.asked("well");
    minutes(10).await;
    assert!(stage.source.asked("well") > before);
}

#[tokio::test(start_paused = true)]
async fn a_poller_that_hangs_is_found_and_those_that_fail_are_no_reason() {
    let stage = Stage::new([("well", Manner::Panic(0))]);
    minutes(600).await;
    assert_eq!(stage.stuck(), None);
    let stage = Stage::new([("stuck", Manner::Hang), ("well", Manner::Panic(0))]);
    minutes(4).await;
    assert_eq!(stage.stuck(), None);
    minutes(2).await;
    assert_eq!(stage.stuck(), Some("reading the credentials of a watch"));
    // Nobody waits for a watch that is gone.
    stage.pollers.stop(&key("stuck"));
    minutes(1).await;
    assert_eq!(stage.stuck(), None);
}

#[tokio::test(start_paused = true)]
async fn news_that_nobody_takes_are_found() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let health = Health::default();
    let watchdog = Watchdog { vitals: health.vitals().clone(), ..Watchdog::default() };
    let (sender, _news) = mpsc::channel(1);
    let source = Source::new([("a", Manner::Panic(0)), ("b", Manner::Panic(0))]);
    let pollers = Pollers::new(
        source,
        Client::new(ClientOptions::default()).unwrap(),
        watchdog,
        Listings::default(),
        sender,
        |_| true,
    );
    ["a", "b"].iter().for_each(|namespace| drop(pollers.ask(&key(namespace), &request())));
    minutes(6).await;
    assert_eq!(health.vitals().overdue().unwrap().what, "telling the controller of a listing");
}
