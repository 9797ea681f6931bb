//! The simulator from outside: over real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy allows these in test functions, but not in what they share"
)]

mod ambient;
mod binary;
mod client;
mod control;
mod faults;
mod listing;
mod proxy;
mod refusals;
mod signed;
mod tokens;
mod transport;
