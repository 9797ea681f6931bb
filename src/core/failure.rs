//! Why a watch can't be served: one closed list, whose names are the reasons of the `Ready` condition.

use std::time::Duration;

/// The category of a failure. It decides the condition's reason, whether a person must act, and how soon the
/// operator tries again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The spec contradicts itself or can't be read.
    InvalidSpec,
    /// The named Secret doesn't exist.
    SecretNotFound,
    /// The Secret lacks a key or holds something unusable.
    SecretInvalid,
    /// SMS doesn't accept the credentials.
    CredentialsInvalid,
    /// The credentials lack a permission.
    AccessDenied,
    /// The endpoint isn't one that the operator's owner allows.
    EndpointNotAllowed,
    /// No connection, no answer in time, or an answer that broke off.
    EndpointUnreachable,
    /// The TLS handshake failed.
    TlsFailed,
    /// The clocks of the operator and of the API are more than 15 minutes apart.
    ClockSkew,
    /// The API's flow control refused the request.
    Throttled,
    /// The API, or a proxy before it, answered with a server error.
    ServerError,
    /// The answer can't be understood.
    InvalidResponse,
    /// The tasks kept changing between the pages, or can't all be reached.
    ListIncomplete,
    /// The API server doesn't take the status.
    StatusRefused,
    /// The operator itself failed.
    InternalError,
}

impl FailureKind {
    /// Every category.
    pub const ALL: [Self; 15] = [
        Self::InvalidSpec,
        Self::SecretNotFound,
        Self::SecretInvalid,
        Self::CredentialsInvalid,
        Self::AccessDenied,
        Self::EndpointNotAllowed,
        Self::EndpointUnreachable,
        Self::TlsFailed,
        Self::ClockSkew,
        Self::Throttled,
        Self::ServerError,
        Self::InvalidResponse,
        Self::ListIncomplete,
        Self::StatusRefused,
        Self::InternalError,
    ];

    /// The reason in the `Ready` condition, and the label in metrics.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::InvalidSpec => "InvalidSpec",
            Self::SecretNotFound => "SecretNotFound",
            Self::SecretInvalid => "SecretInvalid",
            Self::CredentialsInvalid => "CredentialsInvalid",
            Self::AccessDenied => "AccessDenied",
            Self::EndpointNotAllowed => "EndpointNotAllowed",
            Self::EndpointUnreachable => "EndpointUnreachable",
            Self::TlsFailed => "TLSFailed",
            Self::ClockSkew => "ClockSkew",
            Self::Throttled => "Throttled",
            Self::ServerError => "ServerError",
            Self::InvalidResponse => "InvalidResponse",
            Self::ListIncomplete => "ListIncomplete",
            Self::StatusRefused => "StatusRefused",
            Self::InternalError => "InternalError",
        }
    }

    /// Whether the failure is told at once, since waiting doesn't heal it. All others get the time of
    /// two intervals first.
    #[must_use]
    pub fn is_told_at_once(self) -> bool {
        matches!(
            self,
            Self::InvalidSpec
                | Self::SecretNotFound
                | Self::SecretInvalid
                | Self::CredentialsInvalid
                | Self::AccessDenied
                | Self::EndpointNotAllowed
                | Self::StatusRefused
        )
    }

    /// Whether other credentials can mend it.
    #[must_use]
    pub fn is_of_credentials(self) -> bool {
        matches!(
            self,
            Self::SecretNotFound | Self::SecretInvalid | Self::CredentialsInvalid | Self::AccessDenied
        )
    }
}

/// A failure, ready to be shown: what happened and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The category.
    pub kind: FailureKind,
    /// Whether only a person can mend it.
    pub needs_a_person: bool,
    /// What happened and what to do, in a sentence or two, without anything that differs from try to try.
    pub message: String,
    /// The API's id of the refused request, which the vendor's support asks for.
    pub request_id: Option<String>,
    /// How long the API asked to be left alone.
    pub retry_after: Option<Duration>,
    /// How long to wait at least before trying again by itself, since a try costs much and has little hope. Whoever asks
    /// for a listing gets one.
    pub least_wait: Duration,
}

impl Failure {
    /// A failure of this category; a person is needed where the category says so.
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            needs_a_person: kind.is_told_at_once(),
            message: message.into(),
            request_id: None,
            retry_after: None,
            least_wait: Duration::ZERO,
        }
    }

    /// A mistake of the operator's own.
    #[must_use]
    pub fn defect() -> Self {
        let message = "The operator made a mistake of its own, and tries again. Its log says what it was: please report that.";
        Self::new(FailureKind::InternalError, message)
    }

    /// Whether trying costs so much that it isn't tried again soon.
    #[must_use]
    pub fn is_costly(&self) -> bool {
        !self.least_wait.is_zero()
    }

    /// What a message ends with: the id of the request, if there is one.
    #[must_use]
    pub fn request_note(&self) -> String {
        self.request_id.as_ref().map_or(String::new(), |id| format!("{REQUEST_ID}{id}."))
    }
}

/// What comes before the id of a request, at the end of a message.
const REQUEST_ID: &str = " Request id: ";

/// A message without the id of the request, which differs from try to try.
#[must_use]
pub fn without_request_id(message: &str) -> &str {
    message.rsplit_once(REQUEST_ID).map_or(message, |(message, _)| message)
}
