//! What the simulated service knows: tasks, their course over time, and their shape on the wire.

pub(crate) mod generate;
mod plan;
mod snapshot;
mod state;
mod task;
pub(crate) mod wire;

pub use plan::{Ending, PlanSpec, Stall};
pub use snapshot::{Snapshot, SubTask, TaskError};
pub use state::TaskState;
pub(crate) use task::uuid;
pub use task::{OsType, Server, Task, TransferMethod};
