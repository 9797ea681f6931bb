//! Who needs which listing when.
//!
//! Each watch has a poller: a task of its own that reads the credentials, takes the listing of their account, keeps it,
//! and says that there is something new. The accounts have feeds, which list once for all pollers that need it. Deciding what that means for the status is the controller's business.

mod feed;
mod key;
mod observe;
mod poller;
mod query;
mod registry;
mod shared;

pub use key::WatchKey;
pub use observe::Request;
pub use registry::Pollers;

use std::{future::Future, sync::Arc, time::Duration};

use crate::{
    core::{failure::Failure, plan::CredentialsRef},
    sms::Login,
};

/// Where pollers get credentials from.
pub trait CredentialSource: Send + Sync + 'static {
    /// What a watch in this namespace signs in with, as it was at most `max_age` ago.
    fn login(
        &self,
        namespace: &str,
        credentials: &CredentialsRef,
        max_age: Duration,
    ) -> impl Future<Output = Result<Arc<Login>, Failure>> + Send;
}
