//! A Kubernetes operator that shows Huawei Cloud SMS (Server Migration Service) tasks as the status of
//! `MigrationTaskWatch` resources and as Events.
//!
//! Dependencies point one way: `core` ← `sms` ← `listings` ← `controller` ← `cli`; all of them know the types of
//! `api`, and the core knows nothing else. `views`, what people see of watches, knows the core and is known to `cli`.

pub mod api;
pub mod cli;
mod clock;
pub mod controller;
pub mod core;
#[cfg(test)]
#[path = "../tests/documents/table.rs"]
mod documents;
#[cfg(any(test, fuzzing))]
pub mod hostile;
pub mod listings;
#[cfg(test)]
mod simulation;
pub mod sms;
pub mod telemetry;
pub mod views;
