//! The pure core: what a watch's status should be, decided from values. No clock, no network, no client.

pub mod breaker;
pub mod conditions;
pub mod decide;
pub mod endpoint;
pub mod failure;
pub mod filter;
pub mod known;
pub mod last;
pub mod layout;
pub mod lease;
mod leb128;
pub mod ledger;
pub mod listed;
pub mod memory;
pub mod namespace;
pub mod outbox;
pub mod pace;
pub mod plan;
pub mod policy;
pub mod quiet;
pub mod schedule;
pub mod shown;
pub mod summary;
pub mod task;
pub mod text;
pub mod time;
pub mod transition;
