//! Which addresses a name may resolve to. Whoever controls a name could otherwise have the operator call whatever it
//! reaches: the services of its cluster, its node, and the metadata service of its cloud.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Why a text isn't a network that can be allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// Neither a network nor an address.
    #[error("{0:?} is not a network; write one such as 10.1.0.0/16 or fd12:3456::/32")]
    Syntax(String),
    /// Bits of the address beyond the prefix: a mistake in one of the two.
    #[error("{written} is not a network: its prefix makes it {network}")]
    HostBits {
        /// What was written.
        written: String,
        /// The network that this address is in.
        network: IpNet,
    },
    /// IPv4 in the form of IPv6.
    #[error("{0} is a network of IPv4 addresses; write it as one, such as 10.1.0.0/16")]
    Mapped(String),
}

/// IPv4 addresses in the form of IPv6 ones, RFC 4291.
const MAPPED: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96);

/// The networks of `--allowed-cidrs`, and all public addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedAddresses(Vec<IpNet>);

impl AllowedAddresses {
    /// Whether a name may resolve to this address: a public one, or one that a network contains. The address of a
    /// metadata service must be named alone, since it is easily forgotten that a network contains it, and what it
    /// gives away is the identity of the node.
    #[must_use]
    pub fn allow(&self, address: IpAddr) -> bool {
        // An IPv4-mapped address is a way to write the other one: what is connected to is that.
        let address = address.to_canonical();
        is_public(address) || self.0.iter().any(|network| opens(network, address))
    }
}

impl FromStr for AllowedAddresses {
    type Err = CidrError;

    /// Reads networks and addresses, separated by commas.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',').map(str::trim).map(network).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for AllowedAddresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join(","))
    }
}

/// Reads a network, or an address, which is the network of it alone.
fn network(text: &str) -> Result<IpNet, CidrError> {
    let network: IpNet = text
        .parse()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| CidrError::Syntax(text.to_owned()))?;
    // Addresses in it are judged as the IPv4 ones that they are, so that it would allow nothing.
    if matches!(network, IpNet::V6(network) if MAPPED.contains(&network)) {
        return Err(CidrError::Mapped(text.to_owned()));
    }
    if network.trunc() != network {
        return Err(CidrError::HostBits { written: text.to_owned(), network: network.trunc() });
    }
    Ok(network)
}

/// Whether an allowed network allows this address.
fn opens(network: &IpNet, address: IpAddr) -> bool {
    let alone = network.prefix_len() == network.max_prefix_len();
    network.contains(&address) && (alone || !is_metadata(address))
}

/// Whether this is a metadata service, also behind a translator.
fn is_metadata(address: IpAddr) -> bool {
    let meant = match address {
        IpAddr::V6(address) if NAT64.contains(&address) => last_four(address).into(),
        address => address,
    };
    METADATA.contains(&meant)
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), prefix)
}

/// The networks that aren't public, by IANA's registry of special-purpose addresses.
const SPECIAL_V4: [Ipv4Net; 16] = [
    v4(0, 0, 0, 0, 8),        // this host and network, RFC 791
    v4(10, 0, 0, 0, 8),       // private, RFC 1918
    v4(100, 64, 0, 0, 10),    // shared by carriers and clouds, RFC 6598
    v4(127, 0, 0, 0, 8),      // loopback
    v4(168, 63, 129, 16, 32), // not in the registry: a node's agent in Azure
    v4(169, 254, 0, 0, 16),   // link-local, RFC 3927
    v4(172, 16, 0, 0, 12),    // private, RFC 1918
    v4(192, 0, 0, 0, 24),     // protocols, RFC 6890
    v4(192, 0, 2, 0, 24),     // documentation, RFC 5737
    v4(192, 88, 99, 0, 24),   // relays of 6to4, RFC 7526
    v4(192, 168, 0, 0, 16),   // private, RFC 1918
    v4(198, 18, 0, 0, 15),    // benchmarking, RFC 2544
    v4(198, 51, 100, 0, 24),  // documentation, RFC 5737
    v4(203, 0, 113, 0, 24),   // documentation, RFC 5737
    v4(224, 0, 0, 0, 4),      // multicast
    v4(240, 0, 0, 0, 4),      // reserved, RFC 1112, and broadcast
];

/// All that is public is in here, but for [`NAT64`].
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 3);

