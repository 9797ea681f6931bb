use std::time::Duration;

use prometheus_client::{
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use super::Ended;
use crate::core::failure::FailureKind;

const SECONDS: [f64; 10] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0, 600.0];
const REQUESTS: [f64; 8] = [1.0, 2.0, 5.0, 10.0, 50.0, 100.0, 500.0, 5000.0];
const TASKS: [f64; 7] = [1.0, 10.0, 100.0, 1000.0, 10_000.0, 65_735.0, 200_000.0];

/// Listings of accounts. Clones are the same.
#[derive(Clone, Debug)]
pub struct Listings {
    ended: Family<Ended, Counter>,
    seconds: Histogram,
    requests: Histogram,
    tasks: Histogram,
}

impl Default for Listings {
    fn default() -> Self {
        Self {
            ended: Family::default(),
            seconds: Histogram::new(SECONDS),
            requests: Histogram::new(REQUESTS),
            tasks: Histogram::new(TASKS),
        }
    }
}

impl Listings {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Listings of accounts, by what they came to: Complete, or the reason that a watch's Ready then has";
        registry.register("listings", help, self.ended.clone());
        registry.register(
            "listing_duration_seconds",
            "How long complete listings took, waiting for flow control included",
            self.seconds.clone(),
        );
        registry.register(
            "listing_requests",
            "How many requests complete listings took",
            self.requests.clone(),
        );
        registry.register("listing_tasks", "How many tasks complete listings found", self.tasks.clone());
    }

    /// A listing is complete.
    pub fn complete(&self, took: Duration, requests: u32, tasks: usize) {
        self.ended.get_or_create(&Ended { result: "Complete" }).inc();
        self.seconds.observe(took.as_secs_f64());
        self.requests.observe(f64::from(requests));
        self.tasks.observe(f64::from(u32::try_from(tasks).unwrap_or(u32::MAX)));
    }

    /// A listing has failed.
    pub fn failed(&self, kind: FailureKind) {
        self.ended.get_or_create(&Ended { result: kind.reason() }).inc();
    }
}
