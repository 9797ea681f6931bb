//! `top`: one picture of watches and their tasks, as large as the terminal.

use k8s_openapi::jiff::Timestamp;

use super::{
    list::eta,
    seen::{Seen, ago},
    table::{Column, Table},
    tasks::{bar, task_lines},
    text::{Line, Style},
};
use crate::{
    api::{MigrationTaskWatch, Summary},
    core::conditions::{Truth, types},
};

/// How wide the bar of a watch's progress is, with its brackets.
const BAR: usize = 32;
/// How many watches that aren't Ready are explained.
const MOST_TROUBLES: usize = 3;

/// Lines and columns of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Lines.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// What is shown.
#[derive(Clone, Debug)]
pub struct Frame<'a> {
    /// The watches, in the order in which they are to be seen.
    pub watches: &'a [&'a MigrationTaskWatch],
    /// Whose watches they are.
    pub title: &'a str,
    /// Why this may be old, if the API server can't be followed.
    pub trouble: Option<&'a str>,
    /// How many tasks are scrolled past.
    pub offset: usize,
    /// Now.
    pub now: Timestamp,
}

/// A picture, and how it can be scrolled.
#[derive(Clone, Debug)]
pub struct Picture {
    /// As many lines as the terminal has, none wider than it.
    pub lines: Vec<Line>,
    /// How many tasks can be scrolled past.
    pub last_offset: usize,
    /// How many tasks are seen at a time.
    pub page: usize,
}

/// The picture for a terminal of this size.
#[must_use]
pub fn frame(frame: &Frame<'_>, size: Size) -> Picture {
    let Layout { head, heading, tasks, page, last_offset } = Layout::of(frame, size);
    let mut lines = head;
    lines.extend(heading);
    lines.extend(tasks.iter().skip(frame.offset.min(last_offset)).take(page).cloned());
    lines.resize(size.height.saturating_sub(1), Line::default());
    lines.push(foot(frame, tasks.len(), page, last_offset));
    lines.truncate(size.height);
    let lines = lines.iter().map(|line| line.cut(size.width)).collect();
    Picture { lines, last_offset, page }
}

struct Layout {
    head: Vec<Line>,
    heading: Option<Line>,
    tasks: Vec<Line>,
    page: usize,
    last_offset: usize,
}

impl Layout {
    fn of(frame: &Frame<'_>, size: Size) -> Self {
        let mut head = vec![title(frame, size.width), Line::default()];
        head.extend(watches(frame, size));
        head.push(Line::default());
        let mut tasks = task_lines(frame.watches, frame.now, Some(size.width)).into_iter();
        let heading = tasks.next();
        let tasks: Vec<Line> = tasks.collect();
        // Without the heading above and the foot below.
        let page = size.height.saturating_sub(head.len() + 2);
        let last_offset = tasks.len().saturating_sub(page);
        Self { head, heading, tasks, page, last_offset }
    }
}

fn title(frame: &Frame<'_>, width: usize) -> Line {
    let title = Line::styled(Style::Strong, frame.title);
    let time = format!("{:.0}", frame.now);
    if title.width() + time.len() + 2 > width {
        return title;
    }
    title.padded(width - time.len()).and(Style::Faint, &time)
}

/// The watches, as many as there is room for with the tasks below, and what is wrong with them.
fn watches(frame: &Frame<'_>, size: Size) -> Vec<Line> {
    let mut table = Table::new(vec![
        Column::left("WATCH", 0).at_most(40),
        Column::left("READY", 1),
        Column::left("PROGRESS", 5),
        Column::right("%", 0),
        Column::right("TOTAL", 2),
        Column::right("FAILED", 1),
        Column::right("STALLED", 3),
        Column::right("RUNNING", 3),
        Column::right("SYNCING", 4),
        Column::right("DONE", 2),
        Column::right("ETA", 3),
        Column::right("LAST-SYNC", 4),
    ]);
    let mut watches: Vec<Seen<'_>> = frame.watches.iter().map(|watch| Seen::new(watch)).collect();
    // There may not be room for all. The order of those that stand alike stays.
    watches.sort_by_key(|seen| goodness(*seen, frame.now));
    watches.iter().for_each(|seen| table.push(row(*seen, frame.now)));
    let mut lines = table.lines(Some(size.width));
    let most = (size.height / 3).max(2);
    if lines.len() > most {
        let hidden = lines.len() - most + 1;
        lines.truncate(most - 1);
        lines.push(Line::styled(Style::Faint, &format!("and {hidden} more watches")));
    }
    let troubles = watches.iter().filter_map(|seen| trouble(*seen, frame.now));
    lines.extend(troubles.take(MOST_TROUBLES));
    lines
}

