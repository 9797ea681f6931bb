//! Health, logs and metrics.

mod health;
pub mod logs;
mod metrics;
mod server;

pub use health::Health;
pub use metrics::Metrics;
