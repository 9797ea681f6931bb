//! The demo as somebody sees it whose output isn't a terminal. Needs the operator's binary beside the demo's, which
//! `cargo test --workspace` builds, and those that `tests/cluster/build.sh` makes.

// What a test can't set up or read is a test that fails.
#![allow(clippy::panic, clippy::unwrap_used)]

mod current;
mod end;
mod harness;
mod story;
