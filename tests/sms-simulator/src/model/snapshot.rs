//! A task at one moment.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::TaskState;

/// What a task looks like at one moment; times are positions on the scenario's timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The task's state.
    pub state: TaskState,
    /// Its steps so far, in the order in which they began.
    pub sub_tasks: Vec<SubTask>,
    /// `migrate_speed` as the page has it; none is null.
    pub speed: Option<f64>,
    /// When the service believes that it will be done; none is null.
    pub estimate: Option<Duration>,
    /// Why it failed.
    pub error: Option<TaskError>,
    /// When it started to run.
    pub started: Option<Duration>,
    /// When it came to its end.
    pub ended: Option<Duration>,
}

impl Snapshot {
    /// A task in this state with nothing else to tell.
    #[must_use]
    pub fn of(state: TaskState) -> Self {
        Self {
            state,
            sub_tasks: Vec::new(),
            speed: None,
            estimate: None,
            error: None,
            started: None,
            ended: None,
        }
    }

    /// The step at which it is: the one that began last.
    #[must_use]
    pub fn current(&self) -> Option<&SubTask> {
        self.sub_tasks.last()
    }
}

/// A step of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubTask {
    /// Its name on the wire, as `MIGRATE_LINUX_FILE`.
    pub name: String,
    /// Percent done.
    pub progress: u8,
    /// When it began.
    pub began: Duration,
    /// When it was done.
    pub ended: Option<Duration>,
}

/// What `error_json` holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TaskError {
    /// An object in a string, the usual case.
    Coded {
        /// As `SMS.0203`.
        code: String,
        /// What went wrong, for people.
        message: String,
    },
    /// Any text: a sentence, or JSON that was cut.
    Text(String),
}

impl TaskError {
    /// An error with a code.
    pub fn coded(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Coded { code: code.into(), message: message.into() }
    }

    /// The string on the wire.
    #[must_use]
    pub fn to_error_json(&self) -> String {
        match self {
            Self::Coded { code, message } => {
                json!({"error_code": code, "error_msg": message, "error_param": []}).to_string()
            }
            Self::Text(text) => text.clone(),
        }
    }
}
