//! A watch as it is looked at.

use std::time::Duration;

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};

use super::text::Style;
use crate::{
    api::{MigrationTaskWatch, MigrationTaskWatchStatus, REQUESTED_AT, Summary},
    core::{
        conditions::{Reason, Truth, find, truth, types},
        duration,
        time::after,
    },
};

/// An operator that works writes a status at least every ten minutes, or once an interval. After the longer of three
/// intervals and this it counts as silent, as the gates would be called stale.
const LEAST_SILENCE: Duration = Duration::from_secs(900);
/// What the interval of a spec is taken for that can't be read.
const USUAL_INTERVAL: Duration = Duration::from_secs(60);

/// A watch and its status.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The watch.
    pub watch: &'a MigrationTaskWatch,
    /// Its status, if it has one.
    pub status: Option<&'a MigrationTaskWatchStatus>,
}

impl<'a> Seen<'a> {
    /// Looks at a watch.
    #[must_use]
    pub fn new(watch: &'a MigrationTaskWatch) -> Self {
        Self { watch, status: watch.status.as_ref() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.watch.metadata.name.as_deref().unwrap_or_default()
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &'a str {
        self.watch.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// All conditions that its status has.
    #[must_use]
    pub fn conditions(&self) -> &'a [Condition] {
        self.status.map_or(&[], |status| &status.conditions)
    }

    /// A condition.
    #[must_use]
    pub fn condition(&self, kind: &str) -> Option<&'a Condition> {
        find(self.conditions(), kind)
    }

    /// Whether a condition holds.
    #[must_use]
    pub fn truth(&self, kind: &str) -> Truth {
        truth(self.conditions(), kind)
    }

    /// Its counts.
    #[must_use]
    pub fn summary(&self) -> Option<&'a Summary> {
        self.status?.summary.as_ref()
    }

    /// When the last listing was complete, as written.
    #[must_use]
    pub fn last_sync(&self) -> Option<Timestamp> {
        self.status?.last_sync_time.as_ref().map(|time| time.0)
    }

    /// The time between two listings.
    #[must_use]
    pub fn interval(&self) -> Duration {
        duration::parse(&self.watch.spec.interval).unwrap_or(USUAL_INTERVAL)
    }

    /// Whether the status answers the spec as it is now.
    #[must_use]
    pub fn is_current(&self) -> bool {
        let observed = self.status.and_then(|status| status.observed_generation);
        self.watch
            .metadata
            .generation
            .is_none_or(|generation| observed.is_some_and(|seen| seen >= generation))
    }

    /// Since when nothing has been written that should have been, if that is so.
    #[must_use]
    pub fn silent_since(&self, now: Timestamp) -> Option<Timestamp> {
        let due = !self.watch.spec.suspend && self.truth(types::READY) == Truth::True;
        let last = self.last_sync().filter(|_| due)?;
        (now >= after(last, self.interval().saturating_mul(3).max(LEAST_SILENCE))).then_some(last)
    }

    /// The value of the annotation by which a listing was asked for, if the status doesn't answer it yet.
    #[must_use]
    pub fn unanswered_request(&self) -> Option<&'a str> {
        let asked = self.watch.metadata.annotations.as_ref()?.get(REQUESTED_AT)?;
        let handled = self.status.and_then(|status| status.last_handled_reconcile_at.as_ref());
        (handled != Some(asked)).then_some(asked)
    }

    /// What Ready says, in a word: its status, and how that is meant.
    #[must_use]
    pub fn ready(&self) -> (&'a str, Style) {
        let Some(ready) = self.condition(types::READY) else { return ("-", Style::Faint) };
        let style = match ready.status.as_str() {
            "True" if ready.reason == Reason::Synced.name() => Style::Good,
            "False" => Style::Bad,
            _ => Style::Warning,
        };
        (&ready.status, style)
    }

    /// The furthest gate that is open.
    #[must_use]
    pub fn open_gate(&self) -> Option<&'static str> {
        [types::SUCCEEDED, types::COMPLETED, types::CUTOVER_READY]
            .into_iter()
            .find(|gate| self.truth(gate) == Truth::True)
    }
}

/// How long ago a time was, or a dash.
pub(super) fn ago(time: Option<&Time>, now: Timestamp) -> String {
    time.map_or_else(|| "-".to_owned(), |time| age(time.0, now))
}

/// How far off a time is, or a dash where it isn't known or has come already.
pub(super) fn until(time: Option<&Time>, now: Timestamp) -> String {
    let ahead = time.filter(|time| time.0 > now);
    ahead.map_or_else(|| "-".to_owned(), |time| age(now, time.0))
}

/// The time between two times, in the two largest units: `42s`, `5m12s`, `3h20m`, `2d4h`. Nothing is negative: clocks differ a
/// little.
#[must_use]
pub fn age(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).as_secs().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let two = |large: i64, unit: &str, small: i64, smaller: &str| {
        if small == 0 { format!("{large}{unit}") } else { format!("{large}{unit}{small}{smaller}") }
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        (0, 0, minutes) => format!("{minutes}m"),
        (0, hours, minutes) => two(hours, "h", minutes, "m"),
        (days, hours, _) if days < 8 => two(days, "d", hours, "h"),
        (days, ..) => format!("{days}d"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_two_units_at_most() {
        let start = Timestamp::from_second(1_000_000).unwrap();
        for (seconds, text) in [
            (-5, "0s"),
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (72, "1m12s"),
            (599, "9m59s"),
            (601, "10m"),
            (3600, "1h"),
            (12_061, "3h21m"),
            (86_400, "1d"),
            (187_200, "2d4h"),
            (864_000, "10d"),
        ] {
            let end = Timestamp::from_second(1_000_000 + seconds).unwrap();
            assert_eq!(age(start, end), text);
        }
        assert!(age(Timestamp::MIN, Timestamp::MAX).ends_with('d'));
    }
}
