//! One question to the machine or the cluster.

use http::{HeaderValue, StatusCode};
use zeroize::Zeroizing;

use super::error::{AmbientError, Place};
use crate::sms::http::read_whole;

/// More than any answer has.
const LIMIT: usize = 256 * 1024;

/// A header that no output of the layers below shows.
pub(super) fn sensitive(value: &str) -> HeaderValue {
    let mut value = HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Zeroizing<String>,
}

/// Asks, and reads the whole answer.
pub(super) async fn ask(place: Place, request: reqwest::RequestBuilder) -> Result<Answer, AmbientError> {
    let unreachable =
        |error: reqwest::Error| AmbientError::Unreachable { place, source: error.without_url() };
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    let body = read_whole(response, LIMIT).await.map_err(unreachable)?;
    let body = body.and_then(|body| String::from_utf8(body).ok());
    let body = body.ok_or(AmbientError::Answer { place, what: "text", source: None })?;
    Ok(Answer { status, body: body.into() })
}
