//! What traces and the log say of a request. The names are those of OpenTelemetry's conventions for HTTP:
//! <https://opentelemetry.io/docs/specs/semconv/http/http-spans/>.

use std::time::Duration;

use http::StatusCode;
use tracing::{Span, debug, field::Empty, info_span};

use super::{Call, Received};
use crate::{sms::error::Error, telemetry::traces};

/// The span of a request.
pub(super) fn span(call: &Call<'_>) -> Span {
    info_span!(
        "request",
        otel.name = %format_args!("{} {}", call.method(), call.api.path()),
        otel.kind = "client",
        http.request.method = %call.method(),
        server.address = call.endpoint.authority(),
        url.path = call.api.path(),
        http.response.status_code = Empty,
        request_id = Empty,
    )
}

/// The head of an answer has come.
pub(super) fn answered(span: &Span, status: StatusCode, request_id: Option<&str>) {
    span.record("http.response.status_code", status.as_u16());
    span.record("request_id", request_id);
}

/// All of it has come, or won't.
pub(super) fn ended<T>(span: &Span, call: &Call<'_>, received: &Result<Received<T>, Error>, took: Duration) {
    let (path, took_ms) = (call.api.path(), u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    match received {
        Ok(Received { length, request_id, .. }) => {
            debug!(path, request_id, took_ms, bytes = length, "answered");
        }
        Err(error) => {
            traces::failed(span, error);
            debug!(path, request_id = error.request_id(), took_ms, "{error}");
        }
    }
}
