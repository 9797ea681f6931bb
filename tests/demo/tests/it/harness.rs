use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
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
    /// What it prints, line by line: a thread reads, so that a test can end before the demo does.
    output: mpsc::Receiver<String>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap());
        let (lines, output) = mpsc::channel();
        thread::spawn(move || {
            printed.lines().map_while(Result::ok).try_for_each(|line| lines.send(line + "\n"))
        });
        Self { child, output }
    }

    /// Reads on to a line with this in it.
    pub(crate) fn read_to(&mut self, text: &str) -> String {
        let mut read = String::new();
        while !read.lines().next_back().unwrap_or_default().contains(text) {
            match self.output.recv_timeout(PATIENCE) {
                Ok(line) => read.push_str(&line),
                Err(RecvTimeoutError::Disconnected) => panic!("it ended without {text}:\n{read}"),
                Err(RecvTimeoutError::Timeout) => panic!("it prints no {text}:\n{read}"),
            }
        }
        read
    }

    /// Sends a signal, as kill(1) names it.
    pub(crate) fn signal(&self, name: &str) {
        let kill = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(kill.unwrap().success());
    }

    /// The exit status, and what it printed to the end.
    pub(crate) fn wait(&mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        let began = Instant::now();
        loop {
            match self.output.recv_timeout(PATIENCE.saturating_sub(began.elapsed())) {
                Ok(line) => rest.push_str(&line),
                Err(RecvTimeoutError::Disconnected) => return (self.child.wait().unwrap(), rest),
                Err(RecvTimeoutError::Timeout) => panic!("it doesn't end:\n{rest}"),
            }
        }
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
