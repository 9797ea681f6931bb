//! The pod identity of CCE: temporary keys for a pod that shows the token that the cluster projects into it.

use std::sync::{Arc, Mutex, PoisonError};

use super::Agency;
use crate::accounts::Accounts;

/// The pod identity service. It refuses everybody until a test sets an [authorization](PodIdentity::set_authorization), and has no
/// key to give until one [assigns](Agency::assign) an agency.
#[derive(Debug)]
pub struct PodIdentity {
    agency: Agency,
    authorization: Mutex<Option<String>>,
}

impl PodIdentity {
    pub(crate) fn new(accounts: Arc<Accounts>) -> Self {
        Self { agency: Agency::new(accounts), authorization: Mutex::default() }
    }

    /// Whose keys it gives.
    #[must_use]
    pub fn agency(&self) -> &Agency {
        &self.agency
    }

    /// What `Authorization` must be, as a whole: the content of the pod's token file. Another one takes its place, as after the
    /// rotation of a projected token.
    pub fn set_authorization(&self, value: impl Into<String>) {
        *self.lock() = Some(value.into());
    }

    pub(crate) fn admits(&self, authorization: Option<&str>) -> bool {
        let wanted = self.lock();
        wanted.is_some() && wanted.as_deref() == authorization
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.authorization.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
