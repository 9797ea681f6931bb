//! The conditions. `Ready`, `Reconciling` and `Stalled` speak of the watch itself, as kstatus reads them;
//! the others of its tasks.

mod gates;
mod health;
mod reason;

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};

pub use gates::{Gates, any_gate_open, is_gate, kept};
pub use health::{Health, Signs, expiry};
pub use reason::Reason;

use super::{text::one_line, time::whole_seconds};

/// The longest message of a condition, in bytes.
const MAX_MESSAGE: usize = 1024;

/// Names of conditions.
pub mod types {
    /// Whether the watch itself works.
    pub const READY: &str = "Ready";
    /// Present while the operator is on its way to Ready by itself.
    pub const RECONCILING: &str = "Reconciling";
    /// Present while a person must act.
    pub const STALLED: &str = "Stalled";
    /// Whether all tasks have ended.
    pub const COMPLETED: &str = "Completed";
    /// Whether all tasks have succeeded.
    pub const SUCCEEDED: &str = "Succeeded";
    /// Whether all tasks are syncing or have succeeded.
    pub const CUTOVER_READY: &str = "CutoverReady";
    /// Whether at least one task has failed.
    pub const TASKS_FAILED: &str = "TasksFailed";
    /// Present while the API server refuses events.
    pub const EVENTS_REFUSED: &str = "EventsRefused";
    /// Whether at least one task stands still.
    pub const TASKS_STALLED: &str = "TasksStalled";
}

/// The status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It doesn't.
    False,
    /// It can't be said.
    Unknown,
}

impl Truth {
    fn name(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }

    fn parse(name: &str) -> Self {
        match name {
            "True" => Self::True,
            "False" => Self::False,
            _ => Self::Unknown,
        }
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

/// What a condition says now.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Its type.
    pub kind: &'static str,
    /// Its status.
    pub truth: Truth,
    /// Its reason.
    pub reason: Reason,
    /// Its message.
    pub message: String,
}

impl Verdict {
    /// The condition, which keeps its time as long as its status stays.
    #[must_use]
    pub fn after(self, last: &[Condition], generation: i64, now: Timestamp) -> Condition {
        let since = find(last, self.kind)
            .filter(|condition| condition.status == self.truth.name())
            .map_or_else(|| Time(whole_seconds(now)), |condition| condition.last_transition_time.clone());
        Condition {
            type_: self.kind.to_owned(),
            status: self.truth.name().to_owned(),
            reason: self.reason.name().to_owned(),
            message: one_line(&self.message, MAX_MESSAGE),
            observed_generation: Some(generation),
            last_transition_time: since,
        }
    }
}

/// A condition of a type.
#[must_use]
pub fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == kind)
}

/// A condition that says something else than before, or says it for another reason.
#[must_use]
pub fn changed<'a>(before: &[Condition], after: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    let said = |condition: &Condition| (condition.status.clone(), condition.reason.clone());
    let before = find(before, kind).map(said);
    find(after, kind).filter(|condition| Some(said(condition)) != before)
}

/// What a condition says; unknown when it isn't there.
#[must_use]
pub fn truth(conditions: &[Condition], kind: &str) -> Truth {
    find(conditions, kind).map_or(Truth::Unknown, |condition| Truth::parse(&condition.status))
}
