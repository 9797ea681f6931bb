//! Health, logs and metrics.

mod health;
pub mod logs;
mod metrics;
mod server;
mod status_writes;

pub use health::Health;
pub use metrics::Metrics;
pub use status_writes::StatusWrites;
