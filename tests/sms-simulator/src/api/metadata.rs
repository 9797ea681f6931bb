//! The calls of the metadata service, as the vendor's SDKs make them.

use std::ops::RangeInclusive;
use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::json;

use super::{ErrorBody, Payload, Reply, Service};
use crate::ambient::{NoAgency, NoKey, TokenStep};
use crate::auth::{Signed, header};
use crate::random::NoRandomness;
use crate::time;

/// Where a token is asked for by PUT.
pub(super) const TOKEN_PATH: &str = "/meta-data/latest/api/token";
/// Where the temporary key is.
pub(super) const KEY_PATH: &str = "/openstack/latest/securitykey";

const TOKEN_SECONDS: RangeInclusive<u64> = 1..=21_600;
/// What the vendor's SDKs look for in a 401 that no new token would help against.
const NO_AGENCY: &str = "Please configure Cloud Service Agency first";

/// `PUT /meta-data/latest/api/token`: a token as plain text.
pub(super) fn token(service: Service<'_>, request: Signed<'_>) -> Reply {
    if service.metadata.token_step() == TokenStep::Missing {
        return not_found();
    }
    let seconds = header(request.headers, "x-metadata-token-ttl-seconds").and_then(|text| text.parse().ok());
    let Some(seconds) = seconds.filter(|seconds| TOKEN_SECONDS.contains(seconds)) else {
        return refusal(StatusCode::BAD_REQUEST, "400 Bad Request");
    };
    match service.metadata.give_token(service.now, Duration::from_secs(seconds)) {
        Ok(token) => {
            let mut reply = Reply::ok(Payload::Text(token.into_bytes()));
            reply.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
            reply
        }
        Err(error) => failure(error),
    }
}

/// `GET /openstack/latest/securitykey`: the temporary key of the instance's agency.
pub(super) fn key(service: Service<'_>, request: Signed<'_>) -> Reply {
    let token = header(request.headers, "x-metadata-token");
    if let Err(unauthorized) = service.metadata.admit(token, service.now) {
        return refusal(StatusCode::UNAUTHORIZED, &unauthorized.to_string());
    }
    match service.metadata.agency().key(service.now) {
        Ok(key) => Reply::ok(Payload::Json(json!({"credential": {
            "access": key.id,
            "secret": key.secret,
            "securitytoken": key.security_token,
            "expires_at": key.expires_at.map(time::micros),
        }}))),
        Err(NoKey::NoAgency) => match service.metadata.no_agency() {
            NoAgency::Unauthorized => refusal(StatusCode::UNAUTHORIZED, NO_AGENCY),
            NoAgency::NotFound => not_found(),
        },
        Err(NoKey::NoRandomness(error)) => failure(error),
    }
}

fn not_found() -> Reply {
    Reply::error(StatusCode::NOT_FOUND, &ErrorBody::Html, "")
}

fn failure(error: NoRandomness) -> Reply {
    refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string())
}

/// The bodies beside that one sentence are unverified.
fn refusal(status: StatusCode, text: &str) -> Reply {
    Reply::error(status, &ErrorBody::Text(text.into()), "")
}
