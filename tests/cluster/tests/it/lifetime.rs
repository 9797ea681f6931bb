use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use test_cluster::{Cluster, Options};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
    time::{sleep, timeout},
};

use crate::namespaces;

#[tokio::test]
async fn two_run_side_by_side_and_leave_nothing_behind() {
    let (one, other) =
        tokio::try_join!(Cluster::start(Options::default()), Cluster::start(Options::default())).unwrap();
    let namespace = one.namespace("mine").await.unwrap();
    assert!(namespaces(&one).await.unwrap().get_opt(&namespace).await.unwrap().is_some());
    assert!(namespaces(&other).await.unwrap().get_opt(&namespace).await.unwrap().is_none());

    for cluster in [one, other] {
        let dir = cluster.dir().to_owned();
        drop(cluster);
        wait_until_gone(&dir).await;
    }
}

#[tokio::test]
async fn a_killed_parent_leaves_nothing_behind() {
    let mut parent = with_cluster("echo \"$KUBECONFIG\"; cat").spawn().unwrap();
    // Kept open, so that the command runs until its parent is killed.
    let stdin = parent.stdin.take();
    let kubeconfig =
        BufReader::new(parent.stdout.take().unwrap()).lines().next_line().await.unwrap().unwrap();
    let dir = PathBuf::from(kubeconfig).parent().unwrap().to_owned();
    assert!(dir.exists());

    parent.kill().await.unwrap();
    drop(stdin);
    wait_until_gone(&dir).await;
}

#[tokio::test]
async fn the_exit_code_of_the_command_is_passed_on() {
    let status = with_cluster("exit 3").status().await.unwrap();
    assert_eq!(status.code(), Some(3));
}

fn with_cluster(script: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_test-cluster"));
    command.args(["sh", "-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    command
}

/// Waits until neither the directory nor a process that works in it is left.
async fn wait_until_gone(dir: &Path) {
    let gone = async {
        while dir.exists() || processes_in(dir) > 0 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = timeout(Duration::from_mins(1), gone).await;
    assert!(waited.is_ok(), "{} or {} processes are left", dir.display(), processes_in(dir));
}

/// Counts the processes whose working directory is, or was, `dir`. Only Linux tells; elsewhere this finds none.
fn processes_in(dir: &Path) -> usize {
    let works_there = |process: &fs::DirEntry| {
        let cwd = fs::read_link(process.path().join("cwd")).unwrap_or_default();
        cwd.to_string_lossy().trim_end_matches(" (deleted)") == dir.to_string_lossy()
    };
    fs::read_dir("/proc").into_iter().flatten().flatten().filter(works_there).count()
}
