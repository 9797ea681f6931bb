//! The pure core: what a watch's status should be, decided from values. No clock, no network, no client.

pub mod endpoint;
pub mod failure;
pub mod task;
pub mod text;
