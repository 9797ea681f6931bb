//! Health, logs and metrics.

mod health;
pub mod logs;
mod metrics;

pub use health::Health;
pub use metrics::Metrics;
