//! What is reached without a proxy.

use std::net::IpAddr;

use ipnet::IpNet;

/// The hosts of `NO_PROXY`, read as kubectl and other programs of Kubernetes read it: `*` is everything; an address or
/// a network covers addresses; a name covers itself and all names below it, with a dot or `*.` in front only those
/// below; each but a network may have a port. What is none of these covers nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoProxy(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    All,
    Network(IpNet),
    Address(IpAddr, Option<u16>),
    Name { name: String, below_only: bool, port: Option<u16> },
}

impl NoProxy {
    /// Reads a list that is separated by commas.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(text.split(',').map(str::trim).filter_map(Entry::parse).collect())
    }

    /// Whether this host, as in a URL, is reached without a proxy.
    #[must_use]
    pub fn covers(&self, host: &str, port: u16) -> bool {
        let host = without_brackets(host);
        match host.parse() {
            Ok(address) => self.0.iter().any(|entry| entry.covers_address(address, port)),
            Err(_) => self.0.iter().any(|entry| entry.covers_name(&host.to_ascii_lowercase(), port)),
        }
    }
}

impl Entry {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::All);
        }
        if let Ok(network) = text.parse() {
            return Some(Self::Network(network));
        }
        // Without a port, brackets or not.
        if let Ok(address) = without_brackets(text).parse() {
            return Some(Self::Address(address, None));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (text, None),
        };
        if let Ok(address) = without_brackets(host).parse() {
            return Some(Self::Address(address, port));
        }
        let host = host.to_ascii_lowercase();
        let below = host.strip_prefix('*').unwrap_or(&host).strip_prefix('.');
        let (name, below_only) = below.map_or((host.as_str(), false), |name| (name, true));
        let is_name = !name.is_empty() && !name.contains(['*', ':', '/']);
        is_name.then(|| Self::Name { name: name.to_owned(), below_only, port })
    }

    fn covers_address(&self, host: IpAddr, at: u16) -> bool {
        match self {
            Self::All => true,
            Self::Network(network) => network.contains(&host),
            Self::Address(address, port) => *address == host && port.is_none_or(|port| port == at),
            Self::Name { .. } => false,
        }
    }

    fn covers_name(&self, host: &str, at: u16) -> bool {
        match self {
            Self::All => true,
            Self::Network(_) | Self::Address(..) => false,
            Self::Name { name, below_only, port } => {
                let rest = host.strip_suffix(name.as_str());
                let covered = rest.is_some_and(|rest| rest.ends_with('.') || rest.is_empty() && !below_only);
                covered && port.is_none_or(|port| port == at)
            }
        }
    }
}

fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn entries_cover_what_they_do_elsewhere() {
        let table = [
            ("", "sms.example.com", false),
            ("*", "sms.example.com", true),
            ("*", "10.0.0.1", true),
            ("example.com", "example.com", true),
            ("example.com", "sms.example.com", true),
            ("example.com", "badexample.com", false),
            ("example.com", "example.com.evil", false),
            ("EXAMPLE.com", "sms.example.com", true),
            (".example.com", "example.com", false),
            (".example.com", "sms.example.com", true),
            (".example.com", "badexample.com", false),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "example.com", false),
            ("sms*.example.com", "sms1.example.com", false),
            ("a.test, example.com ,b.test", "example.com", true),
            ("a.test,,", "example.com", false),
            (".", "example.com", false),
            ("https://example.com", "example.com", false),
            ("example.com:443", "example.com", true),
            ("example.com:444", "example.com", false),
            ("example.com:x", "example.com", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1:443", "10.0.0.1", true),
            ("10.0.0.1:444", "10.0.0.1", false),
            ("10.0.0.1", "10.0.0.1.example.com", false),
            ("10.0.0.0/8", "10.9.8.7", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "10.example.com", false),
            ("fd00::/8", "[fd12::1]", true),
            ("::1", "[::1]", true),
            ("[::1]", "[::1]", true),
            ("[::1]:443", "[::1]", true),
            ("[::1]:444", "[::1]", false),
        ];
        for (entries, host, covered) in table {
            assert_eq!(NoProxy::parse(entries).covers(host, 443), covered, "{entries} {host}");
        }
    }

    proptest! {
        #[test]
        fn no_list_panics_and_more_entries_never_cover_less(one in "\\PC{0,30}", two in "[a-z0-9.*:/,\\[\\]]{0,30}", host in "[a-z0-9.]{1,20}") {
            let both = format!("{one},{two}");
            let covered = |list: &str| NoProxy::parse(list).covers(&host, 443);
            prop_assert_eq!(covered(&both), covered(&one) || covered(&two));
        }
    }
}
