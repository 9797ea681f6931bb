//! `kubectl mtw`, under the name by which kubectl calls it.

mod answers;
mod completion;
mod live;

use std::{
    ffi::{OsStr, OsString},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use sms_simulator::{Task, TaskError, TaskState};
use test_cluster::Cluster;

use crate::harness::{Screen, Stage};

/// The plugin, in a folder of its own, with a user who may do everything.
struct Plugin {
    dir: tempfile::TempDir,
    kubeconfig: PathBuf,
    namespace: String,
}

impl Plugin {
    async fn new(stage: &Stage) -> Self {
        let kubeconfig = Cluster::shared().await.unwrap().kubeconfig().to_owned();
        Self::of(&kubeconfig, &stage.namespace)
    }

    fn of(kubeconfig: &Path, namespace: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        symlink(env!("CARGO_BIN_EXE_migration-task-watch"), dir.path().join("kubectl-mtw")).unwrap();
        Self { dir, kubeconfig: kubeconfig.to_owned(), namespace: namespace.to_owned() }
    }

    fn binary(&self) -> PathBuf {
        self.dir.path().join("kubectl-mtw")
    }

    /// With these arguments, and nothing else.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.binary());
        command.args(args).env("KUBECONFIG", &self.kubeconfig);
        command
    }

    /// Runs it on the stage's namespace.
    fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(&[&["-n", &self.namespace], args].concat()).output().unwrap())
    }

    /// Runs it on the stage's namespace in a terminal.
    fn screen(&self, args: &[&str], size: (u16, u16)) -> Screen {
        self.screen_with(args, size, &[])
    }

    fn screen_with(&self, args: &[&str], size: (u16, u16), environment: &[(&str, &OsStr)]) -> Screen {
        let args = [&["-n", &self.namespace], args].concat();
        let kubeconfig: OsString = self.kubeconfig.clone().into();
        let environment = [&[("KUBECONFIG", kubeconfig.as_os_str())], environment].concat();
        Screen::start(&self.binary(), &args, &environment, size)
    }
}

/// How a run ended, and what it said.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A name that would clear the screen and set its title.
const EVIL: &str = "evil\u{1b}[2J\u{1b}]0;owned\u{7}";

/// A failed task, two that go on, one of them with a wide name, and one that would do harm.
fn tasks() -> Vec<Task> {
    vec![
        Task::new("app-04").failed(TaskError::coded("SMS.0203", "The connection timed out.")),
        Task::new("数据库-01").copying(31, 71.5),
        Task::new("web-01").copying(40, 12.5),
        Task::new(EVIL).in_state(TaskState::new("READY")),
    ]
}
