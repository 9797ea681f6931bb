//! What metrics show of each watch: its status, as it is when somebody asks.

use std::{collections::HashMap, sync::Arc};

use k8s_openapi::jiff::Timestamp;

use super::context::{Context, key};
use crate::{
    api::{MigrationTaskWatch, Summary},
    core::{duration, task::Phase},
    listings::WatchKey,
    telemetry::{Seen, WatchFigures},
};

/// Shows the watches for as long as somebody works on them.
pub(super) fn show(context: &Arc<Context>) {
    let seen = Arc::downgrade(context);
    context.metrics.watches.see(move || {
        let Some(context) = seen.upgrade() else { return Seen::default() };
        let listed = context.pollers.listed();
        let mut watches = context.watches.state();
        watches.sort_by_cached_key(|watch| (watch.metadata.namespace.clone(), watch.metadata.name.clone()));
        let watches = watches.iter().filter_map(|watch| figures(watch, &listed)).collect();
        Seen { watches, refused: context.pollers.refused() }
    });
}

fn figures(watch: &MigrationTaskWatch, listed: &HashMap<WatchKey, Timestamp>) -> Option<WatchFigures> {
    let key = key(&watch.metadata)?;
    let status = watch.status.clone().unwrap_or_default();
    let summary = status.summary.unwrap_or_default();
    let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready");
    Some(WatchFigures {
        listed: listed.get(&key).copied().or(status.last_sync_time.map(|time| time.0)),
        namespace: key.namespace,
        name: key.name,
        conditions: status
            .conditions
            .iter()
            .map(|condition| (condition.type_.clone(), value(&condition.status)))
            .collect(),
        not_ready: ready.filter(|ready| ready.status != "True").map(|ready| ready.reason.clone()),
        tasks: phases(&summary),
        stalled: summary.stalled,
        progress: summary.progress,
        interval: duration::parse(&watch.spec.interval),
        suspended: watch.spec.suspend,
    })
}

fn value(status: &str) -> i64 {
    match status {
        "True" => 1,
        "False" => 0,
        _ => -1,
    }
}

fn phases(summary: &Summary) -> Vec<(&'static str, i64)> {
    vec![
        (Phase::Pending.name(), summary.pending),
        (Phase::Running.name(), summary.running),
        (Phase::Syncing.name(), summary.syncing),
        (Phase::Succeeded.name(), summary.succeeded),
        (Phase::Failed.name(), summary.failed),
        (Phase::Aborted.name(), summary.aborted),
        (Phase::Other.name(), summary.other),
    ]
}
