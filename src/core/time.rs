//! Times as the API server keeps them.

use std::time::Duration;

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::Time,
    jiff::{SignedDuration, Timestamp},
};

/// Cuts a time to whole seconds. What is compared with a status that comes back from the API server must have been
/// cut, since that keeps no more.
#[must_use]
pub fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// A time as the API writes it. None for one that RFC 3339 has no four-digit year for.
#[must_use]
pub fn written(time: Timestamp) -> Option<Time> {
    let range = Timestamp::UNIX_EPOCH..Timestamp::MAX.saturating_sub(SignedDuration::from_hours(48)).ok()?;
    range.contains(&time).then(|| Time(whole_seconds(time)))
}

/// A time some while later; the latest possible time where that is beyond all times.
#[must_use]
pub fn after(time: Timestamp, duration: Duration) -> Timestamp {
    SignedDuration::try_from(duration)
        .ok()
        .and_then(|duration| time.checked_add(duration).ok())
        .unwrap_or(Timestamp::MAX)
}

/// A time some while earlier; the earliest possible time where that is before all times.
#[must_use]
pub fn before(time: Timestamp, duration: Duration) -> Timestamp {
    SignedDuration::try_from(duration)
        .ok()
        .and_then(|duration| time.checked_sub(duration).ok())
        .unwrap_or(Timestamp::MIN)
}

/// Writes a duration as a spec would: `90s`, `5m`, `1h30m`.
#[must_use]
pub fn short(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, seconds) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, 0) => format!("{minutes}m"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, 0, 0) => format!("{hours}h"),
        (hours, minutes, 0) => format!("{hours}h{minutes}m"),
        (hours, minutes, seconds) => format!("{hours}h{minutes}m{seconds}s"),
    }
}
