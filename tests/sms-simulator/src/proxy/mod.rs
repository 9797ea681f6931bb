//! A forward proxy, as companies have between their clusters and the internet: HTTP CONNECT alone.

mod journal;
mod tunnel;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method, header};

pub use journal::ProxyRequest;

use crate::server::{Listening, listen};
use crate::simulator::StartError;
use journal::Journal;

/// What a proxy starts with. By default it lets everybody through, to wherever they ask.
#[derive(Debug, Clone, Default)]
pub struct ProxyConfig {
    /// The user and password without which it answers 407.
    pub credentials: Option<(String, String)>,
    /// Where every tunnel ends, whatever was asked for: so a test can ask for a name of the vendor's and reach a simulator.
    pub target: Option<SocketAddr>,
}

/// A running proxy. It stops, and its tunnels end, when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    listening: Listening,
    journal: Arc<Journal>,
}

impl Proxy {
    /// Starts a proxy on a free port of 127.0.0.1, inside the current Tokio runtime.
    ///
    /// # Errors
    /// When no port can be listened on.
    pub async fn start(config: ProxyConfig) -> Result<Self, StartError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let journal = Arc::new(Journal::default());
        let door = Arc::new(Door::new(config, Arc::clone(&journal)));
        let listening = listen(address, move |stream| tunnel::serve(stream, Arc::clone(&door))).await;
        let listening = listening.map_err(|source| StartError::Listen { address, source })?;
        Ok(Self { listening, journal })
    }

    /// The URL for `HTTPS_PROXY`, without credentials and without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.listening.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listening.address
    }

    /// What was asked of it so far, in the order of its answers.
    #[must_use]
    pub fn requests(&self) -> Vec<ProxyRequest> {
        self.journal.requests()
    }

    /// The authorities to which it made tunnels, as `sms.cn-north-4.myhuaweicloud.com:443`, oldest first.
    #[must_use]
    pub fn tunnels(&self) -> Vec<String> {
        let made = self.journal.requests().into_iter().filter(|request| request.status == 200);
        made.map(|request| request.target).collect()
    }

    /// Waits until at least `count` requests are so. Bound it by a timeout.
    pub async fn wait_for(&self, count: usize, wanted: impl Fn(&ProxyRequest) -> bool) {
        self.journal.wait_for(count, wanted).await;
    }
}

/// Who and what is let through.
#[derive(Debug)]
struct Door {
    authorization: Option<String>,
    target: Option<SocketAddr>,
    journal: Arc<Journal>,
}

/// Where a tunnel ends.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    Address(SocketAddr),
    Authority(String),
}

/// Why there is no tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// It isn't a CONNECT.
    NotConnect,
    /// Who asks hasn't shown the credentials.
    Unauthenticated,
    /// The authority lacks a host or a port.
    BadAuthority,
}

impl Door {
    fn new(config: ProxyConfig, journal: Arc<Journal>) -> Self {
        let authorization = config
            .credentials
            .map(|(user, password)| format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))));
        Self { authorization, target: config.target, journal }
    }

    /// Where a request goes.
    fn admit(&self, method: &Method, uri: &http::Uri, headers: &HeaderMap) -> Result<Target, Refusal> {
        if *method != Method::CONNECT {
            return Err(Refusal::NotConnect);
        }
        let shown = headers.get(header::PROXY_AUTHORIZATION).and_then(|value| value.to_str().ok());
        if self.authorization.is_some() && self.authorization.as_deref() != shown {
            return Err(Refusal::Unauthenticated);
        }
        let authority = uri.authority().filter(|authority| authority.port().is_some());
        let authority = authority.ok_or(Refusal::BadAuthority)?;
        Ok(self.target.map_or_else(|| Target::Authority(authority.to_string()), Target::Address))
    }
}
