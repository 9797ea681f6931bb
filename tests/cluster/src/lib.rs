//! A real etcd and kube-apiserver for tests and the demo.
//!
//! [`Cluster::start`] runs both as child processes in a directory of their own, with RBAC on and, unless asked for, without
//! kube-controller-manager: nothing collects garbage, and a deleted namespace stays. So a test takes a new
//! [`Cluster::namespace`]. The binaries come from `build.sh`, which `make cluster` and `make test` run.
//!
//! Clusters may run side by side, and leave neither process nor file behind, however the process that started them ends.

mod access;
mod accounts;
mod binaries;
mod cluster;
mod error;
mod keys;
mod operator;
mod port;
mod process;

pub use accounts::{chart_lease_rules, chart_rules, chart_secrets_watch_rules};
pub use cluster::{Cluster, Options};
pub use error::Error;
pub use operator::OPERATOR_ARGUMENTS;
pub use process::Process;
