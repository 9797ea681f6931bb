//! The proxy of the operator's owner.

use std::{net::SocketAddr, path::PathBuf};

use migration_task_watch::{
    core::{
        failure::{Failure, FailureKind},
        plan::Iam,
    },
    sms::{
        Client, ClientOptions, Error, ListTarget, NetworkOptions,
        error::{ProxyProblem, TlsProblem},
        network::{Lookup, NoProxy, ProxyUrl},
    },
};
use sms_simulator::{Account, Config, Proxy, ProxyAnswer, ProxyConfig, Simulator, Transport};

use crate::support::{access_key, client, list_with, login, options, target, tasks};

const NAME: &str = "sms.example.test";

/// A simulator behind a proxy: its name is known to nobody, since only the proxy must find it.
struct Company {
    sms: Simulator,
    dir: tempfile::TempDir,
}

impl Company {
    async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let transport = Transport::Https(vec![NAME.to_owned()]);
        let sms = Simulator::start(Config { transport, tasks: tasks(3), ..Config::default() }).await.unwrap();
        let company = Self { sms, dir: tempfile::tempdir().unwrap() };
        company.write("sms.pem", company.sms.ca_pem().unwrap());
        company
    }

    fn write(&self, name: &str, pem: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path
    }

    fn address(&self) -> SocketAddr {
        self.sms.endpoint().trim_start_matches("https://").parse().unwrap()
    }

    /// A proxy whose every tunnel leads to the simulator.
    fn proxied(&self) -> ProxyConfig {
        ProxyConfig { answer: ProxyAnswer::TunnelTo(self.address()), ..ProxyConfig::default() }
    }

    fn network(&self, proxy: &str) -> NetworkOptions {
        NetworkOptions {
            proxy: Some(ProxyUrl::parse(proxy).unwrap()),
            ca_files: vec![self.dir.path().join("sms.pem")],
            ..NetworkOptions::default()
        }
    }
}

fn client_of(network: NetworkOptions) -> Client {
    client(ClientOptions { network, ..options() })
}

async fn list(client: &Client) -> Result<usize, Error> {
    let listing = list_with(client, &target(&format!("https://{NAME}")), &access_key(&[])).await;
    listing.map(|listing| listing.tasks.len())
}

#[tokio::test]
async fn endpoints_are_called_by_the_proxy_which_sees_nothing_but_their_names() {
    let company = Company::new().await;
    let credentials = Some(("us@er".into(), "pass:word".into()));
    let proxy = Proxy::start(ProxyConfig { credentials, ..company.proxied() }).await.unwrap();
    let client = client_of(company.network(&format!("http://us%40er:pass%3Aword@{}", proxy.address())));
    assert_eq!(list(&client).await.unwrap(), 3);
    let requests = proxy.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert_eq!(proxy.tunnels(), [format!("{NAME}:443")]);
    assert!(!requests[0].headers.contains_key("x-sdk-date"), "{requests:?}");
    let requests = company.sms.requests();
    assert_eq!(requests.counters().requests, 1);
}

#[tokio::test]
async fn the_name_of_the_proxy_may_be_private_and_only_that() {
    let company = Company::new().await;
    let proxy = Proxy::start(company.proxied()).await.unwrap();
    let lookup = Lookup::new(|_| Box::pin(std::future::ready(Ok(vec!["127.0.0.1".parse().unwrap()]))));
    let network = company.network(&format!("http://proxy.corp.test:{}", proxy.address().port()));
    let network =
        NetworkOptions { lookup, no_proxy: NoProxy::parse("direct.test,proxy.corp.test"), ..network };
    let client = client_of(network);
    assert_eq!(list(&client).await.unwrap(), 3);
    // A watch that names another host that isn't behind the proxy, or the proxy itself, is judged as any other.
    for endpoint in [
        format!("https://direct.test:{}", company.address().port()),
        format!("https://proxy.corp.test:{}", proxy.address().port()),
    ] {
        let error = list_with(&client, &target(&endpoint), &access_key(&[])).await.unwrap_err();
        assert!(matches!(error, Error::AddressNotAllowed { .. }), "{error:?}");
    }
    assert_eq!(proxy.requests().len(), 1);
}

#[tokio::test]
async fn a_proxy_over_tls_is_trusted_by_the_same_authorities() {
    let company = Company::new().await;
    let (transport, credentials) = (Transport::local_https(), Some(("user".into(), "word".into())));
    let proxy = Proxy::start(ProxyConfig { transport, credentials, ..company.proxied() }).await.unwrap();
    let url = format!("https://user:word@{}", proxy.address());
    let error = list(&client_of(company.network(&url))).await.unwrap_err();
    let Error::Proxy { problem: ProxyProblem::Tls(TlsProblem::UnknownAuthority), .. } = &error else {
        panic!("{error:?}");
    };
    assert!(Failure::from(&error).needs_a_person);
    let mut network = company.network(&url);
    network.ca_files.push(company.write("proxy.pem", proxy.ca_pem().unwrap()));
    assert_eq!(list(&client_of(network)).await.unwrap(), 3);
    assert_eq!(proxy.requests().len(), 1);
}

