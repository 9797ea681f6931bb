//! Completion.

use std::process::{Command, Stdio};

use serde_json::json;

use super::{Plugin, tasks};
use crate::harness::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_learns_what_can_follow() {
    let stage = Stage::new("plugin-complete", tasks()).await;
    let plugin = Plugin::new(&stage).await;
    for name in ["wave-1", "wave-2", "other"] {
        stage.apply(name, json!({})).await.unwrap();
    }
    // As kubectl runs it, by the script that is printed.
    let script = plugin.dir.path().join("kubectl_complete-mtw");
    std::fs::write(&script, plugin.run(&["completion", "kubectl"]).out).unwrap();
    let complete = |words: &[&str]| {
        let path = format!("{}:{}", plugin.dir.path().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("sh");
        command.arg(&script).args(words).env("PATH", path).env("KUBECONFIG", &plugin.kubeconfig);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(complete(&["why", "-n", &stage.namespace, "wa"]), "wave-1\nwave-2\n:4\n");
    assert_eq!(complete(&["-n", &stage.namespace, "top", ""]), "other\nwave-1\nwave-2\n:4\n");
    assert_eq!(complete(&["re"]), "refresh\tAsk for a listing now\n:4\n");
    assert_eq!(complete(&["list", "--context", ""]), "admin\n:4\n");
    assert!(complete(&["list", "--namespace", "plugin-c"]).contains(&format!("{}\n", stage.namespace)));
    assert_eq!(complete(&["check", "-f", ""]), ":0\n");
    assert_eq!(
        complete(&["why", "--kubeconfig", "/nonexistent", ""]),
        ":4\n",
        "without a cluster there are no names"
    );
}

#[test]
fn the_scripts_are_those_of_the_shells() {
    let plugin = Plugin::of("/nonexistent".as_ref(), "default");
    for (shell, says) in [
        ("bash", "complete -F _kubectl__mtw"),
        ("zsh", "#compdef kubectl-mtw"),
        ("fish", "complete -c kubectl-mtw"),
    ] {
        let script = plugin.run(&["completion", shell]).out;
        assert!(script.contains(says), "{shell}: {script}");
        assert!(script.contains("refresh"));
    }
    let script = plugin.dir.path().join("completion.bash");
    std::fs::write(&script, plugin.run(&["completion", "bash"]).out).unwrap();
    assert!(Command::new("bash").arg("-n").arg(&script).status().unwrap().success());
    // Under its own name the binary completes all that it can do.
    let output =
        Command::new(env!("CARGO_BIN_EXE_migration-task-watch")).args(["mtw", "completion", "zsh"]).output();
    assert!(String::from_utf8(output.unwrap().stdout).unwrap().starts_with("#compdef migration-task-watch"));
}

#[test]
fn a_reader_that_has_read_enough_is_no_error() {
    let plugin = Plugin::of("/nonexistent".as_ref(), "default");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = plugin.command(&["completion", "bash"]);
    let output = command.stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}
