//! Where an API is: base URLs, regions, and which of them the operator's owner allows.
//!
//! Hosts are compared after URL parsing, so that no two spellings of one host (case, punycode, decimal or octal
//! addresses, percent-encoding) are judged differently.

mod address;
mod allowed;
mod partition;
mod region;

use std::{fmt, str::FromStr, sync::Arc};

use url::{Host, Url};

pub use address::{AllowedAddresses, CidrError};
pub use allowed::{AllowedEndpoints, PatternError};
pub use region::{Region, RegionError};

/// Why a text isn't an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Neither `https://` nor `http://` at the start.
    #[error("it must start with https://, as in https://sms.cn-north-4.myhuaweicloud.com")]
    Scheme,
    /// Unencrypted, and not to this machine.
    #[error("it must start with https://; http:// is for loopback addresses only")]
    Unencrypted,
    /// White space, a backslash or a control character.
    #[error("it must not contain white space, backslashes or control characters")]
    Character,
    /// A user name or password.
    #[error("it must not contain a user name or a password (an @)")]
    UserInfo,
    /// A path other than `/`.
    #[error("it must end after the host and port, without a path")]
    Path,
    /// A query or fragment.
    #[error("it must end after the host and port, without ? or #")]
    QueryOrFragment,
    /// A host that can't be a DNS name or an address.
    #[error(
        "its host must be a DNS name of letters, digits and hyphens, without a dot at the end, or an address"
    )]
    Host,
    /// A port that isn't one.
    #[error("its port must be a number from 1 to 65535")]
    Port,
}

/// The scheme of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// The base URL of an API: scheme, host and port, nothing else. Two endpoints are equal when they are the same
/// place, however they were written.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    scheme: Scheme,
    host: Host<String>,
    port: u16,
    text: Arc<str>,
}

impl Endpoint {
    /// Reads a base URL. A single `/` at its end is tolerated.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        check_spelling(text)?;
        let url = Url::parse(text).map_err(|error| match error {
            url::ParseError::InvalidPort => EndpointError::Port,
            _ => EndpointError::Host,
        })?;
        if !matches!(url.path(), "" | "/") {
            return Err(EndpointError::Path);
        }
        let scheme = if url.scheme() == "http" { Scheme::Http } else { Scheme::Https };
        let host = url.host().ok_or(EndpointError::Host)?.to_owned();
        if matches!(&host, Host::Domain(name) if !name.split('.').all(is_label)) {
            return Err(EndpointError::Host);
        }
        let port = url.port().unwrap_or(scheme.default_port());
        if port == 0 {
            return Err(EndpointError::Port);
        }
        let endpoint = Self::new(scheme, host, port);
        if scheme == Scheme::Http && !endpoint.is_loopback() {
            return Err(EndpointError::Unencrypted);
        }
        Ok(endpoint)
    }

    fn new(scheme: Scheme, host: Host<String>, port: u16) -> Self {
        let name = scheme.name();
        let text = if port == scheme.default_port() {
            format!("{name}://{host}")
        } else {
            format!("{name}://{host}:{port}")
        };
        Self { scheme, host, port, text: text.into() }
    }

    /// An https endpoint on the default port; the host must be a valid DNS name in lower case.
    fn https(host: String) -> Self {
        Self::new(Scheme::Https, Host::Domain(host), Scheme::Https.default_port())
    }

    /// The normalised URL: lower case, without a default port and without a `/` at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host, and the port unless it is the scheme's default: what a request's Host header says.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.text.split_once("://").map_or("", |(_, authority)| authority)
    }

    /// The host: a DNS name in lower case, or an address, an IPv6 one in brackets.
    #[must_use]
    pub fn host(&self) -> String {
        self.host.to_string()
    }

    /// The port, be it the scheme's default or not.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether what is sent to it is encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// Whether this names the machine itself: 127.0.0.0/8, `::1` or `localhost`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Refuses what URL parsers forgive (white space, backslashes, missing or additional slashes, an empty user name):
/// it has no honest use here, and parsers differ in it.
fn check_spelling(text: &str) -> Result<(), EndpointError> {
    let (scheme, rest) = text.split_once("://").ok_or(EndpointError::Scheme)?;
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err(EndpointError::Scheme);
    }
    if rest.starts_with('/') {
        return Err(EndpointError::Host);
    }
    if rest.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err(EndpointError::Character);
    }
    if rest.contains('@') {
        return Err(EndpointError::UserInfo);
    }
    if rest.contains(['?', '#']) {
        return Err(EndpointError::QueryOrFragment);
    }
    Ok(())
}

