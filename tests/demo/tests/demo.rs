//! The demo as somebody sees it whose output isn't a terminal. Needs the operator's binary beside the demo's, which
//! `cargo test --workspace` builds.

// What a test can't set up or read is a test that fails.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
};

fn demo() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command.env_remove("KEEP").env_remove("CLUSTER").env("KUBECONFIG", "/nonexistent").stdin(Stdio::null());
    command
}

#[test]
fn both_waves_come_to_their_end() {
    let output = demo().output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let told = |watch: &str, reason: &str| {
        let is = |line: &&str| line.starts_with(watch) && line.split_whitespace().nth(2) == Some(reason);
        text.lines().filter(is).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(told("wave-1", "TaskStarted").len(), 12, "{text}");
    assert_eq!(told("wave-1", "TaskSucceeded").len(), 11, "{text}");
    assert_eq!(told("wave-2", "TaskSucceeded").len(), 4, "{text}");
    let failed = told("wave-1", "TaskFailed");
    assert!(matches!(failed.as_slice(), [line] if line.contains("SMS.0203: The connection")), "{text}");
    assert_eq!(told("wave-1", "TaskStalled").len(), 1, "{text}");
    assert_eq!(told("wave-1", "TaskResumed").len(), 1, "{text}");
    let last = |watch: &str| {
        let line = text.lines().rfind(|line| line.starts_with(watch) && line.contains("True")).unwrap();
        line.split_whitespace().skip(1).take(7).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(last("wave-1"), "True 12 0 0 11 1 96");
    assert_eq!(last("wave-2"), "True 4 0 0 4 0 100");
    assert!(text.contains("Both waves are done."));
}

#[test]
fn an_interrupted_demo_leaves_no_process() {
    let mark = format!("DEMO_TEST_MARK={}", std::process::id());
    let (name, value) = mark.split_once('=').unwrap();
    let mut child = demo().env(name, value).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("WatchStarted") {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0, "the demo ended by itself");
    }
    assert!(processes_with(&mark) > 3, "the demo, etcd, kube-apiserver and the operator");
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    output.read_to_string(&mut line).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(processes_with(&mark), 0);
}

/// How many processes have this in their environment; children inherit it. A dead one that nobody has waited for has
/// no environment.
fn processes_with(mark: &str) -> usize {
    let environments =
        fs::read_dir("/proc").unwrap().filter_map(|entry| fs::read(entry.ok()?.path().join("environ")).ok());
    environments
        .filter(|environment| environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes()))
        .count()
}
