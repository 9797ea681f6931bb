//! Events: what is told of the transitions, and how it survives a crash.
//!
//! A status that records transitions carries their events in its outbox. They are created after the status is
//! written, under names made of the watch's uid, the outbox's sequence and their place in it, so that an event
//! that is created again is the same event. The next write clears the outbox.

use std::{borrow::Cow, cmp::Reverse, collections::BTreeMap};

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

use super::{
    task::Task,
    text::one_line,
    time::whole_seconds,
    transition::{Subject, Transition, TransitionKind},
};
use crate::api::{Outbox, OutboxEvent, Summary};

/// The longest note that the API server takes.
pub const MAX_NOTE: usize = 1024;
/// More transitions of a kind than these become one event.
const MOST_OF_A_KIND: usize = 20;
/// The outbox's share of a status.
const MAX_SIZE: usize = 64 * 1024;
/// After this time an outbox is no longer delivered: its events might have been created, and have expired (the API
/// server keeps events for an hour).
const DELIVERABLE_FOR_SECONDS: i64 = 45 * 60;

/// The name of an event.
#[must_use]
pub fn event_name(uid: &str, sequence: i64, place: usize) -> String {
    format!("mtw.{uid}.{sequence}.{place}")
}

/// The events that a status read from the API server still owes, if any.
#[must_use]
pub fn owed(outbox: Option<&Outbox>, delivered: Option<i64>, now: Timestamp) -> Option<&Outbox> {
    outbox.filter(|outbox| {
        // The sequence begins with the seconds since 1970, too.
        let made = outbox.time.as_ref().map_or(outbox.sequence, |time| time.0.as_second());
        let age = now.as_second().saturating_sub(made);
        !outbox.events.is_empty() && delivered != Some(outbox.sequence) && age < DELIVERABLE_FOR_SECONDS
    })
}

/// The outbox that follows another, with new events or with none. Its sequence is above the last one, above all that this
/// process has used, and above the seconds since 1970: even when somebody wipes a status, no name is used twice.
#[must_use]
pub fn next(
    last: Option<&Outbox>,
    used: Option<i64>,
    events: Vec<OutboxEvent>,
    now: Timestamp,
) -> Option<Outbox> {
    let last = last.map(|outbox| outbox.sequence);
    if events.is_empty() {
        return last.map(|sequence| Outbox { sequence, ..Outbox::default() });
    }
    let sequence = last.max(used).map_or(0, |sequence| sequence.saturating_add(1)).max(now.as_second());
    Some(Outbox { sequence, time: Some(Time(whole_seconds(now))), events })
}

/// An event about the watch itself.
#[must_use]
pub fn watch_event(warning: bool, reason: &str, note: &str) -> OutboxEvent {
    OutboxEvent {
        kind: if warning { "Warning" } else { "Normal" }.to_owned(),
        reason: reason.to_owned(),
        note: one_line(note, MAX_NOTE),
    }
}

/// What a new baseline found.
#[must_use]
pub fn watch_started(summary: &Summary, why: Option<&str>) -> OutboxEvent {
    let counts = [
        (summary.pending, "pending"),
        (summary.running, "running"),
        (summary.syncing, "syncing"),
        (summary.succeeded, "succeeded"),
        (summary.failed, "failed"),
        (summary.aborted, "aborted"),
        (summary.other, "in another state"),
    ];
    let counts: Vec<_> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let total = summary.total;
    let found = match (total, counts.is_empty()) {
        (_, true) => "Found no matching tasks".to_owned(),
        (1, _) => format!("Found 1 task: {}", counts.join(", ")),
        _ => format!("Found {total} tasks: {}", counts.join(", ")),
    };
    watch_event(false, "WatchStarted", &why.map_or(found.clone(), |why| format!("{found}. {why}")))
}

