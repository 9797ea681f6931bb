//! Tasks: what is worst comes first.

use std::collections::HashMap;

use k8s_openapi::jiff::Timestamp;

use super::{
    seen::{Seen, age, until},
    table::{Column, Table},
    text::{Line, Style},
};
use crate::{
    api::{MigrationTaskWatch, TaskStatus},
    core::{conditions::types, task::Phase},
};

/// How wide the bar of a task's progress is, with its brackets.
const BAR: usize = 22;

/// How a task stands, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    Failed,
    Stalled,
    Running,
    Syncing,
    Pending,
    Other,
    Aborted,
    Succeeded,
}

impl Standing {
    pub(super) fn of(task: &TaskStatus) -> Self {
        let is = |phase: Phase| task.phase == phase.name();
        match task {
            _ if is(Phase::Failed) => Self::Failed,
            _ if task.stalled_since.is_some() => Self::Stalled,
            _ if is(Phase::Running) => Self::Running,
            _ if is(Phase::Syncing) => Self::Syncing,
            _ if is(Phase::Pending) => Self::Pending,
            _ if is(Phase::Aborted) => Self::Aborted,
            _ if is(Phase::Succeeded) => Self::Succeeded,
            _ => Self::Other,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Failed => "Failed",
            Self::Stalled => "Stalled",
            Self::Running => "Running",
            Self::Syncing => "Syncing",
            Self::Pending => "Pending",
            Self::Other => "Other",
            Self::Aborted => "Aborted",
            Self::Succeeded => "Succeeded",
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Failed => Style::Bad,
            Self::Stalled | Self::Aborted => Style::Warning,
            Self::Syncing | Self::Succeeded => Style::Good,
            Self::Pending => Style::Faint,
            Self::Running | Self::Other => Style::Plain,
        }
    }
}

/// The tasks of some watches, what is worst first, with the watch of each where there are several.
#[must_use]
pub fn task_lines(watches: &[&MigrationTaskWatch], now: Timestamp, width: Option<usize>) -> Vec<Line> {
    let several = watches.len() > 1;
    let of = |watch| Seen::new(watch).status.map_or(&[][..], |status| &status.tasks);
    let mut tasks: Vec<(&MigrationTaskWatch, &TaskStatus)> =
        watches.iter().flat_map(|watch| of(watch).iter().map(|task| (*watch, task))).collect();
    // Of one watch they are in this order already; the order of those that stand alike stays.
    tasks.sort_by_key(|(_, task)| Standing::of(task));
    let mut table = Table::new(columns(several));
    for (watch, task) in tasks {
        let mut row = vec![named(task)];
        if several {
            row.push(Line::styled(Style::Faint, Seen::new(watch).name()));
        }
        row.extend(cells(task, now));
        table.push(row);
    }
    table.lines(width)
}

fn columns(several: bool) -> Vec<Column> {
    let mut columns = vec![Column::left("TASK", 0).at_most(40)];
    if several {
        columns.push(Column::left("WATCH", 3).at_most(24));
    }
    columns.extend([
        Column::left("PHASE", 0),
        Column::left("PROGRESS", 4),
        Column::right("%", 0),
        Column::right("SPEED", 5).at_most(10),
        Column::right("ETA", 2),
        Column::prose("STEP OR ERROR", 1),
    ]);
    columns
}

fn cells(task: &TaskStatus, now: Timestamp) -> Vec<Line> {
    let standing = Standing::of(task);
    let is_moving = standing == Standing::Running;
    let speed = task.migrate_speed.filter(|_| is_moving).map_or_else(|| "-".to_owned(), speed);
    let eta = until(task.estimated_completion_time.as_ref().filter(|_| is_moving), now);
    vec![
        Line::styled(standing.style(), standing.name()),
        bar(task.progress, BAR, standing.style()),
        Line::plain(&task.progress.to_string()),
        Line::plain(&speed),
        Line::plain(&eta),
        remark(task, standing, now),
    ]
}

/// Its name, or its id where it has none.
pub(super) fn name(task: &TaskStatus) -> &str {
    task.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&task.id)
}

fn named(task: &TaskStatus) -> Line {
    Line::styled(Standing::of(task).style(), name(task))
}

/// As SMS gives it: the unit isn't certain.
fn speed(speed: f64) -> String {
    if speed.abs() < 1e6 { format!("{speed:.1}") } else { format!("{speed:.1e}") }
}

