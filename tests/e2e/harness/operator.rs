use std::{
    fs::File,
    path::Path,
    process::{Child, Command, Stdio},
};

/// A running operator; killed when dropped.
pub(crate) struct Operator {
    child: Child,
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
        let log = File::options().create(true).append(true).open(log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_migration-task-watch"))
            .args(["run", "--health-addr", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0"])
            .args(namespaces.iter().flat_map(|namespace| ["--watch-namespace", namespace]))
            .args(flags)
            .env("KUBECONFIG", kubeconfig)
            .env("RUST_LOG", "info,migration_task_watch=debug")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child }
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end as a kubelet does, and waits until it has.
    pub(crate) fn terminate(mut self) -> std::process::ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
