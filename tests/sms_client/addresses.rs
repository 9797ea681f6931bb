//! Which addresses are connected to, whatever names resolve to.

use std::{
    io::ErrorKind,
    net::{IpAddr, SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use migration_task_watch::{
    core::failure::{Failure, FailureKind},
    sms::{Client, ClientOptions, Error, NetworkOptions, network::Lookup},
};
use sms_simulator::{Account, Config, Simulator, Transport};

use crate::support::{access_key, client, list_with, options, target, tasks};

/// The name of the simulator in these tests, which no resolver knows.
const NAME: &str = "sms.example.test";

/// DNS that answers the first question with the first addresses, and so on; the last answer stays.
fn dns(answers: &'static [&'static [&'static str]]) -> (Lookup, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let lookup = Lookup::new(move |name| {
        assert_eq!(name, NAME);
        let answer = answers[count.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1)];
        let answer: Vec<IpAddr> = answer.iter().map(|address| address.parse().unwrap()).collect();
        Box::pin(std::future::ready(Ok(answer)))
    });
    (lookup, asked)
}

async fn simulator_at(address: &str) -> Simulator {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listen = SocketAddr::new(address.parse().unwrap(), 0);
    let transport = Transport::Https(vec![NAME.to_owned()]);
    Simulator::start(Config { listen, transport, tasks: tasks(3), ..Config::default() }).await.unwrap()
}

fn client_of(network: NetworkOptions) -> Client {
    client(ClientOptions { network, ..options() })
}

fn port(simulator: &Simulator) -> u16 {
    simulator.endpoint().rsplit(':').next().unwrap().parse().unwrap()
}

struct Ca(tempfile::NamedTempFile);

impl Ca {
    fn of(simulator: &Simulator) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), simulator.ca_pem().unwrap()).unwrap();
        Self(file)
    }

    fn network(&self, lookup: Lookup, allowed: &str) -> NetworkOptions {
        NetworkOptions {
            lookup,
            allowed_addresses: allowed.parse().unwrap(),
            ca_files: vec![self.0.path().to_owned()],
            ..NetworkOptions::default()
        }
    }
}

#[tokio::test]
async fn a_name_of_a_private_network_is_called_only_with_permission() {
    let simulator = simulator_at("127.0.0.1").await;
    let target = target(&format!("https://{NAME}:{}", port(&simulator)));
    let ca = Ca::of(&simulator);
    for (allowed, is_allowed) in [("10.0.0.0/8", false), ("127.0.0.2", false), ("127.0.0.0/8", true)] {
        let (lookup, _) = dns(&[&["127.0.0.1"]]);
        let client = client_of(ca.network(lookup, allowed));
        let before = simulator.requests().counters().requests;
        let result = list_with(&client, &target, &access_key(&[])).await;
        if is_allowed {
            assert_eq!(result.unwrap().tasks.len(), 3);
        } else {
            let error = result.unwrap_err();
            assert!(matches!(error, Error::AddressNotAllowed { .. }), "{error:?}");
            assert_eq!(simulator.requests().counters().requests, before);
        }
    }
}

#[tokio::test]
async fn a_refused_address_needs_a_person_and_isnt_shown() {
    for answer in [
        &["10.20.30.40"] as &'static [&str],
        &["169.254.169.254"],
        &["::ffff:10.20.30.40"],
        &["fd00:ec2::254", "::1"],
    ] {
        let lookup = Lookup::new(move |_| {
            Box::pin(std::future::ready(Ok(answer.iter().map(|address| address.parse().unwrap()).collect())))
        });
        let network = NetworkOptions { lookup, ..NetworkOptions::default() };
        let client = client_of(network);
        let error =
            list_with(&client, &target(&format!("https://{NAME}")), &access_key(&[])).await.unwrap_err();
        let failure = Failure::from(&error);
        assert_eq!(failure.kind, FailureKind::EndpointNotAllowed);
        assert!(failure.needs_a_person);
        assert!(failure.message.contains("--allowed-cidrs"), "{}", failure.message);
        for address in answer {
            assert!(!format!("{} {error:?}", failure.message).contains(address), "{error:?}");
        }
    }
}

/// The answer that was checked is the one that is connected to: there is no second question in between, and each new
/// connection is checked anew.
#[tokio::test]
async fn a_name_that_changes_its_mind_gains_nothing() {
    let allowed = simulator_at("127.0.0.2").await;
    let port = port(&allowed);
    // What the name will point to, on the same port.
    let victim = TcpListener::bind(("127.0.0.1", port)).unwrap();
    victim.set_nonblocking(true).unwrap();
    let (lookup, asked) = dns(&[&["127.0.0.2"], &["127.0.0.1"]]);
    let ca = Ca::of(&allowed);
    let network = ca.network(lookup, "127.0.0.2");
    let client = client_of(network);
    let target = target(&format!("https://{NAME}:{port}"));

    for _ in 0..2 {
        list_with(&client, &target, &access_key(&[])).await.unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
    drop(allowed);
    let error = list_with(&client, &target, &access_key(&[])).await.unwrap_err();
    assert!(matches!(error, Error::AddressNotAllowed { .. }), "{error:?}");
    assert!(asked.load(Ordering::SeqCst) > 1);
    assert_eq!(victim.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[tokio::test]
async fn of_several_addresses_the_allowed_ones_are_used() {
    let simulator = simulator_at("127.0.0.2").await;
    let victim = TcpListener::bind(("127.0.0.1", port(&simulator))).unwrap();
    victim.set_nonblocking(true).unwrap();
    let (lookup, _) = dns(&[&["127.0.0.1", "127.0.0.2", "10.0.0.1"]]);
    let ca = Ca::of(&simulator);
    let client = client_of(ca.network(lookup, "127.0.0.2/32"));
    let target = target(&format!("https://{NAME}:{}", port(&simulator)));
    assert_eq!(list_with(&client, &target, &access_key(&[])).await.unwrap().tasks.len(), 3);
    assert_eq!(victim.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[tokio::test]
async fn localhost_by_its_name_needs_no_permission() {
    let simulator =
        Simulator::start(Config { accounts: vec![Account::default()], tasks: tasks(1), ..Config::default() })
            .await
            .unwrap();
    let endpoint = simulator.endpoint().replace("127.0.0.1", "localhost");
    let listing = list_with(&client(options()), &target(&endpoint), &access_key(&[])).await.unwrap();
    assert_eq!(listing.tasks.len(), 1);
}
