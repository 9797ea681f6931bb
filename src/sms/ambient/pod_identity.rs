//! The pod identity of CCE.

use std::{path::PathBuf, time::Duration};

use http::header::{AUTHORIZATION, CONTENT_TYPE};

use super::{
    ask::{ask, sensitive},
    error::{AmbientError, Place},
    temporary,
};
use crate::sms::credentials::{AuthToken, Login};

/// As long as the vendor's SDKs wait.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where a pod's identity is.
#[derive(Debug)]
pub(super) struct PodIdentity {
    uri: String,
    token_file: PathBuf,
    http: reqwest::Client,
}

impl PodIdentity {
    /// By the variables that CCE sets in pods with an identity.
    pub(super) fn of(variable: impl Fn(&str) -> Option<String>, http: reqwest::Client) -> Option<Self> {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let uri = set("HC_CONTAINER_CREDENTIALS_FULL_URI")?;
        let token_file = set("HC_CONTAINER_AUTHORIZATION_TOKEN_FILE")?.into();
        Some(Self { uri, token_file, http })
    }

    /// The pod's temporary key. The kubelet renews the file, so that it is read each time.
    pub(super) async fn login(&self) -> Result<Login, AmbientError> {
        let token = tokio::fs::read_to_string(&self.token_file).await.map_err(AmbientError::TokenFile)?;
        let token = AuthToken::parse(token.trim()).map_err(AmbientError::Token)?;
        let request = self
            .http
            .post(&self.uri)
            .timeout(PATIENCE)
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .header(AUTHORIZATION, sensitive(token.reveal()))
            .body("{}");
        let answer = ask(Place::PodIdentity, request).await?;
        if answer.status != http::StatusCode::OK {
            let status = answer.status.as_u16();
            return Err(AmbientError::Refused { place: Place::PodIdentity, status });
        }
        temporary::read(Place::PodIdentity, "credentials", &answer.body)
    }
}
