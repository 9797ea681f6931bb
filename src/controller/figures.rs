//! What metrics show of each watch: its status, as it is when somebody asks.

use std::{collections::HashMap, sync::Arc};

use k8s_openapi::jiff::Timestamp;

use super::context::{Context, key};
use crate::{
    api::{MigrationTaskWatch, Summary},
    core::{
        conditions::{find, types},
        duration,
        task::Phase,
    },
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
    let status = watch.status.as_ref();
    let summary = status.and_then(|status| status.summary.clone()).unwrap_or_default();
    let conditions = status.map_or_else(Default::default, |status| &*status.conditions);
    let last_sync = status.and_then(|status| Some(status.last_sync_time.as_ref()?.0));
    Some(WatchFigures {
        listed: listed.get(&key).copied().or(last_sync),
        namespace: key.namespace,
        name: key.name,
        conditions: conditions
            .iter()
            .map(|condition| (condition.type_.clone(), value(&condition.status)))
            .collect(),
        not_ready: find(conditions, types::READY)
            .filter(|ready| ready.status != "True")
            .map(|ready| ready.reason.clone()),
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
