//! `/livez` and `/readyz`, for probes.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::server;
use axum::{Router, extract::State, http::StatusCode, routing::get};

/// How the operator is.
#[derive(Clone, Debug, Default)]
pub struct Health {
    ready: Arc<AtomicBool>,
}

impl Health {
    /// The watches are known: the operator is at work.
    pub fn ready(&self) {
        self.ready.store(true, Ordering::Relaxed);
    }

    /// Answers probes on an address until the process ends.
    ///
    /// # Errors
    /// The address can't be used.
    pub async fn serve(self, address: SocketAddr) -> std::io::Result<SocketAddr> {
        let routes = Router::new()
            .route("/livez", get(|| async { "ok" }))
            .route("/readyz", get(readyz))
            .with_state(self);
        server::serve(address, routes).await
    }
}

async fn readyz(State(health): State<Health>) -> (StatusCode, &'static str) {
    if health.ready.load(Ordering::Relaxed) {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the list of watches hasn't been read yet")
    }
}
