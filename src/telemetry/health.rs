//! `/livez` and `/readyz`, for probes.

use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    listen::{Listen, ListenError},
    server,
    vitals::Vitals,
};
use axum::{Router, extract::State, http::StatusCode, routing::get};
use tracing::error;

/// How the operator is.
#[derive(Clone, Debug, Default)]
pub struct Health {
    ready: Arc<AtomicBool>,
    alive: Arc<OnceLock<Check>>,
    vitals: Vitals,
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

    /// All that is under way: `/livez` fails when something of it is stuck.
    #[must_use]
    pub fn vitals(&self) -> &Vitals {
        &self.vitals
    }

    /// What is stuck.
    fn stuck(&self) -> Option<&'static str> {
        let election = self.alive.get().filter(|Check(goes_on)| !goes_on());
        if election.is_some() {
            return Some("the loop that renews the Lease");
        }
        let overdue = self.vitals.overdue()?;
        let seconds = overdue.since.as_secs();
        error!("{} is stuck: it should have ended {seconds} s ago. Only a new start helps", overdue.what);
        Some(overdue.what)
    }

    /// Answers probes until the process ends, and says at which address. In a runtime.
    ///
    /// # Errors
    /// The address can't be used.
    pub fn serve(self, listen: Listen) -> Result<SocketAddr, ListenError> {
        let routes = Router::new().route("/livez", get(livez)).route("/readyz", get(readyz)).with_state(self);
        server::serve(listen, routes)
    }
}

async fn livez(State(health): State<Health>) -> (StatusCode, String) {
    match health.stuck() {
        None => (StatusCode::OK, "ok".to_owned()),
        Some(what) => (StatusCode::SERVICE_UNAVAILABLE, format!("{what} is stuck")),
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

    #[tokio::test(start_paused = true)]
    async fn what_is_stuck_is_named() {
        let health = Health::default();
        let poll = health.vitals().expect("a poll", std::time::Duration::from_secs(60));
        assert_eq!(answers(&health).await.0, 200);
        tokio::time::advance(std::time::Duration::from_secs(61)).await;
        let (code, text) = livez(State(health.clone())).await;
        assert_eq!((code.as_u16(), text.as_str()), (503, "a poll is stuck"));
        drop(poll);
        assert_eq!(answers(&health).await.0, 200);
    }
}
