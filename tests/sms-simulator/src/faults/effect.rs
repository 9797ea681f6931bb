//! What a fault does to a request.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::PageEdit;
use crate::api::ErrorBody;
use crate::seconds::Seconds;

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Effect {
    /// The answer's headers come later.
    Delay(Seconds),
    /// This answer in place of the service's; nobody is asked for credentials.
    Respond {
        /// Its status.
        status: u16,
        /// Its own headers.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, String>,
        /// Its body.
        body: ErrorBody,
    },
    /// An error whose every text quotes the request, headers and body: what a client shows of it must hold no secret.
    Quote {
        /// Its status.
        status: u16,
    },
    /// No answer at all.
    Drop(DropKind),
    /// The order of all tasks turns by so many places more at each request, so that tasks move between pages.
    Rotate(usize),
    /// The service's answer, changed.
    Page(PageEdit),
    /// The body is this much of itself, and Content-Length says so: JSON that ends too early.
    TruncateJson {
        /// So many bytes are left.
        keep: usize,
    },
    /// A byte that UTF-8 doesn't know, in the body's first string.
    InvalidUtf8,
    /// The body gzipped, if the client accepts that. Not a fault, but what a gateway may do.
    Gzip,
    /// The connection ends within the body, after fewer bytes than Content-Length announced.
    CutBody {
        /// So many bytes are sent.
        after: usize,
        /// How the connection ends.
        drop: DropKind,
    },
    /// The body pauses.
    StallBody {
        /// So many bytes are sent before the pause.
        after: usize,
        /// How long it lasts.
        seconds: Seconds,
    },
    /// The connection ends orderly after this answer, as gateways let it after a thousand or so: `Connection: close`, or
    /// GOAWAY in HTTP/2. Not a fault.
    HangUp,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DropKind {
    /// Closed as if all were said.
    Close,
    /// Reset.
    Reset,
    /// In HTTP/2 the connection stays, and this exchange alone is reset; in HTTP/1.1 as `Close`.
    Exchange,
}

impl Effect {
    /// An answer of this status and body.
    #[must_use]
    pub fn respond(status: u16, body: ErrorBody) -> Self {
        Self::Respond { status, headers: BTreeMap::new(), body }
    }

    /// The gateway's 429, with this value of Retry-After.
    #[must_use]
    pub fn throttle(retry_after: Option<&str>) -> Self {
        let body = ErrorBody::Gateway {
            code: "APIGW.0308".into(),
            message:
                "The throttling threshold has been reached: policy user over ratelimit,limit:60,time:1 minute"
                    .into(),
        };
        let headers = retry_after.map(|value| ("Retry-After".to_owned(), value.to_owned()));
        Self::Respond { status: 429, headers: headers.into_iter().collect(), body }
    }

    /// A 302 to another URL.
    #[must_use]
    pub fn redirect(location: impl Into<String>) -> Self {
        let headers = BTreeMap::from([("Location".to_owned(), location.into())]);
        Self::Respond { status: 302, headers, body: ErrorBody::Html }
    }

    /// `count` wrong by this.
    #[must_use]
    pub fn wrong_count(by: i64) -> Self {
        Self::Page(PageEdit::Count(by))
    }

    /// A null in the place of a task of each page.
    #[must_use]
    pub fn null_task(index: usize) -> Self {
        Self::set(format!("/tasks/{index}"), serde_json::Value::Null)
    }

    /// Every sub-task's progress below zero.
    #[must_use]
    pub fn negative_progress() -> Self {
        Self::set("/tasks/*/sub_tasks/*/progress", -7)
    }

    /// Another value at a [path](PageEdit::Set).
    #[must_use]
    pub fn set(path: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        Self::Page(PageEdit::Set { path: path.into(), value: value.into() })
    }
}
