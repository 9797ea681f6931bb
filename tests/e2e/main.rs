//! End-to-end tests: the real binary with the chart's rights alone, on a real API server, against the SMS
//! simulator.

// What a test can't set up or read is a test that fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod breaker;
mod chaos;
mod check;
mod edits;
mod faults;
mod forbidden;
mod garbage;
mod gates;
mod harness;
mod identity;
mod kubeconfigs;
mod leadership;
mod leaks;
mod lifecycle;
mod logs;
mod manifests;
mod metrics;
mod network;
mod phases;
mod plugin;
mod quiet;
mod refused;
mod restart;
mod secret_changes;
mod secrets;
mod sharing;
mod size;
mod soak;
mod tenancy;
mod tls;
#[cfg(feature = "otlp")]
mod traces;
mod upgrades;
mod witness;
mod writes;