fn remark(task: &TaskStatus, standing: Standing, now: Timestamp) -> Line {
    let step = task.sub_task.as_ref().map_or("", |step| &step.name);
    match standing {
        Standing::Failed => Line::styled(Style::Bad, &error(task).unwrap_or_else(|| task.state.clone())),
        Standing::Stalled => {
            let since = task.stalled_since.as_ref().map_or(String::new(), |since| age(since.0, now));
            Line::styled(Style::Warning, &format!("stands still for {since} in {step}"))
        }
        Standing::Running | Standing::Syncing => Line::plain(step),
        _ => Line::styled(Style::Faint, &task.state),
    }
}

/// Code and message of its error.
pub(super) fn error(task: &TaskStatus) -> Option<String> {
    let error = task.error.as_ref()?;
    let parts = [error.code.as_deref(), error.message.as_deref()];
    let text = parts.into_iter().flatten().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(": ");
    (!text.is_empty()).then_some(text)
}

/// A bar of characters that have the same width on every terminal.
pub(super) fn bar(percent: i64, width: usize, style: Style) -> Line {
    let inside = width.saturating_sub(2);
    let percent = usize::try_from(percent.clamp(0, 100)).unwrap_or(0);
    // Full only when it is done, empty only when nothing is.
    let full = (inside * percent / 100).max(usize::from(percent > 0)).min(inside);
    Line::plain("[")
        .and(style, &"#".repeat(full))
        .and(Style::Faint, &".".repeat(inside - full))
        .and(Style::Plain, "]")
}

