use std::{io, path::PathBuf, process::ExitStatus, time::Duration};

use kube::config::KubeconfigError;

/// Why a cluster couldn't be started or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// etcd or kube-apiserver hasn't been built.
    #[error("{} is missing: run `make cluster`, or let KUBEBUILDER_ASSETS name a directory with etcd and kube-apiserver", .0.display())]
    BinaryMissing(PathBuf),
    /// A file, socket or process of the cluster failed.
    #[error("cannot {action}")]
    Io {
        /// What was tried.
        action: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The system gave no random bytes for keys and tokens.
    #[error("cannot generate a key: the system gave no random bytes")]
    Random,
    /// A server ended by itself.
    #[error("{name} ended with {status}; the end of its log:\n{log}")]
    Exited {
        /// The program, such as `etcd`.
        name: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its log.
        log: String,
    },
    /// The API server runs, but didn't become ready.
    #[error("kube-apiserver isn't ready after {waited:?}; the end of its log:\n{log}")]
    NotReady {
        /// How long it had.
        waited: Duration,
        /// The last lines of its log.
        log: String,
        /// What the last look at /readyz gave.
        source: Box<Error>,
    },
    /// The cluster's own kubeconfig couldn't be read.
    #[error("cannot read the cluster's kubeconfig")]
    Kubeconfig(#[from] KubeconfigError),
    /// The API server refused a request or couldn't be asked.
    #[error("cannot {action}")]
    Api {
        /// What was tried.
        action: String,
        /// Why it failed.
        source: Box<kube::Error>,
    },
    /// The API server answered a `TokenRequest` without a token.
    #[error("the API server issued no token for ServiceAccount {0}")]
    NoToken(String),
    /// The chart's RBAC rules aren't a list of policy rules.
    #[error("{} isn't a list of RBAC rules", path.display())]
    Rules {
        /// The chart's file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<serde_saphyr::Error>,
    },
}

impl Error {
    /// For `map_err`: an I/O error with what was tried.
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }

    /// For `map_err`: an API error with what was tried.
    pub(crate) fn api(action: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let action = action.into();
        move |source| Self::Api { action, source: Box::new(source) }
    }
}
