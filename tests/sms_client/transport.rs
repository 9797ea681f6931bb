//! Connections, TLS and clocks.

use std::net::TcpListener;

use k8s_openapi::jiff::SignedDuration;
use migration_task_watch::{
    core::failure::{Failure, FailureKind},
    sms::{Error, error::TlsProblem},
};
use sms_simulator::{Account, Config, Simulator, Transport};

use crate::support::{access_key, client, failure, list, list_with, options, simulator, target, tasks};

async fn error_at(endpoint: &str) -> Error {
    list_with(&client(options()), &target(endpoint), &access_key(&[])).await.unwrap_err()
}

#[tokio::test]
async fn a_closed_port_is_said_without_numbers_that_change() {
    // Taken and given back, so that nobody listens.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let failure = Failure::from(&error_at(&format!("http://{address}")).await);
    assert_eq!(failure.kind, FailureKind::EndpointUnreachable);
    assert!(!failure.needs_a_person);
    assert!(failure.message.contains("Connection refused"), "{}", failure.message);
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_needs_a_person() {
    let config = Config { transport: Transport::local_https(), ..Config::default() };
    // Installs the crypto provider, which the simulator needs, too.
    let _ = client(options());
    let simulator = Simulator::start(config).await.unwrap();
    let error = list(&simulator).await.unwrap_err();
    assert!(matches!(error, Error::Tls { problem: TlsProblem::UnknownAuthority, .. }), "{error:?}");
    let failure = Failure::from(&error);
    assert_eq!(failure.kind, FailureKind::TlsFailed);
    assert!(failure.needs_a_person);
    assert_eq!(simulator.requests().counters().requests, 0);
}

#[tokio::test]
async fn the_wrong_scheme_is_an_error_and_no_hang() {
    let plain = simulator(tasks(1)).await;
    let error = error_at(&plain.endpoint().replace("http://", "https://")).await;
    assert!(matches!(error, Error::Tls { problem: TlsProblem::Handshake(_), .. }), "{error:?}");

    let config = Config { transport: Transport::local_https(), ..Config::default() };
    let encrypted = Simulator::start(config).await.unwrap();
    let error = error_at(&encrypted.endpoint().replace("https://", "http://")).await;
    assert_eq!(Failure::from(&error).kind, FailureKind::EndpointUnreachable, "{error:?}");
}

#[tokio::test]
async fn clocks_that_differ_too_much_are_told() {
    let simulator = simulator(tasks(1)).await;
    for minutes in [-16, 16] {
        simulator.clock().set_offset(SignedDuration::from_mins(minutes));
        let failure = failure(&simulator).await;
        assert_eq!(failure.kind, FailureKind::ClockSkew, "{failure:?}");
        assert!(!failure.needs_a_person);
    }
    simulator.clock().set_offset(SignedDuration::from_mins(14));
    assert_eq!(list(&simulator).await.unwrap().tasks.len(), 1);
}

#[tokio::test]
async fn connections_are_kept() {
    let simulator = simulator(tasks(3)).await;
    let (client, target) = (client(options()), target(&simulator.endpoint()));
    for _ in 0..3 {
        list_with(&client, &target, &access_key(&[])).await.unwrap();
    }
    // Other credentials over the same connections are judged for themselves.
    simulator.accounts().remove(&Account::default().domain_id);
    let error = list_with(&client, &target, &access_key(&[])).await.unwrap_err();
    assert!(matches!(error, Error::Credentials(_)), "{error:?}");
}
