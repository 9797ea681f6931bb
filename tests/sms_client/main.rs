//! The SMS client against the simulator, over real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod addresses;
mod authorities;
mod connect_proxy;
mod faults;
mod listing;
mod proxies;
mod support;
mod transport;
