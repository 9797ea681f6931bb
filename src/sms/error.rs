//! Why SMS couldn't be asked, typed by what to do about it.

mod answer;
mod failure;
mod incomplete;
mod transport;

use std::time::Duration;

pub use answer::Answer;
pub use incomplete::Incomplete;
pub use transport::{ProxyProblem, TlsProblem};

pub(super) use answer::AnswerHead;

use super::{api::Api, wire::PageError};
use crate::core::{
    endpoint::{Endpoint, Region},
    failure::Failure,
    pace::RateLimit,
    schedule::REFUSED,
};

/// The code of SMS for a permission that is missing.
const NO_PERMISSION: &str = "SMS.9004";

/// Why a listing failed. Messages say what happened and what to do, and don't change from try to try.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SMS doesn't accept the credentials. Trying again soon can lock the access key.
    #[error("{api} does not accept the credentials: {0}. {advice}", api = .0.api, advice = .0.api.advice_on_credentials())]
    Credentials(Answer),
    /// The credentials are good, but lack a permission.
    #[error("the credentials lack a permission: {0}. {advice}", advice = .0.api.advice_on_permission())]
    Permission(Answer),
    /// The signature's time is too far from the API's.
    #[error(
        "the clock here is more than 15 minutes away from that of {api}: {0}. Synchronise the clocks of the nodes",
        api = .0.api
    )]
    ClockSkew(Answer),
    /// Flow control.
    #[error(
        "the flow control of {api} refused the request: {answer}. Fewer watches or longer intervals help",
        api = answer.api
    )]
    Throttled {
        /// What SMS answered, with the time to wait if it said one.
        answer: Answer,
        /// The limit that was exceeded, if SMS named it.
        limit: Option<RateLimit>,
    },
    /// A server error of SMS, or of a proxy before it.
    #[error("{api}, or a proxy before it, failed: {0}", api = .0.api)]
    Server(Answer),
    /// SMS, or something else at this endpoint, refuses the request as such.
    #[error("the request was refused: {0}. {advice}", advice = .0.api.advice_on_request())]
    Rejected(Answer),
    /// A page for people where JSON was expected.
    #[error("the answer is {0}. Check the endpoint and the way to it")]
    Html(Answer),
    /// A redirect, which is never followed: it would take the credentials to another place.
    #[error(
        "{endpoint} redirects to {to}, which is not followed. Check the endpoint and the proxies on the way"
    )]
    Redirect {
        /// Who redirects.
        endpoint: Endpoint,
        /// The host that it redirects to.
        to: String,
        /// The API's id of the request.
        request_id: Option<String>,
    },
    /// An answer that isn't what was asked for.
    #[error("the answer of {api} can't be used: {problem}")]
    InvalidResponse {
        /// Which call.
        api: Api,
        /// What is wrong with it.
        #[source]
        problem: PageError,
        /// The API's id of the request.
        request_id: Option<String>,
    },
    /// An answer that broke off, or that can't be decompressed.
    #[error("the answer of {endpoint} broke off: {cause}. Check the proxies on the way")]
    Broken {
        /// Who answered.
        endpoint: Endpoint,
        /// The innermost reason.
        cause: String,
        /// All reasons.
        source: reqwest::Error,
    },
    /// An answer that breaks the rules of HTTP, or whose headers are longer than any should be.
    #[error(
        "the answer of {endpoint} can't be read, since its headers are too long or it breaks the rules of HTTP: {cause}. \
         Check the endpoint and the proxies on the way"
    )]
    Unreadable {
        /// Who answered.
        endpoint: Endpoint,
        /// The innermost reason.
        cause: String,
        /// All reasons.
        source: reqwest::Error,
    },
    /// An answer longer than any page of tasks.
    #[error("the answer of {api} is longer than {limit} bytes, which none should be")]
    TooLarge {
        /// Which call.
        api: Api,
        /// The greatest length that is read.
        limit: usize,
    },
    /// No connection, or one that broke.
    #[error(
        "{endpoint} can't be reached: {cause}. Check the endpoint, name resolution, network policies and proxies"
    )]
    Unreachable {
        /// Who should have answered.
        endpoint: Endpoint,
        /// The innermost reason.
        cause: String,
        /// All reasons.
        source: reqwest::Error,
    },
    /// Name resolution doesn't know the host.
    #[error("{endpoint} can't be reached: there is no such host. Check spec.region and spec.endpoint")]
    UnknownHost {
        /// What was meant to be called.
        endpoint: Endpoint,
        /// All reasons.
        source: reqwest::Error,
    },
    /// No connection or no whole answer in time.
    #[error("{endpoint} did not answer within {} s", limit.as_secs())]
    Timeout {
        /// Who should have answered.
        endpoint: Endpoint,
        /// How long was waited.
        limit: Duration,
    },
    /// The pages of a listing took too long together.
    #[error("listing all tasks took longer than {} s", .0.as_secs())]
    ListingTimeout(Duration),
    /// The TLS handshake failed.
    #[error("the TLS connection to {endpoint} failed: {problem}")]
    Tls {
        /// The other side.
        endpoint: Endpoint,
        /// What is wrong, and what to do.
        problem: TlsProblem,
        /// All reasons.
        source: reqwest::Error,
    },
    /// The pages don't add up to a complete list.
    #[error(transparent)]
    Incomplete(#[from] Incomplete),
    /// The endpoint's name resolves to addresses that may not be connected to. They aren't shown: they would tell
    /// whoever writes watches what the operator's network looks like.
    #[error(
        "{endpoint} is not called: its name resolves to private or reserved addresses only. Check the endpoint; the \
         operator's owner finds the addresses in its log, and can allow them with --allowed-cidrs"
    )]
    AddressNotAllowed {
        /// What was meant to be called.
        endpoint: Endpoint,
    },
    /// The proxy failed, and not what is behind it.
    #[error("{endpoint} can't be reached, since the operator's proxy failed: {problem}")]
    Proxy {
        /// What was meant to be called.
        endpoint: Endpoint,
        /// What the proxy did, and what to do.
        problem: ProxyProblem,
        /// All reasons.
        source: reqwest::Error,
    },
    /// A project is to be looked up by the region's name, but there is no region.
    #[error(
        "the Secret's projectId is auto, which takes the project that is named like spec.region. Set spec.region"
    )]
    NoRegion,
    /// The account has no project of that name.
    #[error(
        "the account has no project named {region}. Write the id of a project into the Secret's projectId, or correct spec.region"
    )]
    NoProject {
        /// The region, whose project was asked for.
        region: Region,
    },
    /// The token was refused to another listing while this one waited for its turn.
    #[error("the token was refused, and another one takes its place")]
    TokenReplaced,
    /// What failed for others with the same credentials, or what is known before.
    #[error("{}", .0.message)]
    Known(Box<Failure>),
}

