//! Health and logs.

mod health;
pub mod logs;

pub use health::Health;
