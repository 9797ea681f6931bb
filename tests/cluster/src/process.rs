use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
};

use crate::Error;

/// Lines of a log that an error shows.
const LOG_TAIL: usize = 15;

/// Becomes the server, after leaving a watcher behind. The watcher reads a pipe that only the starting process can write
/// to: end of file without a line means that this process is dead, so nobody will stop the server or remove its directory.
const LAUNCHER: &str = r#"
dir=$1; shift
exec 3<&0 </dev/null
{
  read -r _ <&3 && exit
  kill -KILL $$
  for _ in 1 2 3 4 5 6 7 8 9; do rm -rf "$dir" && exit; sleep 0.2; done
} >/dev/null 2>&1 &
exec "$@" 3<&-
"#;

/// A running server. Dropping it kills it at once: a kube-apiserver without its etcd takes minutes to end by itself.
/// When this process dies without that, the server is killed and its directory removed.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    lifeline: Option<ChildStdin>,
    log: PathBuf,
}

impl Process {
    /// Starts `program` in `dir`, appending what it says to `<name>.log` there.
    ///
    /// # Errors
    /// When the log or the program can't be opened.
    pub fn spawn(name: &'static str, program: &Path, args: &[String], dir: &Path) -> Result<Self, Error> {
        let log = dir.join(format!("{name}.log"));
        let open = File::options().create(true).append(true).open(&log);
        let output = open.map_err(Error::io(format!("open {}", log.display())))?;
        let errors = output.try_clone().map_err(Error::io("share a log file"))?;
        let mut child = Command::new("sh")
            .args(["-c", LAUNCHER, name])
            .arg(dir)
            .arg(program)
            .args(args)
            .current_dir(dir)
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            // Ctrl-C is for the process that uses the cluster: it may still need it to end well.
            .process_group(0)
            .spawn()
            .map_err(Error::io(format!("start {name}")))?;
        let lifeline = child.stdin.take();
        Ok(Self { name, child, lifeline, log })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Looks whether it still runs.
    ///
    /// # Errors
    /// When the process has ended by itself, with the last lines of its log.
    pub fn check(&mut self) -> Result<(), Error> {
        match self.child.try_wait().map_err(Error::io(format!("look after {}", self.name)))? {
            Some(status) => Err(self.exited(status)),
            None => Ok(()),
        }
    }

    fn exited(&self, status: ExitStatus) -> Error {
        Error::Exited { name: self.name, status, log: self.log_tail() }
    }

    /// The last lines of the log.
    pub(crate) fn log_tail(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(LOG_TAIL)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Any of these may fail only because the process, or its watcher, is gone already.
        if let Some(mut lifeline) = self.lifeline.take() {
            let _ = lifeline.write_all(b"stopped\n");
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
