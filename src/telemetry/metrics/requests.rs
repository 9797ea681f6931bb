use std::time::Instant;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// From a fast page to the longest that is waited for.
const SECONDS: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// Requests to the vendor's APIs. Clones are the same.
#[derive(Clone, Debug)]
pub struct Requests {
    answered: Family<Answered, Counter>,
    seconds: Family<Of, Histogram, fn() -> Histogram>,
    bytes: Family<Of, Counter>,
    in_flight: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    api: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    api: &'static str,
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            answered: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            bytes: Family::default(),
            in_flight: Gauge::default(),
        }
    }
}

impl Requests {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help =
            "Requests to SMS and IAM, by the answer's status: 2xx, 3xx, 4xx, 429 for itself, 5xx, or none";
        registry.register("requests", help, self.answered.clone());
        registry.register(
            "request_duration_seconds",
            "From a request to the last byte of its answer, without the time before its turn",
            self.seconds.clone(),
        );
        registry.register(
            "response_bytes",
            "Bytes of successful answers, after decompression",
            self.bytes.clone(),
        );
        registry.register("requests_in_flight", "Requests that are under way", self.in_flight.clone());
    }

    /// A request to one of the APIs goes out.
    #[must_use]
    pub fn begin(&self, api: &'static str) -> UnderWay {
        self.in_flight.inc();
        UnderWay { requests: self.clone(), api, began: Instant::now(), status: None }
    }
}

/// A request that is under way, until this is dropped.
#[derive(Debug)]
pub struct UnderWay {
    requests: Requests,
    api: &'static str,
    began: Instant,
    status: Option<u16>,
}

impl UnderWay {
    /// An answer has begun.
    pub fn answered(&mut self, status: u16) {
        self.status = Some(status);
    }

    /// So many bytes have come.
    pub fn received(&self, bytes: usize) {
        self.requests
            .bytes
            .get_or_create(&Of { api: self.api })
            .inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let Self { requests, api, .. } = self;
        requests.in_flight.dec();
        requests.answered.get_or_create(&Answered { api, status: class(self.status) }).inc();
        requests.seconds.get_or_create(&Of { api }).observe(self.began.elapsed().as_secs_f64());
    }
}

/// A label of few values.
fn class(status: Option<u16>) -> &'static str {
    match status {
        Some(200..300) => "2xx",
        Some(300..400) => "3xx",
        Some(429) => "429",
        Some(400..500) => "4xx",
        Some(_) => "5xx",
        None => "none",
    }
}