#[tokio::test]
async fn loopback_and_no_proxy_are_called_directly() {
    let sms = Simulator::start(Config { tasks: tasks(2), ..Config::default() }).await.unwrap();
    let proxy = Proxy::start(ProxyConfig::default()).await.unwrap();
    let company = Company::new().await;
    let client = client_of(company.network(&format!("http://{}", proxy.address())));
    assert_eq!(list_with(&client, &target(&sms.endpoint()), &access_key(&[])).await.unwrap().tasks.len(), 2);

    let lookup = Lookup::new(|_| Box::pin(std::future::ready(Ok(vec!["127.0.0.1".parse().unwrap()]))));
    let network = NetworkOptions {
        lookup,
        no_proxy: NoProxy::parse("example.test"),
        allowed_addresses: "127.0.0.1".parse().unwrap(),
        ..company.network(&format!("http://{}", proxy.address()))
    };
    let endpoint = format!("https://{NAME}:{}", company.address().port());
    let listing = list_with(&client_of(network), &target(&endpoint), &access_key(&[])).await.unwrap();
    assert_eq!(listing.tasks.len(), 3);
    assert!(proxy.requests().is_empty());
}

#[tokio::test]
async fn what_the_proxy_does_wrong_is_said_of_the_proxy_without_its_password() {
    let company = Company::new().await;
    let answer = |answer| ProxyConfig { answer, ..ProxyConfig::default() };
    let bytes = |text: &str| answer(ProxyAnswer::Bytes(text.into()));
    let others = Some(("user".into(), "another".into()));
    let table = [
        (ProxyConfig { credentials: others, ..company.proxied() }, "user and a password", true),
        (bytes("HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nnope"), "it refuses", false),
        (bytes("HTTP/1.1 502 Bad Gateway\r\n\r\n"), "can't reach the endpoint itself", false),
        (bytes("SSH-2.0-OpenSSH_9.9\r\n"), "it refuses", false),
        (answer(ProxyAnswer::Close), "it closed the connection", false),
    ];
    let check = |error: Error, part: &str, needs_a_person: bool| {
        assert!(matches!(error, Error::Proxy { .. }), "{error:?}");
        let failure = Failure::from(&error);
        assert_eq!(failure.kind, FailureKind::EndpointUnreachable);
        assert_eq!(failure.needs_a_person, needs_a_person, "{}", failure.message);
        assert!(failure.message.contains(part), "{}", failure.message);
        let shown = format!("{} {error:?}", failure.message);
        assert!(!shown.contains("marker") && !shown.contains("dXNlcg"), "{shown}");
    };
    // Each takes the pauses of its retries, so all go at the same time.
    let answers = table.map(async |(config, part, needs_a_person)| {
        let proxy = Proxy::start(config).await.unwrap();
        let client = client_of(company.network(&format!("http://user:marker@{}", proxy.address())));
        check(list(&client).await.unwrap_err(), part, needs_a_person);
        assert_eq!(proxy.requests().len(), if needs_a_person { 1 } else { 3 }, "{part}");
    });
    futures::future::join_all(answers).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = client_of(company.network(&format!("http://user:marker@{closed}")));
    check(list(&client).await.unwrap_err(), "Connection refused", false);
    assert_eq!(company.sms.requests().counters().requests, 0);
}

#[tokio::test]
async fn the_iam_for_all_regions_serves_where_the_proxy_finds_none() {
    let company = Company::new().await;
    let account = Account::default().with_user("watcher", "the password");
    let domain = account.domain_name.clone();
    let sms =
        Simulator::start(Config { accounts: vec![account], tasks: tasks(2), ..Config::default() }).await;
    let sms = sms.unwrap();
    let answer = ProxyAnswer::Bytes("HTTP/1.1 502 Bad Gateway\r\n\r\n".into());
    let proxy = Proxy::start(ProxyConfig { answer, ..ProxyConfig::default() }).await.unwrap();
    // Loopback addresses are called without the proxy.
    let target = target(&sms.endpoint());
    let otherwise = Some(target.endpoint.clone());
    let iam = Iam { endpoint: "https://iam.mars-1.example.test".parse().unwrap(), otherwise };
    let user = login(&[("username", "watcher"), ("password", "the password"), ("domainName", &domain)]);
    let client = client_of(company.network(&format!("http://{}", proxy.address())));
    let listing = list_with(&client, &ListTarget { iam: Ok(iam), ..target }, &user).await.unwrap();
    assert_eq!(listing.tasks.len(), 2);
    assert!(!proxy.requests().is_empty());
}

#[tokio::test]
async fn what_is_wrong_behind_the_proxy_is_said_of_the_endpoint() {
    let company = Company::new().await;
    let proxy = Proxy::start(company.proxied()).await.unwrap();
    let network =
        NetworkOptions { ca_files: Vec::new(), ..company.network(&format!("http://{}", proxy.address())) };
    let error = list(&client_of(network)).await.unwrap_err();
    assert!(matches!(error, Error::Tls { problem: TlsProblem::UnknownAuthority, .. }), "{error:?}");
}
