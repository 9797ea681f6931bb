//! Errors in the core's words.

use super::Error;
use crate::core::{
    failure::{Failure, FailureKind},
    text,
};

/// How long a message can be.
const MESSAGE: usize = 1024;

impl Error {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Credentials(_) => FailureKind::CredentialsInvalid,
            Self::Permission(_) => FailureKind::AccessDenied,
            Self::ClockSkew(_) => FailureKind::ClockSkew,
            Self::Throttled { .. } => FailureKind::Throttled,
            Self::Server(_) => FailureKind::ServerError,
            Self::Rejected(_)
            | Self::Html(_)
            | Self::Redirect { .. }
            | Self::InvalidResponse { .. }
            | Self::TooLarge { .. } => FailureKind::InvalidResponse,
            Self::Unreachable { .. } | Self::Broken { .. } | Self::Timeout { .. } => {
                FailureKind::EndpointUnreachable
            }
            Self::Tls { .. } => FailureKind::TlsFailed,
            Self::Incomplete(_) | Self::ListingTimeout(_) => FailureKind::ListIncomplete,
        }
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let mut failure = Self::new(error.kind(), text::one_line(&error.to_string(), MESSAGE));
        failure.needs_a_person |= matches!(error, Error::Tls { problem, .. } if problem.needs_a_person());
        failure.request_id = error.request_id().map(str::to_owned);
        failure.retry_after = error.retry_after();
        failure
    }
}
