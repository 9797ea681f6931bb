//! Starting the server, and the handles on it while it runs.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::accounts::{Account, Accounts};
use crate::auth::Gate;
use crate::clock::{Clock, Timeline};
use crate::faults::Faults;
use crate::gateway::Gateway;
use crate::journal::Journal;
use crate::model::Task;
use crate::server::{Authority, Listening, TlsError, listen};
use crate::store::Tasks;

/// How the server is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// Plain HTTP.
    Http,
    /// HTTPS, by a certificate for these host names and addresses from a CA that is made at the start.
    Https(Vec<String>),
}

impl Transport {
    /// HTTPS for this machine's own names.
    #[must_use]
    pub fn local_https() -> Self {
        Self::Https(["localhost", "127.0.0.1", "::1"].map(Into::into).to_vec())
    }
}

/// What a server starts with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// How it is spoken to.
    pub transport: Transport,
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
            transport: Transport::Http,
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
    listening: Listening,
    ca_pem: Option<String>,
    clock: Arc<Clock>,
    timeline: Arc<Timeline>,
    accounts: Arc<Accounts>,
    tasks: Arc<Tasks>,
    faults: Arc<Faults>,
    journal: Journal,
}

impl Simulator {
    /// Starts a server inside the current Tokio runtime.
    ///
    /// # Errors
    /// When the address can't be listened on, or no certificate can be made for the names of [`Transport::Https`].
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let authority = match config.transport {
            Transport::Http => None,
            Transport::Https(names) => Some(Authority::new(names)?),
        };
        let clock = Arc::new(Clock::default());
        let timeline = Arc::new(Timeline::start(config.time_scale));
        let accounts = Arc::new(Accounts::new(config.accounts));
        let tasks = Arc::new(Tasks::new(Arc::clone(&timeline), config.tasks));
        let faults = Arc::new(Faults::default());
        let journal = Journal::default();
        let gateway = Arc::new(Gateway {
            clock: Arc::clone(&clock),
            accounts: Arc::clone(&accounts),
            tasks: Arc::clone(&tasks),
            faults: Arc::clone(&faults),
            journal: journal.clone(),
            gate: Gate::default(),
            request_ids: AtomicU64::new(1),
        });
        let (acceptor, ca_pem) = authority
            .map(|authority| (authority.acceptor, authority.ca_pem))
            .unzip();
        let address = config.listen;
        let listening = listen(address, acceptor, gateway)
            .await
            .map_err(|source| StartError::Listen { address, source })?;
        Ok(Self {
            listening,
            ca_pem,
            clock,
            timeline,
            accounts,
            tasks,
            faults,
            journal,
        })
    }

    /// The URL to give to clients, without a slash at its end.
    #[must_use]
    pub fn endpoint(&self) -> String {
        let scheme = if self.ca_pem.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.listening.address)
    }

    /// The certificate of the CA that clients must trust, in PEM; none for plain HTTP.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The server's wall clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The scenario's time.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Who may call.
    #[must_use]
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// What they see.
    #[must_use]
    pub fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// What goes wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// What was asked and answered.
    #[must_use]
    pub fn requests(&self) -> &Journal {
        &self.journal
    }
}
