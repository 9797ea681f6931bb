//! Scenario files: waves of servers and what becomes of them. `scenarios/demo-wave.yaml` shows and explains the format.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{OsType, PlanSpec, Task, TransferMethod};
use crate::seconds::Seconds;

/// A scenario file, in YAML or JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Groups of servers that are migrated together.
    pub waves: Vec<Wave>,
}

/// Servers that are migrated together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wave {
    /// Its name, with which the names of its tasks begin.
    pub name: String,
    /// When its tasks are created, in seconds from the start; before that they aren't listed.
    #[serde(default)]
    pub created: Seconds,
    /// Its servers; each makes a task.
    pub servers: Vec<ServerSpec>,
}

/// A server that is migrated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServerSpec {
    /// The source server's name; the task is named after the wave and it.
    pub name: String,
    /// Its operating system.
    #[serde(default)]
    pub os: OsType,
    /// How its data are copied.
    #[serde(default)]
    pub method: TransferMethod,
    /// Its enterprise project; the default one unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enterprise_project_id: Option<String>,
    /// What is to happen to it.
    #[serde(default)]
    pub plan: PlanSpec,
}

/// A scenario that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// It isn't of the format.
    #[error("the scenario can't be read: {0}")]
    Syntax(Box<serde_saphyr::Error>),
    /// Two servers would have one task.
    #[error("the scenario names the task {0} twice: names must be unique within a wave")]
    Duplicate(String),
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// When it isn't YAML or JSON of this format, or names a task twice.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self =
            serde_saphyr::from_str(text).map_err(|error| ScenarioError::Syntax(Box::new(error)))?;
        let mut names = BTreeSet::new();
        match scenario.tasks().into_iter().find(|task| !names.insert(task.name.clone())) {
            Some(task) => Err(ScenarioError::Duplicate(task.name)),
            None => Ok(scenario),
        }
    }

    /// The tasks of all waves.
    #[must_use]
    pub fn tasks(&self) -> Vec<Task> {
        self.waves.iter().flat_map(|wave| wave.tasks(Duration::ZERO)).collect()
    }
}

impl Wave {
    /// Its tasks, for a scenario that stands at this position.
    #[must_use]
    pub fn tasks(&self, position: Duration) -> Vec<Task> {
        let created = position.saturating_add(self.created.0);
        self.servers.iter().map(|server| server.task(&self.name, created)).collect()
    }
}

impl ServerSpec {
    fn task(&self, wave: &str, created: Duration) -> Task {
        let mut task = Task::new(format!("{wave}-{}", self.name));
        if let Some(source) = &mut task.source {
            source.name.clone_from(&self.name);
        }
        task.target.name = format!("{}-target", self.name);
        if let Some(project) = &self.enterprise_project_id {
            task.enterprise_project_id.clone_from(project);
        }
        Task { os: self.os, method: self.method, created, ..task }.with_plan(&self.plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Ending, Stall, TaskError};

    const DEMO: &str = include_str!("../scenarios/demo-wave.yaml");

    #[test]
    fn every_key_of_the_format_is_read() {
        let text = r"
            waves:
              - name: w
                created: 1.5
                servers:
                  - name: db
                    os: windows
                    method: block
                    enterpriseProjectId: ep
                    plan:
                      starts: 1
                      copies: 2
                      speed: 3.5
                      stalls: {at: 40, for: 5}
                      ends: {fails: {at: 50, error: {code: SMS.0203, message: slow}}}
                  - {name: a, plan: {ends: {fails: {at: 1, error: plain words}}}}
                  - {name: b, plan: {stalls: {at: 9}, ends: {syncs: {}}}}
                  - {name: c, plan: {ends: {syncs: {for: 3}}}}
                  - {name: d, plan: {ends: {aborts: {at: 5, takes: 1}}}}
                  - {name: e, plan: {ends: {becomes: {at: 5, state: LICENSING}}}}
                  - {name: f, plan: {ends: succeeds}}
        ";
        let scenario = Scenario::parse(text).unwrap();
        let servers = &scenario.waves[0].servers;
        let plan = PlanSpec {
            starts: Seconds::new(1),
            copies: Seconds::new(2),
            speed: 3.5,
            stalls: Some(Stall { at: 40, lasts: Some(Seconds::new(5)) }),
            ends: Ending::Fails { at: 50, error: TaskError::coded("SMS.0203", "slow") },
        };
        assert_eq!(servers[0].plan, plan);
        assert_eq!(
            servers[1].plan.ends,
            Ending::Fails { at: 1, error: TaskError::Text("plain words".into()) }
        );
        assert_eq!(servers[2].plan.ends, Ending::Syncs { lasts: None });
        assert_eq!(servers[6].plan, PlanSpec::default());

        let task = &scenario.tasks()[0];
        assert_eq!((task.name.as_str(), task.source.as_ref().unwrap().name.as_str()), ("w-db", "db"));
        assert_eq!((task.created, task.enterprise_project_id.as_str()), (Duration::from_millis(1500), "ep"));
        let json = serde_json::to_string(&scenario).unwrap();
        assert_eq!(Scenario::parse(&json).unwrap(), scenario, "JSON does as well");
    }

    #[test]
    fn mistakes_are_told() {
        for (text, told) in [
            ("waves: [{name: w, servers: [{name: a}, {name: a}]}]", "w-a twice"),
            ("waves: [{name: w, servers: [{nane: a}]}]", "nane"),
            ("waves: [{name: w, servers: [{name: a, plan: {copies: -1}}]}]", "negative"),
            ("waves: [{name: w, servers: [{name: a, plan: {ends: explodes}}]}]", "explodes"),
            ("", "can't be read"),
            ("wave: []", "wave"),
        ] {
            let error = Scenario::parse(text).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }

    #[test]
    fn the_demo_shows_one_failure_and_one_stall_in_about_a_minute() {
        let tasks = Scenario::parse(DEMO).unwrap().tasks();
        let wave = |name: &str| tasks.iter().filter(|task| task.name.starts_with(name)).count();
        assert_eq!((wave("wave-1-"), wave("wave-2-")), (12, 4));
        let ends: Vec<_> = tasks.iter().map(|task| task.at(Duration::from_hours(1))).collect();
        let failed = ends.iter().filter(|end| end.error.is_some()).count();
        assert_eq!((failed, ends.iter().filter(|end| end.ended.is_none()).count()), (1, 0));
        let last = ends.iter().filter_map(|end| end.ended).max().unwrap();
        assert!((50..=65).contains(&last.as_secs()), "{last:?}");
        let stalled = |second| {
            let stands = |task: &&Task| {
                let (then, now) =
                    (task.at(Duration::from_secs(second)), task.at(Duration::from_secs(second + 5)));
                then.speed == Some(0.0)
                    && then.current().is_some_and(|step| step.name == task.copying_step())
                    && then.state == now.state
                    && then.sub_tasks == now.sub_tasks
                    && then.state.as_str() == "RUNNING"
            };
            tasks.iter().filter(stands).count()
        };
        assert_eq!((5..60).map(stalled).max(), Some(1), "one stalls");
    }
}
