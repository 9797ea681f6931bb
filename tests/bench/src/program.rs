//! The programs that are measured.

use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use test_cluster::{OPERATOR_ARGUMENTS, Process};
use tokio::time::sleep;

use crate::error::Error;

const PATIENCE: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_millis(5);
/// How long a program may take to end.
const ENDING: Duration = Duration::from_secs(10);

/// Which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// The operator.
    Operator,
    /// The naive program.
    Naive,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Naive => "naive",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A program and its arguments.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) kind: Kind,
    command: Vec<String>,
}

/// A program that runs. It is killed when this is dropped or this process ends.
pub(crate) struct Running {
    process: Process,
    log: PathBuf,
}

impl Program {
    pub(crate) fn operator(binary: &Path, more: &[String]) -> Result<Self, Error> {
        let binary = binary.canonicalize().map_err(|_| Error::ProgramMissing(binary.to_owned()))?;

        let mut command = vec![binary.display().to_string()];
        command.extend(OPERATOR_ARGUMENTS.map(str::to_owned));
        command.extend(["--allowed-endpoints", "https://127.0.0.1:*"].map(str::to_owned));
        command.extend_from_slice(more);
        Ok(Self { kind: Kind::Operator, command })
    }

    pub(crate) fn naive() -> Result<Self, Error> {
        let binary = env::current_exe().map_err(Error::io("find the bench"))?;
        Ok(Self { kind: Kind::Naive, command: vec![binary.display().to_string(), "naive".to_owned()] })
    }

    /// Starts it, with nothing of the user's environment. The operator has what the chart gives it.
    pub(crate) fn start(&self, kubeconfig: &Path, ca_file: &Path, dir: &Path) -> Result<Running, Error> {
        let mut arguments = vec!["-i".to_owned(), format!("KUBECONFIG={}", kubeconfig.display())];
        if self.kind == Kind::Operator {
            arguments.extend(["MALLOC_ARENA_MAX=1", "MALLOC_MMAP_THRESHOLD_=131072"].map(str::to_owned));
        }
        arguments.extend_from_slice(&self.command);
        arguments.extend(["--ca-file".to_owned(), ca_file.display().to_string()]);
        let name = self.kind.name();
        let process = Process::spawn(name, Path::new("/usr/bin/env"), &arguments, dir)?;
        Ok(Running { process, log: dir.join(format!("{name}.log")) })
    }
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// An error when it has died, with the end of its log.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        Ok(self.process.check()?)
    }

    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// Has it end by itself, as Kubernetes does: what has to be written at the end is.
    pub(crate) async fn stop(mut self) -> Result<(), Error> {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        // It may have ended by now.
        let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
        let began = Instant::now();
        while self.check().is_ok() {
            if began.elapsed() > ENDING {
                return Err(Error::NotEnded(ENDING));
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// Waits until its log says that it has started.
    pub(crate) async fn until_started(&mut self) -> Result<(), Error> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            self.check()?;
            if fs::read_to_string(&self.log).is_ok_and(|log| log.contains("started")) {
                return Ok(());
            }
            sleep(LOOK).await;
        }
        Err(Error::NotStarted(fs::read_to_string(&self.log).unwrap_or_default()))
    }
}
