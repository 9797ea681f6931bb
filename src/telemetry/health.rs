//! `/livez` and `/readyz`, for probes.

use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use super::server;
use axum::{Router, extract::State, http::StatusCode, routing::get};

/// How the operator is.
#[derive(Clone, Debug, Default)]
pub struct Health {
    ready: Arc<AtomicBool>,
    alive: Arc<OnceLock<Check>>,
}

/// Says whether something goes on.
struct Check(Box<dyn Fn() -> bool + Send + Sync>);

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Check")
    }
}

impl Health {
    /// The watches are known: the operator is at work. Or it stands by, and could begin.
    pub fn ready(&self) {
        self.ready.store(true, Ordering::Relaxed);
    }

    /// The operator begins to work, and doesn't know the watches yet.
    pub fn begin(&self) {
        self.ready.store(false, Ordering::Relaxed);
    }

    /// Has `/livez` fail once the election doesn't go on. The first one to say so is asked.
    pub fn alive_while(&self, election: impl Fn() -> bool + Send + Sync + 'static) {
        let _ = self.alive.set(Check(Box::new(election)));
    }

    fn is_alive(&self) -> bool {
        self.alive.get().is_none_or(|Check(goes_on)| goes_on())
    }

    /// Answers probes on an address until the process ends.
    ///
    /// # Errors
    /// The address can't be used.
    pub async fn serve(self, address: SocketAddr) -> std::io::Result<SocketAddr> {
        let routes = Router::new().route("/livez", get(livez)).route("/readyz", get(readyz)).with_state(self);
        server::serve(address, routes).await
    }
}

async fn livez(State(health): State<Health>) -> (StatusCode, &'static str) {
    if health.is_alive() {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the loop that renews the Lease is stuck")
    }
}

async fn readyz(State(health): State<Health>) -> (StatusCode, &'static str) {
    if health.ready.load(Ordering::Relaxed) {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the list of watches hasn't been read yet")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answers(health: &Health) -> (u16, u16) {
        let (live, _) = livez(State(health.clone())).await;
        let (ready, _) = readyz(State(health.clone())).await;
        (live.as_u16(), ready.as_u16())
    }

    #[tokio::test]
    async fn probes_follow_what_is_told() {
        let health = Health::default();
        assert_eq!(answers(&health).await, (200, 503));
        health.ready();
        assert_eq!(answers(&health).await, (200, 200));
        health.begin();
        assert_eq!(answers(&health).await, (200, 503));
        let goes_on = Arc::new(AtomicBool::new(true));
        health.alive_while({
            let goes_on = goes_on.clone();
            move || goes_on.load(Ordering::Relaxed)
        });
        assert_eq!(answers(&health).await, (200, 503));
        goes_on.store(false, Ordering::Relaxed);
        assert_eq!(answers(&health).await, (503, 503));
    }
}
