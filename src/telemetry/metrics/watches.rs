use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use k8s_openapi::jiff::Timestamp;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{MetricType, gauge::ConstGauge},
};

/// What is known of one watch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WatchFigures {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Each condition, with 1 for True, 0 for False and -1 for Unknown.
    pub conditions: Vec<(String, i64)>,
    /// The reason of Ready, where that isn't True.
    pub not_ready: Option<String>,
    /// How many tasks are in each phase.
    pub tasks: Vec<(&'static str, i64)>,
    /// How many tasks are stalled.
    pub stalled: i64,
    /// The mean progress, from 0 to 100.
    pub progress: i64,
    /// When SMS was last listed completely.
    pub listed: Option<Timestamp>,
    /// How often it is listed.
    pub interval: Option<Duration>,
    /// Whether it is suspended.
    pub suspended: bool,
}

/// What there is at a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// The watches.
    pub watches: Vec<WatchFigures>,
    /// How many logins, or permissions of logins, are held back since they were refused.
    pub refused: usize,
}

type Source = Box<dyn Fn() -> Seen + Send + Sync>;

/// The watches, as they are when somebody asks. Clones are the same.
#[derive(Clone, Default)]
pub struct WatchesNow(Arc<OnceLock<Source>>);

impl fmt::Debug for WatchesNow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WatchesNow").finish_non_exhaustive()
    }
}

impl WatchesNow {
    /// Says where watches are seen; only the first one counts.
    pub fn see(&self, source: impl Fn() -> Seen + Send + Sync + 'static) {
        let _ = self.0.set(Box::new(source));
    }
}

impl Collector for WatchesNow {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(source) = self.0.get() else { return Ok(()) };
        let Seen { watches, refused } = source();
        let help = "Logins that are held back for a while, since SMS or IAM refused them";
        let metric = encoder.encode_descriptor("refused_logins", help, None, MetricType::Gauge)?;
        ConstGauge::new(u64::try_from(refused).unwrap_or(u64::MAX)).encode(metric)?;
        let mut table = Table { encoder: &mut encoder, watches: &watches };
        table.family(
            "watch_condition",
            "A condition of a watch: 1 for True, 0 for False, -1 for Unknown",
            |watch| {
                watch
                    .conditions
                    .iter()
                    .map(|(name, value)| (Some(("condition", name.as_str())), number(*value)))
                    .collect()
            },
        )?;
        table.family(
            "watch_not_ready",
            "A watch whose Ready condition isn't True, with its reason",
            |watch| watch.not_ready.iter().map(|reason| (Some(("reason", reason.as_str())), 1.0)).collect(),
        )?;
        table.family("watch_tasks", "Tasks of a watch by phase", |watch| {
            watch.tasks.iter().map(|(phase, count)| (Some(("phase", *phase)), number(*count))).collect()
        })?;
        table.family("watch_stalled_tasks", "Running tasks of a watch that don't go on", |watch| {
            vec![(None, number(watch.stalled))]
        })?;
        table.family(
            "watch_progress_ratio",
            "The mean progress of a watch's tasks, from 0 to 1",
            |watch| vec![(None, number(watch.progress) / 100.0)],
        )?;
        table.family(
            "watch_last_listing_timestamp_seconds",
            "When the tasks of a watch were last listed completely, in seconds since 1970",
            |watch| watch.listed.iter().map(|listed| (None, number(listed.as_second()))).collect(),
        )?;
        table.family("watch_interval_seconds", "How often a watch is to be listed", |watch| {
            watch.interval.iter().map(|interval| (None, interval.as_secs_f64())).collect()
        })?;
        table.family("watch_suspended", "Whether a watch is suspended", |watch| {
            vec![(None, f64::from(u8::from(watch.suspended)))]
        })
    }
}

/// Counts and times are far below what a float has no exact value for.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn number(value: i64) -> f64 {
    value as f64
}

struct Table<'a, 'b> {
    encoder: &'a mut DescriptorEncoder<'b>,
    watches: &'a [WatchFigures],
}

/// A series of a watch: the label that it has beside its watch's, and its value.
type Series<'a> = (Option<(&'static str, &'a str)>, f64);

impl Table<'_, '_> {
    fn family(
        &mut self,
        name: &str,
        help: &str,
        series: impl Fn(&WatchFigures) -> Vec<Series<'_>>,
    ) -> fmt::Result {
        let mut family = self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for watch in self.watches {
            let of = [("namespace", watch.namespace.as_str()), ("name", watch.name.as_str())];
            for (more, value) in series(watch) {
                let labels: Vec<(&str, &str)> = of.into_iter().chain(more).collect();
                encode(&mut family, &labels, value)?;
            }
        }
        Ok(())
    }
}

fn encode(
    family: &mut prometheus_client::encoding::MetricEncoder<'_>,
    labels: &impl EncodeLabelSet,
    value: f64,
) -> fmt::Result {
    ConstGauge::new(value).encode(family.encode_family(labels)?)
}
