//! What carries requests in the simulation.

use std::{fmt, sync::Arc};

use futures::future::BoxFuture;

type Carry = dyn Fn(reqwest::Request) -> BoxFuture<'static, reqwest::Response> + Send + Sync;

/// Stands for the network, and all that is behind it.
#[derive(Clone)]
pub(crate) struct Carrier(Arc<Carry>);

impl Carrier {
    /// Has a function answer all requests.
    pub(crate) fn new(
        carry: impl Fn(reqwest::Request) -> BoxFuture<'static, reqwest::Response> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(carry))
    }

    pub(super) async fn carry(&self, request: reqwest::Request) -> reqwest::Response {
        self.0(request).await
    }
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Carrier")
    }
}
