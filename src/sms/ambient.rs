//! The operator's own identity: what the environment, the cluster or the machine gives it.
//!
//! Like the vendor's SDKs: the environment's access key; or else CCE's pod identity, where the environment says where it
//! is; or else the agency of the ECS machine.

mod ask;
mod environment;
mod error;
mod metadata;
mod pod_identity;
mod temporary;

use std::{sync::Arc, time::Duration};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use reqwest::redirect;
use tokio::{sync::Mutex, time::Instant};
use tracing::warn;

use self::{error::AmbientError, metadata::Metadata, pod_identity::PodIdentity};
use super::credentials::{Login, SecretData};
use crate::core::failure::Failure;

pub use environment::secret_data_of_environment;
pub use metadata::{MetadataEndpoint, MetadataEndpointError};

/// How long an answer of the machine or the cluster is good: so long may a key be used that was revoked.
const ANSWER_STANDS: Duration = Duration::from_mins(5);
/// The same for a key that is about to end.
const OLD_KEY_STANDS: Duration = Duration::from_secs(60);
/// How long a failure stands for all that ask.
const FAILURE_STANDS: Duration = Duration::from_secs(5);
/// Temporary keys are renewed when this is left of their life, as the vendor's SDKs do, or half of it.
const RENEWAL: SignedDuration = SignedDuration::from_mins(40);

/// The operator's own identity.
#[derive(Debug)]
pub struct Ambient {
    source: Source,
    held: Mutex<Held>,
}

/// Where it comes from: a new place is a file and an arm.
#[derive(Debug)]
enum Source {
    /// An access key in the environment.
    Environment(SecretData),
    /// CCE.
    PodIdentity(PodIdentity),
    /// ECS.
    Metadata(Metadata),
}

#[derive(Debug, Default)]
struct Held {
    got: Option<Got>,
    failed: Option<(Instant, Failure)>,
}

/// What was got last.
#[derive(Debug)]
struct Got {
    at: Instant,
    /// Without its end: what is renewed by itself needs no warning.
    login: Arc<Login>,
    expires: Option<Timestamp>,
    renew: Option<Timestamp>,
}

impl Ambient {
    /// Looks where the identity is to come from; asks nobody yet.
    ///
    /// # Errors
    /// There can't be an HTTP client.
    pub fn new(
        variable: impl Fn(&str) -> Option<String>,
        metadata: MetadataEndpoint,
    ) -> reqwest::Result<Self> {
        let source = if let Some(data) = secret_data_of_environment(&variable) {
            Source::Environment(data)
        } else {
            // Both are in the machine or the cluster: no proxy leads there, and nothing leads on from there.
            let http = reqwest::Client::builder().no_proxy().redirect(redirect::Policy::none()).build()?;
            match PodIdentity::of(&variable, http.clone()) {
                Some(pod) => Source::PodIdentity(pod),
                None => Source::Metadata(Metadata::new(metadata, http)),
            }
        };
        Ok(Self { source, held: Mutex::default() })
    }

    /// What the operator signs in with. All that ask share one question.
    ///
    /// # Errors
    /// There is nothing, or it can't be used.
    pub async fn login(&self) -> Result<Arc<Login>, Failure> {
        let mut held = self.held.lock().await;
        let now = Timestamp::now();
        if let Some(got) = held.got.as_ref().filter(|got| got.is_fresh(now)) {
            return Ok(got.login.clone());
        }
        if let Some((_, failure)) = held.failed.as_ref().filter(|(at, _)| at.elapsed() < FAILURE_STANDS) {
            return held.last_resort(now).ok_or_else(|| failure.clone());
        }
        match self.ask().await {
            Ok(login) => {
                let got = Got::new(login, now);
                let login = got.login.clone();
                *held = Held { got: Some(got), failed: None };
                Ok(login)
            }
            Err(error) => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "the operator's own identity isn't to be had"
                );
                let failure = Failure::from(&error);
                held.failed = Some((Instant::now(), failure.clone()));
                held.last_resort(now).ok_or(failure)
            }
        }
    }

    async fn ask(&self) -> Result<Login, AmbientError> {
        match &self.source {
            Source::Environment(data) => Login::from_secret_data(data).map_err(AmbientError::Environment),
            Source::PodIdentity(pod) => pod.login().await,
            Source::Metadata(metadata) => metadata.login().await,
        }
    }
}

impl Held {
    /// What was got last serves on while it is good, and says when it ends.
    fn last_resort(&self, now: Timestamp) -> Option<Arc<Login>> {
        let got = self.got.as_ref().filter(|got| got.is_good(now))?;
        Some(Arc::new(Login { expires: got.expires, ..(*got.login).clone() }))
    }
}

impl Got {
    fn new(login: Login, now: Timestamp) -> Self {
        let expires = login.expires;
        let renew = expires.map(|expires| {
            let lead = RENEWAL.min(expires.duration_since(now) / 2);
            expires.saturating_sub(lead).unwrap_or(expires)
        });
        Self { at: Instant::now(), login: Arc::new(Login { expires: None, ..login }), expires, renew }
    }

    fn is_good(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }

    /// Whether it needn't be asked for again.
    fn is_fresh(&self, now: Timestamp) -> bool {
        let is_old = self.renew.is_some_and(|renew| now >= renew);
        self.is_good(now) && self.at.elapsed() < if is_old { OLD_KEY_STANDS } else { ANSWER_STANDS }
    }
}
