use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use k8s_openapi::jiff::Timestamp;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, gauge::ConstGauge},
};

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
