//! From names to addresses that may be connected to.
//!
//! The HTTP client has no other way from a name to an address, and it connects to what it gets from here without asking
//! again. So what is checked is what is connected to, whatever the name resolves to a moment later. Addresses that stand
//! in a URL themselves don't come here: the patterns of `--allowed-endpoints` must name them.

use std::{
    collections::HashMap,
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tracing::warn;

use crate::core::endpoint::AllowedAddresses;

type Find = dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync;

/// How the addresses of a name are found. The system's way, unless a test plays DNS.
#[derive(Clone)]
pub struct Lookup(Arc<Find>);

impl Lookup {
    /// Finds addresses by this function.
    pub fn new(
        find: impl Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(find))
    }
}

impl Default for Lookup {
    fn default() -> Self {
        Self::new(|name| {
            Box::pin(async move {
                let found = tokio::net::lookup_host((name, 0)).await?;
                Ok(found.map(|address| address.ip()).collect())
            })
        })
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lookup")
    }
}

/// All addresses of a name are ones that may not be connected to. They are in the log, and not in here: whoever writes
/// watches could learn from them what the operator's network looks like.
#[derive(Debug, thiserror::Error)]
#[error("the name resolves to addresses that are not allowed")]
pub(in crate::sms) struct AddressRefused;

/// A connection to a proxy was to go to another host than the proxy.
#[derive(Debug, thiserror::Error)]
#[error("only the proxy's own name may be looked up here")]
struct NotTheProxy;

/// Finds the addresses of endpoints, and leaves out those that aren't allowed.
pub(super) struct EndpointResolver {
    lookup: Lookup,
    allowed: AllowedAddresses,
    told: Arc<Told>,
}

impl EndpointResolver {
    pub(super) fn new(lookup: Lookup, allowed: AllowedAddresses) -> Self {
        Self { lookup, allowed, told: Arc::default() }
    }
}

impl Resolve for EndpointResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_ascii_lowercase();
        let (allowed, told) = (self.allowed.clone(), Arc::clone(&self.told));
        let found = (self.lookup.0)(host.clone());
        Box::pin(async move {
            let (good, refused): (Vec<_>, Vec<_>) =
                found.await?.into_iter().partition(|address| may_connect(&allowed, &host, *address));
            if good.is_empty() && !refused.is_empty() {
                if told.is_news(&host, Instant::now()) {
                    warn!(host, addresses = ?refused, "addresses are not allowed; --allowed-cidrs can allow them");
                }
                return Err(AddressRefused.into());
            }
            Ok(with_ports(good))
        })
    }
}

/// Whether an endpoint's host may be at this address. Who allows `localhost` by its name means this machine.
fn may_connect(allowed: &AllowedAddresses, host: &str, address: IpAddr) -> bool {
    allowed.allow(address) || (host == "localhost" && address.is_loopback())
}

/// Finds the addresses of the proxy, which the operator's owner named and which is usually in a private network.
/// Nothing else: the exemption is the proxy's alone.
pub(super) struct ProxyResolver {
    pub(super) lookup: Lookup,
    pub(super) proxy: Option<String>,
}

impl Resolve for ProxyResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str();
        if !self.proxy.as_deref().is_some_and(|proxy| proxy.eq_ignore_ascii_case(host)) {
            return Box::pin(std::future::ready(Err(NotTheProxy.into())));
        }
        let found = (self.lookup.0)(host.to_owned());
        Box::pin(async move { Ok(with_ports(found.await?)) })
    }
}

/// Port 0 means the port of the URL.
fn with_ports(addresses: Vec<IpAddr>) -> Addrs {
    Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)))
}

/// Which hosts the log has told of lately: watches are many, and come again every few seconds.
#[derive(Default)]
struct Told(Mutex<HashMap<String, Instant>>);

impl Told {
    /// How long a host isn't told again.
    const QUIET: Duration = Duration::from_mins(10);
    /// How many hosts are told of in that time. Whoever writes watches can think of many names.
    const HOSTS: usize = 256;

    fn is_news(&self, host: &str, now: Instant) -> bool {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.retain(|_, told| now.saturating_duration_since(*told) < Self::QUIET);
        if hosts.len() >= Self::HOSTS || hosts.contains_key(host) {
            return false;
        }
        hosts.insert(host.to_owned(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_told_once_in_a_while_and_not_many() {
        let (told, start) = (Told::default(), Instant::now());
        assert!(told.is_news("a", start));
        assert!(!told.is_news("a", start + Duration::from_mins(9)));
        assert!(told.is_news("b", start + Duration::from_mins(9)));
        assert!(told.is_news("a", start + Duration::from_mins(10)));
        let many =
            (0..1000).filter(|number| told.is_news(&format!("host-{number}"), start + Told::QUIET)).count();
        assert_eq!(many, Told::HOSTS - 2);
    }

    #[test]
    fn localhost_is_this_machine_and_nothing_else() {
        let allowed = AllowedAddresses::default();
        let may = |host, address: &str| may_connect(&allowed, host, address.parse().unwrap());
        assert!(may("localhost", "127.0.0.1") && may("localhost", "::1"));
        assert!(!may("localhost", "10.0.0.1") && !may("a.localhost", "127.0.0.1"));
    }

    async fn resolve(resolver: &impl Resolve, name: &str) -> Result<Vec<IpAddr>, String> {
        let found = resolver.resolve(name.parse().unwrap()).await.map_err(|error| error.to_string())?;
        Ok(found.map(|address| address.ip()).collect())
    }

    fn addresses(text: &str) -> Vec<IpAddr> {
        text.split_whitespace().map(|address| address.parse().unwrap()).collect()
    }

    fn always(found: &str) -> Lookup {
        let addresses = addresses(found);
        Lookup::new(move |_| Box::pin(std::future::ready(Ok(addresses.clone()))))
    }

    #[tokio::test]
    async fn only_allowed_addresses_reach_the_connector() {
        let network = "192.168.0.0/16";
        let table = [
            ("1.1.1.1 10.0.0.1 ::1 2606:4700::1", network, Some("1.1.1.1 2606:4700::1")),
            ("1.1.1.1 10.0.0.1", "10.0.0.0/8", Some("1.1.1.1 10.0.0.1")),
            ("10.0.0.1 ::ffff:169.254.169.254", network, None),
            ("127.0.0.1", network, None),
            ("", network, Some("")),
        ];
        for (found, allowed, expected) in table {
            let resolver = EndpointResolver::new(always(found), allowed.parse().unwrap());
            let good = resolve(&resolver, "sms.example.com").await.ok();
            assert_eq!(good, expected.map(addresses), "{found}");
        }
    }

    #[tokio::test]
    async fn only_the_proxys_name_is_exempt() {
        let resolver =
            ProxyResolver { lookup: always("10.0.0.1"), proxy: Some("proxy.example.com".to_owned()) };
        assert!(resolve(&resolver, "PROXY.example.com").await.is_ok());
        for name in ["sms.example.com", "a.proxy.example.com", "localhost"] {
            assert!(resolve(&resolver, name).await.is_err(), "{name}");
        }
        let by_address = ProxyResolver { lookup: always("10.0.0.1"), proxy: None };
        assert!(resolve(&by_address, "sms.example.com").await.is_err());
    }
}