/// How well a watch stands, the worst first: those that don't work, those with failed tasks, those with stalled ones.
fn goodness(seen: Seen<'_>, now: Timestamp) -> (bool, bool, bool) {
    let has = |of: fn(&Summary) -> i64| seen.summary().is_some_and(|counts| of(counts) > 0);
    (trouble(seen, now).is_none(), !has(|counts| counts.failed), !has(|counts| counts.stalled))
}

fn row(seen: Seen<'_>, now: Timestamp) -> Vec<Line> {
    let counts = seen.summary().cloned().unwrap_or_default();
    let count = |count: i64, style: Style| {
        Line::styled(if count > 0 { style } else { Style::Faint }, &count.to_string())
    };
    let (ready, style) = seen.ready();
    let failing = if counts.failed > 0 { Style::Bad } else { Style::Good };
    let last_sync = seen.status.and_then(|status| status.last_sync_time.as_ref());
    vec![
        Line::styled(Style::Strong, seen.name()),
        Line::styled(style, ready),
        bar(counts.progress, BAR, failing),
        Line::plain(&counts.progress.to_string()),
        count(counts.total, Style::Plain),
        count(counts.failed, Style::Bad),
        count(counts.stalled, Style::Warning),
        count(counts.running, Style::Plain),
        count(counts.syncing, Style::Good),
        count(counts.succeeded, Style::Good),
        Line::plain(&eta(seen, now)),
        Line::plain(&ago(last_sync, now)),
    ]
}

/// What is wrong with the watch itself, in a line.
fn trouble(seen: Seen<'_>, now: Timestamp) -> Option<Line> {
    if let Some(since) = seen.silent_since(now) {
        let text =
            format!("{}: the operator has written nothing for {}", seen.name(), super::age(since, now));
        return Some(Line::styled(Style::Bad, &text));
    }
    let ready = seen.condition(types::READY)?;
    let (_, style) = seen.ready();
    let is_fine = seen.truth(types::READY) == Truth::True && style == Style::Good;
    let text = format!("{}: {}: {}", seen.name(), ready.reason, ready.message);
    (!is_fine).then(|| Line::styled(style, &text))
}

