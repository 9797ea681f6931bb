//! `list`: watches in a table.

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    seen::{Seen, ago, until},
    table::{Column, Table},
    text::{Line, Style},
};
use crate::{
    api::{MigrationTaskWatch, Summary},
    core::conditions::{Reason, Truth, types},
};

/// Which columns there are beside the usual ones.
#[derive(Clone, Copy, Debug, Default)]
pub struct Columns {
    /// The namespace.
    pub namespaces: bool,
    /// Region and message.
    pub wide: bool,
}

/// The watches in a table: the printer columns, and the reason, the stalled tasks, the furthest open gate and the estimate.
#[must_use]
pub fn list(watches: &[&MigrationTaskWatch], columns: Columns, now: Timestamp) -> Table {
    let mut table = Table::new(headings(columns));
    for watch in watches {
        table.push(row(Seen::new(watch), columns, now));
    }
    table
}

fn headings(columns: Columns) -> Vec<Column> {
    let mut headings = Vec::new();
    if columns.namespaces {
        headings.push(Column::left("NAMESPACE", 0));
    }
    headings.extend([
        Column::left("NAME", 0),
        Column::left("READY", 0),
        Column::left("REASON", 3),
        Column::right("TOTAL", 1),
        Column::right("RUNNING", 5),
        Column::right("SYNCING", 5),
        Column::right("SUCCEEDED", 4),
        Column::right("FAILED", 1),
        Column::right("STALLED", 3),
        Column::right("PROGRESS", 1),
        Column::left("GATE", 4),
        Column::left("ETA", 4),
        Column::left("LAST-SYNC", 6),
        Column::left("AGE", 7),
    ]);
    if columns.wide {
        headings.extend([Column::left("REGION", 5), Column::prose("MESSAGE", 2)]);
    }
    headings
}

fn row(seen: Seen<'_>, columns: Columns, now: Timestamp) -> Vec<Line> {
    let count =
        |of: fn(&Summary) -> i64| seen.summary().map_or("-".to_owned(), |counts| of(counts).to_string());
    let worrying = |of: fn(&Summary) -> i64, style| {
        let style = if seen.summary().is_some_and(|counts| of(counts) > 0) { style } else { Style::Plain };
        Line::styled(style, &count(of))
    };
    let (ready, style) = seen.ready();
    let reason = seen.condition(types::READY).map_or("-", |ready| &ready.reason);
    let silent = seen.silent_since(now).map_or(Style::Plain, |_| Style::Bad);
    let last_sync = seen.status.and_then(|status| status.last_sync_time.as_ref());
    let mut row = Vec::new();
    if columns.namespaces {
        row.push(Line::plain(seen.namespace()));
    }
    row.extend([
        Line::plain(seen.name()),
        Line::styled(style, ready),
        Line::styled(style, reason),
        Line::plain(&count(|counts| counts.total)),
        Line::plain(&count(|counts| counts.running)),
        Line::plain(&count(|counts| counts.syncing)),
        Line::plain(&count(|counts| counts.succeeded)),
        worrying(|counts| counts.failed, Style::Bad),
        worrying(|counts| counts.stalled, Style::Warning),
        Line::plain(&count(|counts| counts.progress)),
        Line::styled(Style::Good, seen.open_gate().unwrap_or("-")),
        Line::plain(&eta(seen, now)),
        Line::styled(silent, &ago(last_sync, now)),
        Line::plain(&ago(seen.watch.metadata.creation_timestamp.as_ref(), now)),
    ]);
    if columns.wide {
        row.push(Line::plain(seen.watch.spec.region.as_deref().unwrap_or("-")));
        row.push(Line::plain(seen.condition(types::READY).map_or("", |ready| &ready.message)));
    }
    row
}

/// How long the running tasks are expected to take.
pub(super) fn eta(seen: Seen<'_>, now: Timestamp) -> String {
    until(seen.summary().and_then(|counts| counts.estimated_completion_time.as_ref()), now)
}

/// The same as values, for programs.
#[must_use]
pub fn rows(watches: &[&MigrationTaskWatch], now: Timestamp) -> Value {
    watches.iter().map(|watch| value(Seen::new(watch), now)).collect()
}

