//! Proxies and authorities of the operator's owner.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Command, Output},
};

use kube::config::Kubeconfig;
use serde_json::json;
use sms_simulator::{Config, Proxy, ProxyAnswer, ProxyConfig, ProxyRequest, Simulator, Task, Transport};

use crate::harness::{Stage, status};

fn sms_at(name: &str) -> Config {
    let transport = Transport::Https(vec![name.to_owned()]);
    Config { transport, tasks: vec![Task::new("web-1")], ..Config::default() }
}

fn address(endpoint: &str) -> SocketAddr {
    endpoint.trim_start_matches("https://").parse().unwrap()
}

/// A proxy that asks for this password of "user", and whose every tunnel leads to this server.
async fn proxy_to(server: &str, password: &str) -> Proxy {
    let answer = ProxyAnswer::TunnelTo(address(server));
    let credentials = Some(("user".to_owned(), password.to_owned()));
    Proxy::start(ProxyConfig { answer, credentials, ..ProxyConfig::default() }).await.unwrap()
}

/// Whether it was asked, each time for a tunnel to this authority, and made it.
fn made_tunnels_to(proxy: &Proxy, authority: &str) -> bool {
    let requests = proxy.requests();
    let right = |request: &ProxyRequest| request.target == authority && request.status == Some(200);
    !requests.is_empty() && requests.iter().all(right)
}

#[tokio::test]
async fn a_changed_ca_file_heals_without_a_restart() {
    let stage = Stage::with_sms("ca-file", sms_at("127.0.0.1")).await;
    let authority = stage.log().with_file_name("ca.pem");
    let other = Simulator::start(sms_at("127.0.0.1")).await.unwrap();
    fs::write(&authority, other.ca_pem().unwrap()).unwrap();
    let _operator = stage.operator_with(
        &["--allowed-endpoints", "https://127.0.0.1:*", "--ca-file", authority.to_str().unwrap()],
        &[],
    );
    stage.apply("wave-1", json!({})).await.unwrap();
    // A status may say it much later, if it heals meanwhile.
    stage.until_logged(&["from an unknown authority"]).await;
    fs::write(&authority, stage.sms.ca_pem().unwrap()).unwrap();
    let watch = stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    assert_eq!(status(&watch).summary.unwrap().total, 1);
}

/// The API server is a loopback address here, which is called directly, as kubectl would.
#[tokio::test]
async fn sms_is_called_by_the_proxy_of_the_environment() {
    let stage = Stage::with_sms("proxy", sms_at("sms.example.test")).await;
    let authority = stage.log().with_file_name("ca.pem");
    fs::write(&authority, stage.sms.ca_pem().unwrap()).unwrap();
    let proxy = proxy_to(&stage.sms.endpoint(), "marker").await;
    let url = format!("http://user:marker@{}", proxy.address());
    let _operator = stage.operator_with(
        &["--allowed-endpoints", "https://sms.example.test"],
        &[
            ("HTTPS_PROXY", url.as_str()),
            ("NO_PROXY", "example.com"),
            ("CA_FILE", authority.to_str().unwrap()),
            ("RUST_LOG", "trace"),
        ],
    );
    stage.apply("wave-1", json!({"endpoint": "https://sms.example.test"})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    assert!(made_tunnels_to(&proxy, "sms.example.test:443"), "{:?}", proxy.requests());
    let log = fs::read_to_string(stage.log()).unwrap();
    // "user:marker" in base64, as the header has it.
    assert!(!log.contains("marker") && !log.contains("dXNlcjptYXJrZXI"), "{log}");
}

#[tokio::test]
async fn the_api_server_is_called_by_the_proxy_of_the_kubeconfig() {
    let stage = Stage::new("proxy-url", vec![Task::new("web-1")]).await;
    let mut kubeconfig = Kubeconfig::read_from(stage.kubeconfig()).unwrap();
    let cluster = kubeconfig.clusters[0].cluster.as_mut().unwrap();
    let server = cluster.server.clone().unwrap();
    let proxy = proxy_to(&server, "word").await;
    cluster.proxy_url = Some(format!("http://user:word@{}", proxy.address()));
    let file = stage.log().with_file_name("kubeconfig");
    fs::write(&file, serde_json::to_string(&kubeconfig).unwrap()).unwrap();
    let _operator = stage.operator_with(
        &["--allowed-endpoints", "http://127.0.0.1:*"],
        // As kubectl does, a proxy-url is used whatever these say.
        &[("KUBECONFIG", file.to_str().unwrap()), ("HTTPS_PROXY", "http://127.0.0.1:1"), ("NO_PROXY", "*")],
    );
    stage.apply("wave-1", json!({})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    let authority = server.trim_start_matches("https://");
    assert!(made_tunnels_to(&proxy, authority), "{:?}", proxy.requests());
}

fn operator(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_migration-task-watch"))
        .args(arguments)
        .env("KUBECONFIG", Path::new("/nonexistent"))
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

#[test]
fn what_cant_be_used_stops_the_start_and_shows_no_password() {
    for (arguments, environment, part) in [
        (
            vec!["run"],
            vec![("HTTPS_PROXY", "socks5://user:marker@proxy:1080")],
            "--https-proxy: the URL of the proxy",
        ),
        (
            vec!["run"],
            vec![("HTTPS_PROXY", ""), ("ALL_PROXY", "ftp://user:marker@proxy")],
            "--https-proxy: the URL",
        ),
        (
            vec!["run", "--https-proxy", "http://user:marker@proxy:http"],
            vec![],
            "--https-proxy: the URL of the proxy",
        ),
        (vec!["run", "--allowed-cidrs", "10.0.0.1/8"], vec![], "10.0.0.0/8"),
        (vec!["run", "--ca-file", "/nonexistent/ca.pem"], vec![], "/nonexistent/ca.pem can't be read"),
    ] {
        let output = operator(&arguments, &environment);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(part) && !text.contains("marker"), "{text}");
    }
    let help = operator(&["run", "--help"], &[("HTTPS_PROXY", "http://user:marker@proxy")]);
    assert!(help.status.success());
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(text.contains("--https-proxy") && !text.contains("marker"), "{text}");
}