fn foot(frame: &Frame<'_>, tasks: usize, page: usize, last_offset: usize) -> Line {
    if let Some(trouble) = frame.trouble {
        return Line::styled(Style::Bad, trouble);
    }
    let first = frame.offset.min(last_offset);
    let last = (first + page).min(tasks);
    let omitted = frame.watches.iter().filter_map(|watch| watch.status.as_ref()?.omitted_tasks).sum::<i64>();
    let more = if omitted > 0 { format!(", and {omitted} that aren't written out") } else { String::new() };
    let shown = if frame.watches.is_empty() {
        "no watches".to_owned()
    } else if tasks == 0 {
        "no tasks".to_owned()
    } else {
        format!("tasks {}-{last} of {tasks}", first + 1)
    };
    Line::styled(Style::Faint, &format!("{shown}{more}   q quits, arrows and page keys scroll"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::{
        super::tasks::tests::{condition, now, tasks, texts, watch},
        *,
    };

    fn wave() -> MigrationTaskWatch {
        watch(
            "wave-1",
            json!({
                "conditions": [condition("Ready", "True", "Synced", "Listings are complete.")],
                "summary": {"total": 7, "pending": 1, "running": 2, "succeeded": 1, "failed": 1, "stalled": 1, "progress": 49},
                "tasks": tasks(),
                "omittedTasks": 2,
                "lastSyncTime": "2026-03-01T11:59:57Z",
            }),
        )
    }

    fn picture(
        watches: &[&MigrationTaskWatch],
        offset: usize,
        trouble: Option<&str>,
        size: Size,
    ) -> Vec<String> {
        let picture = Frame { watches, title: "migration", trouble, offset, now: now() };
        texts(&frame(&picture, size).lines)
    }

    #[test]
    fn the_picture_fills_the_terminal() {
        let wave = wave();
        let lines = picture(&[&wave], 0, None, Size { height: 13, width: 120 });
        assert_eq!(
            lines,
            [
                "migration                                                                                           2026-03-01T12:00:00Z",
                "",
                "WATCH    READY    %   TOTAL   FAILED   STALLED   RUNNING   SYNCING   DONE   ETA   LAST-SYNC",
                "wave-1   True    49       7        1         1         2         0      1     -          3s",
                "",
                "TASK         PHASE       PROGRESS                   %   SPEED   ETA   STEP OR ERROR",
                "app-04       Failed      [############........]    62       -     -   SMS.0203: The connection timed out.",
                "app-03?[2J   Stalled     [###########.........]    55       -     -   stands still for 12m in MIGRATE_LINUX_FILE",
                "数据库-01    Running     [######..............]    31    71.5   12m   MIGRATE_LINUX_BLOCK",
                "4            Pending     [....................]     0       -     -   READY",
                "web-01       Succeeded   [####################]   100       -     -   MIGRATE_SUCCESS",
                "",
                "tasks 1-5 of 5, and 2 that aren't written out   q quits, arrows and page keys scroll",
            ]
        );
    }

    #[test]
    fn it_scrolls_to_the_last_task_and_no_further() {
        let wave = wave();
        let size = Size { height: 9, width: 80 };
        let at = |offset| picture(&[&wave], offset, None, size);
        assert!(at(0)[6].starts_with("app-04"));
        assert!(at(1)[6].starts_with("app-03"));
        assert!(at(3)[7].starts_with("web-01"));
        assert_eq!(at(99), at(3));
        assert!(at(3)[8].starts_with("tasks 4-5 of 5, and 2 that aren't"));
        let wave = [&wave];
        let frame = Frame { watches: &wave, title: "", trouble: None, offset: 0, now: now() };
        let Picture { last_offset, page, .. } = super::frame(&frame, size);
        assert_eq!((last_offset, page), (3, 2));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let message = "There is no Secret huawei in namespace migration.";
        let bad =
            watch("wave-2", json!({"conditions": [condition("Ready", "False", "SecretNotFound", message)]}));
        let lines = picture(&[&bad], 0, Some("connection lost"), Size { height: 9, width: 100 });
        assert_eq!(lines[4], format!("wave-2: SecretNotFound: {message}"));
        assert_eq!(lines[8], "connection lost");
    }

    #[test]
    fn many_watches_leave_room_for_tasks() {
        let wave = wave();
        let many = vec![&wave; 40];
        let lines = picture(&many, 0, None, Size { height: 24, width: 120 });
        assert_eq!(lines[9], "and 34 more watches");
        assert!(lines[11].starts_with("TASK") && lines[12].starts_with("app-04"), "{lines:#?}");
    }

    /// A watch of which only the counts are known.
    fn counted(name: &str, summary: serde_json::Value) -> MigrationTaskWatch {
        let ready = condition("Ready", "True", "Synced", "Listings are complete.");
        let status =
            json!({"conditions": [ready], "summary": summary, "lastSyncTime": "2026-03-01T11:59:57Z"});
        watch(name, status)
    }

    #[test]
    fn the_worst_watch_is_seen_first() {
        let mut all: Vec<MigrationTaskWatch> =
            (0..30).map(|i| counted(&format!("wave-{i:02}"), json!({"total": 3, "running": 3}))).collect();
        all.push(counted("zone", json!({"total": 9, "running": 9, "stalled": 9})));
        let names = |all: &[MigrationTaskWatch]| {
            let watches: Vec<&MigrationTaskWatch> = all.iter().collect();
            let lines = picture(&watches, 0, None, Size { height: 24, width: 80 });
            lines[3..6].iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(&all), ["zone", "wave-00", "wave-01"]);
        all.push(counted("zoo", json!({"total": 9, "failed": 1})));
        all.push(watch("zulu", json!({"conditions": [condition("Ready", "False", "AccessDenied", "No.")]})));
        assert_eq!(names(&all), ["zulu", "zoo", "zone"]);
    }

    #[test]
    fn no_number_is_cut_in_80_columns() {
        let mut summary = json!({"total": 12, "running": 3, "progress": 49});
        summary["estimatedCompletionTime"] = json!("2026-03-01T12:08:27Z");
        for name in (1..40).map(|length| "w".repeat(length)) {
            let wave = counted(&name, summary.clone());
            for width in 60..120 {
                let row = picture(&[&wave], 0, None, Size { height: 9, width })[3].clone();
                assert!(!row.contains("..") || row.starts_with(&name[..1]) && !row.contains("8m.."), "{row}");
                let cells: Vec<&str> = row.split_whitespace().skip(2).collect();
                let known = ["49", "12", "0", "3", "8m27s", "3s"];
                let is_whole =
                    |cell: &&str| known.contains(cell) || cell.starts_with('[') || cell.ends_with(']');
                assert!(cells.iter().all(is_whole), "{width}: {row}");
            }
        }
    }

    proptest! {
        #[test]
        fn it_fits_any_terminal(height in 0usize..50, width in 0usize..200, offset in 0usize..20, count in 0usize..20) {
            let (wave, stranger) = (wave(), watch("\u{1b}[31m迁移", json!({})));
            let all: Vec<&MigrationTaskWatch> = [&wave, &stranger].into_iter().cycle().take(count).collect();
            let shown = Frame { watches: &all, title: "t", trouble: None, offset, now: now() };
            let lines = frame(&shown, Size { height, width }).lines;
            prop_assert_eq!(lines.len(), height);
            for line in lines {
                prop_assert!(line.width() <= width);
                let has_escape = line.render(false).contains('\x1b');
                prop_assert!(!has_escape);
            }
        }
    }
}
