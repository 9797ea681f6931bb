use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use super::PATIENCE;

/// A running operator; killed when dropped.
pub(crate) struct Operator {
    child: Child,
    log: PathBuf,
}

impl Operator {
    /// Starts the binary with a kubeconfig, on these namespaces; with none, on what its environment says.
    pub(crate) fn start(
        kubeconfig: &Path,
        namespaces: &[&str],
        log: &Path,
        flags: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let output = File::options().create(true).append(true).open(log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_migration-task-watch"))
            .args(["run", "--health-addr", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0"])
            .args(namespaces.iter().flat_map(|namespace| ["--watch-namespace", namespace]))
            .args(flags)
            .env("KUBECONFIG", kubeconfig)
            .env("RUST_LOG", "info,migration_task_watch=debug")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .unwrap();
        Self { child, log: log.to_owned() }
    }

    /// What it has said so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end as a kubelet does, and waits until it has.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.wait().unwrap()
    }

    /// Asks it to end as a kubelet does.
    pub(crate) fn ask_to_end(&self) {
        self.signal("TERM");
    }

    /// Stops it where it is.
    pub(crate) fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) {
        self.signal("CONT");
    }

    /// How it has ended, if it has.
    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has ended, and says how.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.has_ended() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "the operator doesn't end\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What it answers on one of its addresses, `health` or `metrics`.
    pub(crate) async fn get(&self, address: &str, path: &str) -> (u16, String) {
        let log = self.until_logged(&[&format!("{address}=")]).await;
        let address = log.rsplit(&format!("{address}=")).next().unwrap().split_whitespace().next().unwrap();
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let answer = client.get(format!("http://{address}{path}")).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Waits until it has said a line with all of these.
    pub(crate) async fn until_logged(&self, texts: &[&str]) -> String {
        until_logged(&self.log, texts).await
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until a log has a line with all of these.
pub(super) async fn until_logged(log: &Path, texts: &[&str]) -> String {
    let start = Instant::now();
    loop {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        if let Some(line) = text.lines().find(|line| texts.iter().all(|text| line.contains(text))) {
            return line.to_owned();
        }
        assert!(start.elapsed() < PATIENCE, "no line with {texts:?} in\n{text}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
