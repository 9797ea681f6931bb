//! The resource `MigrationTaskWatch`: what users write, and what they read back.
//!
//! The types decode anything that the API server may hold, from whatever version of this operator: strings are
//! read as strings here and parsed by [`core::plan`](crate::core::plan), so that one odd object can't stop the
//! watch stream of all.

mod crd;
#[cfg(test)]
mod document;
mod lenient;
mod rules;
mod spec;
mod status;

pub use crd::{crd, crd_yaml};
pub use spec::{Credentials, Filter, MigrationTaskWatch, MigrationTaskWatchSpec, SecretRef};
pub use status::{
    MigrationTaskWatchStatus, Missing, Outbox, OutboxEvent, ServerStatus, SubTaskStatus, Summary,
    TaskErrorStatus, TaskStatus,
};

/// The API group.
pub const GROUP: &str = "migration-task-watch.dev";

/// The annotation that asks for a listing now, whenever its value changes. The same that Flux uses, so that its
/// command line and Argo CD's actions can be set to it.
pub const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";

/// The field manager of the status, and the reporting controller of events.
pub const MANAGER: &str = "migration-task-watch";
