//! Connections, in both versions of HTTP: kept, ended, cut, silent. In HTTP/2 one carries all, and what befalls it
//! befalls all.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use migration_task_watch::{
    core::failure::{Failure, FailureKind},
    sms::{Client, ClientOptions, Error, Listing, NetworkOptions},
};
use sms_simulator::{
    Account, Config, DropKind, Effect, ErrorBody, Fault, Offer, Simulator, Task, Transport, Trigger,
};
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::support::{access_key, client, list_with, login, options, target, tasks};

/// An SMS over TLS, and a client that trusts it.
struct Stage {
    simulator: Simulator,
    client: Client,
    _ca: TempDir,
}

impl Stage {
    async fn new(tasks: Vec<Task>, options: ClientOptions) -> Self {
        Self::offering(Offer::Http2, tasks, options).await
    }

    async fn offering(offer: Offer, tasks: Vec<Task>, options: ClientOptions) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let transport = Transport::local_https();
        let simulator =
            Simulator::start(Config { transport, offer, tasks, ..Config::default() }).await.unwrap();
        let ca = tempfile::tempdir().unwrap();
        let file = ca.path().join("ca.pem");
        std::fs::write(&file, simulator.ca_pem().unwrap()).unwrap();
        let network = NetworkOptions { ca_files: vec![file], ..NetworkOptions::default() };
        Self { simulator, client: client(ClientOptions { network, ..options }), _ca: ca }
    }

    async fn list(&self) -> Result<Listing, Error> {
        list_with(&self.client, &target(&self.simulator.endpoint()), &access_key(&[])).await
    }
}

#[tokio::test]
async fn all_pages_of_all_listings_share_a_connection() {
    let stage = Stage::new(tasks(2_000), options()).await;
    for _ in 0..3 {
        assert_eq!(stage.list().await.unwrap().tasks.len(), 2_000);
    }
    let counters = stage.simulator.requests().counters();
    assert_eq!((counters.requests, counters.connections), (30, 1));
    assert!(counters.peak_in_flight > 1, "{counters:?}");
}

#[tokio::test]
async fn without_http2_each_page_in_flight_has_a_connection_and_keeps_it() {
    let stage = Stage::offering(Offer::Http1, tasks(6_000), options()).await;
    for _ in 0..3 {
        assert_eq!(stage.list().await.unwrap().tasks.len(), 6_000);
    }
    let counters = stage.simulator.requests().counters();
    // While pages in flight grow, the HTTP client opens a connection for a page and gives it one that becomes free
    // sooner, and keeps both: so there can be more than pages at the peak, but not more than may be in flight to one
    // endpoint.
    let most = options().max_concurrency as u64 * 3 / 4;
    assert!(counters.connections <= most && counters.peak_in_flight <= most, "{counters:?}");
}

#[tokio::test]
async fn what_befalls_a_connection_is_tried_again_on_another() {
    let cut = |drop| Effect::CutBody { after: 50, drop };
    for effect in [
        Effect::Drop(DropKind::Close),
        Effect::Drop(DropKind::Reset),
        cut(DropKind::Close),
        cut(DropKind::Reset),
    ] {
        let stage = Stage::new(tasks(3), options()).await;
        stage.simulator.faults().add(effect.clone());
        let failure = Failure::from(&stage.list().await.unwrap_err());
        assert_eq!(failure.kind, FailureKind::EndpointUnreachable, "{effect:?}: {failure:?}");
        assert_eq!(stage.simulator.requests().counters().requests, 3, "{effect:?}");

        let stage = Stage::new(tasks(3), options()).await;
        stage.simulator.faults().add(Fault::once(effect.clone()));
        let listing = stage.list().await.unwrap();
        assert_eq!((listing.tasks.len(), listing.requests), (3, 2), "{effect:?}");
        assert_eq!(stage.simulator.requests().counters().connections, 2, "{effect:?}");
    }
}

/// Stands between client and SMS, as a gateway or a firewall does.
struct Relay {
    address: SocketAddr,
    /// Connections up to this one are held: nothing goes through them, and they stay open.
    held: watch::Sender<usize>,
    accepted: Arc<AtomicUsize>,
}

impl Relay {
    async fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (held, accepted) = (watch::Sender::new(0), Arc::new(AtomicUsize::new(0)));
        let (hold, count) = (held.clone(), Arc::clone(&accepted));
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (number, mut hold) = (count.fetch_add(1, Relaxed) + 1, hold.subscribe());
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(to).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => return,
                        () = async { drop(hold.wait_for(|held| *held >= number).await) } => {}
                    }
                    std::future::pending::<()>().await;
                });
            }
        });
        Self { address, held, accepted }
    }
}

