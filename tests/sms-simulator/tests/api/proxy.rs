//! The forward proxy: what it lets through, and what it remembers.

use std::net::SocketAddr;

use reqwest::{Certificate, Client, Proxy as Through};
use sms_simulator::{Account, Config, Proxy, ProxyAnswer, ProxyConfig, Simulator, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::client::{PATIENCE, TOKEN, http, trusting, within};

const VENDOR: &str = "sms.cn-north-4.myhuaweicloud.com";

/// An HTTPS server for a name of the vendor's and for this machine.
async fn simulator() -> Simulator {
    let transport = Transport::Https(vec![VENDOR.into(), "127.0.0.1".into()]);
    let accounts = vec![Account::default().with_token(TOKEN)];
    Simulator::start(Config { accounts, transport, ..Config::default() }).await.unwrap()
}

fn address(simulator: &Simulator) -> SocketAddr {
    simulator.endpoint().replace("https://", "").parse().unwrap()
}

fn client(simulator: &Simulator, proxy: &Proxy, credentials: Option<(&str, &str)>) -> Client {
    let mut through = Through::all(proxy.url()).unwrap();
    if let Some((user, password)) = credentials {
        through = through.basic_auth(user, password);
    }
    trusting(simulator).proxy(through).build().unwrap()
}

async fn list(client: &Client, origin: &str) -> reqwest::Result<u16> {
    let response = client.get(format!("{origin}/v3/tasks")).header("x-auth-token", TOKEN).send().await?;
    Ok(response.status().as_u16())
}

/// Method, target and status of all requests so far.
fn asked(proxy: &Proxy) -> Vec<(String, String, Option<u16>)> {
    let requests = proxy.requests().into_iter();
    requests.map(|request| (request.method, request.target, request.status)).collect()
}

fn connect(target: impl Into<String>, status: impl Into<Option<u16>>) -> (String, String, Option<u16>) {
    ("CONNECT".into(), target.into(), status.into())
}

#[tokio::test]
async fn a_tunnel_leads_where_it_was_asked_to() {
    let simulator = simulator().await;
    let proxy = Proxy::start(ProxyConfig::default()).await.unwrap();
    let client = client(&simulator, &proxy, None);
    for _ in 0..2 {
        assert_eq!(list(&client, &simulator.endpoint()).await.unwrap(), 200);
    }
    assert_eq!(proxy.tunnels(), [address(&simulator).to_string()], "one connection serves both");
}

#[tokio::test]
async fn a_fixed_target_answers_for_every_name() {
    let simulator = simulator().await;
    let config = ProxyConfig { answer: ProxyAnswer::TunnelTo(address(&simulator)), ..ProxyConfig::default() };
    let proxy = Proxy::start(config).await.unwrap();
    let client = client(&simulator, &proxy, None);
    assert_eq!(list(&client, &format!("https://{VENDOR}")).await.unwrap(), 200);
    let error = list(&client, "https://iam.myhuaweicloud.com").await.unwrap_err();
    assert!(format!("{error:?}").contains("NotValidForName"), "TLS is with the target: {error:?}");
    let waited = timeout(PATIENCE, proxy.wait_for(2, |request| request.status == Some(200))).await;
    assert!(waited.is_ok(), "there are tunnels to {:?}", proxy.tunnels());
    assert_eq!(proxy.tunnels(), [format!("{VENDOR}:443"), "iam.myhuaweicloud.com:443".into()]);
    assert_eq!(simulator.requests().counters().requests, 1);
}

#[tokio::test]
async fn without_its_credentials_there_is_no_tunnel() {
    let simulator = simulator().await;
    let credentials = Some(("ann".into(), "p@ss:word/%".into()));
    let proxy = Proxy::start(ProxyConfig { credentials, ..ProxyConfig::default() }).await.unwrap();
    let endpoint = simulator.endpoint();
    for wrong in [None, Some(("ann", "wrong")), Some(("bob", "p@ss:word/%")), Some(("ann", ""))] {
        assert!(list(&client(&simulator, &proxy, wrong), &endpoint).await.is_err(), "{wrong:?}");
    }
    assert_eq!(asked(&proxy), vec![connect(address(&simulator).to_string(), 407); 4]);
    assert_eq!(simulator.requests().counters().requests, 0);
    let right = client(&simulator, &proxy, Some(("ann", "p@ss:word/%")));
    assert_eq!(list(&right, &endpoint).await.unwrap(), 200);
    assert_eq!(proxy.tunnels().len(), 1);
}

#[tokio::test]
async fn what_is_no_tunnel_is_refused() {
    let proxy = Proxy::start(ProxyConfig::default()).await.unwrap();
    let plain = http().get(proxy.url()).send().await.unwrap();
    assert_eq!(plain.status(), 405);

    // Bound, so that nobody else gets the port, but not listening.
    let deaf = TcpSocket::new_v4().unwrap();
    deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let deaf_address = deaf.local_addr().unwrap();
    for (target, status) in [(deaf_address.to_string(), 502), ("127.0.0.1".into(), 400)] {
        let answer = raw(&proxy, &format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{target}: {answer}");
        assert_eq!(asked(&proxy).last(), Some(&connect(target, status)));
    }
    let answer = {
        let credentials = Some(("ann".into(), "secret".into()));
        let closed = Proxy::start(ProxyConfig { credentials, ..ProxyConfig::default() }).await.unwrap();
        raw(&closed, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n").await.to_lowercase()
    };
    assert!(answer.contains("proxy-authenticate: basic"), "{answer}");
}

#[tokio::test]
async fn over_tls_it_is_trusted_by_its_own_ca_alone() {
    let simulator = simulator().await;
    let config = ProxyConfig { transport: Transport::local_https(), ..ProxyConfig::default() };
    let proxy = Proxy::start(config).await.unwrap();
    assert!(proxy.url().starts_with("https://127.0.0.1:"));
    assert!(list(&client(&simulator, &proxy, None), &simulator.endpoint()).await.is_err());
    assert_eq!(asked(&proxy), []);

    let authorities = [simulator.ca_pem(), proxy.ca_pem()]
        .map(|pem| Certificate::from_pem(pem.unwrap().as_bytes()).unwrap());
    let through = Through::all(proxy.url()).unwrap();
    let client = trusting(&simulator).tls_certs_only(authorities).proxy(through).build().unwrap();
    assert_eq!(list(&client, &simulator.endpoint()).await.unwrap(), 200);
    assert_eq!(proxy.tunnels(), [address(&simulator).to_string()]);
}

#[tokio::test]
async fn bytes_and_an_end_in_place_of_an_answer_are_for_those_that_are_let_through() {
    let forbidden = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nnope";
    for (answer, sent) in [
        (ProxyAnswer::Bytes(forbidden.to_vec()), forbidden.as_slice()),
        (ProxyAnswer::Bytes(b"\xff\0SSH".to_vec()), b"\xff\0SSH"),
        (ProxyAnswer::Close, b""),
    ] {
        let credentials = Some(("ann".into(), "secret".into()));
        let config = ProxyConfig { answer, credentials, ..ProxyConfig::default() };
        let proxy = Proxy::start(config).await.unwrap();
        assert!(raw(&proxy, "CONNECT a:1 HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 407"));
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        let request = "CONNECT a:1 HTTP/1.1\r\nProxy-Authorization: Basic YW5uOnNlY3JldA==\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut received = Vec::new();
        within("the end of the answer", stream.read_to_end(&mut received)).await.unwrap();
        assert_eq!(received, sent);
        assert_eq!(asked(&proxy), [connect("a:1", 407), connect("a:1", None)]);
        let shown = &proxy.requests()[1].headers["proxy-authorization"];
        assert_eq!(shown, "Basic YW5uOnNlY3JldA==");
        assert!(proxy.tunnels().is_empty());
    }
}

/// The head of the answer to a request of these bytes.
async fn raw(proxy: &Proxy, request: &str) -> String {
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    read_head(&mut stream).await
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(&format!("the end of {head:?}"), stream.read_u8()).await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn bytes_go_both_ways_until_either_side_or_the_proxy_ends() {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = target.local_addr().unwrap();
    let proxy = Proxy::start(ProxyConfig::default()).await.unwrap();
    for by_the_target in [true, false] {
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        // The first bytes for the target may come with the request.
        let request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\nearly ");
        client.write_all(request.as_bytes()).await.unwrap();
        assert!(read_head(&mut client).await.starts_with("HTTP/1.1 200"));
        let (mut server, _) = within("the tunnel", target.accept()).await.unwrap();
        client.write_all(b"late").await.unwrap();
        let mut received = [0; 10];
        within("what the client sent", server.read_exact(&mut received)).await.unwrap();
        assert_eq!(&received, b"early late");
        server.write_all(b"back").await.unwrap();
        let mut received = [0; 4];
        within("what the server sent", client.read_exact(&mut received)).await.unwrap();
        assert_eq!(&received, b"back");
        if by_the_target {
            drop(server);
            assert_eq!(within("the end", client.read(&mut received)).await.unwrap(), 0);
        } else {
            drop(client);
            assert_eq!(within("the end", server.read(&mut received)).await.unwrap(), 0);
        }
    }
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    let request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    read_head(&mut client).await;
    let (mut server, _) = within("the tunnel", target.accept()).await.unwrap();
    drop(proxy);
    let mut rest = Vec::new();
    let _ = within("the end of the server's side", server.read_to_end(&mut rest)).await;
    let _ = within("the end of the client's side", client.read_to_end(&mut rest)).await;
    assert!(rest.is_empty());
}