fn value(seen: Seen<'_>, now: Timestamp) -> Value {
    let ready = seen.condition(types::READY);
    let is_open = |gate| seen.truth(gate) == Truth::True;
    json!({
        "namespace": seen.namespace(),
        "name": seen.name(),
        "ready": ready.map(|ready| &ready.status),
        "reason": ready.map(|ready| &ready.reason),
        "message": ready.map(|ready| &ready.message),
        "suspended": ready.is_some_and(|ready| ready.reason == Reason::Suspended.name()),
        "silent": seen.silent_since(now).is_some(),
        "completed": is_open(types::COMPLETED),
        "succeeded": is_open(types::SUCCEEDED),
        "cutoverReady": is_open(types::CUTOVER_READY),
        "summary": seen.summary(),
        "lastSyncTime": seen.last_sync(),
        "region": seen.watch.spec.region,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::tasks::tests::{condition, now, texts, watch},
        *,
    };

    fn watches() -> Vec<MigrationTaskWatch> {
        let good = json!({
            "conditions": [
                condition("Ready", "True", "Synced", "Listings are complete, every 1m."),
                condition("CutoverReady", "True", "AllSynced", "All 12 tasks are ready for the cut-over."),
            ],
            "summary": {"total": 12, "running": 3, "syncing": 4, "succeeded": 3, "failed": 1, "stalled": 1,
                "progress": 70, "estimatedCompletionTime": "2026-03-01T13:30:00Z"},
            "lastSyncTime": "2026-03-01T11:59:57Z",
        });
        let bad = condition("Ready", "False", "SecretNotFound", "There is no Secret huawei\u{1b}[31m.");
        vec![
            watch("wave-1", good),
            watch("wave-2", json!({"conditions": [bad]})),
            watch("wave-3", json!({"observedGeneration": -1})),
        ]
    }

    #[test]
    fn an_interval_that_is_no_duration_does_no_harm() {
        for interval in ["99999999999999999999h", "2562047h", "-1h", "", "soon"] {
            let mut watch = watches().remove(0);
            watch.spec.interval = interval.to_owned();
            let all = [&watch];
            assert!(texts(&list(&all, Columns::default(), now()).lines(None))[1].starts_with("wave-1 "));
            assert_eq!(rows(&all, now())[0]["silent"], false);
            assert!(texts(&super::super::describe(&watch, Ok(&[]), now(), None))[0].contains("wave-1"));
            assert_ne!(super::super::describe(&watch, Ok(&[]), now(), Some(80)), []);
            assert!(super::super::findings(&watch, now()).len() < 9);
        }
    }

    fn lines(columns: Columns, width: Option<usize>) -> Vec<String> {
        let watches = watches();
        texts(&list(&watches.iter().collect::<Vec<_>>(), columns, now()).lines(width))
    }

    #[test]
    fn each_watch_is_a_row() {
        assert_eq!(
            lines(Columns::default(), None),
            [
                "NAME     READY   REASON           TOTAL   RUNNING   SYNCING   SUCCEEDED   FAILED   STALLED   PROGRESS   \
                 GATE           ETA     LAST-SYNC   AGE",
                "wave-1   True    Synced              12         3         4           3        1         1         70   \
                 CutoverReady   1h30m   3s          2h",
                "wave-2   False   SecretNotFound       -         -         -           -        -         -          -   \
                 -              -       -           2h",
                "wave-3   -       -                    -         -         -           -        -         -          -   \
                 -              -       -           2h",
            ]
        );
    }

    #[test]
    fn a_narrow_terminal_keeps_the_state_and_the_failures() {
        assert_eq!(
            lines(Columns::default(), Some(45)),
            [
                "NAME     READY   TOTAL   FAILED   PROGRESS",
                "wave-1   True       12        1         70",
                "wave-2   False       -        -          -",
                "wave-3   -           -        -          -",
            ]
        );
    }

    #[test]
    fn more_columns_are_namespace_region_and_message() {
        let lines = lines(Columns { namespaces: true, wide: true }, None);
        assert!(lines[0].starts_with("NAMESPACE   NAME ") && lines[0].ends_with("REGION           MESSAGE"));
        assert!(lines[2].starts_with("migration   wave-2 "), "{}", lines[2]);
        assert!(lines[2].ends_with("ap-southeast-3   There is no Secret huawei?[31m."), "{}", lines[2]);
    }

    #[test]
    fn an_operator_that_is_silent_is_told() {
        let watches = watches();
        let later = "2026-03-01T12:14:57Z".parse().unwrap();
        assert_eq!(rows(&[&watches[0]], now())[0]["silent"], false);
        assert_eq!(rows(&[&watches[0]], later)[0]["silent"], true);
        assert_eq!(rows(&[&watches[0]], now())[0]["cutoverReady"], true);
    }
}
