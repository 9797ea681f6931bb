//! The shapes of errors: the service's, the gateway's, IAM's, and what a proxy in between makes of them.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Payload;
use crate::accounts::Action;

/// What `encoded_authorization_message` holds: clients must never show it, so tests look for it.
pub const ENCODED_AUTHORIZATION_MESSAGE: &str = "SIMULATOR-ENCODED-AUTHORIZATION-MESSAGE";

/// The body of a failing answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ErrorBody {
    /// As SMS itself shapes it.
    Sms {
        /// As `SMS.9004`.
        code: String,
        /// For people.
        message: String,
    },
    /// As the API gateway shapes it.
    Gateway {
        /// As `APIGW.0301`.
        code: String,
        /// For people.
        message: String,
    },
    /// As IAM shapes it.
    Iam {
        /// For people.
        message: String,
    },
    /// The HTML page of a proxy.
    Html,
    /// Any text.
    Text(String),
    /// Any JSON.
    Json(Value),
}

impl ErrorBody {
    /// The refusal of the vendor's page for a call without permission.
    pub(crate) fn forbidden(action: Action) -> Self {
        let message = format!("You do not have permission to perform action {action} on resource *.");
        Self::Json(json!({
            "error_code": "SMS.9004",
            "error_msg": format!("The current account does not have the permission to execute policy {message}"),
            "encoded_authorization_message": ENCODED_AUTHORIZATION_MESSAGE,
            "error_param": [message],
            "details": [{"error_code": "SMS.9004", "error_msg": message}],
        }))
    }

    pub(crate) fn content_type(&self) -> &'static str {
        match self {
            Self::Html => "text/html",
            Self::Text(_) => "text/plain",
            _ => "application/json",
        }
    }

    pub(crate) fn payload(&self, status: StatusCode, request_id: &str) -> Payload {
        Payload::Json(match self {
            Self::Sms { code, message } => json!({
                "error_code": code,
                "error_msg": message,
                "encoded_authorization_message": null,
                "error_param": [],
                "details": [{"error_code": code, "error_msg": message}],
            }),
            Self::Gateway { code, message } => {
                json!({"error_msg": message, "error_code": code, "request_id": request_id})
            }
            Self::Iam { message } => json!({"error": {
                "message": message,
                "code": status.as_u16(),
                "title": status.canonical_reason(),
            }}),
            Self::Html => return Payload::Text(proxy_page(status).into_bytes()),
            Self::Text(text) => return Payload::Text(text.clone().into_bytes()),
            Self::Json(value) => value.clone(),
        })
    }
}

fn proxy_page(status: StatusCode) -> String {
    format!(
        "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1></center>\r\n<hr><center>proxy</center>\r\n</body>\r\n</html>\r\n"
    )
}