#[tokio::test]
async fn a_connection_that_has_gone_silent_is_left() {
    futures::future::join_all([Offer::Http1, Offer::Http2].map(gone_silent)).await;
}

async fn gone_silent(offer: Offer) {
    let response_timeout = Duration::from_secs(3);
    let stage = Stage::offering(offer, tasks(3), ClientOptions { response_timeout, ..options() }).await;
    let address = stage.simulator.endpoint().trim_start_matches("https://").parse().unwrap();
    let relay = Relay::start(address).await;
    let (target, login) = (target(&format!("https://{}", relay.address)), access_key(&[]));

    list_with(&stage.client, &target, &login).await.unwrap();
    assert_eq!(relay.accepted.load(Relaxed), 1);
    relay.held.send_replace(1);
    // The listing that meets the silence heals itself.
    let listing = list_with(&stage.client, &target, &login).await.unwrap();
    assert_eq!(listing.tasks.len(), 3);
    assert_eq!(relay.accepted.load(Relaxed), 2);
}

#[tokio::test]
async fn an_exchange_that_is_reset_takes_no_other_with_it() {
    let stage = Stage::new(tasks(2_000), options()).await;
    let when = Trigger { skip: 3, times: Some(1), ..Trigger::default() };
    stage.simulator.faults().add(Fault { when, effect: Effect::Drop(DropKind::Exchange) });
    let listing = stage.list().await.unwrap();
    assert_eq!((listing.tasks.len(), listing.requests), (2_000, 11));
    assert_eq!(stage.simulator.requests().counters().connections, 1);
}

#[tokio::test]
async fn connections_that_end_orderly_cost_no_request() {
    for offer in [Offer::Http1, Offer::Http2] {
        let stage = Stage::offering(offer, tasks(2_000), options()).await;
        // While others are under way.
        let when = Trigger { query: Some("offset=400".into()), ..Trigger::default() };
        stage.simulator.faults().add(Fault { when, effect: Effect::HangUp });
        for _ in 0..10 {
            let listing = stage.list().await.unwrap();
            assert_eq!((listing.tasks.len(), listing.requests), (2_000, 10), "{offer:?}");
        }
    }
}

/// The greatest length that the vendor documents.
const LONGEST_TOKEN: usize = 16_384;

#[tokio::test]
async fn the_longest_tokens_come_and_go_in_both_versions() {
    for offer in [Offer::Http1, Offer::Http2] {
        let stage = Stage::offering(offer, tasks(3), options()).await;
        let account = Account::default().with_user("watcher", "the password");
        stage.simulator.accounts().insert(account.clone());
        stage.simulator.accounts().set_token_length(LONGEST_TOKEN);
        let domain = account.domain_name.as_str();
        let user = login(&[("username", "watcher"), ("password", "the password"), ("domainName", domain)]);
        let listing = list_with(&stage.client, &target(&stage.simulator.endpoint()), &user).await;
        assert_eq!(listing.unwrap().tasks.len(), 3, "{offer:?}");
        let tokens = stage.simulator.accounts().get(&account.domain_id).unwrap().tokens;
        assert_eq!(tokens.iter().map(|token| token.value.len()).max(), Some(LONGEST_TOKEN));
    }
}

#[tokio::test]
async fn headers_that_are_too_long_are_told_as_an_answer_that_cannot_be_used() {
    // Too many for HTTP/1.1 and for the frames of HTTP/2, and too many for its list of headers alone.
    for (offer, count) in [(Offer::Http1, 200), (Offer::Http2, 200), (Offer::Http2, 18)] {
        let stage = Stage::offering(offer, tasks(3), options()).await;
        let headers = (0..count).map(|number| (format!("x-many-{number}"), "x".repeat(4096))).collect();
        let body = ErrorBody::Json(serde_json::json!({"count": 0, "tasks": []}));
        stage.simulator.faults().add(Effect::Respond { status: 200, headers, body });
        let failure = Failure::from(&stage.list().await.unwrap_err());
        assert_eq!(failure.kind, FailureKind::InvalidResponse, "{offer:?} {count}: {failure:?}");
        assert!(failure.message.contains("headers"), "{}", failure.message);
        assert_eq!(stage.simulator.requests().counters().requests, 1, "it isn't tried again at once");
    }
}
