//! Where the credentials of watches come from.

use std::{sync::Arc, time::Duration};

use super::secrets::Secrets;
use crate::{
    core::{failure::Failure, plan::CredentialsRef},
    listings::CredentialSource,
    sms::{Ambient, Login},
};

/// Every place that credentials come from: a new one is one more arm.
pub(super) struct Sources {
    secrets: Secrets,
    ambient: Ambient,
}

impl Sources {
    pub(super) fn new(secrets: Secrets, ambient: Ambient) -> Self {
        Self { secrets, ambient }
    }
}

impl CredentialSource for Sources {
    async fn login(
        &self,
        namespace: &str,
        credentials: &CredentialsRef,
        max_age: Duration,
    ) -> Result<Arc<Login>, Failure> {
        match credentials {
            CredentialsRef::Secret(name) => self.secrets.login(namespace, name, max_age).await,
            CredentialsRef::Ambient => self.ambient.login().await,
        }
    }
}