/// What has changed of a watch since it was seen before: a line for its Ready condition, and one for each task.
#[must_use]
pub fn changes(before: Option<&MigrationTaskWatch>, watch: &MigrationTaskWatch, now: Timestamp) -> Vec<Line> {
    let seen = Seen::new(watch);
    let of = |watch: &MigrationTaskWatch| {
        watch.status.as_ref().map(|status| status.tasks.clone()).unwrap_or_default()
    };
    let (old, new) = (before.map(of).unwrap_or_default(), of(watch));
    let known: HashMap<&str, &TaskStatus> = old.iter().map(|task| (task.id.as_str(), task)).collect();
    let ready = |watch| {
        let ready = Seen::new(watch).condition(types::READY);
        ready.map(|ready| (ready.status.clone(), ready.reason.clone(), ready.message.clone()))
    };
    let start = || Line::plain(seen.name()).and(Style::Plain, "   ");
    let news = ready(watch).filter(|now| before.and_then(ready).as_ref() != Some(now));
    let news = news.map(|(status, reason, message)| {
        start().and(seen.ready().1, &format!("Ready is {status}: {reason}: {message}"))
    });
    let told = |task: &TaskStatus| {
        let standing = Standing::of(task);
        let error = error(task).map_or(String::new(), |error| format!("   {error}"));
        (standing, task.progress, task.state.clone(), error)
    };
    let moved =
        new.iter().filter(|task| known.get(task.id.as_str()).is_none_or(|old| told(old) != told(task)));
    let moved = moved.map(|task| {
        let (standing, progress, _, error) = told(task);
        let text = format!("{}   {progress}%   {}{error}", standing.name(), task.state);
        start().then(named(task)).and(Style::Plain, "   ").and(standing.style(), &text)
    });
    let stamp = Line::styled(Style::Faint, &format!("{now:.0}   "));
    news.into_iter().chain(moved).map(|line| stamp.clone().then(line)).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use serde_json::{Value, json};

    use super::*;

    /// 2026-03-01T12:00:00Z.
    pub(in crate::views) fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    /// A watch with a status like this.
    pub(in crate::views) fn watch(name: &str, mut status: Value) -> MigrationTaskWatch {
        status.as_object_mut().unwrap().entry("observedGeneration").or_insert(json!(1));
        serde_json::from_value(json!({
            "apiVersion": "migration-task-watch.dev/v1alpha1",
            "kind": "MigrationTaskWatch",
            "metadata": {
                "name": name, "namespace": "migration", "generation": 1, "uid": "u",
                "creationTimestamp": "2026-03-01T10:00:00Z",
            },
            "spec": {"region": "ap-southeast-3", "credentials": {"secretRef": {"name": "huawei"}}, "interval": "1m"},
            "status": status,
        }))
        .unwrap()
    }

    /// A condition for five minutes.
    pub(in crate::views) fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
        json!({"type": kind, "status": status, "reason": reason, "message": message,
            "lastTransitionTime": "2026-03-01T11:55:00Z", "observedGeneration": 1})
    }

    /// Tasks of all kinds, some with names that would do harm.
    pub(in crate::views) fn tasks() -> Value {
        json!([
            {"id": "1", "name": "app-04", "phase": "Failed", "state": "MIGRATE_FAIL", "progress": 62,
             "error": {"code": "SMS.0203", "message": "The connection timed out."}},
            {"id": "2", "name": "app-03\u{1b}[2J", "phase": "Running", "state": "RUNNING", "progress": 55, "migrateSpeed": 0.0,
             "stalledSince": "2026-03-01T11:48:00Z", "subTask": {"name": "MIGRATE_LINUX_FILE", "progress": 55}},
            {"id": "3", "name": "数据库-01", "phase": "Running", "state": "RUNNING", "progress": 31, "migrateSpeed": 71.54,
             "estimatedCompletionTime": "2026-03-01T12:12:00Z", "subTask": {"name": "MIGRATE_LINUX_BLOCK", "progress": 31}},
            {"id": "4", "phase": "Pending", "state": "READY", "progress": 0},
            {"id": "5", "name": "web-01", "phase": "Succeeded", "state": "MIGRATE_SUCCESS", "progress": 100},
        ])
    }

    /// Lines without colours.
    pub(in crate::views) fn texts(lines: &[Line]) -> Vec<String> {
        lines.iter().map(|line| line.render(false)).collect()
    }

    #[test]
    fn errors_come_first_and_names_do_no_harm() {
        let watch = watch("wave-1", json!({"tasks": tasks()}));
        assert_eq!(
            texts(&task_lines(&[&watch], now(), None)),
            [
                "TASK         PHASE       PROGRESS                   %   SPEED   ETA   STEP OR ERROR",
                "app-04       Failed      [############........]    62       -     -   SMS.0203: The connection timed out.",
                "app-03?[2J   Stalled     [###########.........]    55       -     -   stands still for 12m in MIGRATE_LINUX_FILE",
                "数据库-01    Running     [######..............]    31    71.5   12m   MIGRATE_LINUX_BLOCK",
                "4            Pending     [....................]     0       -     -   READY",
                "web-01       Succeeded   [####################]   100       -     -   MIGRATE_SUCCESS",
            ]
        );
    }

    #[test]
    fn a_narrow_terminal_shows_what_matters() {
        let watch = watch("wave-1", json!({"tasks": tasks()}));
        assert_eq!(
            texts(&task_lines(&[&watch], now(), Some(50))),
            [
                "TASK         PHASE         %   ETA   STEP OR ERROR",
                "app-04       Failed       62     -   SMS.0203: T..",
                "app-03?[2J   Stalled      55     -   stands stil..",
                "数据库-01    Running      31   12m   MIGRATE_LIN..",
                "4            Pending       0     -   READY",
                "web-01       Succeeded   100     -   MIGRATE_SUC..",
            ]
        );
        assert_eq!(texts(&task_lines(&[&watch], now(), Some(30)))[1], "app-04       Failed       62");
    }

    #[test]
    fn tasks_of_several_watches_are_put_together_by_how_they_stand() {
        let one = watch("one", json!({"tasks": [tasks()[2], tasks()[4]]}));
        let two = watch("two", json!({"tasks": [tasks()[0], tasks()[2]]}));
        let lines = texts(&task_lines(&[&one, &two], now(), None));
        let watches: Vec<&str> = lines.iter().map(|line| line.split_whitespace().nth(1).unwrap()).collect();
        assert_eq!(watches, ["WATCH", "two", "one", "two", "one"]);
    }

    #[test]
    fn a_bar_is_full_when_it_is_done_and_shows_the_first_percent() {
        let inside = |percent| bar(percent, 12, Style::Plain).render(false);
        assert_eq!(inside(0), "[..........]");
        assert_eq!(inside(1), "[#.........]");
        assert_eq!(inside(99), "[#########.]");
        assert_eq!(inside(100), "[##########]");
        assert_eq!((inside(-5), inside(900)), (inside(0), inside(100)));
        assert_eq!(bar(50, 0, Style::Plain).width(), 2);
    }

    #[test]
    fn speeds_of_any_size_fit() {
        for (value, text) in [(0.0, "0.0"), (71.54, "71.5"), (1e300, "1.0e300"), (-1e9, "-1.0e9")] {
            assert_eq!(speed(value), text);
        }
    }

    #[test]
    fn only_what_has_changed_is_a_line() {
        let ready = condition("Ready", "True", "Synced", "Listings are complete.");
        let before = watch("wave-1", json!({"conditions": [ready], "tasks": tasks()}));
        assert_eq!(changes(Some(&before), &before, now()), []);
        assert_eq!(changes(None, &before, now()).len(), 6);
        let mut later = before.clone();
        let status = later.status.as_mut().unwrap();
        status.tasks[2].progress = 32;
        status.tasks[3].migrate_speed = Some(1.0);
        status.tasks[4].last_transition_time = Some(Time(now()));
        assert_eq!(
            texts(&changes(Some(&before), &later, now())),
            ["2026-03-01T12:00:00Z   wave-1   数据库-01   Running   32%   RUNNING"]
        );
    }
}
