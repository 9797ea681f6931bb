//! All that runs on the cluster: the simulated SMS, the operator, the watches.

use std::time::Duration;

use kube::ResourceExt as _;
use migration_task_watch::api::MigrationTaskWatch;
use sms_simulator::{Account, Config, Scenario, Simulator};
use tempfile::TempDir;
use test_cluster::Process;
use tokio::time::sleep;

use crate::{error::Error, operator, place::Place, screen::say, waves};

/// How often the operator is looked after when nothing else is.
const LOOK: Duration = Duration::from_secs(1);

pub(crate) struct Stage<'a> {
    pub(crate) place: &'a Place,
    operator: Process,
    simulator: Simulator,
    waves: Vec<String>,
    // Holds the operator's log.
    _dir: TempDir,
}

impl<'a> Stage<'a> {
    /// Starts the simulator, which waits for [`Stage::begin`], and the operator, and applies the watches.
    pub(crate) async fn set(place: &'a Place, scenario: &Scenario) -> Result<Self, Error> {
        place.prepare().await?;
        let account = Account::default();
        let simulator = Simulator::start(Config {
            tasks: scenario.tasks(),
            accounts: vec![account.clone()],
            ..Config::default()
        })
        .await?;
        simulator.timeline().pause();
        let endpoint = simulator.endpoint();
        say(format!("Simulating SMS at {endpoint}"))?;

        let dir = tempfile::tempdir().map_err(Error::io("create a temporary directory"))?;
        let operator = operator::start(place, dir.path()).await?;
        let rights = if place.is_own() { "with exactly the chart's rights" } else { "as the current user" };
        say(format!("Started the operator {rights}; its log is {}/operator.log", dir.path().display()))?;
        waves::apply(place, &scenario.waves, &endpoint, &account).await?;
        let waves: Vec<String> = scenario.waves.iter().map(|wave| wave.name.clone()).collect();
        say(format!("Applied a Secret and the watches {}\n", waves.join(", ")))?;
        Ok(Self { place, operator, simulator, waves, _dir: dir })
    }

    /// Whether a watch is one of the demo's: somebody may try another meanwhile.
    pub(crate) fn plays(&self, watch: &MigrationTaskWatch) -> bool {
        self.waves.contains(&watch.name_any())
    }

    /// Lets the simulated time pass. Again changes nothing.
    pub(crate) fn begin(&self) {
        self.simulator.timeline().resume();
    }

    /// An error when the operator has died, with the end of its log.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        Ok(self.operator.check()?)
    }

    /// Leaves everything running. Comes back only when the operator dies.
    pub(crate) async fn keep(mut self) -> Result<(), Error> {
        loop {
            self.check()?;
            sleep(LOOK).await;
        }
    }
}
