//! End-to-end tests: the real binary with the chart's rights alone, on a real API server, against the SMS
//! simulator.

mod harness;
mod lifecycle;
