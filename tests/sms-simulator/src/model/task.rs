//! A migration task: which server goes where, and how it fares.

use std::fmt;
use std::time::Duration;

use ring::digest;
use serde::{Deserialize, Serialize};

use super::plan::{self, Plan, PlanSpec};
use super::{Snapshot, SubTask, TaskError, TaskState};
use crate::auth::hex;

/// The operating system of both servers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OsType {
    /// LINUX.
    #[default]
    Linux,
    /// WINDOWS, which is always copied by blocks.
    Windows,
}

impl fmt::Display for OsType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Linux => "LINUX",
            Self::Windows => "WINDOWS",
        })
    }
}

/// How the data are copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransferMethod {
    /// `MIGRATE_FILE`.
    #[default]
    File,
    /// `MIGRATE_BLOCK`.
    Block,
}

/// One end of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its id in SMS.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its address.
    pub ip: String,
}

/// A migration task.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its id: a UUID that follows from its name unless set.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The servers' operating system.
    pub os: OsType,
    /// How the data are copied.
    pub method: TransferMethod,
    /// The server that is migrated; none is null on the wire.
    pub source: Option<Server>,
    /// The server that it becomes.
    pub target: Server,
    /// The domain id of the account that sees it; none for a task that all see.
    pub account: Option<String>,
    /// `0` is the default project.
    pub enterprise_project_id: String,
    /// When it was created, on the scenario's timeline; before that it isn't listed.
    pub created: Duration,
    pub(crate) course: Course,
}

/// How a task fares over time.
#[derive(Debug, Clone)]
pub(crate) enum Course {
    /// It stays as it is until somebody changes it.
    Fixed(Box<Snapshot>),
    /// It follows a plan.
    Planned(Box<Plan>),
}

impl Task {
    /// A Linux server copied by files, READY, in the default enterprise project. Its source server bears its name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            id: uuid("task", &name),
            os: OsType::Linux,
            method: TransferMethod::File,
            source: Some(Server {
                id: uuid("source", &name),
                name: name.clone(),
                ip: private_ip(192, &name),
            }),
            target: Server {
                id: uuid("target", &name),
                name: format!("{name}-target"),
                ip: private_ip(10, &name),
            },
            account: None,
            enterprise_project_id: "0".into(),
            created: Duration::ZERO,
            course: Course::Fixed(Box::new(Snapshot::of(TaskState::READY))),
            name,
        }
    }

    /// The same with another id.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    /// The same, to be seen by the account of this domain id alone.
    #[must_use]
    pub fn of_account(mut self, domain_id: impl Into<String>) -> Self {
        self.account = Some(domain_id.into());
        self
    }

    /// The same in this state, to stay there.
    #[must_use]
    pub fn in_state(self, state: TaskState) -> Self {
        self.with_snapshot(Snapshot::of(state))
    }

    /// The same as this snapshot says, to stay so.
    #[must_use]
    pub fn with_snapshot(mut self, snapshot: Snapshot) -> Self {
        self.course = Course::Fixed(Box::new(snapshot));
        self
    }

    /// The same, following a plan from its creation on.
    #[must_use]
    pub fn with_plan(mut self, spec: &PlanSpec) -> Self {
        self.course = Course::Planned(Box::new(Plan::new(spec, self.os, self.method, self.created)));
        self
    }

    /// The task at a moment.
    #[must_use]
    pub fn at(&self, position: Duration) -> Snapshot {
        match &self.course {
            Course::Fixed(snapshot) => (**snapshot).clone(),
            Course::Planned(plan) => plan.at(position),
        }
    }

    /// Its state at a moment: what [`Task::at`] says, for less.
    #[must_use]
    pub fn state_at(&self, position: Duration) -> &TaskState {
        match &self.course {
            Course::Fixed(snapshot) => &snapshot.state,
            Course::Planned(plan) => plan.state_at(position),
        }
    }

    /// Takes the task off its plan, if it has one, and changes it as it is at a moment. It then stays so.
    pub fn change_at(&mut self, position: Duration, change: impl FnOnce(&mut Snapshot)) {
        let mut snapshot = self.at(position);
        change(&mut snapshot);
        self.course = Course::Fixed(Box::new(snapshot));
    }

    /// The name of the step that copies its data.
    #[must_use]
    pub fn copying_step(&self) -> &'static str {
        plan::copying(self.os, self.method)
    }
}

/// Shorthands of [`Task::change_at`] for tests that play a task by hand.
impl Task {
    /// The same, RUNNING, with its data copied to this percentage at this speed.
    #[must_use]
    pub fn copying(self, progress: u8, speed: f64) -> Self {
        let step = SubTask { name: self.copying_step().into(), progress, began: Duration::ZERO, ended: None };
        self.with_snapshot(Snapshot {
            sub_tasks: vec![step],
            speed: Some(speed),
            started: Some(Duration::ZERO),
            ..Snapshot::of(TaskState::RUNNING)
        })
    }

    /// The same, failed with this error.
    #[must_use]
    pub fn failed(self, error: TaskError) -> Self {
        self.with_snapshot(Snapshot { error: Some(error), ..Snapshot::of(TaskState::MIGRATE_FAIL) })
    }
}

/// A UUID that is the same each time for the same name.
pub(crate) fn uuid(kind: &str, name: &str) -> String {
    let text = hex(digest_of(kind, name).as_ref());
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}

fn private_ip(first: u8, name: &str) -> String {
    let digest = digest_of("ip", name);
    let octet = |index: usize| digest.as_ref().get(index).copied().unwrap_or_default();
    let second = if first == 192 { 168 } else { octet(2) };
    format!("{first}.{second}.{}.{}", octet(0), octet(1))
}

fn digest_of(kind: &str, name: &str) -> digest::Digest {
    digest::digest(&digest::SHA256, format!("{kind}/{name}").as_bytes())
}
