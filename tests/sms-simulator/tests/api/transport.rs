//! Starting, stopping, and TLS.

use sms_simulator::{Account, BadCertificate, Config, Simulator, Transport};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::client::{TOKEN, http, start, trusting, within};

#[tokio::test]
async fn https_is_trusted_by_its_own_ca_alone() {
    let accounts = vec![Account::default().with_token(TOKEN)];
    let config = Config { accounts, transport: Transport::local_https(), ..Config::default() };
    let simulator = Simulator::start(config).await.unwrap();
    let url = format!("{}/v3/tasks", simulator.endpoint());
    assert!(url.starts_with("https://127.0.0.1:"));
    assert!(http().get(&url).header("x-auth-token", TOKEN).send().await.is_err());

    let client = trusting(&simulator).no_proxy().build().unwrap();
    let response = client.get(&url).header("x-auth-token", TOKEN).send().await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn bad_certificates_are_refused_for_what_is_wrong_with_them_alone() {
    for (bad, reason) in [
        (BadCertificate::Expired, "expired"),
        (BadCertificate::NotYetValid, "not valid yet"),
        (BadCertificate::OtherName, "not valid for"),
    ] {
        let config = Config { transport: Transport::BadHttps(bad), ..Config::default() };
        let simulator = Simulator::start(config).await.unwrap();
        let client = trusting(&simulator).no_proxy().build().unwrap();
        let error = client.get(simulator.endpoint()).send().await.unwrap_err();
        let chain = format!("{error:?}");
        let plain = chain.to_lowercase().replace(['_', ' '], "");
        assert!(plain.contains(&reason.replace(' ', "")), "{bad:?}: {chain}");
        assert_eq!(simulator.requests().counters().requests, 0);
    }
}

#[tokio::test]
async fn dropping_it_ends_its_connections_and_frees_its_port() {
    let simulator = start(Vec::new()).await;
    let address = simulator.endpoint().replace("http://", "");
    let mut idle = TcpStream::connect(&address).await.unwrap();
    drop(simulator);
    let mut rest = Vec::new();
    // Closed or reset, by whether the server had accepted it; but not open.
    let _ = within("the end of the connection", idle.read_to_end(&mut rest)).await;
    assert!(rest.is_empty());
    assert!(TcpStream::connect(&address).await.is_err());
}

#[tokio::test]
async fn many_run_side_by_side_and_a_taken_address_is_an_error() {
    let first = start(Vec::new()).await;
    let second = start(Vec::new()).await;
    assert_ne!(first.endpoint(), second.endpoint());
    let listen = first.endpoint().replace("http://", "").parse().unwrap();
    let error = Simulator::start(Config { listen, ..Config::default() }).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("can't listen on {listen}")), "{error}");
}