/// What isn't public although it is in [`GLOBAL_V6`].
const SPECIAL_V6: [Ipv6Net; 4] = [
    v6(0x2001, 0, 23),      // protocols, RFC 2928, with Teredo and benchmarking
    v6(0x2001, 0x0db8, 32), // documentation, RFC 3849
    v6(0x2002, 0, 16),      // 6to4, whose addresses hold IPv4 ones
    v6(0x3fff, 0, 20),      // documentation, RFC 9637
];

/// How hosts that have only IPv6 reach those that have only IPv4, RFC 6052. The address ends in the IPv4 one.
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 96);

/// Where clouds give their nodes identities, and their agents orders.
const METADATA: [IpAddr; 7] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)), // all of them
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),   // containers of AWS
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)), // Alibaba Cloud
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),   // Azure
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),     // Oracle
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254)), // AWS
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x254)), // Google Cloud
];

/// Whether everybody on the Internet means the same host by this address.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) if NAT64.contains(&address) => is_public_v4(last_four(address)),
        IpAddr::V6(address) => {
            GLOBAL_V6.contains(&address) && !SPECIAL_V6.iter().any(|network| network.contains(&address))
        }
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !SPECIAL_V4.iter().any(|network| network.contains(&address))
}

/// The IPv4 address that an IPv6 one ends in.
fn last_four(address: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn allows(networks: &str, address: &str) -> bool {
        let allowed = match networks {
            "" => AllowedAddresses::default(),
            networks => networks.parse().unwrap(),
        };
        allowed.allow(address.parse().unwrap())
    }

    #[test]
    fn public_addresses_need_no_permission() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "168.63.129.15",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2400:8980::1",
            "2606:4700::1111",
            "3ffe:ffff::1",
            "64:ff9b::1.1.1.1",
            "::ffff:1.1.1.1",
        ] {
            assert!(allows("", address), "{address}");
        }
    }

    #[test]
    fn all_others_are_refused_and_open_by_a_network_that_contains_them() {
        let table = [
            ("0.0.0.0", "0.0.0.0/8"),
            ("0.1.2.3", "0.0.0.0/8"),
            ("10.0.0.0", "10.0.0.0/8"),
            ("10.255.255.255", "10.0.0.0/8"),
            ("100.64.0.0", "100.64.0.0/10"),
            ("100.127.255.255", "100.64.0.0/10"),
            ("127.0.0.1", "127.0.0.1"),
            ("127.255.255.255", "127.0.0.0/8"),
            ("169.254.0.1", "169.254.0.0/16"),
            ("172.16.0.1", "172.16.0.0/12"),
            ("172.31.255.255", "172.16.0.0/12"),
            ("192.0.0.8", "192.0.0.0/24"),
            ("192.0.2.1", "192.0.2.0/24"),
            ("192.88.99.1", "192.88.99.0/24"),
            ("192.168.0.1", "192.168.0.0/16"),
            ("198.18.0.1", "198.18.0.0/15"),
            ("198.19.255.255", "198.18.0.0/15"),
            ("198.51.100.1", "198.51.100.0/24"),
            ("203.0.113.1", "203.0.113.0/24"),
            ("224.0.0.1", "224.0.0.0/4"),
            ("239.255.255.255", "224.0.0.0/4"),
            ("240.0.0.1", "240.0.0.0/4"),
            ("255.255.255.255", "255.255.255.255/32"),
            ("::", "::/128"),
            ("::1", "::1"),
            ("::ffff:10.0.0.1", "10.0.0.0/8"),
            ("::ffff:127.0.0.1", "127.0.0.0/8"),
            ("::10.0.0.1", "::/96"),
            ("::1.1.1.1", "::/96"),
            ("64:ff9b::10.0.0.1", "64:ff9b::a00:0/104"),
            ("64:ff9b:1::1.1.1.1", "64:ff9b:1::/48"),
            ("100::1", "100::/64"),
            ("2001::1", "2001::/32"),
            ("2001:2::1", "2001:2::/48"),
            ("2001:db8::1", "2001:db8::/32"),
            ("2002:a00:1::1", "2002::/16"),
            ("2002:101:101::1", "2002::/16"),
            ("3fff::1", "3fff::/20"),
            ("5f00::1", "5f00::/16"),
            ("fc00::1", "fc00::/7"),
            ("fdff::1", "fc00::/7"),
            ("fe80::1", "fe80::/10"),
            ("fec0::1", "fec0::/10"),
            ("ff02::1", "ff00::/8"),
        ];
        for (address, network) in table {
            assert!(!allows("", address), "{address}");
            assert!(!allows("172.20.30.0/24,fd12:3456::/32", address), "{address}");
            assert!(allows(network, address), "{address} {network}");
            assert!(allows(&format!("172.20.30.0/24, {network}"), address), "{address} {network}");
        }
    }

    #[test]
    fn metadata_services_must_be_named_alone() {
        for address in METADATA {
            let (wide, all) = match address {
                IpAddr::V4(_) => (IpNet::new(address, 31).unwrap().trunc().to_string(), "0.0.0.0/0"),
                IpAddr::V6(_) => (IpNet::new(address, 127).unwrap().trunc().to_string(), "::/0"),
            };
            let address = address.to_string();
            assert!(!allows("", &address), "{address}");
            assert!(!allows(&wide, &address), "{address}");
            assert!(!allows(all, &address), "{address}");
            assert!(allows(&address, &address), "{address}");
        }
        assert!(!allows("169.254.0.0/16", "::ffff:169.254.169.254"));
        // What a translator makes of it is nobody's metadata service but that of the translator.
        assert!(!allows("169.254.169.254", "64:ff9b::169.254.169.254"));
        assert!(!allows("64:ff9b::/96", "64:ff9b::169.254.169.254"));
        assert!(allows("169.254.0.0/16", "169.254.169.253"));
    }

    #[test]
    fn networks_that_mislead_are_refused() {
        for text in [
            "",
            ",",
            "10.0.0.0/8,",
            "10.0.0.0/33",
            "10.0.0/8",
            "example.com",
            "*",
            "fd00::/129",
            "10.0.0.0 /8",
        ] {
            assert!(matches!(text.parse::<AllowedAddresses>(), Err(CidrError::Syntax(_))), "{text}");
        }
        let error = "10.1.2.3/8".parse::<AllowedAddresses>().unwrap_err();
        assert_eq!(error.to_string(), "10.1.2.3/8 is not a network: its prefix makes it 10.0.0.0/8");
        let error = "::ffff:10.0.0.0/104".parse::<AllowedAddresses>().unwrap_err();
        assert!(matches!(error, CidrError::Mapped(_)), "{error}");
    }

    proptest! {
        #[test]
        fn what_the_standard_library_knows_to_be_special_is_refused(address: Ipv4Addr) {
            let special = address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_unspecified() || address.is_multicast() || address.is_broadcast()
                || address.is_documentation();
            prop_assert!(!(special && is_public_v4(address)));
        }

        #[test]
        fn every_way_to_write_an_ipv4_address_in_ipv6_is_judged_no_better(
            address in prop_oneof![any::<u32>(), 0x0a00_0000..0x0b00_0000u32, 0x7f00_0000..0x8000_0000u32, 0xa9fe_0000..0xa9ff_0000u32],
            allowed in prop_oneof![Just("172.16.0.0/12"), Just("10.0.0.0/8"), Just("0.0.0.0/0")],
        ) {
            let address = Ipv4Addr::from(address);
            let [a, b, c, d] = address.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let allowed: AllowedAddresses = allowed.parse().unwrap();
            let plain = allowed.allow(address.into());
            prop_assert_eq!(allowed.allow(address.to_ipv6_mapped().into()), plain);
            for form in [
                Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, !high, !low),
            ] {
                prop_assert!(plain || !allowed.allow(form.into()), "{}", form);
            }
        }

        #[test]
        fn a_network_opens_its_own_addresses_and_closes_none(address: IpAddr, other: IpAddr, prefix in 0u8..=32) {
            let network = IpNet::new(other, prefix).unwrap().trunc();
            let allowed = AllowedAddresses(vec![network]);
            let canonical = address.to_canonical();
            let known = is_public(canonical) || network.contains(&canonical) && !is_metadata(canonical);
            prop_assert_eq!(allowed.allow(address), known || network == IpNet::from(canonical));
        }

        #[test]
        fn networks_read_back_as_themselves(address: IpAddr, prefix in 0u8..=128) {
            if let Ok(network) = IpNet::new(address.to_canonical(), prefix) {
                let allowed = AllowedAddresses(vec![network.trunc()]);
                prop_assert_eq!(allowed.to_string().parse(), Ok(allowed));
            }
        }
    }
}
