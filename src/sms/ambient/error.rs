//! Why there is no identity.

use crate::{
    core::failure::{Failure, FailureKind},
    sms::credentials::{SecretError, ValueError},
};

/// Why the operator has no identity of its own. Messages reach those who create watches, so that they say nothing of
/// the machine but what failed; the sources are for the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum AmbientError {
    /// The environment's access key can't be used.
    #[error("the operator's environment can't be used: {0}")]
    Environment(#[source] SecretError),
    /// No answer.
    #[error("{place} did not answer. Outside of it, give the operator an access key in its environment")]
    Unreachable { place: Place, source: reqwest::Error },
    /// A refusal.
    #[error("{place} gives no credentials (HTTP status {status}). {}", place.advice())]
    Refused { place: Place, status: u16 },
    /// An answer in another form than the vendor's.
    #[error("the answer of {place} can't be used: it has no usable {what}")]
    Answer { place: Place, what: &'static str, source: Option<ValueError> },
    /// The pod's token can't be read.
    #[error("the file of HC_CONTAINER_AUTHORIZATION_TOKEN_FILE can't be read")]
    TokenFile(#[source] std::io::Error),
    /// The pod's token can't be sent.
    #[error("the file of HC_CONTAINER_AUTHORIZATION_TOKEN_FILE holds no token: its content {0}")]
    Token(#[source] ValueError),
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Metadata,
    PodIdentity,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Metadata => "the metadata service of the ECS machine",
            Self::PodIdentity => "the pod identity of CCE",
        })
    }
}

impl Place {
    fn advice(self) -> &'static str {
        match self {
            Self::Metadata => "Give the machine an agency that may list SMS tasks",
            Self::PodIdentity => "Check the pod identity association of the operator's service account",
        }
    }
}

impl From<&AmbientError> for Failure {
    fn from(error: &AmbientError) -> Self {
        let (kind, needs_a_person) = match error {
            AmbientError::Environment(_) => (FailureKind::SecretInvalid, true),
            AmbientError::Unreachable { .. } => (FailureKind::EndpointUnreachable, false),
            AmbientError::Refused { status, .. } if *status >= 500 || *status == 429 => {
                (FailureKind::ServerError, false)
            }
            AmbientError::Refused { .. } => (FailureKind::CredentialsInvalid, true),
            AmbientError::Answer { .. } => (FailureKind::InvalidResponse, false),
            AmbientError::TokenFile(_) | AmbientError::Token(_) => (FailureKind::InternalError, true),
        };
        Self {
            needs_a_person,
            ..Self::new(kind, format!("The operator's own identity can't be used: {error}."))
        }
    }
}
