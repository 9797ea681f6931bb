use std::{error::Error as StdError, io, iter, path::PathBuf, process::ExitCode, time::Duration};

use kube::{config::InferConfigError, runtime::wait};

use crate::signals::Signal;

/// Why the demo ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0}: the demo's processes have ended")]
    Interrupted(Signal),
    #[error("cannot {action}")]
    Io { action: String, source: io::Error },
    #[error(transparent)]
    Scenario(#[from] sms_simulator::ScenarioError),
    #[error(transparent)]
    Simulator(#[from] sms_simulator::StartError),
    /// Of the cluster or the operator; with the end of the log of what died.
    #[error(transparent)]
    Process(#[from] test_cluster::Error),
    #[error("{} is missing: run `make demo`, or `cargo build` first", .0.display())]
    OperatorMissing(PathBuf),
    #[error(
        "no cluster to use: let KUBECONFIG name one, or leave CLUSTER=current out for one of the demo's own"
    )]
    NoCurrentCluster(#[source] Box<InferConfigError>),
    #[error(
        "the namespace {0} is there already, of another demo that runs, was killed or is still being removed: wait, \
         or `kubectl delete namespace {0}`"
    )]
    NamespaceTaken(&'static str),
    #[error("cannot {action}")]
    Api { action: &'static str, source: ApiError },
    #[error("cannot {action}: the API server hasn't done it in {} s", patience.as_secs())]
    Late { action: &'static str, patience: Duration },
    #[error("the namespace {namespace} and the CustomResourceDefinition of the demo may be left behind")]
    LeftBehind { namespace: &'static str, source: Box<Error> },
    #[error("the waves haven't ended in {} s; {standing}", patience.as_secs())]
    Endless { patience: Duration, standing: String },
}

/// What an API server, or the way to it, does wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error(transparent)]
    Refused(Box<kube::core::Status>),
    #[error(transparent)]
    Client(Box<kube::Error>),
    #[error(transparent)]
    Wait(Box<wait::Error>),
}

impl From<kube::Error> for ApiError {
    fn from(error: kube::Error) -> Self {
        match error {
            // Its text alone: the client's repeats all of it as a Rust structure.
            kube::Error::Api(status) => Self::Refused(status),
            other => Self::Client(Box::new(other)),
        }
    }
}

impl From<wait::Error> for ApiError {
    fn from(error: wait::Error) -> Self {
        Self::Wait(Box::new(error))
    }
}

impl Error {
    /// For `map_err`: an I/O error with what was tried.
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }

    /// What the API server says, when it refused.
    pub(crate) fn refusal(&self) -> Option<&kube::core::Status> {
        match self {
            Self::Api { source: ApiError::Refused(status), .. } => Some(status),
            _ => None,
        }
    }

    /// What to tell the user.
    pub(crate) fn report(&self) -> String {
        let errors = iter::successors(Some(self as &dyn StdError), |&error| error.source());
        let mut texts: Vec<String> = errors.map(ToString::to_string).collect();
        // Some say what their source says.
        texts.dedup_by(|next, before| before.contains(next.as_str()));
        let prefix = if matches!(self, Self::Interrupted(_)) { "" } else { "error: " };
        format!("{prefix}{}", texts.join(": "))
    }

    /// As a shell would put it: 128 and the number of the signal, if one ended the demo.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Interrupted(signal) => ExitCode::from(128 + signal.number()),
            _ => ExitCode::FAILURE,
        }
    }
}
