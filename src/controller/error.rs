//! What can go wrong between the operator and the API server.

use std::{future::Future, time::Duration};

use kube::core::Status;
use thiserror::Error;

use super::said::ApiError;
use crate::telemetry::Panicked;

/// How long the API server may take for one call.
const DEADLINE: Duration = Duration::from_secs(30);

/// A reconcile that has to be done again.
#[derive(Debug, Error)]
pub(super) enum Error {
    /// The API server didn't answer in time; whether it has done what was asked isn't known.
    #[error("the API server didn't answer within {} seconds while {doing}", DEADLINE.as_secs())]
    Deadline {
        /// What was being done.
        doing: &'static str,
    },
    /// It refused, or couldn't be reached.
    #[error("{doing} failed")]
    Api {
        /// What was being done.
        doing: &'static str,
        /// Why.
        source: ApiError,
    },
    /// Another operator leads.
    #[error("{doing} is left to another operator: this one doesn't lead")]
    NotLeading {
        /// What was to be done.
        doing: &'static str,
    },
    /// It took too long, and was ended wherever it was.
    #[error("the reconcile took longer than {} seconds, and was ended", within.as_secs())]
    TooLong {
        /// How long it may take.
        within: Duration,
    },
    /// It panicked.
    #[error("{}", Panicked)]
    Defect,
    /// Somebody else has written the watch since it was read.
    #[error("the watch has changed meanwhile")]
    Conflict,
}

/// Calls the API server with a deadline: the client itself retries some answers for minutes.
pub(super) async fn call<T>(
    doing: &'static str,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, Error> {
    match tokio::time::timeout(DEADLINE, request).await {
        Ok(result) => result.map_err(|source| Error::Api { doing, source: source.into() }),
        Err(_) => Err(Error::Deadline { doing }),
    }
}

impl Error {
    /// A short name, as metrics have it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Deadline { .. } => "api_deadline",
            Self::Api { .. } => "api_error",
            Self::NotLeading { .. } => "not_leading",
            Self::TooLong { .. } => "too_long",
            Self::Defect => "defect",
            Self::Conflict => "conflict",
        }
    }

    /// The HTTP status that the API server answered with.
    pub(super) fn code(&self) -> Option<u16> {
        self.status().map(|status| status.code)
    }

    /// All that it answered.
    pub(super) fn status(&self) -> Option<&Status> {
        match self {
            Self::Api { source, .. } => source.status(),
            _ => None,
        }
    }
}
