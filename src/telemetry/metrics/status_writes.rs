//! Statuses: how many and how large, and how many wait to be written.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};

use crate::core::budget::Urgency;

/// What has been written, and what waits. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct StatusWrites(Arc<Mutex<Numbers>>);

#[derive(Clone, Copy, Debug, Default)]
struct Numbers {
    change: Sent,
    progress: Sent,
    heartbeat: Sent,
    waiting: u64,
    since: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    writes: u64,
    bytes: u64,
}

impl Numbers {
    fn of(&mut self, urgency: Urgency) -> &mut Sent {
        match urgency {
            Urgency::Change => &mut self.change,
            Urgency::Progress => &mut self.progress,
            Urgency::Heartbeat => &mut self.heartbeat,
        }
    }
}

impl StatusWrites {
    /// A status of so many bytes is sent to the API server.
    pub fn sent(&self, urgency: Urgency, bytes: usize) {
        let mut numbers = self.lock();
        let sent = numbers.of(urgency);
        sent.writes += 1;
        sent.bytes = sent.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// So many watches wait for their turn, the first of them since this time.
    pub fn wait(&self, watches: usize, since: Option<Instant>) {
        let mut numbers = self.lock();
        (numbers.waiting, numbers.since) = (u64::try_from(watches).unwrap_or(u64::MAX), since);
    }

    fn lock(&self) -> MutexGuard<'_, Numbers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for StatusWrites {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut numbers = *self.lock();
        let mut counters = |name, help, number: fn(&Sent) -> u64| {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            Urgency::ALL.into_iter().try_for_each(|urgency| {
                let labels = [("urgency", urgency.name())];
                ConstCounter::new(number(numbers.of(urgency))).encode(family.encode_family(&labels)?)
            })
        };
        let help = "Statuses that were sent to the API server, by what made them urgent";
        counters("status_writes", help, |sent| sent.writes)?;
        counters("status_write_bytes", "Bytes of these writes", |sent| sent.bytes)?;
        let mut gauge = |name, help, value: f64| {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value).encode(metric)
        };
        let waiting = f64::from(u32::try_from(numbers.waiting).unwrap_or(u32::MAX));
        gauge("status_writes_deferred", "Watches that wait until their status may be written", waiting)?;
        let longest = numbers.since.map_or(0.0, |since| since.elapsed().as_secs_f64());
        let help = "Seconds that the first of these watches has waited";
        gauge("status_writes_deferred_longest_seconds", help, longest)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::telemetry::Metrics;

    #[test]
    fn writes_are_counted_by_urgency_and_those_that_wait_are_told() {
        let metrics = Metrics::default();
        let writes = &metrics.status_writes;
        writes.sent(Urgency::Change, 1000);
        writes.sent(Urgency::Change, 24);
        writes.sent(Urgency::Heartbeat, 5);
        writes.wait(7, Instant::now().checked_sub(Duration::from_secs(3)));
        let text = metrics.text();
        for line in [
            "# TYPE migration_task_watch_status_writes counter",
            "migration_task_watch_status_writes_total{urgency=\"change\"} 2",
            "migration_task_watch_status_writes_total{urgency=\"progress\"} 0",
            "migration_task_watch_status_writes_total{urgency=\"heartbeat\"} 1",
            "migration_task_watch_status_write_bytes_total{urgency=\"change\"} 1024",
            "migration_task_watch_status_writes_deferred 7.0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} isn't in {text}");
        }
        let longest = text.lines().find_map(|line| {
            line.strip_prefix("migration_task_watch_status_writes_deferred_longest_seconds ")?
                .parse::<f64>()
                .ok()
        });
        assert!(longest.unwrap() >= 3.0, "{text}");
        writes.wait(0, None);
        assert!(metrics.text().contains("status_writes_deferred_longest_seconds 0.0"));
    }
}
