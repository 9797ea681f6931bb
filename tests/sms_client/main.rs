//! The SMS client against the simulator, over real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod addresses;
mod ambient;
mod authorities;
mod connections;
mod faults;
mod listing;
mod proxies;
mod signing_in;
mod support;
mod transport;
