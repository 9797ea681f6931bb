//! The proxy of the operator's owner.

use std::fmt;

use url::{Host, Url};
use zeroize::Zeroizing;

/// Why a text isn't the URL of a proxy. Never quotes the text, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyUrlError {
    /// Neither `http://` nor `https://`.
    #[error("the URL of the proxy must start with http:// or https://; other kinds of proxies can't be used")]
    Scheme,
    /// No URL, or one without a host.
    #[error(
        "the URL of the proxy can't be read; write one such as http://proxy.example.com:3128, and special characters of its user and password as %40 for @"
    )]
    Url,
    /// A path, a query or a fragment.
    #[error(
        "the URL of the proxy must end after the host and port; in its user and password, / is %2F, ? is %3F, # is %23"
    )]
    Path,
}

/// The URL of a proxy, perhaps with a user and a password. No output shows these.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl {
    /// Scheme, host and port.
    shown: String,
    host: Host<String>,
    whole: Zeroizing<String>,
}

impl ProxyUrl {
    /// Reads a URL. Without a scheme, `http://` is meant, as everywhere.
    pub fn parse(text: &str) -> Result<Self, ProxyUrlError> {
        let text = text.trim();
        let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let whole = Zeroizing::new(whole);
        let mut url = Url::parse(&whole).map_err(|_| ProxyUrlError::Url)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ProxyUrlError::Scheme);
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(ProxyUrlError::Path);
        }
        let host = url.host().ok_or(ProxyUrlError::Url)?.to_owned();
        let whole = Zeroizing::new(url.to_string());
        // What the HTTP libraries can't read, they would take for no proxy at all.
        whole.parse::<http::Uri>().map_err(|_| ProxyUrlError::Url)?;
        // Both fail only for URLs without a host.
        let _ = url.set_username("").and_then(|()| url.set_password(None));
        Ok(Self { shown: url.as_str().trim_end_matches('/').to_owned(), host, whole })
    }

    /// The URL with user and password: to use it, for nothing else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.whole
    }

    /// The name of the host; none when it is an address.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.host {
            Host::Domain(name) => Some(name),
            Host::Ipv4(_) | Host::Ipv6(_) => None,
        }
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn urls_are_read_as_elsewhere() {
        for (text, shown, whole) in [
            ("http://proxy:3128", "http://proxy:3128", "http://proxy:3128/"),
            ("proxy:3128", "http://proxy:3128", "http://proxy:3128/"),
            ("10.0.0.1:3128", "http://10.0.0.1:3128", "http://10.0.0.1:3128/"),
            ("https://Proxy.Example.com/", "https://proxy.example.com", "https://proxy.example.com/"),
            ("http://u%40d:p%3A@[::1]:1", "http://[::1]:1", "http://u%40d:p%3A@[::1]:1/"),
            (" u:p@proxy:3128\n", "http://proxy:3128", "http://u:p@proxy:3128/"),
        ] {
            let url = ProxyUrl::parse(text).unwrap();
            assert_eq!((url.to_string().as_str(), url.reveal()), (shown, whole));
        }
    }

    #[test]
    fn what_cant_be_used_is_refused_by_name() {
        for (text, error) in [
            ("", ProxyUrlError::Url),
            ("http://", ProxyUrlError::Url),
            ("http://proxy:port", ProxyUrlError::Url),
            ("http://u:p@ss/word@proxy:1", ProxyUrlError::Path),
            ("socks5://proxy:1080", ProxyUrlError::Scheme),
            ("ftp://proxy", ProxyUrlError::Scheme),
            ("http://proxy/path", ProxyUrlError::Path),
            ("http://proxy/?query", ProxyUrlError::Path),
            ("http://u:p#w@proxy", ProxyUrlError::Url),
        ] {
            assert_eq!(ProxyUrl::parse(text).err(), Some(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn user_and_password_are_never_shown(user in "marker[!-~]{0,10}", password in "marker[!-~]{0,10}") {
            match ProxyUrl::parse(&format!("http://{user}:{password}@proxy.example:3128")) {
                Ok(url) => {
                    let shown = format!("{url} {url:?}");
                    prop_assert!(!shown.contains("marker"), "{}", shown);
                }
                Err(error) => {
                    let shown = format!("{error} {error:?}");
                    prop_assert!(!shown.contains("marker"), "{}", shown);
                }
            }
        }
    }
}
