use std::time::Instant;

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use super::Ended;

const SECONDS: [f64; 8] = [0.001, 0.01, 0.05, 0.25, 1.0, 5.0, 30.0, 120.0];

/// Reconciles of watches. Clones are the same.
#[derive(Clone, Debug)]
pub struct Reconciles {
    ended: Family<Ended, Counter>,
    seconds: Histogram,
    running: Gauge,
}

impl Default for Reconciles {
    fn default() -> Self {
        Self { ended: Family::default(), seconds: Histogram::new(SECONDS), running: Gauge::default() }
    }
}

impl Reconciles {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Reconciles of watches, by what they came to: done, conflict, or what failed";
        registry.register("reconciles", help, self.ended.clone());
        registry.register("reconcile_duration_seconds", "How long reconciles took", self.seconds.clone());
        registry.register("reconciles_running", "Reconciles that are under way", self.running.clone());
    }

    /// A reconcile begins.
    #[must_use]
    pub fn begin(&self) -> Reconciling {
        self.running.inc();
        Reconciling { reconciles: self.clone(), began: Instant::now(), result: "ended" }
    }
}

/// A reconcile that is under way, until this is dropped.
#[derive(Debug)]
pub struct Reconciling {
    reconciles: Reconciles,
    began: Instant,
    result: &'static str,
}

impl Reconciling {
    /// What it came to.
    pub fn ended(mut self, result: &'static str) {
        self.result = result;
    }
}

impl Drop for Reconciling {
    fn drop(&mut self) {
        let Self { reconciles, result, .. } = self;
        reconciles.running.dec();
        reconciles.ended.get_or_create(&Ended { result }).inc();
        reconciles.seconds.observe(self.began.elapsed().as_secs_f64());
    }
}
