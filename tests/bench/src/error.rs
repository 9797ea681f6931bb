use std::{error::Error as StdError, io, iter, time::Duration};

/// Why the bench ended without its figures.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot {action}")]
    Io { action: String, source: io::Error },
    /// Of the cluster, or of a program that died: then with the end of its log.
    #[error(transparent)]
    Process(#[from] test_cluster::Error),
    #[error("cannot {action}")]
    Api { action: &'static str, source: Box<kube::Error> },
    #[error("cannot {action}: the API server hasn't done it in {} s", patience.as_secs())]
    Late { action: &'static str, patience: Duration },
    #[error("cannot ask SMS")]
    Sms(#[from] reqwest::Error),
    #[error("SMS answered {status}")]
    SmsRefused { status: http::StatusCode },
    #[error("SMS sent something else than JSON")]
    SmsJson(#[source] serde_json::Error),
    #[error("SMS can't offer TLS")]
    SmsTls(#[from] sms_simulator::TlsError),
    #[error("the bench's own SMS ended before it said where it is")]
    SmsEnded,
    #[error("a watch names no endpoint or no Secret, or the Secret has no token")]
    Incomplete,
    #[error("/proc/{pid}/{file} can't be read: the figures need Linux, and the program alive")]
    Proc { pid: u32, file: &'static str },
    #[error("{} is missing: run `make bench`", .0.display())]
    ProgramMissing(std::path::PathBuf),
    #[error("the program didn't say in time that it has started, but:\n{0}")]
    NotStarted(String),
    #[error("the program hasn't ended {} s after SIGTERM", .0.as_secs())]
    NotEnded(Duration),
    #[error("there is no scenario {name}: take one of {known}, or all")]
    NoScenario { name: String, known: String },
    #[error("cannot {action}")]
    Wait { action: &'static str, source: Box<kube::runtime::wait::Error> },
    #[error("cannot follow the watches")]
    Follow(#[source] Box<kube::runtime::watcher::Error>),
    #[error("wrong in {0}")]
    Wrong(String),
}

impl Error {
    /// For `map_err`: an I/O error with what was tried.
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }

    /// For `map_err`: an error of the API server with what was tried.
    pub(crate) fn api(action: &'static str) -> impl FnOnce(kube::Error) -> Self {
        move |source| Self::Api { action, source: Box::new(source) }
    }

    /// For `map_err`: what never came.
    pub(crate) fn wait(action: &'static str) -> impl FnOnce(kube::runtime::wait::Error) -> Self {
        move |source| Self::Wait { action, source: Box::new(source) }
    }

    /// The end of a watch stream.
    pub(crate) fn follow(source: kube::runtime::watcher::Error) -> Self {
        Self::Follow(Box::new(source))
    }

    /// What to tell the user.
    pub(crate) fn report(&self) -> String {
        let errors = iter::successors(Some(self as &dyn StdError), |&error| error.source());
        let mut texts: Vec<String> = errors.map(ToString::to_string).collect();
        texts.dedup_by(|next, before| before.contains(next.as_str()));
        format!("error: {}", texts.join(": "))
    }
}
