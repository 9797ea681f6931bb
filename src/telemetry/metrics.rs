//! What Prometheus reads.

mod credentials;
mod events;
mod format;
mod listings;
mod process;
mod reconciles;
mod requests;
mod status_writes;
mod watches;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, header},
    response::IntoResponse,
    routing::get,
};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{gauge::Gauge, info::Info},
    registry::Registry,
};

pub use credentials::CredentialsEnd;
pub use events::{Events, Telling};
pub use listings::Listings;
pub use reconciles::{Reconciles, Reconciling};
pub use requests::{Requests, UnderWay};
pub use status_writes::StatusWrites;
pub use watches::{Seen, WatchFigures, WatchesNow};

use self::format::Format;
use super::{
    listen::{Listen, ListenError},
    panics::Panics,
    server,
};

const PREFIX: &str = "migration_task_watch";

/// What work came to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    result: &'static str,
}

/// All metrics. Clones are the same.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// When the credentials of watches end.
    pub credentials: CredentialsEnd,
    /// What was told.
    pub events: Events,
    /// 1 while this operator leads, or is alone; 0 while it stands by.
    pub leader: Gauge,
    /// Listings of accounts.
    pub listings: Listings,
    /// Mistakes of the operator's own.
    pub panics: Panics,
    /// Reconciles of watches.
    pub reconciles: Reconciles,
    /// Requests to the vendor's APIs.
    pub requests: Requests,
    /// How statuses are written.
    pub status_writes: StatusWrites,
    /// What watches show.
    pub watches: WatchesNow,
    registry: Arc<Registry>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(process::Process));
        let own = registry.sub_registry_with_prefix(PREFIX);
        own.register("build", "The version", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        let leader = Gauge::default();
        own.register("leader", "Whether this operator leads (1) or stands by (0)", leader.clone());
        let panics = Panics::default();
        let help = "Mistakes of the operator's own, which its log describes";
        own.register("panics", help, panics.0.clone());
        let reconciles = Reconciles::default();
        reconciles.register(own);
        let listings = Listings::default();
        listings.register(own);
        let requests = Requests::default();
        requests.register(own);
        let events = Events::default();
        events.register(own);
        let status_writes = StatusWrites::default();
        own.register_collector(Box::new(status_writes.clone()));
        let credentials = CredentialsEnd::default();
        own.register_collector(Box::new(credentials.clone()));
        let watches = WatchesNow::default();
        own.register_collector(Box::new(watches.clone()));
        let registry = Arc::new(registry);
        Self {
            credentials,
            events,
            leader,
            listings,
            panics,
            reconciles,
            requests,
            status_writes,
            watches,
            registry,
        }
    }
}

impl Metrics {
    /// Answers `/metrics` until the process ends, and says at which address. In a runtime.
    ///
    /// # Errors
    /// The address can't be used.
    pub fn serve(self, listen: Listen) -> Result<SocketAddr, ListenError> {
        server::serve(listen, Router::new().route("/metrics", get(metrics)).with_state(self))
    }

    #[cfg(test)]
    pub(super) fn text(&self) -> String {
        Format::OpenMetrics.encode(&self.registry)
    }
}

async fn metrics(State(metrics): State<Metrics>, request: HeaderMap) -> impl IntoResponse {
    let format = Format::wanted(&request);
    let headers = [(header::CONTENT_TYPE, format.content_type()), (header::VARY, "accept")];
    (headers, format.encode(&metrics.registry))
}

#[cfg(test)]
mod tests;
