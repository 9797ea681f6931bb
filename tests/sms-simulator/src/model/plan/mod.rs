//! How a task fares when nobody interferes: a pure function of the scenario's time.

mod course;
mod step;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub(crate) use course::Plan;
pub(super) use step::copying;

use super::{TaskError, TaskState};
use crate::seconds::Seconds;

/// What is to happen to a task. All times are seconds of the scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlanSpec {
    /// When it starts to run, counted from its creation; until then it is READY.
    pub starts: Seconds,
    /// How long its data take to copy. The steps around that take a third more in all.
    pub copies: Seconds,
    /// `migrate_speed` while data are copied; it wavers a tenth around this.
    pub speed: f64,
    /// Whether the copy stands still on its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stalls: Option<Stall>,
    /// What it comes to.
    pub ends: Ending,
}

impl Default for PlanSpec {
    /// A copy of 20 seconds that starts at once and succeeds.
    fn default() -> Self {
        Self {
            starts: Seconds::new(0),
            copies: Seconds::new(20),
            speed: 40.0,
            stalls: None,
            ends: Ending::Succeeds,
        }
    }
}

/// A copy that stands still, at speed 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stall {
    /// The copy's progress at which it stops, in percent.
    pub at: u8,
    /// For how long; without it, for good.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Seconds>,
}

/// What a task comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Ending {
    /// All steps, then `MIGRATE_SUCCESS`.
    #[default]
    Succeeds,
    /// All steps, then SYNCING until the cutover, then `MIGRATE_SUCCESS`.
    Syncs {
        /// How long it syncs; without it, for good.
        #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
        lasts: Option<Seconds>,
    },
    /// `MIGRATE_FAIL` within the copy.
    Fails {
        /// The copy's progress at which it fails, in percent.
        at: u8,
        /// What `error_json` says.
        error: TaskError,
    },
    /// ABORTING within the copy, then ABORT.
    Aborts {
        /// The copy's progress at which it is aborted, in percent.
        at: u8,
        /// How long that takes.
        takes: Seconds,
    },
    /// Some other state within the copy, for good.
    Becomes {
        /// The copy's progress at which that happens, in percent.
        at: u8,
        /// The state, of which no client needs to have heard.
        state: TaskState,
    },
}
