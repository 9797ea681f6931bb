//! What Prometheus reads, in the OpenMetrics format.

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{panics::Panics, server, status_writes::StatusWrites};
use axum::{Router, extract::State, http::header, response::IntoResponse, routing::get};
use k8s_openapi::jiff::Timestamp;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, text::encode},
    metrics::{
        MetricType,
        gauge::{ConstGauge, Gauge},
    },
    registry::Registry,
};

const PREFIX: &str = "migration_task_watch";
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics. Clones are the same.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// When the credentials of watches end.
    pub credentials: CredentialsEnd,
    /// 1 while this operator leads, or is alone; 0 while it stands by.
    pub leader: Gauge,
    /// Mistakes of the operator's own.
    pub panics: Panics,
    /// How statuses are written.
    pub status_writes: StatusWrites,
    registry: Arc<Registry>,
}

impl Default for Metrics {
    fn default() -> Self {
        let credentials = CredentialsEnd::default();
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register_collector(Box::new(credentials.clone()));
        let leader = Gauge::default();
        registry.register("leader", "Whether this operator leads (1) or stands by (0)", leader.clone());
        let panics = Panics::default();
        registry.register(
            "panics",
            "Mistakes of the operator's own, which its log describes",
            panics.0.clone(),
        );
        let status_writes = StatusWrites::default();
        registry.register_collector(Box::new(status_writes.clone()));
        Self { credentials, leader, panics, status_writes, registry: Arc::new(registry) }
    }
}

impl Metrics {
    /// Answers `/metrics` on an address until the process ends.
    ///
    /// # Errors
    /// The address can't be used.
    pub async fn serve(self, address: SocketAddr) -> std::io::Result<SocketAddr> {
        server::serve(address, Router::new().route("/metrics", get(metrics)).with_state(self)).await
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string can't fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

async fn metrics(State(metrics): State<Metrics>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], metrics.text())
}

/// Namespace and name of a watch.
type Watch = (String, String);

/// When the credentials of watches end, of those of which it is known and which aren't renewed by themselves.
#[derive(Clone, Debug, Default)]
pub struct CredentialsEnd(Arc<Mutex<BTreeMap<Watch, Timestamp>>>);

impl CredentialsEnd {
    /// What is known of a watch's credentials now.
    pub fn set(&self, namespace: &str, name: &str, end: Option<Timestamp>) {
        let watch = (namespace.to_owned(), name.to_owned());
        match end {
            Some(end) => self.lock().insert(watch, end),
            None => self.lock().remove(&watch),
        };
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Watch, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for CredentialsEnd {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let ends = self.lock().clone();
        let help =
            "Seconds until the credentials of a watch end, where that is known and they aren't renewed";
        let mut family =
            encoder.encode_descriptor("credentials_expire_seconds", help, None, MetricType::Gauge)?;
        for ((namespace, name), end) in ends {
            let left = end.duration_since(Timestamp::now()).as_secs_f64();
            let labels = [("namespace", namespace), ("name", name)];
            ConstGauge::new(left).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_counted_down_and_forgotten() {
        let metrics = Metrics::default();
        let in_an_hour =
            Timestamp::now().saturating_add(k8s_openapi::jiff::SignedDuration::from_hours(1)).unwrap();
        metrics.credentials.set("migration", "wave-1", Some(in_an_hour));
        metrics.credentials.set("migration", "wave-2", Some(Timestamp::UNIX_EPOCH));
        let text = metrics.text();
        let value = |name: &str| -> Option<f64> {
            let series = format!(
                "migration_task_watch_credentials_expire_seconds{{namespace=\"migration\",name=\"{name}\"}} "
            );
            text.lines().find_map(|line| line.strip_prefix(&series))?.parse().ok()
        };
        assert!((3500.0..=3600.0).contains(&value("wave-1").unwrap()), "{text}");
        assert!(value("wave-2").unwrap() < 0.0, "{text}");
        assert!(text.ends_with("# EOF\n"));
        metrics.credentials.set("migration", "wave-1", None);
        assert!(!metrics.text().contains("wave-1"));
    }
}