/// Whether a text is one label of a DNS name, in lower case.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_place_are_one_endpoint() {
        let table = [
            ("https://sms.cn-north-4.myhuaweicloud.com", "https://sms.cn-north-4.myhuaweicloud.com"),
            ("HTTPS://SMS.CN-North-4.MyHuaweiCloud.com:443/", "https://sms.cn-north-4.myhuaweicloud.com"),
            ("https://sms%2ecn-north-4.myhuaweicloud.com", "https://sms.cn-north-4.myhuaweicloud.com"),
            ("https://sms。example。com", "https://sms.example.com"),
            ("https://例え.example.com:8443", "https://xn--r8jz45g.example.com:8443"),
            ("https://2130706433", "https://127.0.0.1"),
            ("https://0x7f.1", "https://127.0.0.1"),
            ("https://0177.0.0.1", "https://127.0.0.1"),
            ("https://[0:0:0:0:0:0:0:1]:443", "https://[::1]"),
            ("https://[::ffff:169.254.169.254]", "https://[::ffff:a9fe:a9fe]"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://127.8.9.10:443", "http://127.8.9.10:443"),
        ];
        for (text, expected) in table {
            assert_eq!(Endpoint::parse(text).map(|e| e.to_string()), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused_by_name() {
        use EndpointError::{Character, Host, Path, Port, QueryOrFragment, Scheme, Unencrypted, UserInfo};
        let table = [
            ("", Scheme),
            ("sms.cn-north-4.myhuaweicloud.com", Scheme),
            ("ftp://a.example", Scheme),
            ("file:///etc/passwd", Scheme),
            ("https:a.example", Scheme),
            (" https://a.example", Scheme),
            ("https://", Host),
            ("https:///a.example", Host),
            ("https://:443", Host),
            ("https://a.example.", Host),
            ("https://a..example", Host),
            ("https://.a.example", Host),
            ("https://-a.example", Host),
            ("https://a_b.example", Host),
            ("https://*.example", Host),
            ("https://1.2.3.4.5", Host),
            ("https://256.0.0.1", Host),
            ("https://[::1", Host),
            ("https://[fe80::1%25eth0]", Host),
            ("https://a.example:0", Port),
            ("https://a.example:65536", Port),
            ("https://a.example:x", Port),
            ("https://a.example ", Character),
            ("https://a.exa\tmple", Character),
            ("https://a.example\\@b.example", Character),
            ("https://a.example@b.example", UserInfo),
            ("https://@b.example", UserInfo),
            ("https://user:pw@b.example", UserInfo),
            ("https://a.example?", QueryOrFragment),
            ("https://a.example#b.example", QueryOrFragment),
            ("https://a.example/v3", Path),
            ("https://a.example//", Path),
            ("http://a.example", Unencrypted),
            ("http://169.254.169.254", Unencrypted),
            ("http://localhost.example", Unencrypted),
            ("http://[::ffff:127.0.0.1]", Unencrypted),
        ];
        for (text, expected) in table {
            assert_eq!(Endpoint::parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn the_authority_is_what_the_host_header_says() {
        for (text, authority) in [
            ("https://a.example:443", "a.example"),
            ("https://a.example:444", "a.example:444"),
            ("http://[::1]:8080", "[::1]:8080"),
        ] {
            assert_eq!(Endpoint::parse(text).unwrap().authority(), authority);
        }
    }

    proptest! {
        #[test]
        fn a_parsed_endpoint_reads_back_as_itself(text in "(?i)https?://[a-z0-9.:\\[\\]-]{1,30}/?") {
            if let Ok(endpoint) = Endpoint::parse(&text) {
                prop_assert_eq!(Endpoint::parse(endpoint.as_str()), Ok(endpoint));
            }
        }

        #[test]
        fn no_text_panics_and_none_with_other_parts_is_an_endpoint(text in "\\PC{0,40}") {
            let _ = Endpoint::parse(&text);
            let url = format!("https://{text}");
            if Endpoint::parse(&url).is_ok() {
                prop_assert!(!url.contains(['@', '?', '#', '\\']));
            }
        }
    }
}
