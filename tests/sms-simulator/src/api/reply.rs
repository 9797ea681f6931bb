//! An answer before it is bytes, so that faults can still change it.

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::ErrorBody;
use crate::model::wire::TaskPage;

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload,
}

#[derive(Debug)]
pub(crate) enum Payload {
    Tasks(TaskPage),
    Json(Value),
    Text(Vec<u8>),
}

impl Reply {
    pub(crate) fn ok(payload: Payload) -> Self {
        Self::new(StatusCode::OK, payload)
    }

    pub(crate) fn error(status: StatusCode, body: &ErrorBody, request_id: &str) -> Self {
        let mut reply = Self::new(status, body.payload(status, request_id));
        reply.headers.insert(CONTENT_TYPE, HeaderValue::from_static(body.content_type()));
        reply
    }

    pub(crate) fn new(status: StatusCode, payload: Payload) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { status, headers, payload }
    }
}

impl Payload {
    /// The bytes of the body.
    pub(crate) fn encode(self) -> Vec<u8> {
        match self {
            // These types have string keys and serialise without a custom step, so encoding them can't fail.
            Self::Tasks(page) => serde_json::to_vec(&page).unwrap_or_default(),
            Self::Json(value) => value.to_string().into_bytes(),
            Self::Text(bytes) => bytes,
        }
    }
}
