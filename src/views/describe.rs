//! `describe`: all that a person wants to know of a watch.

use std::time::Duration;

use k8s_openapi::{api::events::v1::Event, apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};

use super::{
    seen::{Seen, age, ago, until},
    table::{Column, Table},
    tasks::{bar, task_lines},
    text::{Line, Style},
};
use crate::{
    api::{Filter, MigrationTaskWatch, Summary},
    core::{
        conditions::{Reason, Truth, expiry, types},
        time::short,
    },
};

/// How many events are shown.
const MOST_EVENTS: usize = 20;
/// How wide the labels are.
const LABEL: usize = 16;

/// What has been told of a watch lately, or why that can't be known.
pub type Told<'a> = Result<&'a [Event], &'a str>;

/// Everything.
#[must_use]
pub fn describe(
    watch: &MigrationTaskWatch,
    told: Told<'_>,
    now: Timestamp,
    width: Option<usize>,
) -> Vec<Line> {
    let seen = Seen::new(watch);
    let mut lines = head(seen, now);
    section(&mut lines, "Conditions", conditions(seen, now, width));
    section(&mut lines, "Tasks", tasks(seen, now, width));
    section(&mut lines, "Events", events(told, now, width));
    lines
}

fn section(lines: &mut Vec<Line>, title: &str, content: Vec<Line>) {
    lines.push(Line::default());
    lines.push(Line::styled(Style::Strong, title));
    lines.extend(content.into_iter().map(|line| Line::plain("  ").then(line)));
}

fn labelled(label: &str, content: Line) -> Line {
    Line::plain(&format!("{label}:")).padded(LABEL).then(content)
}

fn head(seen: Seen<'_>, now: Timestamp) -> Vec<Line> {
    let spec = &seen.watch.spec;
    let text = |label: &str, text: &str| labelled(label, Line::plain(text));
    let created = ago(seen.watch.metadata.creation_timestamp.as_ref(), now);
    let mut lines = vec![
        labelled("Name", Line::styled(Style::Strong, seen.name())),
        text("Namespace", seen.namespace()),
        text("Age", &created),
        text("SMS", spec.endpoint.as_deref().or(spec.region.as_deref()).unwrap_or("-")),
        labelled("Credentials", credentials(seen, now)),
        text("Filter", &filter(spec.filter.as_ref())),
    ];
    lines.extend(spec.expected_tasks.map(|count| text("Expected tasks", &count.to_string())));
    lines.push(labelled("Last listing", last_listing(seen, now)));
    lines.push(labelled("Next listing", next_listing(seen)));
    lines
}

fn credentials(seen: Seen<'_>, now: Timestamp) -> Line {
    let credentials = &seen.watch.spec.credentials;
    let source = credentials
        .secret_ref
        .as_ref()
        .map_or_else(|| "the operator's own identity".to_owned(), |secret| format!("Secret {}", secret.name));
    let end = seen.condition(types::READY).and_then(|ready| expiry(&ready.message));
    let end = end.map(|end| {
        if end > now {
            format!(", end in {}", age(now, end))
        } else {
            format!(", ended {} ago", age(end, now))
        }
    });
    Line::plain(&source).and(Style::Bad, &end.unwrap_or_default())
}

