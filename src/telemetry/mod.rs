//! Health, logs and metrics.

mod health;
mod listen;
pub mod logs;
mod metrics;
mod panics;
mod server;
pub mod traces;
mod vitals;

pub use health::Health;
pub use listen::{Listen, ListenError, ListenParseError};
pub use metrics::{
    CredentialsEnd, Events, Listings, Metrics, Reconciles, Reconciling, Requests, Seen, StatusWrites,
    Telling, UnderWay, WatchFigures, WatchesNow,
};
pub use panics::{Panicked, Panics};
pub use traces::{Traces, TracesError};
pub use vitals::{Expected, Overdue, Vitals, Watched};

/// What sees to it that work goes on. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Watchdog {
    /// Finds what is stuck.
    pub vitals: Vitals,
    /// Outlives mistakes.
    pub panics: Panics,
}