/// The events for the transitions of one listing: one each, or one a kind where there are many.
#[must_use]
pub fn task_events(transitions: &[Transition<'_>]) -> Vec<OutboxEvent> {
    let mut kinds: BTreeMap<TransitionKind, Vec<&Transition<'_>>> = BTreeMap::new();
    for transition in transitions {
        kinds.entry(transition.kind).or_default().push(transition);
    }
    let mut told: Vec<(usize, TransitionKind, Vec<OutboxEvent>)> = kinds
        .iter_mut()
        .map(|(kind, transitions)| {
            transitions.sort_by_cached_key(|transition| transition.subject.order());
            let events = if transitions.len() > MOST_OF_A_KIND {
                vec![together(*kind, transitions)]
            } else {
                transitions.iter().map(|transition| alone(transition)).collect()
            };
            (transitions.len(), *kind, events)
        })
        .collect();
    // Long texts of many events may exceed the outbox's share: the kinds with the most are told together then.
    told.sort_by_key(|(count, ..)| Reverse(*count));
    let size = |told: &[(usize, TransitionKind, Vec<OutboxEvent>)]| -> usize {
        told.iter().flat_map(|(.., events)| events).map(|event| event.note.len() * 2 + 80).sum()
    };
    let mut next = 0;
    while size(&told) > MAX_SIZE
        && let Some((_, kind, events)) = told.get_mut(next)
    {
        if let Some(transitions) = kinds.get(kind) {
            *events = vec![together(*kind, transitions)];
        }
        next += 1;
    }
    told.sort_by_key(|(_, kind, _)| *kind);
    told.into_iter().flat_map(|(.., events)| events).collect()
}

fn event(kind: TransitionKind, note: &str) -> OutboxEvent {
    watch_event(kind.is_warning(), kind.reason(), note)
}

fn alone(transition: &Transition<'_>) -> OutboxEvent {
    let name = transition.subject.name();
    let note = match (&transition.subject, transition.kind) {
        (Subject::Listed(task), TransitionKind::Failed) => {
            format!("{name} failed ({}){}", task.state_name(), error(task))
        }
        (Subject::Listed(task), TransitionKind::Aborted) => {
            format!("{name} was aborted ({}){}", task.state_name(), error(task))
        }
        (Subject::Listed(task), TransitionKind::Stalled) => {
            let step = task.step_name().map_or(String::new(), |step| format!(" in step {step}"));
            format!("{name} makes no progress: it stands at {} %{step}", task.progress().get())
        }
        (Subject::Listed(task), TransitionKind::Resumed) => {
            format!("{name} moves again, at {} %", task.progress().get())
        }
        (Subject::Listed(task), TransitionKind::Succeeded) => {
            format!("{name} is done ({})", task.state_name())
        }
        (_, TransitionKind::Started) => format!("{name} has started"),
        (_, TransitionKind::Syncing) => format!("{name} has copied its server and carries changes over"),
        (_, TransitionKind::Disappeared) => format!("{name} is no longer listed by SMS"),
        (_, kind) => format!("{name}: {}", kind.reason()),
    };
    event(transition.kind, &note)
}

fn error(task: &Task) -> String {
    let Some(error) = task.details().error else { return String::new() };
    let parts = [error.code.as_deref(), error.message.as_deref()];
    let text: Vec<&str> = parts.into_iter().flatten().collect();
    if text.is_empty() { String::new() } else { format!(": {}", text.join(": ")) }
}

/// One event for many transitions of a kind: their number, and as many names as fit.
fn together(kind: TransitionKind, transitions: &[&Transition<'_>]) -> OutboxEvent {
    let mut note = format!("{} tasks {}: ", transitions.len(), kind.plural());
    for (place, transition) in transitions.iter().enumerate() {
        let name = transition.subject.short_name();
        let left = transitions.len() - place;
        let more = format!("and {left} more");
        let comma = if place + 1 < transitions.len() { ", " } else { "" };
        if note.len() + name.len() + comma.len() + more.len() > MAX_NOTE {
            note.push_str(&more);
            break;
        }
        note.push_str(&name);
        note.push_str(comma);
    }
    event(kind, &note)
}

impl TransitionKind {
    /// The reason of the event.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Started => "TaskStarted",
            Self::Syncing => "TaskSyncing",
            Self::Succeeded => "TaskSucceeded",
            Self::Failed => "TaskFailed",
            Self::Aborted => "TaskAborted",
            Self::Stalled => "TaskStalled",
            Self::Resumed => "TaskResumed",
            Self::Disappeared => "TaskDisappeared",
        }
    }

    fn is_warning(self) -> bool {
        matches!(self, Self::Failed | Self::Aborted | Self::Stalled)
    }

    fn plural(self) -> &'static str {
        match self {
            Self::Started => "have started",
            Self::Syncing => "have copied their servers and carry changes over",
            Self::Succeeded => "are done",
            Self::Failed => "failed",
            Self::Aborted => "were aborted",
            Self::Stalled => "make no progress",
            Self::Resumed => "move again",
            Self::Disappeared => "are no longer listed by SMS",
        }
    }
}

impl Subject<'_> {
    fn parts(&self) -> (&str, Cow<'_, str>) {
        match self {
            Self::Listed(task) => (task.name(), task.id().into_cow()),
            Self::Remembered(id, known) => (known.name.as_deref().unwrap_or_default(), id.as_str().into()),
            Self::Nameless => ("", "".into()),
        }
    }

    fn order(&self) -> (String, String) {
        let (name, id) = self.parts();
        (name.to_owned(), id.into_owned())
    }

    /// The task in a sentence of its own.
    fn name(&self) -> String {
        let (name, id) = self.parts();
        match (name, &*id) {
            ("", "") => "A task that wasn't written out".to_owned(),
            ("", id) => format!("Task {id}"),
            (name, id) => format!("Task {name} ({id})"),
        }
    }

    /// The task in a list.
    fn short_name(&self) -> String {
        let (name, id) = self.parts();
        match (name, &*id) {
            ("", "") => "one that wasn't written out".to_owned(),
            ("", id) => id.to_owned(),
            (name, _) => one_line(name, 64),
        }
    }
}