/// The filter in words.
fn filter(filter: Option<&Filter>) -> String {
    let Some(filter) = filter else { return "all tasks of the account".to_owned() };
    let list = |what: &str, list: Option<&Vec<String>>| {
        list.map(|names| match names.as_slice() {
            [] => format!("{what} none"),
            [name] => format!("{what} {name}"),
            names if names.len() <= 3 => format!("{what} {}", names.join(", ")),
            names => format!(
                "{what} {} and {} more",
                names.iter().take(2).cloned().collect::<Vec<_>>().join(", "),
                names.len() - 2
            ),
        })
    };
    let parts = [
        filter.name.as_ref().map(|name| format!("name {name}")),
        list("source server", filter.source_server_names.as_ref()),
        list("id", filter.ids.as_ref()),
        list("source server id", filter.source_server_ids.as_ref()),
        filter.enterprise_project_id.as_ref().map(|id| format!("enterprise project {id}")),
        list("state", filter.states.as_ref()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "all tasks of the account".to_owned() } else { parts.join("; ") }
}

fn last_listing(seen: Seen<'_>, now: Timestamp) -> Line {
    let Some(last) = seen.last_sync() else {
        return Line::styled(Style::Faint, "none has been complete yet");
    };
    let line = Line::plain(&format!("{} ago, as last written", age(last, now)));
    match seen.silent_since(now) {
        Some(_) => line.and(Style::Bad, ": the operator is silent"),
        None => line,
    }
}

fn next_listing(seen: Seen<'_>) -> Line {
    let interval: Duration = seen.interval();
    let ready = seen.condition(types::READY);
    if seen.watch.spec.suspend {
        return Line::styled(Style::Warning, "none while spec.suspend is true");
    }
    if seen.unanswered_request().is_some() {
        return Line::plain("now, as asked for");
    }
    match seen.truth(types::READY) {
        Truth::True => Line::plain(&format!("within {}", short(interval))),
        _ if ready.is_some() => Line::plain("see Ready"),
        _ => Line::plain("when an operator looks at it"),
    }
}

fn conditions(seen: Seen<'_>, now: Timestamp, width: Option<usize>) -> Vec<Line> {
    let mut table = Table::new(vec![
        Column::left("TYPE", 0),
        Column::left("STATUS", 0),
        Column::left("FOR", 2),
        Column::left("REASON", 0),
        Column::prose("MESSAGE", 1),
    ]);
    for condition in seen.conditions() {
        table.push(vec![
            Line::plain(&condition.type_),
            Line::styled(meant(condition), &condition.status),
            Line::plain(&age(condition.last_transition_time.0, now)),
            Line::plain(&condition.reason),
            Line::plain(&condition.message),
        ]);
    }
    let mut lines = table.lines(inner(width));
    if !seen.is_current() {
        lines.push(Line::styled(Style::Warning, "of the spec before its last change"));
    }
    lines
}

/// What is left beside the indent of a section.
fn inner(width: Option<usize>) -> Option<usize> {
    width.map(|width| width.saturating_sub(2))
}

/// Whether it is good that a condition is as it is.
fn meant(condition: &Condition) -> Style {
    let is_true = condition.status == "True";
    match condition.type_.as_str() {
        types::STALLED | types::TASKS_FAILED | types::TASKS_STALLED if is_true => Style::Bad,
        types::READY if condition.status == "False" => Style::Bad,
        types::READY if condition.reason != Reason::Synced.name() => Style::Warning,
        types::READY | types::COMPLETED | types::SUCCEEDED | types::CUTOVER_READY if is_true => Style::Good,
        types::RECONCILING => Style::Warning,
        _ => Style::Plain,
    }
}

fn tasks(seen: Seen<'_>, now: Timestamp, width: Option<usize>) -> Vec<Line> {
    let Some(counts) = seen.summary() else { return vec![Line::styled(Style::Faint, "not known yet")] };
    let status = seen.status;
    let failing = if counts.failed > 0 { Style::Bad } else { Style::Good };
    let mut lines = vec![
        bar(counts.progress, 32, failing).and(Style::Plain, &format!(" {}%", counts.progress)),
        phases(counts),
    ];
    let states: Vec<String> =
        counts.by_state.iter().map(|(state, count)| format!("{state} {count}")).collect();
    if !states.is_empty() {
        lines.push(Line::styled(Style::Faint, &states.join(", ")));
    }
    if counts.estimated_completion_time.is_some() {
        let eta = until(counts.estimated_completion_time.as_ref(), now);
        lines.push(Line::plain(&format!("SMS expects the running ones to be done in: {eta}")));
    }
    if let Some(missing) = status.and_then(|status| status.missing.as_ref()) {
        let text = format!("{} of the listed ids have no task: {}", missing.count, missing.names.join(", "));
        lines.push(Line::styled(Style::Warning, &text));
    }
    lines.push(Line::default());
    lines.extend(task_lines(&[seen.watch], now, inner(width)));
    if let Some(omitted) = status.and_then(|status| status.omitted_tasks).filter(|omitted| *omitted > 0) {
        lines.push(Line::styled(Style::Faint, &format!("and {omitted} that aren't written out")));
    }
    lines
}

/// The counts, those that are 0 aside.
fn phases(counts: &Summary) -> Line {
    let of = [
        (counts.failed, "failed", Style::Bad),
        (counts.stalled, "stalled", Style::Warning),
        (counts.running, "running", Style::Plain),
        (counts.syncing, "syncing", Style::Good),
        (counts.pending, "pending", Style::Plain),
        (counts.other, "other", Style::Plain),
        (counts.aborted, "aborted", Style::Warning),
        (counts.succeeded, "succeeded", Style::Good),
    ];
    let total = Line::plain(&format!("{} in all", counts.total));
    of.into_iter().filter(|(count, ..)| *count > 0).fold(total, |line, (count, what, style)| {
        line.and(Style::Plain, ", ").and(style, &format!("{count} {what}"))
    })
}

fn events(told: Told<'_>, now: Timestamp, width: Option<usize>) -> Vec<Line> {
    let events = match told {
        Ok([]) => return vec![Line::styled(Style::Faint, "none in the last hour")],
        Ok(events) => events,
        Err(why) => return vec![Line::styled(Style::Warning, why)],
    };
    let mut events: Vec<&Event> = events.iter().collect();
    events.sort_by_key(|event| event.event_time.as_ref().map(|time| time.0));
    let mut table = Table::new(vec![
        Column::left("LAST SEEN", 1),
        Column::left("TYPE", 2),
        Column::left("REASON", 0),
        Column::prose("MESSAGE", 0),
    ]);
    for event in events.iter().skip(events.len().saturating_sub(MOST_EVENTS)) {
        let kind = event.type_.as_deref().unwrap_or_default();
        let style = if kind == "Warning" { Style::Warning } else { Style::Plain };
        let time = event.event_time.as_ref().map_or_else(|| "-".to_owned(), |time| age(time.0, now));
        table.push(vec![
            Line::plain(&time),
            Line::styled(style, kind),
            Line::styled(style, event.reason.as_deref().unwrap_or_default()),
            Line::plain(event.note.as_deref().unwrap_or_default()),
        ]);
    }
    table.lines(inner(width))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::tasks::tests::{condition, now, tasks, texts, watch},
        *,
    };

    fn event(seconds: i64, reason: &str) -> Event {
        let time = now() - k8s_openapi::jiff::SignedDuration::from_secs(seconds);
        serde_json::from_value(json!({
            "metadata": {"name": reason}, "eventTime": format!("{time:.6}"), "type": "Warning", "reason": reason,
            "note": "Task a\u{1b}]0;x\u{7} failed",
        }))
        .unwrap()
    }

    #[test]
    fn all_is_told() {
        let mut watch = watch(
            "wave-1",
            json!({
                "observedGeneration": 1,
                "conditions": [
                    condition("Ready", "True", "Synced", "Listings are complete, every 1m. The credentials end at \
                        2026-03-01T12:30:00Z; replace them before."),
                    condition("TasksFailed", "True", "TasksFailed", "1 of 7 tasks failed: app-04."),
                ],
                "summary": {"total": 7, "pending": 1, "running": 2, "succeeded": 3, "failed": 1, "stalled": 1, "progress": 49,
                    "byState": {"MIGRATE_FAIL": 1, "RUNNING": 2}, "estimatedCompletionTime": "2026-03-01T12:12:00Z"},
                "tasks": tasks(),
                "omittedTasks": 2,
                "missing": {"count": 1, "names": ["id-9"]},
                "lastSyncTime": "2026-03-01T11:59:57Z",
            }),
        );
        watch.spec.expected_tasks = Some(8);
        watch.spec.filter = Some(Filter {
            name: Some("wave-1-*".to_owned()),
            ids: Some(["a", "b", "c", "d"].map(str::to_owned).to_vec()),
            ..Filter::default()
        });
        let events = [event(10, "TaskFailed"), event(70, "TaskStalled")];
        let lines = texts(&describe(&watch, Ok(&events), now(), None));
        assert_eq!(
            lines.join("\n"),
            "Name:           wave-1\n\
             Namespace:      migration\n\
             Age:            2h\n\
             SMS:            ap-southeast-3\n\
             Credentials:    Secret huawei, end in 30m\n\
             Filter:         name wave-1-*; id a, b and 2 more\n\
             Expected tasks: 8\n\
             Last listing:   3s ago, as last written\n\
             Next listing:   within 1m\n\
             \n\
             Conditions\n  \
             TYPE          STATUS   FOR   REASON        MESSAGE\n  \
             Ready         True     5m    Synced        Listings are complete, every 1m. The credentials end at \
             2026-03-01T12:30:00Z; replace them before.\n  \
             TasksFailed   True     5m    TasksFailed   1 of 7 tasks failed: app-04.\n\
             \n\
             Tasks\n  \
             [##############................] 49%\n  \
             7 in all, 1 failed, 1 stalled, 2 running, 1 pending, 3 succeeded\n  \
             MIGRATE_FAIL 1, RUNNING 2\n  \
             SMS expects the running ones to be done in: 12m\n  \
             1 of the listed ids have no task: id-9\n\
             \n  \
             TASK         PHASE       PROGRESS                   %   SPEED   ETA   STEP OR ERROR\n  \
             app-04       Failed      [############........]    62       -     -   SMS.0203: The connection timed out.\n  \
             app-03?[2J   Stalled     [###########.........]    55       -     -   stands still for 12m in MIGRATE_LINUX_FILE\n  \
             数据库-01    Running     [######..............]    31    71.5   12m   MIGRATE_LINUX_BLOCK\n  \
             4            Pending     [....................]     0       -     -   READY\n  \
             web-01       Succeeded   [####################]   100       -     -   MIGRATE_SUCCESS\n  \
             and 2 that aren't written out\n\
             \n\
             Events\n  \
             LAST SEEN   TYPE      REASON        MESSAGE\n  \
             1m10s       Warning   TaskStalled   Task a?]0;x? failed\n  \
             10s         Warning   TaskFailed    Task a?]0;x? failed"
        );
    }

    #[test]
    fn a_watch_without_a_status_is_described_as_well() {
        let watch = watch("new", json!({"observedGeneration": -1}));
        let text = texts(&describe(&watch, Err("events can't be read"), now(), Some(60))).join("\n");
        for part in [
            "none has been complete yet",
            "when an operator looks at it",
            "not known yet",
            "events can't be read",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(text.contains("all tasks of the account"));
    }

    #[test]
    fn the_next_listing_is_what_the_spec_and_the_requests_say() {
        let ready = condition("Ready", "True", "Synced", "Listings are complete.");
        let mut watch = watch("w", json!({"conditions": [ready]}));
        let next = |watch: &MigrationTaskWatch| next_listing(Seen::new(watch)).render(false);
        assert_eq!(next(&watch), "within 1m");
        watch.metadata.annotations = Some([(crate::api::REQUESTED_AT.to_owned(), "x".to_owned())].into());
        assert_eq!(next(&watch), "now, as asked for");
        watch.spec.suspend = true;
        assert_eq!(next(&watch), "none while spec.suspend is true");
    }
}
