//! The call of the pod identity service, as the vendor's SDKs make it. How it refuses is unverified.

use http::StatusCode;
use serde_json::{Value, json};

use super::{ErrorBody, Payload, Reply, Service};
use crate::accounts::AccessKey;
use crate::ambient::NoKey;
use crate::auth::{Signed, header};
use crate::time;

/// Where the simulator has it; the real one is wherever the pod's environment says.
pub(crate) const PATH: &str = "/pod-identity/credentials";

/// `POST` of an empty object: a temporary key for the pod.
pub(super) fn credentials(service: Service<'_>, request: Signed<'_>) -> Reply {
    if !service.pod_identity.admits(header(request.headers, "authorization")) {
        return refusal(StatusCode::UNAUTHORIZED, "the pod's token is unknown or has expired");
    }
    if !serde_json::from_slice::<Value>(request.body).is_ok_and(|body| body == json!({})) {
        return refusal(StatusCode::BAD_REQUEST, "the body must be an empty object");
    }
    match service.pod_identity.agency().key(service.now) {
        Ok(key) => Reply::ok(Payload::Json(body(&key))),
        Err(NoKey::NoAgency) => refusal(StatusCode::NOT_FOUND, "the pod's service account has no agency"),
        Err(error @ NoKey::NoRandomness(_)) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// The fields as in the test of the vendor's SDK for Go.
fn body(key: &AccessKey) -> Value {
    json!({
        "assumedAgency": {"urn": "iam::simulator:agency:pod", "id": "pod"},
        "audience": "pod-identity",
        "credentials": {
            "accessKeyId": key.id,
            "secretAccessKey": key.secret,
            "securityToken": key.security_token,
            "expiration": key.expires_at.map(time::micros),
        },
        "podIdentityAssociationId": "simulator",
        "subject": {"namespace": "default", "serviceAccount": "default"},
    })
}

fn refusal(status: StatusCode, message: &str) -> Reply {
    let body = json!({"error_code": "PodIdentity", "error_msg": message});
    Reply::error(status, &ErrorBody::Json(body), "")
}
