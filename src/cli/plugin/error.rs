use std::{io, time::Duration};

use thiserror::Error;

use crate::{controller::ApiError, core::time::short};

/// Why the plugin can't do what it is asked for.
#[derive(Debug, Error)]
pub(super) enum PluginError {
    /// There is no way to the cluster.
    #[error(transparent)]
    Cluster(#[from] super::super::cluster::ClusterError),
    /// There is no such watch.
    #[error("there is no MigrationTaskWatch {name} in namespace {namespace}")]
    NoWatch {
        /// Its name.
        name: String,
        /// Where it was looked for.
        namespace: String,
    },
    /// The cluster doesn't know the kind.
    #[error("the cluster doesn't know the kind MigrationTaskWatch: install its CustomResourceDefinition")]
    NoDefinition,
    /// The API server refuses, or doesn't answer.
    #[error("can't {doing}")]
    Api {
        /// What was to be done.
        doing: &'static str,
        /// Why it wasn't.
        source: ApiError,
    },
    /// The API server doesn't let itself be followed.
    #[error("can't follow the watches: {0}")]
    Follow(String),
    /// Nothing is listed while it is suspended.
    #[error("{0} is suspended: there is no listing until its spec.suspend is false")]
    Suspended(String),
    /// The operator didn't answer in time.
    #[error(
        "no operator has answered in {}: check that it runs and looks at namespace {namespace}", short(*.patience)
    )]
    Unanswered {
        /// Where the watch is.
        namespace: String,
        /// How long it was waited for.
        patience: Duration,
    },
    /// The watch went while it was waited for.
    #[error("{0} has been deleted")]
    Deleted(String),
    /// Standard output or the terminal can't be used.
    #[error("can't write to standard output")]
    Output(#[from] io::Error),
    /// A value can't be written as JSON.
    #[error("can't write JSON")]
    Json(#[from] serde_json::Error),
}

impl PluginError {
    /// What the API server said to something.
    pub(super) fn api(doing: &'static str) -> impl FnOnce(kube::Error) -> Self {
        move |error| match &error {
            // Of a list this can be said of the kind alone.
            kube::Error::Api(status) if status.code == 404 => Self::NoDefinition,
            _ => Self::Api { doing, source: error.into() },
        }
    }
}
