//! `top`, on a pseudo-terminal and without one.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    process::{ChildStdout, Stdio},
    sync::mpsc,
    thread,
};

use serde_json::{Value, json};
use sms_simulator::{Task, TaskState};

use super::{Plugin, tasks};
use crate::harness::{Operator, PATIENCE, Screen, Stage};

/// A wave that is watched.
async fn wave(name: &str, tasks: Vec<Task>) -> (Stage, Plugin, Operator) {
    let stage = Stage::new(name, tasks).await;
    let plugin = Plugin::new(&stage).await;
    let operator = stage.operator();
    stage.apply("wave-1", json!({"interval": "1h"})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    (stage, plugin, operator)
}

/// The lines of a program, as it prints them: a thread reads, so that the test can end before the program.
fn read(output: ChildStdout) -> mpsc::Receiver<String> {
    let (lines, read) = mpsc::channel();
    thread::spawn(move || {
        BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| lines.send(line))
    });
    read
}

fn has(lines: &[String], texts: &[&str]) -> bool {
    lines.iter().any(|line| texts.iter().all(|text| line.contains(text)))
}

#[tokio::test(flavor = "multi_thread")]
async fn it_follows_the_tasks_in_place() {
    let (stage, plugin, _operator) = wave("plugin-top", tasks()).await;
    let mut screen = plugin.screen(&["top", "wave-1"], (24, 140));
    let lines =
        screen.until("the tasks are seen", |lines| has(lines, &["app-04", "Failed", "SMS.0203"])).await;
    assert!(lines[0].starts_with(&format!("{}/wave-1", stage.namespace)), "{lines:#?}");
    assert!(has(&lines, &["数据库-01", "Running", "[######..............]", "71.5"]), "{lines:#?}");
    assert!(has(&lines, &["evil?[2J?]0;owned?", "Pending"]), "{lines:#?}");
    assert!(lines[23].starts_with("tasks 1-4 of 4"), "{lines:#?}");
    assert!(screen.is_taken());

    stage.sms.tasks().insert(Task::new("web-01").in_state(TaskState::new("SYNCING")));
    stage.refresh("wave-1", "1").await;
    let lines = screen.until("the change is seen", |lines| has(lines, &["web-01", "Syncing", "100"])).await;
    assert!(!has(&lines, &["web-01", "Running"]), "{lines:#?}");

    // Nothing of it is a command that a task's name gave.
    assert!(!screen.sent().contains("\u{1b}[2J") && !screen.sent().contains("\u{1b}]"));
    screen.press("q");
    assert!(screen.ended().await.success());
    screen.until_taken(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_scrolls_and_fits_a_terminal_that_changes() {
    let tasks = (0..40).map(|number| Task::new(format!("web-{number:02}")).copying(10, 1.0)).collect();
    let (_stage, plugin, _operator) = wave("plugin-scroll", tasks).await;
    let screen = plugin.screen(&["top"], (20, 100));
    let first =
        |lines: &[String]| lines.iter().find(|line| line.starts_with("web-")).cloned().unwrap_or_default();
    screen.until("the first page", |lines| first(lines).starts_with("web-00")).await;
    screen.press("\u{1b}[B\u{1b}[B");
    screen.until("two tasks are passed", |lines| first(lines).starts_with("web-02")).await;
    screen.press("\u{1b}[6~");
    screen.until("a page further", |lines| has(lines, &["tasks 16-28 of 40"])).await;
    screen.press("G");
    let lines = screen.until("the end", |lines| has(lines, &["web-39"])).await;
    assert!(lines[19].starts_with("tasks 28-40 of 40"), "{lines:#?}");

    screen.resize(10, 40);
    let lines = screen.until("a small picture", |lines| lines[9].starts_with("tasks 28-30 of 40")).await;
    assert!(has(&lines, &["web-28", "Running", "10"]) && !has(&lines, &["[##"]), "{lines:#?}");
    screen.resize(50, 160);
    screen.until("a large picture", |lines| lines[49].starts_with("tasks 1-40 of 40")).await;
    screen.press("\u{3}");
    screen.until_taken(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn however_it_ends_the_terminal_is_as_before() {
    let (_stage, plugin, _operator) = wave("plugin-end", tasks()).await;
    for name in ["q", "\u{3}", "TERM", "INT", "HUP"] {
        let mut screen = plugin.screen(&["top"], (24, 100));
        screen.until_taken(true).await;
        if name.len() == 1 {
            screen.press(name);
        } else {
            screen.signal(name);
        }
        let status = screen.ended().await;
        assert!(status.success(), "{name:?}: {status}");
        screen.until_taken(false).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_be_put_aside() {
    let (_stage, plugin, _operator) = wave("plugin-aside", tasks()).await;
    let mut screen = plugin.screen(&["top"], (24, 100));
    screen.until_taken(true).await;
    screen.press("\u{1a}");
    screen.until_taken(false).await;
    screen.signal("CONT");
    screen.until_taken(true).await;
    screen.until("the tasks are seen again", |lines| has(lines, &["app-04", "Failed"])).await;
    screen.press("q");
    assert!(screen.ended().await.success());
    screen.until_taken(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_are_for_terminals_that_want_them() {
    let (_stage, plugin, _operator) = wave("plugin-colours", tasks()).await;
    let seen = |screen: &Screen| screen.sent().contains("\u{1b}[31m");
    let mut screen = plugin.screen(&["why", "wave-1"], (24, 100));
    screen.ended().await;
    screen.until("something is wrong", |lines| has(lines, &["something is wrong"])).await;
    assert!(seen(&screen));
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let mut screen = plugin.screen_with(&["why", "wave-1"], (24, 100), &[(name, OsStr::new(value))]);
        assert_eq!(screen.ended().await.code(), Some(1));
        screen.until("something is wrong", |lines| has(lines, &["something is wrong"])).await;
        assert!(!screen.sent().contains('\u{1b}'), "{name}");
    }
    // A dumb terminal gets no picture, either.
    let mut screen = plugin.screen_with(&["top"], (24, 100), &[("TERM", OsStr::new("dumb"))]);
    assert!(screen.ended().await.success());
    screen.until("the tasks", |lines| has(lines, &["app-04"])).await;
    assert!(!screen.sent().contains('\u{1b}'));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_deleted_is_told() {
    let (stage, plugin, _operator) = wave("plugin-gone", tasks()).await;
    let screen = plugin.screen(&["top", "wave-1"], (24, 100));
    screen.until("the tasks are seen", |lines| has(lines, &["app-04"])).await;
    stage.watches().delete("wave-1", &kube::api::DeleteParams::default()).await.unwrap();
    let lines = screen.until("it is gone", |lines| lines[23] == "wave-1 is gone").await;
    assert!(!has(&lines, &["app-04"]), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_it_is_a_table_or_a_line_for_each_change() {
    let (stage, plugin, _operator) = wave("plugin-lines", tasks()).await;
    let once = plugin.run(&["top", "wave-1"]);
    assert_eq!((once.code, once.out.lines().count()), (Some(0), 5), "{once:?}");
    assert!(once.out.lines().nth(1).unwrap().starts_with("app-04"), "{once:?}");

    for format in ["table", "json"] {
        let args = ["-n", &stage.namespace, "top", "--watch", "-o", format];
        let mut child = plugin.command(&args).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = read(child.stdout.take().unwrap());
        let next = || lines.recv_timeout(PATIENCE).expect("it prints no more lines");
        // What there is at first.
        let first = next();
        let change = format!("RUN_{}", format.to_uppercase());
        stage.sms.tasks().insert(Task::new("web-01").in_state(TaskState::new(change.clone())));
        stage.refresh("wave-1", format).await;
        let line = loop {
            let line = next();
            if line.contains(&change) {
                break line;
            }
        };
        if format == "json" {
            let values = [first, line].map(|line| serde_json::from_str::<Value>(&line).unwrap());
            assert!(values.iter().all(|value| value["tasks"].as_array().unwrap().len() == 4), "{values:?}");
        } else {
            assert!(first.contains("wave-1   Ready is True: Synced"), "{first}");
            assert!(line.contains(&format!("wave-1   web-01   Other   0%   {change}")), "{line}");
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
