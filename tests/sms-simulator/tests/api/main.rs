//! The simulator from outside: over real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy allows these in test functions, but not in what they share"
)]

mod client;
mod faults;
mod listing;
mod refusals;
mod transport;
