//! `why`: what is wrong with a watch or its tasks, and what to do.

use std::collections::BTreeMap;

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};
use serde::Serialize;

use super::{
    seen::{Seen, age},
    tasks::{Standing, error, name},
    text::{Line, Style},
};
use crate::{
    api::{MigrationTaskWatch, Summary, TaskStatus},
    core::{
        conditions::{Reason, Truth, expiry, types},
        count::number,
        hints,
        remedies::{Certainty, Remedy, remedy},
    },
};

/// How many tasks are named for one thing that is wrong.
const MOST_NAMES: usize = 10;
/// So long an operator may take to look at a new watch, in seconds.
const FIRST_LOOK: i64 = 60;
/// How the operator is looked for.
const FIND_OPERATOR: &str = "check that the operator runs and looks at this namespace: kubectl get pods --all-namespaces \
                             --selector app.kubernetes.io/name=migration-task-watch";

/// Something that is to be said of a watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Whether somebody should do something. Otherwise it is what the watch waits for.
    pub wrong: bool,
    /// The reason of a condition, or the code of a task's error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What is so.
    pub what: String,
    /// More of it: the message of a condition, or the cause of a task's error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Which tasks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<String>,
    /// How many tasks more.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_tasks: i64,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_zero(count: &i64) -> bool {
    *count == 0
}

impl Finding {
    fn new(wrong: bool, what: impl Into<String>) -> Self {
        Self {
            wrong,
            reason: None,
            what: what.into(),
            message: None,
            tasks: Vec::new(),
            more_tasks: 0,
            advice: None,
        }
    }

    /// The same with the advice, as a sentence.
    fn advising(self, advice: Option<&str>) -> Self {
        Self { advice: advice.map(sentence), ..self }
    }

    /// What a condition says.
    fn of(wrong: bool, condition: &Condition, now: Timestamp) -> Self {
        let Condition { type_, status, reason, message, last_transition_time, .. } = condition;
        let what = format!("{type_} is {status} for {}: {reason}", age(last_transition_time.0, now));
        let known = Reason::parse(reason);
        let advice = known.map_or(Some("see docs/conditions.md"), Reason::advice);
        let reason = Some(reason.clone());
        Self { reason, message: Some(message.clone()), ..Self::new(wrong, what) }.advising(advice)
    }
}

/// A text that begins with a capital letter and ends with a full stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

/// All that is to be said of a watch, what is wrong first.
#[must_use]
pub fn findings(watch: &MigrationTaskWatch, now: Timestamp) -> Vec<Finding> {
    let seen = Seen::new(watch);
    if seen.conditions().is_empty() {
        return vec![unanswered(seen, now)];
    }
    let mut findings = of_watch(seen, now);
    findings.extend(of_states(seen));
    findings.extend(of_gates(seen, now));
    findings.extend(of_tasks(seen, now));
    if seen.unanswered_request().is_some() && !watch.spec.suspend {
        findings.push(Finding::new(false, "A listing has been asked for, and isn't done yet"));
    }
    findings.sort_by_key(|finding| !finding.wrong);
    findings
}

/// No operator has looked at it.
fn unanswered(seen: Seen<'_>, now: Timestamp) -> Finding {
    let created = seen.watch.metadata.creation_timestamp.as_ref().map_or(now, |time| time.0);
    let waits = now.duration_since(created).as_secs() > FIRST_LOOK;
    let what = format!("No operator has looked at this watch since it was created {} ago", age(created, now));
    Finding::new(waits, what).advising(Some(FIND_OPERATOR))
}

fn of_watch(seen: Seen<'_>, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !seen.is_current() {
        findings
            .push(Finding::new(false, "The spec has been changed; what follows from that isn't known yet"));
    }
    if let Some(since) = seen.silent_since(now) {
        let what = format!("The operator has written nothing for {}: all below may be old", age(since, now));
        findings.push(Finding::new(true, what).advising(Some(FIND_OPERATOR)));
    }
    let Some(ready) = seen.condition(types::READY) else { return findings };
    let is_paused = ready.reason == Reason::Suspended.name();
    match seen.truth(types::READY) {
        Truth::True if !is_paused => {
            if let Some(end) = expiry(&ready.message) {
                let what = if end > now {
                    format!("The credentials end in {}", age(now, end))
                } else {
                    format!("The credentials ended {} ago", age(end, now))
                };
                let finding = Finding { message: Some(ready.message.clone()), ..Finding::new(true, what) };
                findings.push(finding.advising(Some("write new ones into the Secret")));
            }
        }
        truth => findings.push(Finding::of(truth == Truth::False && !is_paused, ready, now)),
    }
    findings
}

