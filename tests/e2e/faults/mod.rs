//! What goes wrong, what the watch says of it, and what comes after. All that is said here of a fault is in the table of
//! docs/reliability.md, which is made of the same rows: a test fails when it isn't.

mod api_server;
mod document;
mod objects;
mod sms;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use migration_task_watch::api::MigrationTaskWatch;
use sms_simulator::{Simulator, Task, TaskState};

use crate::harness::{PATIENCE, Stage, condition, status};

/// A fault, and what is seen of it.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// What goes wrong.
    pub(crate) fault: &'static str,
    pub(crate) seen: Seen,
    /// What ends it, and what comes then.
    pub(crate) heals: &'static str,
}

/// What `Ready` says while it lasts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// True, as before.
    Nothing,
    /// False with this reason, and the operator goes on by itself.
    Reconciling(&'static str),
    /// False with this reason, and a person must act.
    Stalled(&'static str),
}

impl Seen {
    fn reason(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Reconciling(reason) | Self::Stalled(reason) => Some(reason),
        }
    }
}

const BY_ITSELF: &str = "by itself";

/// Three tasks, as they are before a fault.
pub(crate) fn before() -> Vec<Task> {
    (0..3).map(|i| Task::new(format!("web-{i}")).with_id(format!("t{i}"))).collect()
}

/// Two of them move while it lasts.
pub(crate) fn move_on(sms: &Simulator) {
    for (id, state) in [("t0", TaskState::SYNCING), ("t1", TaskState::MIGRATE_SUCCESS)] {
        assert!(sms.tasks().change(id, |task| task.state = state));
    }
}

/// Whether a status shows that they have moved.
pub(crate) fn shows_the_move(watch: &MigrationTaskWatch) -> bool {
    status(watch).summary.is_some_and(|found| (found.pending, found.syncing, found.succeeded) == (1, 1, 1))
}

/// Waits until the first listing is written and told.
pub(crate) async fn begin(stage: &Stage, name: &str) {
    stage.until_condition(name, "Ready", ("True", "Synced")).await;
    stage.until_told(name, &["WatchStarted"]).await;
}

/// Waits until a watch says what a row does of a fault. What was known before stays.
pub(crate) async fn until_seen(stage: &Stage, name: &str, row: &Row) {
    let Some(reason) = row.seen.reason() else { return };
    let watch = stage
        .until_within(2 * PATIENCE, name, |watch| {
            condition(watch, "Ready") == Some(("False".to_owned(), reason.to_owned()))
        })
        .await;
    let said = |kind: &str| condition(&watch, kind).map(|(status, _)| status);
    let (reconciling, stalled) = match row.seen {
        Seen::Stalled(_) => (None, Some("True".to_owned())),
        _ => (Some("True".to_owned()), None),
    };
    assert_eq!((said("Reconciling"), said("Stalled")), (reconciling, stalled), "{}", row.fault);
    assert!(
        status(&watch).summary.is_some_and(|found| found.pending == 3),
        "{}: what was known stays",
        row.fault
    );
    let ready: Vec<Condition> = status(&watch).conditions;
    let ready = ready.into_iter().find(|condition| condition.type_ == "Ready").unwrap();
    assert!(ready.message.len() > 20, "{}: {}", row.fault, ready.message);
}

/// Waits until all is well after a fault, and checks that everything was told once.
pub(crate) async fn until_healed(stage: &Stage, name: &str, row: &Row) {
    stage
        .until_within(2 * PATIENCE, name, |watch| {
            condition(watch, "Ready") == Some(("True".to_owned(), "Synced".to_owned()))
                && shows_the_move(watch)
        })
        .await;
    let watch = stage.watches().get(name).await.unwrap();
    assert!(condition(&watch, "Reconciling").is_none() && condition(&watch, "Stalled").is_none());
    let mut expected = vec!["TaskSucceeded", "TaskSyncing", "WatchStarted"];
    if let Some(reason) = row.seen.reason() {
        expected.extend([reason, "Recovered"]);
    }
    expected.sort_unstable();
    // What would be told twice would be told by the next listing.
    stage.refresh(name, "once-more").await;
    let mut told = stage.reasons(name).await;
    if !expected.contains(&"Recovered") && told.iter().any(|reason| reason == "StatusRefused") {
        // A right came back between two tries of one status: the lesser one was taken, and then the whole one.
        told.retain(|reason| reason != "StatusRefused" && reason != "Recovered");
    }
    told.sort_unstable();
    assert_eq!(told, expected, "{}", row.fault);
}
