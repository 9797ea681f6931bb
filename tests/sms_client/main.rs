//! The SMS client against the simulator, over real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

mod ambient;
mod faults;
mod listing;
mod signing_in;
mod support;
mod transport;