/// States of the filter that no task can be in.
fn of_states(seen: Seen<'_>) -> Vec<Finding> {
    let Some(filter) = &seen.watch.spec.filter else { return Vec::new() };
    let seen = seen.summary().into_iter().flat_map(|counts| counts.by_state.keys()).map(String::as_str);
    let told = hints::states(filter, seen).into_iter();
    told.map(|told| {
        let finding = Finding::new(true, format!("spec.filter.states: {told}"));
        finding.advising(Some("correct spec.filter.states"))
    })
    .collect()
}

/// Why gates are closed, once for each reason; what tasks do that have failed is said of these.
fn of_gates(seen: Seen<'_>, now: Timestamp) -> Vec<Finding> {
    let mut told = Vec::new();
    let gates = [types::COMPLETED, types::SUCCEEDED, types::CUTOVER_READY, types::TASKS_FAILED];
    for gate in gates.iter().filter_map(|gate| seen.condition(gate)) {
        let is_wrong = match Reason::parse(&gate.reason) {
            Some(Reason::NoTasks | Reason::TasksMissing | Reason::Stale) => true,
            Some(Reason::StatesFiltered | Reason::InProgress | Reason::Confirming) => false,
            _ => continue,
        };
        // Of two gates in progress the first one says enough.
        if !told.iter().any(|known: &Finding| known.reason.as_deref() == Some(&gate.reason)) {
            told.push(Finding::of(is_wrong, gate, now));
        }
    }
    told
}

fn of_tasks(seen: Seen<'_>, now: Timestamp) -> Vec<Finding> {
    let tasks = seen.status.map_or(&[][..], |status| &status.tasks);
    let counts = seen.summary().cloned().unwrap_or_default();
    let standing = |wanted| tasks.iter().filter(move |task| Standing::of(task) == wanted);
    let mut findings = failed(standing(Standing::Failed), &counts);
    let stalled: Vec<&TaskStatus> = standing(Standing::Stalled).collect();
    let since = stalled.iter().filter_map(|task| task.stalled_since.as_ref()).map(|time| time.0).min();
    if counts.stalled > 0 {
        let since = since.map_or(String::new(), |since| format!(", the first for {}", age(since, now)));
        let what = format!("{} still{since}", plural(counts.stalled, "task stands", "tasks stand"));
        findings.push(about(Reason::TasksStalled, what, &stalled, counts.stalled));
    }
    if counts.aborted > 0 {
        let aborted: Vec<&TaskStatus> = standing(Standing::Aborted).collect();
        let what = plural(counts.aborted, "task was aborted", "tasks were aborted");
        let finding = about(Reason::TasksFailed, what, &aborted, counts.aborted);
        findings.push(finding.advising(Some("start it again in SMS, or take it out of the wave")));
    }
    findings
}

/// The tasks that have failed, put together by their errors.
fn failed<'a>(tasks: impl Iterator<Item = &'a TaskStatus>, counts: &Summary) -> Vec<Finding> {
    let mut errors: BTreeMap<String, Vec<&TaskStatus>> = BTreeMap::new();
    for task in tasks {
        errors.entry(error(task).unwrap_or_else(|| task.state.clone())).or_default().push(task);
    }
    let written: usize = errors.values().map(Vec::len).sum();
    let mut findings: Vec<Finding> =
        errors.into_iter().map(|(error, tasks)| failed_with(&error, &tasks)).collect();
    findings.sort_by_key(|finding| -(number(finding.tasks.len()) + finding.more_tasks));
    let others = counts.failed - number(written);
    if others > 0 {
        let what = plural(
            others,
            "more task that isn't written out has failed",
            "more tasks that aren't written out have failed",
        );
        findings.push(Finding::new(true, what).advising(Some("raise spec.taskLimit to see them")));
    }
    findings
}

fn failed_with(error: &str, tasks: &[&TaskStatus]) -> Finding {
    let code = tasks.first().and_then(|task| task.error.as_ref()?.code.as_deref());
    let what = format!("{} failed: {error}", plural(number(tasks.len()), "task has", "tasks have"));
    let finding = about(Reason::TasksFailed, what, tasks, number(tasks.len()));
    let known = code.and_then(remedy);
    let advice = known.map(|known| known.remedy).or_else(|| Reason::TasksFailed.advice());
    let reason = code.map(str::to_owned).or(finding.reason.clone());
    Finding { reason, message: known.map(cause), ..finding }.advising(advice)
}

/// The cause of an error, and how sure it is.
fn cause(known: &Remedy) -> String {
    let by = match known.certainty {
        Certainty::Documented => String::new(),
        certainty => format!(", by {}", certainty.source()),
    };
    format!("Cause{by}: {}.", known.cause)
}

