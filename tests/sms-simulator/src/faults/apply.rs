//! The faults that hit one request, in the order in which an answer comes to be.

use std::time::Duration;

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};

use super::{DropKind, Effect, bytes};
use crate::api::{ErrorBody, Payload, Reply};
use crate::auth::Signed;
use crate::server::{Abort, Delivery, Then};

/// What happens to one request.
#[derive(Debug)]
pub(crate) struct Disruption {
    /// Each effect, and the how-manieth hit of its fault this is.
    hits: Vec<(Effect, u64)>,
}

impl Disruption {
    pub(super) fn new(hits: Vec<(Effect, u64)>) -> Self {
        Self { hits }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.hits.is_empty()
    }

    fn effects(&self) -> impl Iterator<Item = &Effect> {
        self.hits.iter().map(|(effect, _)| effect)
    }

    /// How long the answer waits.
    pub(crate) fn delay(&self) -> Duration {
        let delays = self.effects().filter_map(|effect| match effect {
            Effect::Delay(seconds) => Some(seconds.0),
            _ => None,
        });
        delays.fold(Duration::ZERO, Duration::saturating_add)
    }

    /// What comes in place of the service's answer.
    pub(crate) fn replacement(&self, request: Signed<'_>, request_id: &str) -> Option<Result<Reply, Abort>> {
        self.effects().find_map(|effect| match effect {
            Effect::Respond { status, headers, body } => {
                let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let mut reply = Reply::error(status, body, request_id);
                let headers = headers.iter().filter_map(|(name, value)| header(name, value));
                reply.headers.extend(headers);
                Some(Ok(reply))
            }
            Effect::Quote { status } => Some(Ok(quote(*status, request))),
            Effect::Drop(kind) => Some(Err((*kind).into())),
            _ => None,
        })
    }

    /// How far the order of the tasks has turned.
    pub(crate) fn rotation(&self) -> usize {
        let turns = self.hits.iter().filter_map(|(effect, hit)| match effect {
            Effect::Rotate(by) => Some(by.saturating_mul(usize::try_from(*hit).unwrap_or(usize::MAX))),
            _ => None,
        });
        turns.fold(0, usize::saturating_add)
    }

    /// The body after all changes; gzip, if it is done, is told in the headers.
    pub(crate) fn body(&self, payload: Payload, accepted: &HeaderMap, headers: &mut HeaderMap) -> Vec<u8> {
        let mut body = self.edit(payload).encode();
        for effect in self.effects() {
            match effect {
                Effect::TruncateJson { keep } => body.truncate(*keep),
                Effect::InvalidUtf8 => body = bytes::spoil_utf8(body),
                _ => {}
            }
        }
        if self.effects().any(|effect| *effect == Effect::Gzip) && accepts_gzip(accepted) {
            match bytes::gzip(&body) {
                Ok(zipped) => {
                    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                    body = zipped;
                }
                Err(error) => tracing::warn!(%error, "a body can't be gzipped"),
            }
        }
        body
    }

    /// Pages are turned into JSON values only when something is to be changed.
    fn edit(&self, payload: Payload) -> Payload {
        let mut edits = self
            .effects()
            .filter_map(|effect| match effect {
                Effect::Page(edit) => Some(edit),
                _ => None,
            })
            .peekable();
        if edits.peek().is_none() {
            return payload;
        }
        let mut value = match payload {
            Payload::Tasks(page) => serde_json::to_value(&page).unwrap_or_default(),
            Payload::Json(value) => value,
            text @ Payload::Text(_) => return text,
        };
        edits.for_each(|edit| edit.apply(&mut value));
        Payload::Json(value)
    }

    /// How the body reaches the client.
    pub(crate) fn delivery(&self) -> Delivery {
        let delivery = self.effects().find_map(|effect| match effect {
            Effect::CutBody { after, drop } => {
                Some(Delivery { after: *after, then: Then::Abort((*drop).into()) })
            }
            Effect::StallBody { after, seconds } => {
                Some(Delivery { after: *after, then: Then::Pause(seconds.0) })
            }
            _ => None,
        });
        delivery.unwrap_or_default()
    }

    /// Whether the connection ends with the answer.
    pub(crate) fn hangs_up(&self) -> bool {
        self.effects().any(|effect| *effect == Effect::HangUp)
    }
}

impl From<DropKind> for Abort {
    fn from(kind: DropKind) -> Self {
        match kind {
            DropKind::Close => Self::Close,
            DropKind::Reset => Self::Reset,
            DropKind::Exchange => Self::Exchange,
        }
    }
}

/// An error that holds the request in each text.
fn quote(status: u16, request: Signed<'_>) -> Reply {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = request
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
    let text = format!("{}\n{}", headers.collect::<String>(), String::from_utf8_lossy(request.body));
    let body = serde_json::json!({"error_code": text, "error_msg": text, "request_id": text, "details": [{"error_msg": text}]});
    let body = if request.path.starts_with("/v3/auth") {
        serde_json::json!({"error": {"message": text, "code": text, "title": text}})
    } else {
        body
    };
    Reply::error(status, &ErrorBody::Json(body), "")
}

fn header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((name.parse().ok()?, value.parse().ok()?))
}

fn accepts_gzip(accepted: &HeaderMap) -> bool {
    let encodings = accepted.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    encodings.flat_map(|value| value.split(',')).any(|encoding| encoding.trim().starts_with("gzip"))
}
