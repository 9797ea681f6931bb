//! What the demo shows.

use crate::harness::demo;

#[test]
fn both_waves_come_to_their_end() {
    let output = demo().output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));

    let told = |watch: &str| -> Vec<&str> {
        let words = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let events = words.filter(|words| matches!(words.get(1), Some(&"Normal" | &"Warning")));
        events.filter(|words| words[3] == watch).map(|words| words[2]).collect()
    };
    let mut first = told("wave-1");
    assert_eq!(first.remove(0), "WatchStarted");
    first.sort_unstable();
    let expected =
        [["TaskFailed", "TaskResumed", "TaskStalled"].as_slice(), &["TaskStarted"; 3], &["TaskSucceeded"; 2]];
    assert_eq!(first, expected.concat(), "{text}");
    let second = told("wave-2");
    assert_eq!((second.first(), second.last()), (Some(&"WatchStarted"), Some(&"TaskSucceeded")), "{text}");

    let failed = text.lines().find(|line| line.contains("TaskFailed")).unwrap();
    assert!(failed.contains("SMS.0203: The connection timed out."), "{failed}");
    let row = |watch: &str| {
        let row = text.lines().rfind(|line| line.starts_with(watch) && line.contains(" True ")).unwrap();
        row.split_whitespace().skip(1).take(7).collect::<Vec<_>>().join(" ")
    };
    assert_eq!((row("wave-1"), row("wave-2")), ("True 3 0 0 2 1 90".into(), "True 1 0 0 1 0 100".into()));
    assert!(text.contains("wave-1: 3 tasks, 2 succeeded, 1 failed\n  wave-1-db: SMS.0203: "), "{text}");
    assert!(text.contains("wave-2: 1 tasks, 1 succeeded\n"), "{text}");
}

#[test]
fn what_it_cannot_use_is_refused_in_one_line() {
    for (variable, value, told) in [
        ("CLUSTER", "prod", "'prod' for '--cluster"),
        ("KUBEBUILDER_ASSETS", "/nowhere", "error: /nowhere/etcd is missing: "),
    ] {
        let output = demo().env(variable, value).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && message.contains(told), "{message}");
    }
    let output = demo().env("CLUSTER", "current").output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.starts_with("error: no cluster to use") && message.lines().count() == 1, "{message}");
}
