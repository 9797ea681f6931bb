use super::*;

const SHORT: Timeouts = Timeouts { connect: Duration::from_secs(1), response: Duration::from_secs(1) };

fn settings(no_proxy: &str) -> Settings {
    let options = NetworkOptions { no_proxy: NoProxy::parse(no_proxy), ..NetworkOptions::default() };
    Settings { options, timeouts: SHORT }
}

#[test]
fn the_proxy_is_for_what_is_elsewhere_and_encrypted() {
    let table = [
        ("", "https://sms.example.com", true),
        ("", "https://10.0.0.1", true),
        ("", "https://localhost", false),
        ("", "https://127.0.0.1:8443", false),
        ("", "https://[::1]", false),
        ("", "http://127.0.0.1:8080", false),
        ("", "http://localhost", false),
        ("example.com", "https://sms.example.com", false),
        ("example.com:8443", "https://sms.example.com", true),
        ("example.com:443", "https://sms.example.com", false),
        ("10.0.0.0/8", "https://10.0.0.1", false),
        ("*", "https://sms.example.com", false),
    ];
    for (no_proxy, endpoint, expected) in table {
        let endpoint = Endpoint::parse(endpoint).unwrap();
        assert_eq!(settings(no_proxy).needs_proxy(&endpoint), expected, "{no_proxy} {endpoint}");
    }
}

#[test]
fn nothing_prints_the_proxys_password() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let proxy = ProxyUrl::parse("http://user-marker:password-marker@proxy.example.com:3128").ok();
    assert!(proxy.is_some());
    let options = NetworkOptions { proxy, ..NetworkOptions::default() };
    let network = Network::new(options, SHORT).unwrap();
    let shown = format!("{network:?}");
    assert!(shown.contains("proxy.example.com") && !shown.contains("marker"), "{shown}");
    // "user-marker:password-marker" in base64, as a header has it.
    assert!(!shown.contains("dXNlci1tYXJrZXI"), "{shown}");
}