impl Error {
    /// Types an answer that isn't a success.
    pub(super) fn from_answer(answer: Answer) -> Self {
        if answer.html && answer.status < 500 {
            // Perhaps it is the API's own page after all: what refuses isn't asked fast.
            let refuses = matches!(answer.status, 401 | 403);
            let pause = answer.retry_after.or(refuses.then_some(REFUSED));
            return Self::Html(Answer { retry_after: pause, ..answer });
        }
        match (answer.gateway_code().unwrap_or_default(), answer.status) {
            ("0303", _) => Self::ClockSkew(answer),
            // Gateways have been seen to answer a skewed clock with the code of a bad signature
            // (huaweicloud-sdk-java-v3, issue 44).
            ("0301", _)
                if answer.message.as_deref().is_some_and(|text| text.contains("signature expired")) =>
            {
                Self::ClockSkew(answer)
            }
            ("0308", _) | (_, 429) => {
                let limit = answer.message.as_deref().and_then(RateLimit::find);
                let pause = answer.retry_after.or(limit.map(|limit| limit.per));
                Self::Throttled { answer: Answer { retry_after: pause, ..answer }, limit }
            }
            ("0301" | "0307", _) | (_, 401) => Self::Credentials(answer),
            // Whatever the status: some gateways pass errors on with that of a success.
            _ if answer.code.as_deref() == Some(NO_PERMISSION) => Self::Permission(answer),
            // What IAM can't find or use of a request for a token is the user's name, password, account or project.
            (code, 400 | 403 | 404 | 409) if code.is_empty() && answer.api == Api::CreateToken => {
                Self::Credentials(answer)
            }
            (_, 403) => Self::Permission(answer),
            (_, 408 | 500..) => Self::Server(answer),
            _ => Self::Rejected(answer),
        }
    }

    /// Whether the next try of the same request has a good chance. What asked for a pause has not.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Server(answer) => answer.retry_after.is_none(),
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Broken { .. } => true,
            Self::Proxy { problem, .. } => !problem.needs_a_person(),
            _ => false,
        }
    }

    /// What SMS answered, if it did.
    fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Credentials(answer)
            | Self::Permission(answer)
            | Self::ClockSkew(answer)
            | Self::Throttled { answer, .. }
            | Self::Server(answer)
            | Self::Rejected(answer)
            | Self::Html(answer) => Some(answer),
            _ => None,
        }
    }

    /// The API's id of the request, which the vendor's support asks for.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Redirect { request_id, .. } | Self::InvalidResponse { request_id, .. } => {
                request_id.as_deref()
            }
            _ => self.answer()?.request_id.as_deref(),
        }
    }

    /// How long the API asked to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.answer()?.retry_after
    }
}

#[cfg(test)]
mod tests;
