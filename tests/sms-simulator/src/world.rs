//! What the service's port and the control port share.

use std::sync::Arc;

use crate::accounts::{Account, Accounts};
use crate::ambient::{Metadata, PodIdentity};
use crate::clock::{Clock, Timeline};
use crate::faults::Faults;
use crate::journal::Journal;
use crate::model::Task;
use crate::store::Tasks;

/// All that can be changed while the server runs.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) timeline: Arc<Timeline>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) metadata: Metadata,
    pub(crate) pod_identity: PodIdentity,
    pub(crate) tasks: Tasks,
    pub(crate) faults: Faults,
    pub(crate) journal: Journal,
}

impl World {
    /// A world whose scenario starts now.
    pub(crate) fn new(accounts: Vec<Account>, tasks: Vec<Task>, time_scale: f64) -> Self {
        let timeline = Arc::new(Timeline::start(time_scale));
        let accounts = Arc::new(Accounts::new(accounts));
        Self {
            clock: Clock::default(),
            metadata: Metadata::new(Arc::clone(&accounts)),
            pod_identity: PodIdentity::new(Arc::clone(&accounts)),
            accounts,
            tasks: Tasks::new(Arc::clone(&timeline), tasks),
            faults: Faults::default(),
            journal: Journal::default(),
            timeline,
        }
    }
}
