//! Errors in the core's words.

use super::Error;
use crate::core::{
    failure::{Failure, FailureKind},
    text,
};

/// How long a message can be.
const MESSAGE: usize = 1024;

/// Makes sentences of an error's text, which begins in lower case and has no full stop.
fn sentence(text: &str) -> String {
    // A text that begins with a URL stays as it is.
    let first = text.split([' ', ':']).next().unwrap_or_default();
    let capital = text.chars().next().filter(|_| !first.starts_with("http"));
    let rest = capital.map_or(text, |first| text.get(first.len_utf8()..).unwrap_or_default());
    let start = capital.map_or(String::new(), |first| first.to_uppercase().collect());
    format!("{start}{rest}.")
}

impl Error {
    /// Whether the category alone doesn't tell that only a person can mend it.
    fn needs_a_person(&self) -> bool {
        match self {
            Self::Tls { problem, .. } => problem.needs_a_person(),
            Self::Proxy { problem, .. } => problem.needs_a_person(),
            Self::UnknownHost { .. } => true,
            _ => false,
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Credentials(_) | Self::TokenReplaced => FailureKind::CredentialsInvalid,
            Self::Permission(_) => FailureKind::AccessDenied,
            Self::ClockSkew(_) => FailureKind::ClockSkew,
            Self::Throttled { .. } => FailureKind::Throttled,
            Self::Server(_) => FailureKind::ServerError,
            Self::Rejected(_)
            | Self::Html(_)
            | Self::Redirect { .. }
            | Self::InvalidResponse { .. }
            | Self::Unreadable { .. }
            | Self::TooLarge { .. } => FailureKind::InvalidResponse,
            Self::Unreachable { .. }
            | Self::UnknownHost { .. }
            | Self::Broken { .. }
            | Self::Proxy { .. }
            | Self::Timeout { .. } => FailureKind::EndpointUnreachable,
            Self::AddressNotAllowed { .. } => FailureKind::EndpointNotAllowed,
            Self::Tls { .. } => FailureKind::TlsFailed,
            Self::Incomplete(_) | Self::ListingTimeout(_) => FailureKind::ListIncomplete,
            Self::NoRegion | Self::NoProject { .. } => FailureKind::SecretInvalid,
            Self::Known(failure) => failure.kind,
        }
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        if let Error::Known(failure) = error {
            return (**failure).clone();
        }
        let mut failure = Self::new(error.kind(), sentence(&text::one_line(&error.to_string(), MESSAGE)));
        failure.needs_a_person |= error.needs_a_person();
        failure.request_id = error.request_id().map(str::to_owned);
        failure.retry_after = error.retry_after();
        if let Error::Incomplete(reason) = error {
            failure.least_wait = reason.least_wait();
        }
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn messages_are_sentences() {
        assert_eq!(sentence("the answer is cut"), "The answer is cut.");
        assert_eq!(
            sentence("https://sms.example.com did not answer"),
            "https://sms.example.com did not answer."
        );
        assert_eq!(sentence("SMS refuses"), "SMS refuses.");
    }
}
