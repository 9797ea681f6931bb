//! A forward proxy, as companies have between their clusters and the internet: HTTP CONNECT alone.

mod journal;
mod tunnel;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method, header};

pub use journal::ProxyRequest;

use crate::server::{Listening, Offer, listen};
use crate::simulator::StartError;
use crate::transport::Transport;
use journal::Journal;

/// What a proxy starts with. By default it is spoken to by plain HTTP, and lets everybody through, to wherever they ask.
#[derive(Debug, Clone, Default)]
pub struct ProxyConfig {
    /// How it is spoken to. What goes through a tunnel is none of its business.
    pub transport: Transport,
    /// The user and password without which it answers 407.
    pub credentials: Option<(String, String)>,
    /// What it does for those that it lets through.
    pub answer: ProxyAnswer,
}

/// What a proxy does when it is rightly asked for a tunnel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ProxyAnswer {
    /// It makes the tunnel.
    #[default]
    Tunnel,
    /// It makes a tunnel to this address, whatever was asked for: so a test can ask for a name of the vendor's and reach a
    /// simulator.
    TunnelTo(SocketAddr),
    /// It sends these bytes as they are, be they HTTP or not, and closes the connection.
    Bytes(Vec<u8>),
    /// It closes the connection.
    Close,
}

/// A running proxy. It stops, and its tunnels end, when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    listening: Listening,
    ca_pem: Option<String>,
    journal: Arc<Journal>,
}

impl Proxy {
    /// Starts a proxy on a free port of 127.0.0.1, inside the current Tokio runtime.
    ///
    /// # Errors
    /// When no port can be listened on, or no certificate can be made for the names of [`Transport::Https`].
    pub async fn start(config: ProxyConfig) -> Result<Self, StartError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let authority = config.transport.authority()?;
        let acceptor = authority.as_ref().map(|authority| authority.acceptor(Offer::Http1));
        let ca_pem = authority.map(|authority| authority.ca_pem);
        let journal = Arc::new(Journal::default());
        let door = Arc::new(Door::new(config.credentials, config.answer, Arc::clone(&journal)));
        let connect = move |stream| tunnel::serve(stream, acceptor.clone(), Arc::clone(&door));
        let listening = listen(address, connect).await;
        let listening = listening.map_err(|source| StartError::Listen { address, source })?;
        Ok(Self { listening, ca_pem, journal })
    }

    /// The URL for `HTTPS_PROXY`, without credentials and without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.ca_pem.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.listening.address)
    }

    /// The certificate of the CA that clients must trust to speak to it, in PEM; none for plain HTTP.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
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
        let made = self.journal.requests().into_iter().filter(|request| request.status == Some(200));
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
    answer: ProxyAnswer,
    journal: Arc<Journal>,
}

/// What is done for who is let through.
#[derive(Debug, PartialEq, Eq)]
enum Admission {
    /// A tunnel to a name or an address, with the port.
    Tunnel(String),
    /// These bytes, and the end.
    Bytes(Vec<u8>),
}

/// Why somebody isn't let through.
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
    fn new(credentials: Option<(String, String)>, answer: ProxyAnswer, journal: Arc<Journal>) -> Self {
        let authorization = credentials
            .map(|(user, password)| format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))));
        Self { authorization, answer, journal }
    }

    /// What is done for a request.
    fn admit(&self, method: &Method, uri: &http::Uri, headers: &HeaderMap) -> Result<Admission, Refusal> {
        if *method != Method::CONNECT {
            return Err(Refusal::NotConnect);
        }
        let shown = headers.get(header::PROXY_AUTHORIZATION).and_then(|value| value.to_str().ok());
        if self.authorization.is_some() && self.authorization.as_deref() != shown {
            return Err(Refusal::Unauthenticated);
        }
        let authority = uri.authority().filter(|authority| authority.port().is_some());
        let authority = authority.ok_or(Refusal::BadAuthority)?;
        Ok(match &self.answer {
            ProxyAnswer::Tunnel => Admission::Tunnel(authority.to_string()),
            ProxyAnswer::TunnelTo(address) => Admission::Tunnel(address.to_string()),
            ProxyAnswer::Bytes(bytes) => Admission::Bytes(bytes.clone()),
            ProxyAnswer::Close => Admission::Bytes(Vec::new()),
        })
    }
}
