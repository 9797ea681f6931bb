//! Whether `/livez` tells what is stuck from what merely fails, and from what has nothing to do.

use std::{
    io,
    pin::pin,
    sync::atomic::{AtomicUsize, Ordering},
};

use axum::body::{Body, Bytes};
use http::{Request, Response};
use serde_json::json;
use tower::service_fn;

use super::*;
use crate::sms::{Ambient, ClientOptions};

const HOUR: Duration = Duration::from_hours(1);

/// What the API server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// It takes no connections.
    Down,
    /// It answers with an error.
    Failing,
    /// It takes requests, and never answers. Only a client that has no deadline waits for that.
    Silent,
    /// It has no watches, and nothing happens.
    Idle,
}

async fn answer(manner: Manner, is_watch: bool) -> io::Result<Response<Body>> {
    match manner {
        Manner::Down => Err(io::ErrorKind::ConnectionRefused.into()),
        Manner::Failing => {
            let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 500});
            Ok(Response::builder().status(500).body(Body::from(status.to_string())).unwrap_or_default())
        }
        Manner::Silent => future::pending().await,
        Manner::Idle if is_watch => {
            Ok(Response::new(Body::from_stream(stream::pending::<io::Result<Bytes>>())))
        }
        Manner::Idle => {
            let list = json!({
                "apiVersion": "migration-task-watch.dev/v1alpha1",
                "kind": "MigrationTaskWatchList",
                "metadata": {"resourceVersion": "1"},
                "items": [],
            });
            Ok(Response::new(Body::from(list.to_string())))
        }
    }
}

/// Works for so long, and says what is stuck then and how often the API server was asked.
async fn work(manner: Manner, time: Duration) -> (Option<&'static str>, usize) {
    // Another test may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let asked = Arc::new(AtomicUsize::new(0));
    let service = service_fn({
        let asked = asked.clone();
        move |request: Request<kube::client::Body>| {
            asked.fetch_add(1, Ordering::Relaxed);
            answer(manner, request.uri().query().unwrap_or_default().contains("watch=true"))
        }
    });
    let parts = Parts {
        sms: sms::Client::new(ClientOptions::default()).unwrap(),
        ambient: Ambient::new(|_| None, "http://169.254.169.254".parse().unwrap()).unwrap(),
        leadership: Leadership::alone(),
        options: Options {
            policy: Policy::default(),
            scope: Scope::default(),
            watch_secrets: true,
            concurrency: 1,
            write_rate: WriteRate::default(),
            instance: "here".to_owned(),
        },
        metrics: Metrics::default(),
    };
    let health = Health::default();
    let mut work = pin!(run(Client::new(service, "default"), parts, &health, future::pending()));
    assert!(tokio::time::timeout(time, &mut work).await.is_err());
    let stuck = health.vitals().overdue().map(|overdue| overdue.what);
    (stuck, asked.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn an_operator_without_anything_to_do_is_alive() {
    let (stuck, asked) = work(Manner::Idle, 24 * HOUR).await;
    assert_eq!(stuck, None);
    assert!(asked > 100, "the streams are begun anew: {asked}");
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_is_down_is_no_reason_to_start_anew() {
    for manner in [Manner::Down, Manner::Failing] {
        let (stuck, asked) = work(manner, 2 * HOUR).await;
        assert_eq!(stuck, None, "{manner:?}");
        assert!(asked > 100, "it is tried again: {asked}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_waits_forever_is_stuck() {
    assert_eq!(work(Manner::Silent, HOUR / 3).await, (None, 2));
    let (stuck, _) = work(Manner::Silent, HOUR).await;
    assert!(stuck.unwrap().starts_with("a stream of "), "{stuck:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_whose_thread_is_blocked_is_stuck_until_it_is_let_go() {
    let health = Health::default();
    let address = health.clone().serve("127.0.0.1:0".parse().unwrap()).unwrap();
    let ask = async || {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client.get(format!("http://{address}/livez")).send().await.unwrap().status().as_u16()
    };
    let (events, received) = mpsc::channel(1);
    let received = stream::unfold(received, async |mut events| {
        events.recv().await.map(|event: std::sync::mpsc::Receiver<()>| (event, events))
    });
    let mut watched = health.vitals().watch("the loop", Duration::from_millis(500), received.boxed());
    tokio::spawn(async move {
        while let Some(released) = watched.next().await {
            let _ = released.recv();
        }
    });
    assert_eq!(ask().await, 200);
    let (release, released) = std::sync::mpsc::channel();
    events.send(released).await.unwrap();
    while ask().await == 200 {}
    release.send(()).unwrap();
    while ask().await == 503 {}
}