fn about(reason: Reason, what: String, tasks: &[&TaskStatus], all: i64) -> Finding {
    let tasks: Vec<String> = tasks.iter().take(MOST_NAMES).map(|task| name(task).to_owned()).collect();
    let more_tasks = (all - number(tasks.len())).max(0);
    let finding =
        Finding { reason: Some(reason.name().to_owned()), tasks, more_tasks, ..Finding::new(true, what) };
    finding.advising(reason.advice())
}

fn plural(count: i64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

/// The findings as text, with how it stands in the first line.
#[must_use]
pub fn why(watch: &MigrationTaskWatch, findings: &[Finding]) -> Vec<Line> {
    let seen = Seen::new(watch);
    let is_wrong = findings.iter().any(|finding| finding.wrong);
    let (text, style) =
        if is_wrong { ("something is wrong", Style::Bad) } else { ("nothing is wrong", Style::Good) };
    let mut lines = vec![Line::styled(Style::Strong, seen.name()).and(Style::Plain, ": ").and(style, text)];
    for finding in findings {
        lines.push(Line::default());
        lines.extend(told(finding));
    }
    lines
}

fn told(finding: &Finding) -> Vec<Line> {
    let style = if finding.wrong { Style::Bad } else { Style::Plain };
    let mut lines = vec![Line::styled(style, &finding.what)];
    lines.extend(finding.message.iter().map(|message| Line::plain(&format!("  {message}"))));
    if !finding.tasks.is_empty() {
        let more =
            if finding.more_tasks > 0 { format!(" and {} more", finding.more_tasks) } else { String::new() };
        lines.push(Line::plain(&format!("  {}{more}", finding.tasks.join(", "))));
    }
    let advice = finding.advice.iter();
    lines.extend(advice.map(|advice| Line::plain("  -> ").and(Style::Strong, advice)));
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::tasks::tests::{condition, now, tasks, texts, watch},
        *,
    };
    use crate::core::failure::FailureKind;

    fn text(watch: &MigrationTaskWatch, now: Timestamp) -> String {
        texts(&why(watch, &findings(watch, now))).join("\n")
    }

    fn ready() -> serde_json::Value {
        condition("Ready", "True", "Synced", "Listings are complete, every 1m.")
    }

    #[test]
    fn failed_tasks_are_explained_by_their_codes() {
        let mut tasks = tasks().as_array().unwrap().clone();
        tasks.push(json!({"id": "6", "name": "app-05", "phase": "Failed", "state": "MIGRATE_FAIL",
            "error": {"code": "SMS.0203", "message": "The connection timed out."}}));
        tasks.push(json!({"id": "7", "name": "app-06\u{1b}[31m", "phase": "Failed", "state": "SYNC_FAIL"}));
        let watch = watch(
            "wave-1",
            json!({
                "conditions": [ready(), condition("Completed", "False", "InProgress", "4 of 8 tasks have ended.")],
                "summary": {"total": 8, "failed": 4, "stalled": 1},
                "tasks": tasks,
                "lastSyncTime": "2026-03-01T11:59:57Z",
            }),
        );
        assert_eq!(
            text(&watch, now()),
            "wave-1: something is wrong\n\
             \n\
             2 tasks have failed: SMS.0203: The connection timed out.\n  \
             Cause: the source server can't reach the API gateway: SMS, IAM, ECS, EVS, IMS, VPC or EPS.\n  \
             app-04, app-05\n  \
             -> Open port 443 from the source server to these services (name resolution, proxy, firewall), then start \
             the agent again.\n\
             \n\
             1 task has failed: SYNC_FAIL\n  \
             app-06?[31m\n  \
             -> Mend what the task's error says and start it again in SMS, or take it out of the wave.\n\
             \n\
             1 more task that isn't written out has failed\n  \
             -> Raise spec.taskLimit to see them.\n\
             \n\
             1 task stands still, the first for 12m\n  \
             app-03?[2J\n  \
             -> Look at the source server and its agent, and at the network between it and the target server; SMS can \
             pause a task and start it again.\n\
             \n\
             Completed is False for 5m: InProgress\n  \
             4 of 8 tasks have ended.\n  \
             -> Wait."
        );
    }

    #[test]
    fn each_failure_of_a_watch_is_wrong_and_has_advice() {
        for kind in FailureKind::ALL {
            let bad = condition("Ready", "False", kind.reason(), "It is so.");
            let found = findings(&watch("w", json!({"conditions": [bad]})), now());
            let [finding] = found.as_slice() else { panic!("{found:?}") };
            assert!(finding.wrong && finding.advice.is_some(), "{finding:?}");
            assert_eq!(finding.what, format!("Ready is False for 5m: {}", kind.reason()));
        }
        let bad = condition("Ready", "False", "OfANewerOperator", "It is so.");
        let found = findings(&watch("w", json!({"conditions": [bad]})), now());
        assert_eq!(found[0].advice.as_deref(), Some("See docs/conditions.md."));
    }

    #[test]
    fn a_state_that_no_task_can_be_in_is_told() {
        let of = |states: serde_json::Value, by_state: serde_json::Value| {
            let mut watch = watch(
                "w",
                json!({"conditions": [ready()], "summary": {"byState": by_state}, "lastSyncTime": "2026-03-01T11:59:57Z"}),
            );
            watch.spec.filter = serde_json::from_value(json!({"states": states})).unwrap();
            findings(&watch, now())
                .into_iter()
                .map(|finding| (finding.wrong, finding.what))
                .collect::<Vec<_>>()
        };
        let typo = "spec.filter.states: RUNING: did you mean RUNNING?";
        assert_eq!(of(json!(["RUNING", "ready"]), json!({})), [(true, typo.to_owned())]);
        assert_eq!(of(json!(["RUNNING", "NOVEL"]), json!({"NOVEL": 2})), []);
    }

    #[test]
    fn what_merely_goes_on_is_not_wrong() {
        let sync = "2026-03-01T11:59:57Z";
        let gate = |reason| condition("Completed", "False", reason, "So it is.");
        for (conditions, wrong) in [
            (vec![ready(), gate("InProgress")], false),
            (vec![ready(), condition("Completed", "True", "AllEnded", "All.")], false),
            (vec![condition("Ready", "Unknown", "Pending", "Waiting.")], false),
            (vec![condition("Ready", "True", "Suspended", "Paused.")], false),
            (vec![condition("Ready", "False", "Suspended", "Paused.")], false),
            (vec![ready(), condition("Completed", "Unknown", "StatesFiltered", "Hidden.")], false),
            (vec![ready(), gate("NoTasks")], true),
            (vec![ready(), gate("TasksMissing")], true),
            (vec![ready(), condition("Completed", "Unknown", "Stale", "Old.")], true),
        ] {
            let watch = watch("w", json!({"conditions": conditions, "lastSyncTime": sync}));
            let found = findings(&watch, now());
            assert_eq!(found.iter().any(|finding| finding.wrong), wrong, "{found:?}");
            let says = if wrong { "w: something is wrong" } else { "w: nothing is wrong" };
            assert!(text(&watch, now()).starts_with(says));
        }
    }

    #[test]
    fn a_watch_that_nobody_looks_at_is_told_after_a_minute() {
        let fresh = watch("w", json!({"observedGeneration": -1}));
        let created: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
        let soon = "2026-03-01T10:00:30Z".parse().unwrap();
        assert!(!findings(&fresh, created)[0].wrong && !findings(&fresh, soon)[0].wrong);
        let found = findings(&fresh, now());
        assert!(found[0].wrong && found[0].what.ends_with("created 2h ago"), "{found:?}");
    }

    #[test]
    fn an_operator_that_has_stopped_is_told_although_ready_is_true() {
        let watch = watch("w", json!({"conditions": [ready()], "lastSyncTime": "2026-03-01T11:00:00Z"}));
        let found = findings(&watch, now());
        assert!(found[0].wrong && found[0].what.starts_with("The operator has written nothing for 1h"));
    }

    #[test]
    fn credentials_that_end_are_told() {
        let synced =
            |rest| condition("Ready", "True", "Synced", &format!("Listings are complete, every 1m.{rest}"));
        for (rest, what) in [
            (
                " The credentials end at 2026-03-01T12:30:00Z; replace them before.",
                "The credentials end in 30m",
            ),
            (
                " The credentials ended at 2026-03-01T11:30:00Z; replace them.",
                "The credentials ended 30m ago",
            ),
        ] {
            let watch =
                watch("w", json!({"conditions": [synced(rest)], "lastSyncTime": "2026-03-01T11:59:57Z"}));
            let found = findings(&watch, now());
            assert!(found[0].wrong && found[0].what == what, "{found:?}");
        }
    }

    #[test]
    fn a_request_that_waits_and_a_changed_spec_are_told() {
        let mut watch = watch(
            "w",
            json!({"conditions": [ready()], "observedGeneration": 1, "lastSyncTime": "2026-03-01T11:59:57Z"}),
        );
        assert_eq!(findings(&watch, now()), []);
        watch.metadata.generation = Some(2);
        watch.metadata.annotations = Some([(crate::api::REQUESTED_AT.to_owned(), "now".to_owned())].into());
        let found: Vec<String> = findings(&watch, now()).into_iter().map(|finding| finding.what).collect();
        assert!(
            found[0].starts_with("The spec has been changed")
                && found[1].starts_with("A listing has been asked")
        );
    }
}
