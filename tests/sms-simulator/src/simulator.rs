//! Starting the server, and the handles on it while it runs.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;

use crate::accounts::{Account, Accounts};
use crate::ambient::{Metadata, PodIdentity};
use crate::api::pod_identity;
use crate::clock::{Clock, Timeline};
use crate::control::Control;
use crate::faults::Faults;
use crate::gateway::Gateway;
use crate::journal::Journal;
use crate::model::Task;
use crate::server::{Handler, Listening, Offer, TlsError, listen, serve_http};
use crate::store::Tasks;
use crate::transport::Transport;
use crate::world::World;

/// What a server starts with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Where the control port listens, if it is to be on. It asks nobody for credentials.
    pub control: Option<SocketAddr>,
    /// How it is spoken to.
    pub transport: Transport,
    /// Which versions of HTTP it offers over HTTPS.
    pub offer: Offer,
    /// Who may call.
    pub accounts: Vec<Account>,
    /// What they see; the last is listed first.
    pub tasks: Vec<Task>,
    /// How many seconds of the scenario pass in one real second.
    pub time_scale: f64,
}

impl Default for Config {
    /// Plain HTTP on a free port of 127.0.0.1, the default account, no task.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            control: None,
            transport: Transport::Http,
            offer: Offer::default(),
            accounts: vec![Account::default()],
            tasks: Vec::new(),
            time_scale: 1.0,
        }
    }
}

/// The server didn't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address can't be listened on.
    #[error("can't listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The certificate can't be made or used.
    #[error("can't offer TLS: {0}")]
    Tls(#[from] TlsError),
}

/// A running server. It stops, and its connections end, when this is dropped.
#[derive(Debug)]
pub struct Simulator {
    service: Listening,
    control: Option<Listening>,
    ca_pem: Option<String>,
    world: Arc<World>,
}

impl Simulator {
    /// Starts a server inside the current Tokio runtime.
    ///
    /// # Errors
    /// When an address can't be listened on, or no certificate can be made for the names of [`Transport::Https`].
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let authority = config.transport.authority()?;
        let acceptor = authority.as_ref().map(|authority| authority.acceptor(config.offer));
        let ca_pem = authority.map(|authority| authority.ca_pem);
        let world = Arc::new(World::new(config.accounts, config.tasks, config.time_scale));
        let service = bind(config.listen, acceptor, Gateway::new(Arc::clone(&world))).await?;
        let control = match config.control {
            Some(address) => Some(bind(address, None, Control::new(Arc::clone(&world))).await?),
            None => None,
        };
        Ok(Self { service, control, ca_pem, world })
    }

    /// The URL to give to clients, without a slash at its end.
    #[must_use]
    pub fn endpoint(&self) -> String {
        let scheme = if self.ca_pem.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.service.address)
    }

    /// The URL of the control port, if it is on.
    #[must_use]
    pub fn control_endpoint(&self) -> Option<String> {
        self.control.as_ref().map(|control| format!("http://{}", control.address))
    }

    /// The certificate of the CA that clients must trust, in PEM; none for plain HTTP.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The server's wall clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.world.clock
    }

    /// The scenario's time.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.world.timeline
    }

    /// Who may call.
    #[must_use]
    pub fn accounts(&self) -> &Accounts {
        &self.world.accounts
    }

    /// The metadata service of the machine, at the same [endpoint](Self::endpoint).
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.world.metadata
    }

    /// The pod identity service of the cluster, at [`Self::pod_identity_url`].
    #[must_use]
    pub fn pod_identity(&self) -> &PodIdentity {
        &self.world.pod_identity
    }

    /// What `HC_CONTAINER_CREDENTIALS_FULL_URI` holds in a pod of this cluster.
    #[must_use]
    pub fn pod_identity_url(&self) -> String {
        format!("{}{}", self.endpoint(), pod_identity::PATH)
    }

    /// What they see.
    #[must_use]
    pub fn tasks(&self) -> &Tasks {
        &self.world.tasks
    }

    /// What goes wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.world.faults
    }

    /// What was asked and answered.
    #[must_use]
    pub fn requests(&self) -> &Journal {
        &self.world.journal
    }
}

async fn bind<H: Handler>(
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    handler: H,
) -> Result<Listening, StartError> {
    let handler = Arc::new(handler);
    let connect = move |stream| serve_http(stream, tls.clone(), Arc::clone(&handler));
    listen(address, connect).await.map_err(|source| StartError::Listen { address, source })
}
