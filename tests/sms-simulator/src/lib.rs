//! A stand-in for the Huawei Cloud SMS API, for tests and the demo.
//!
//! [`Simulator::start`] serves `GET /v3/tasks`, IAM's look-ups and tokens, and the services that give machines and pods temporary keys, on a
//! port of this machine. It verifies who calls, and answers from tasks that a test plays by hand or that follow a plan. Everything can be
//! changed while it runs, by typed handles:
//!
//! ```no_run
//! # async fn example() -> Result<(), sms_simulator::StartError> {
//! use sms_simulator::{Config, Simulator, Task, TaskState};
//!
//! let simulator = Simulator::start(Config { tasks: vec![Task::new("web-1").copying(40, 12.5)], ..Config::default() }).await?;
//! simulator.tasks().insert(Task::new("web-2").in_state(TaskState::SYNCING));
//! assert_eq!(simulator.requests().counters().requests, 0);
//! # Ok(())
//! # }
//! ```

mod accounts;
mod ambient;
mod api;
mod auth;
mod clock;
mod control;
mod faults;
mod gateway;
mod journal;
mod model;
mod proxy;
mod query;
mod random;
mod scenario;
mod seconds;
mod server;
mod simulator;
mod store;
mod time;
mod transport;
mod world;

pub use accounts::{AccessKey, Account, Accounts, Action, Grant, Project, Scope, Token, User};
pub use ambient::{Agency, Metadata, NoAgency, PodIdentity, TokenStep};
pub use api::{ENCODED_AUTHORIZATION_MESSAGE, ErrorBody};
pub use auth::Credential;
pub use clock::{Clock, Timeline};
pub use faults::{Above, DropKind, Effect, Fault, FaultId, FaultStatus, Faults, PageEdit, Trigger, gzip};
pub use journal::{Counters, Journal, Record};
pub use model::generate::generate;
pub use model::{
    Ending, OsType, PlanSpec, Server, Snapshot, Stall, SubTask, Task, TaskError, TaskState, TransferMethod,
};
pub use proxy::{Proxy, ProxyAnswer, ProxyConfig, ProxyRequest};
pub use scenario::{Scenario, ScenarioError, ServerSpec, Wave};
pub use seconds::Seconds;
pub use server::{Authority, BadCertificate, Offer, TlsError};
pub use simulator::{Config, Simulator, StartError};
pub use store::Tasks;
pub use transport::Transport;
