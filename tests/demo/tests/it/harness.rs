use std::{
    fs,
    io::{BufRead, BufReader},
    mem,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

/// Not a measure of speed: a machine may be slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// The demo on waves that end soon, in an environment that it must not use.
pub(crate) fn demo() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command
        .args(["--scenario", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/short.yaml")])
        .env_remove("KEEP")
        .env_remove("CLUSTER")
        .env("KUBECONFIG", "/nonexistent")
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .env("WATCH_NAMESPACE", "nowhere")
        .stdin(Stdio::null());
    command
}

/// A demo that runs; killed with the test.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            while output.read_line(&mut line).is_ok_and(|length| length > 0)
                && send.send(mem::take(&mut line)).is_ok()
            {}
        });
        Self { child, lines }
    }

    /// Reads on to a line with this in it.
    pub(crate) fn read_to(&mut self, text: &str) -> String {
        let mut read = String::new();
        while !read.lines().next_back().unwrap_or_default().contains(text) {
            let line = self.next_line(&read).unwrap_or_default();
            assert!(!line.is_empty(), "it ended without {text}:\n{read}");
            read += &line;
        }
        read
    }

    /// The next line, or none at the end.
    fn next_line(&self, read: &str) -> Option<String> {
        let line = self.lines.recv_timeout(PATIENCE);
        assert_ne!(line, Err(RecvTimeoutError::Timeout), "nothing more for {PATIENCE:?} after\n{read}");
        line.ok()
    }

    /// Sends a signal, as kill(1) names it.
    pub(crate) fn signal(&self, name: &str) {
        let kill = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(kill.unwrap().success());
    }

    /// The exit status, and what it printed to the end.
    pub(crate) fn wait(&mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        while let Some(line) = self.next_line(&rest) {
            rest += &line;
        }
        // It has closed its output, and so is about to end.
        (self.child.wait().unwrap(), rest)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something is so.
pub(crate) fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A process, by id and program.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) id: String,
    pub(crate) program: String,
}

/// The processes that work somewhere in `dir`, or did before it was removed. Only Linux tells.
pub(crate) fn processes_in(dir: &Path) -> Vec<Process> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter(|process| fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(dir)))
        .map(|process| Process {
            id: process.file_name().into_string().unwrap(),
            // Cut at 15 characters, and gone with the process.
            program: fs::read_to_string(process.path().join("comm")).unwrap_or_default().trim().to_owned(),
        })
        .collect()
}
