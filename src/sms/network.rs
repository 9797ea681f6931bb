//! Whom the HTTP client may talk to, and how: addresses, proxies, trusted authorities.
//!
//! There are two clients inside. One calls endpoints itself, and resolves their names to allowed addresses only. The
//! other, if there is a proxy, connects to that proxy and to nothing else. Which of them has an endpoint is decided
//! here, so that no watch can use what only the proxy is exempt from.

mod authorities;
mod lookup;
mod no_proxy;
mod proxy;

use std::{
    error::Error as _,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use reqwest::{ClientBuilder, redirect, tls::Version};
use tokio::sync::Mutex;
use tracing::{info, warn};

use crate::core::endpoint::{AllowedAddresses, Endpoint};
use authorities::Bundles;
use lookup::{EndpointResolver, ProxyResolver};

pub use authorities::CaFileError;
pub use lookup::Lookup;
pub use no_proxy::NoProxy;
pub use proxy::{ProxyUrl, ProxyUrlError};

pub(super) use lookup::AddressRefused;

/// The most that the headers of an answer may have in HTTP/2. A token comes in one, of up to 16,384 characters by the
/// vendor's documents, which is as much as the library allows for all together unless told.
const LONGEST_HEADERS: u32 = 64 * 1024;

/// What the operator's owner says about the network.
#[derive(Clone, Debug)]
pub struct NetworkOptions {
    /// Which addresses the names of endpoints may resolve to.
    pub allowed_addresses: AllowedAddresses,
    /// The proxy for all endpoints but loopback addresses and those in `no_proxy`.
    pub proxy: Option<ProxyUrl>,
    /// What is called without the proxy.
    pub no_proxy: NoProxy,
    /// Authorities that are trusted beside those of the system, in PEM.
    pub ca_files: Vec<PathBuf>,
    /// How often these files are looked at for changes, at most.
    pub ca_check_interval: Duration,
    /// How the addresses of names are found.
    pub lookup: Lookup,
}

impl Default for NetworkOptions {
    fn default() -> Self {
        Self {
            allowed_addresses: AllowedAddresses::default(),
            proxy: None,
            no_proxy: NoProxy::default(),
            ca_files: Vec::new(),
            ca_check_interval: Duration::from_secs(5),
            lookup: Lookup::default(),
        }
    }
}

/// There is no way to endpoints.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// Nobody is trusted, so that no endpoint could be.
    #[error(
        "this system has no trusted certificate authorities: install them (the package ca-certificates), \
         or name a file of them in --ca-file or SSL_CERT_FILE"
    )]
    NoAuthorities(#[source] reqwest::Error),
    /// Anything else that is missing.
    #[error("can't set up the HTTP client: {0}")]
    Http(#[source] reqwest::Error),
    /// A file of trusted authorities.
    #[error(transparent)]
    Authorities(#[from] CaFileError),
}

impl From<reqwest::Error> for NetworkError {
    /// Those of `--ca-file` have been tried by then, so that what rustls complains of is the system's.
    fn from(error: reqwest::Error) -> Self {
        let by_rustls = error.source().is_some_and(|source| source.is::<rustls::Error>());
        if by_rustls { Self::NoAuthorities(error) } else { Self::Http(error) }
    }
}

/// The way to endpoints.
#[derive(Debug)]
pub(super) struct Network {
    settings: Arc<Settings>,
    clients: RwLock<Clients>,
    watched: Mutex<Watched>,
}

#[derive(Debug)]
struct Settings {
    options: NetworkOptions,
    timeouts: Timeouts,
}

/// How long the network may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    /// For a connection, TLS included.
    pub(super) connect: Duration,
    /// From a request to the end of its answer.
    pub(super) response: Duration,
}

#[derive(Clone, Debug)]
struct Clients {
    direct: reqwest::Client,
    proxied: Option<reqwest::Client>,
}

/// What is known of the files of authorities.
#[derive(Debug)]
struct Watched {
    bundles: Bundles,
    checked: Instant,
    /// The trouble with them that the log has told of.
    told: Option<String>,
}

impl Network {
    /// Sets up the way. Reads files.
    pub(super) fn new(options: NetworkOptions, timeouts: Timeouts) -> Result<Self, NetworkError> {
        let settings = Settings { options, timeouts };
        let bundles = Bundles::read(&settings.options.ca_files)?;
        let clients = RwLock::new(settings.clients(&bundles)?);
        let watched = Mutex::new(Watched { bundles, checked: Instant::now(), told: None });
        Ok(Self { settings: Arc::new(settings), clients, watched })
    }

    /// One way to all endpoints.
    #[cfg(test)]
    pub(super) fn of(client: reqwest::Client) -> Self {
        let timeouts = Timeouts { connect: Duration::ZERO, response: Duration::ZERO };
        let settings = Settings { options: NetworkOptions::default(), timeouts };
        let clients = RwLock::new(Clients { direct: client, proxied: None });
        let bundles = Bundles::read(&[]).unwrap();
        let watched = Mutex::new(Watched { bundles, checked: Instant::now(), told: None });
        Self { settings: Arc::new(settings), clients, watched }
    }

    /// The client for an endpoint. Whether that may be called at all is the caller's business.
    pub(super) async fn client(&self, endpoint: &Endpoint) -> reqwest::Client {
        if !self.settings.options.ca_files.is_empty() {
            self.look_for_changes().await;
        }
        let Clients { direct, proxied } = self.clients.read().unwrap_or_else(PoisonError::into_inner).clone();
        proxied.filter(|_| self.settings.needs_proxy(endpoint)).unwrap_or(direct)
    }

    /// Takes over changed files of authorities. One caller looks, now and then; all others go on meanwhile.
    async fn look_for_changes(&self) {
        let Ok(mut watched) = self.watched.try_lock() else { return };
        if watched.checked.elapsed() < self.settings.options.ca_check_interval {
            return;
        }
        watched.checked = Instant::now();
        let (settings, known) = (Arc::clone(&self.settings), watched.bundles.clone());
        let looked = tokio::task::spawn_blocking(move || settings.changes(&known)).await;
        // Fails only when the process ends.
        let Ok(changes) = looked else { return };
        watched.told = match changes {
            Ok(None) => None,
            Ok(Some((bundles, clients))) => {
                watched.bundles = bundles;
                *self.clients.write().unwrap_or_else(PoisonError::into_inner) = clients;
                info!("took over changed CA files");
                None
            }
            Err(error) => {
                let trouble = error.to_string();
                if watched.told.as_ref() != Some(&trouble) {
                    warn!("{trouble}; the authorities from before stay trusted");
                }
                Some(trouble)
            }
        };
    }
}

impl Settings {
    /// The files and clients by them, if a file has changed. Compared by content: Kubernetes swaps links, and times of
    /// files tell nothing. Blocks.
    fn changes(&self, known: &Bundles) -> Result<Option<(Bundles, Clients)>, NetworkError> {
        let bundles = Bundles::read(&self.options.ca_files)?;
        if bundles == *known {
            return Ok(None);
        }
        let clients = self.clients(&bundles)?;
        Ok(Some((bundles, clients)))
    }

    /// Whether an endpoint is called by the proxy, if there is one. What is unencrypted never is: the proxy would see
    /// the credentials.
    fn needs_proxy(&self, endpoint: &Endpoint) -> bool {
        endpoint.is_encrypted()
            && !endpoint.is_loopback()
            && !self.options.no_proxy.covers(&endpoint.host(), endpoint.port())
    }

    fn clients(&self, bundles: &Bundles) -> Result<Clients, NetworkError> {
        let NetworkOptions { allowed_addresses, proxy, lookup, .. } = &self.options;
        let certificates: Vec<_> = bundles
            .certificates()?
            .iter()
            .map(|certificate| reqwest::Certificate::from_der(certificate))
            .collect::<Result<_, _>>()?;
        let builder = || self.builder().tls_certs_merge(certificates.clone());
        let resolver = EndpointResolver::new(lookup.clone(), allowed_addresses.clone());
        // Without this, reqwest would look for a proxy in the environment by itself.
        let direct = builder().dns_resolver(resolver).no_proxy().build()?;
        let proxied = proxy.as_ref().map(|proxy| {
            let resolver = ProxyResolver { lookup: lookup.clone(), proxy: proxy.name().map(str::to_owned) };
            builder().dns_resolver(resolver).proxy(reqwest::Proxy::all(proxy.reveal())?).build()
        });
        Ok(Clients { direct, proxied: proxied.transpose()? })
    }

    /// What all clients have in common.
    fn builder(&self) -> ClientBuilder {
        reqwest::Client::builder()
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            // What is tried again is decided in one place only.
            .retry(reqwest::retry::never())
            .connect_timeout(self.timeouts.connect)
            // In HTTP/2 a connection outlives its requests. One that has gone silent would have them all run into their
            // time, and those that try again; so it is asked whether it is alive while an answer is waited for, and given
            // up in time for another one.
            .http2_keep_alive_interval(self.timeouts.response / 3)
            .http2_keep_alive_timeout(self.timeouts.response / 3)
            .http2_max_header_list_size(LONGEST_HEADERS)
            .tls_version_min(Version::TLS_1_2)
    }
}

#[cfg(test)]
mod tests;
