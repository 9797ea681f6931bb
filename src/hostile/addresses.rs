//! Texts of flags and specs: places in the network, above all.

use std::net::IpAddr;

use crate::{
    core::{
        budget::WriteRate,
        endpoint::{AllowedAddresses, AllowedEndpoints, Endpoint, Region},
        namespace::Namespace,
        policy::AmbientNamespaces,
    },
    sms::network::{NoProxy, ProxyUrl},
};

/// Endpoints, patterns, networks and the other texts of flags. A text is tried as each.
pub fn addresses(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (first, second) = text.split_once('\n').unwrap_or((&text, ""));
    let endpoint = Endpoint::parse(first).ok();
    if let Some(endpoint) = &endpoint {
        check_endpoint(endpoint);
    }
    if let Ok(allowed) = second.parse::<AllowedEndpoints>() {
        check_pattern(&allowed, second, endpoint.as_ref());
    }
    if let Ok(allowed) = first.parse::<AllowedAddresses>() {
        check_network(&allowed);
    }
    let region = Region::parse(first);
    if let Ok(region) = region {
        let sms = region.sms_endpoint().host();
        let (_, domain) = sms.split_once(&format!(".{region}.")).unwrap();
        let iam = region.sms_endpoint().iam(Some(&region));
        assert!(!iam.is_empty() && iam.iter().all(|iam| iam.host().ends_with(domain)), "{iam:?}");
    }
    if let Ok(namespace) = first.parse::<Namespace>() {
        assert_eq!(namespace.as_str().parse(), Ok(namespace.clone()));
    }
    let _ = first.parse::<AmbientNamespaces>();
    if let Some(rate) = first.parse::<WriteRate>().ok().and_then(WriteRate::per_second) {
        assert!((1024.0..=f64::from(1 << 30)).contains(&rate), "{first}");
    }
    if let Ok(proxy) = ProxyUrl::parse(first) {
        check_proxy(&proxy);
    }
    let _ = NoProxy::parse(first).covers(second, 443);
}

fn check_endpoint(endpoint: &Endpoint) {
    assert_eq!(Endpoint::parse(endpoint.as_str()).as_ref(), Ok(endpoint));
    assert!(endpoint.is_encrypted() || endpoint.is_loopback(), "{endpoint}");
    let url = url::Url::parse(endpoint.as_str()).unwrap();
    assert_eq!(url.host_str(), Some(&*endpoint.host()));
    assert_eq!(url.port_or_known_default(), Some(endpoint.port()));
    assert_eq!((url.username(), url.password(), url.path()), ("", None, "/"));
    let itself: AllowedEndpoints = endpoint.as_str().parse().unwrap();
    assert!(itself.allows(endpoint), "{endpoint}");
    if AllowedEndpoints::default().allows(endpoint) {
        assert!(endpoint.is_encrypted() && endpoint.port() == 443, "{endpoint}");
        let host = endpoint.host();
        let labels: Vec<_> = host.split('.').collect();
        assert!(
            matches!(labels.as_slice(), ["sms" | "sms-api" | "iam", .., "myhuaweicloud", "com"]),
            "{host}"
        );
        assert!(labels.len() <= 4, "{host}");
    }
}

/// What is shown of a proxy is where it is, and nothing else.
fn check_proxy(proxy: &ProxyUrl) {
    let whole = url::Url::parse(proxy.reveal()).unwrap();
    let shown = url::Url::parse(&proxy.to_string()).unwrap();
    assert_eq!(shown.origin(), whole.origin(), "{proxy}");
    assert_eq!((shown.username(), shown.password(), shown.path()), ("", None, "/"), "{proxy}");
    assert_eq!((shown.query(), shown.fragment()), (None, None), "{proxy}");
    assert_eq!(format!("{proxy:?}"), proxy.to_string());
}

fn check_pattern(allowed: &AllowedEndpoints, text: &str, endpoint: Option<&Endpoint>) {
    let again: AllowedEndpoints = allowed.to_string().parse().unwrap();
    assert_eq!(&again, allowed, "{text}");
    // Without a wildcard, a list allows what it names and nothing else.
    if let Some(endpoint) = endpoint.filter(|endpoint| !text.contains('*') && allowed.allows(endpoint)) {
        let is_named = text.split(',').any(|one| Endpoint::parse(one.trim()).as_ref() == Ok(endpoint));
        assert!(is_named, "{text} {endpoint}");
    }
}

fn check_network(allowed: &AllowedAddresses) {
    let again: AllowedAddresses = allowed.to_string().parse().unwrap();
    assert_eq!(&again, allowed);
    // The node's identity is given away by no network, but by its address alone.
    let metadata: IpAddr = "169.254.169.254".parse().unwrap();
    let alone = allowed.to_string().split(',').any(|one| one == "169.254.169.254/32");
    assert_eq!(allowed.allow(metadata), alone, "{allowed}");
}
