//! The agency of an ECS machine, by the machine's metadata service.

use std::{str::FromStr, time::Duration};

use http::{Method, StatusCode};
use tokio::sync::Mutex;
use url::Url;

use super::{
    ask::{Answer, ask, sensitive},
    error::{AmbientError, Place},
    temporary,
};
use crate::sms::credentials::{AuthToken, Login};

const TOKEN_PATH: &str = "meta-data/latest/api/token";
const KEY_PATH: &str = "openstack/latest/securitykey";
const TOKEN: &str = "X-Metadata-Token";
const TOKEN_LIFE: (&str, &str) = ("X-Metadata-Token-Ttl-Seconds", "21600");
/// It is in the machine: whoever is there answers at once.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where the metadata service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataEndpoint(Url);

/// A text that isn't the base of an HTTP URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write the base URL of the metadata service, such as http://169.254.169.254")]
pub struct MetadataEndpointError;

impl FromStr for MetadataEndpoint {
    type Err = MetadataEndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|_| MetadataEndpointError)?;
        let is_base = matches!(url.scheme(), "http" | "https") && url.has_host() && url.path() == "/";
        if is_base && url.query().is_none() && url.username().is_empty() {
            Ok(Self(url))
        } else {
            Err(MetadataEndpointError)
        }
    }
}

/// A metadata service.
#[derive(Debug)]
pub(super) struct Metadata {
    endpoint: MetadataEndpoint,
    http: reqwest::Client,
    /// Its token, where it gives any.
    token: Mutex<Option<AuthToken>>,
}

impl Metadata {
    pub(super) fn new(endpoint: MetadataEndpoint, http: reqwest::Client) -> Self {
        Self { endpoint, http, token: Mutex::default() }
    }

    /// The machine's temporary key. A machine may ask for its own token first, or know no such thing.
    pub(super) async fn login(&self) -> Result<Login, AmbientError> {
        let mut token = self.token.lock().await;
        if token.is_none() {
            *token = self.new_token().await?;
        }
        let mut answer = self.key(token.as_ref()).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            *token = self.new_token().await?;
            answer = self.key(token.as_ref()).await?;
        }
        if answer.status != StatusCode::OK {
            return Err(AmbientError::Refused { place: Place::Metadata, status: answer.status.as_u16() });
        }
        temporary::read(Place::Metadata, "credential", &answer.body)
    }

    async fn new_token(&self) -> Result<Option<AuthToken>, AmbientError> {
        let answer = self.send(Method::PUT, TOKEN_PATH, TOKEN_LIFE).await?;
        match answer.status.as_u16() {
            200 => AuthToken::parse(answer.body.trim()).map(Some).map_err(|source| AmbientError::Answer {
                place: Place::Metadata,
                what: "token",
                source: Some(source),
            }),
            // The vendor's SDKs take these for a machine without tokens.
            404 | 405 | 503 => Ok(None),
            status => Err(AmbientError::Refused { place: Place::Metadata, status }),
        }
    }

    async fn key(&self, token: Option<&AuthToken>) -> Result<Answer, AmbientError> {
        let token = token.map_or("", AuthToken::reveal);
        self.send(Method::GET, KEY_PATH, (TOKEN, token)).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        (name, value): (&'static str, &str),
    ) -> Result<Answer, AmbientError> {
        let request = self.http.request(method, format!("{}{path}", self.endpoint.0)).timeout(PATIENCE);
        let request = if value.is_empty() { request } else { request.header(name, sensitive(value)) };
        ask(Place::Metadata, request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_base_url_is_an_endpoint() {
        for text in ["http://169.254.169.254", "http://127.0.0.1:8080/", "http://[fd00:ec2::254]"] {
            assert!(text.parse::<MetadataEndpoint>().is_ok(), "{text}");
        }
        for text in ["", "169.254.169.254", "ftp://a", "http://a/b", "http://a/?b", "http://u:p@a"] {
            assert!(text.parse::<MetadataEndpoint>().is_err(), "{text}");
        }
    }
}
