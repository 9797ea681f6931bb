//! However the demo ends, nothing of it is left.

use std::{fs, path::Path, process::Command};

use crate::harness::{Process, Running, demo, processes_in, until};

const OPERATOR: &str = "migration-task-";

/// Starts a demo whose files are all in `dir`, and reads on to its first event.
fn started(command: &mut Command, dir: &Path) -> Running {
    let mut running = Running::start(command.env("TMPDIR", dir).env("KEEP", "1"));
    let text = running.read_to("WatchStarted");
    assert!(text.contains(&format!("export KUBECONFIG={}/", dir.display())), "{text}");
    for program in ["etcd", "kube-apiserver", OPERATOR] {
        process(dir, program);
    }
    running
}

fn process(dir: &Path, program: &str) -> Process {
    processes_in(dir).into_iter().find(|process| process.program == program).unwrap()
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).unwrap().next().is_none()
}

#[test]
fn a_signal_ends_everything_before_the_demo_ends() {
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let dir = tempfile::tempdir().unwrap();
        let mut running = started(&mut demo(), dir.path());
        running.signal(signal);
        assert_eq!(running.wait().0.code(), Some(code));
        // The shells that watch over processes may outlive them by a moment.
        let left: Vec<Process> =
            processes_in(dir.path()).into_iter().filter(|process| process.program != "sh").collect();
        assert!(left.is_empty() && is_empty(dir.path()), "{left:?}");
    }
}

#[test]
fn a_killed_demo_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let mut running = started(&mut demo(), dir.path());
    running.signal("KILL");
    running.wait();
    until("processes or files are left", || processes_in(dir.path()).is_empty() && is_empty(dir.path()));
}

#[test]
fn an_operator_that_dies_is_told_with_the_end_of_its_log() {
    let dir = tempfile::tempdir().unwrap();
    let told = tempfile::NamedTempFile::new().unwrap();
    let mut running = started(demo().stderr(told.reopen().unwrap()), dir.path());
    let operator = process(dir.path(), OPERATOR).id;
    assert!(Command::new("kill").args(["-KILL", &operator]).status().unwrap().success());
    assert_eq!(running.wait().0.code(), Some(1));
    let told = fs::read_to_string(told.path()).unwrap();
    assert!(told.starts_with("error: operator ended with signal: 9"), "{told}");
    assert!(told.contains(" INFO migration_task_watch::cli::run: started"), "{told}");
}
