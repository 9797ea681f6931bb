//! What is asked for once.

use std::{io::Write, net::TcpListener};

use serde_json::json;
use sms_simulator::{Task, TaskState};

use super::{EVIL, Plugin, Ran, tasks};
use crate::harness::{Stage, condition};

#[tokio::test(flavor = "multi_thread")]
async fn a_wave_is_listed_described_and_explained() {
    let stage = Stage::new("plugin", tasks()).await;
    let plugin = Plugin::new(&stage).await;
    assert_eq!(
        plugin.run(&["list"]).out,
        format!("There are no watches in namespace {}.\n", stage.namespace)
    );
    let _operator = stage.operator();
    stage.apply("wave-1", json!({"expectedTasks": 4})).await.unwrap();
    stage.apply("wave-2", json!({"credentials": {"secretRef": {"name": "absent"}}})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    stage.until_condition("wave-2", "Ready", ("False", "SecretNotFound")).await;
    stage.until_told("wave-1", &["WatchStarted"]).await;

    let list = plugin.run(&["list"]);
    let lines: Vec<&str> = list.out.lines().collect();
    assert!(lines[0].starts_with("NAME     READY   REASON           TOTAL   RUNNING"), "{list:?}");
    assert!(lines[1].starts_with("wave-1   True    Synced               4         2"), "{list:?}");
    assert!(lines[2].starts_with("wave-2   False   SecretNotFound       -"), "{list:?}");
    assert!(plugin.run(&["list", "-o", "wide"]).out.contains("There is no Secret absent"));
    let all = plugin.command(&["list", "-A"]).output().unwrap();
    let all = String::from_utf8(all.stdout).unwrap();
    let is_wave = |line: &str| line.split_whitespace().take(2).eq([stage.namespace.as_str(), "wave-1"]);
    assert!(all.lines().any(is_wave), "{all}");
    let rows = plugin.run(&["list", "-o", "json"]).json();
    assert_eq!((&rows[0]["summary"]["failed"], &rows[1]["reason"]), (&json!(1), &json!("SecretNotFound")));

    let why = plugin.run(&["why", "wave-1"]);
    assert_eq!(why.code, Some(1), "{why:?}");
    assert!(
        why.out.contains(
            "1 task has failed: SMS.0203: The connection timed out.\n  Cause: the source server can't reach"
        ),
        "{why:?}"
    );
    let why = plugin.run(&["why", "wave-2", "-o", "json"]);
    assert_eq!((why.code, &why.json()["findings"][0]["reason"]), (Some(1), &json!("SecretNotFound")));
    assert!(why.json()["findings"][0]["advice"].as_str().unwrap().starts_with("Create it, or correct"));

    let described = plugin.run(&["describe", "wave-1"]);
    assert_eq!(described.code, Some(0), "{described:?}");
    for part in
        ["Secret huawei\n", "TasksFailed    True", "4 in all, 1 failed, 2 running, 1 pending", "WatchStarted"]
    {
        assert!(described.out.contains(part), "{part} in {}", described.out);
    }
    let described = plugin.run(&["describe", "wave-1", "-o", "json"]);
    assert_eq!(described.json()["events"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_tasks_are_no_commands_to_the_terminal() {
    let stage = Stage::new("plugin-evil", tasks()).await;
    let plugin = Plugin::new(&stage).await;
    let _operator = stage.operator();
    stage.apply("wave-1", json!({"stallAfter": "0s"})).await.unwrap();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    // So it stands in the status.
    let status = stage.watches().get("wave-1").await.unwrap().status.unwrap();
    assert!(status.tasks.iter().any(|task| task.name.as_deref() == Some(EVIL)), "{:?}", status.tasks);
    for args in [
        &["top", "wave-1"][..],
        &["top"],
        &["top", "-o", "json"],
        &["describe", "wave-1"],
        &["describe", "wave-1", "-o", "json"],
        &["why", "wave-1"],
        &["list", "-o", "wide"],
    ] {
        let ran = plugin.run(args);
        assert!(!ran.out.contains(['\u{1b}', '\u{7}']), "{args:?}: {ran:?}");
    }
    assert!(plugin.run(&["top", "wave-1"]).out.contains("evil?[2J?]0;owned?"));
    assert!(plugin.run(&["top", "-o", "json"]).json().to_string().contains("owned"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wave_that_is_well_is_nothing_to_act_on() {
    let stage =
        Stage::new("plugin-well", vec![Task::new("web-01").in_state(TaskState::new("MIGRATE_SUCCESS"))])
            .await;
    let plugin = Plugin::new(&stage).await;
    let _operator = stage.operator();
    stage.apply("wave-1", json!({})).await.unwrap();
    stage.until_condition("wave-1", "Succeeded", ("True", "AllSucceeded")).await;
    let why = plugin.run(&["why", "wave-1"]);
    assert_eq!((why.code, why.out.as_str()), (Some(0), "wave-1: nothing is wrong\n"), "{why:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_is_asked_for_and_waited_for() {
    let stage = Stage::new("plugin-refresh", tasks()).await;
    let plugin = Plugin::new(&stage).await;
    stage.apply("wave-1", json!({"interval": "1h"})).await.unwrap();
    // Nobody is there to answer.
    let ran = plugin.run(&["refresh", "wave-1", "--wait", "--timeout", "1"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.starts_with("error: no operator has answered in 1s: check that it runs"), "{ran:?}");

    let _operator = stage.operator();
    stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    stage.sms.tasks().insert(Task::new("web-02").copying(1, 1.0));
    let ran = plugin.run(&["refresh", "wave-1", "--wait"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.out, "wave-1: listed: 5 in all, 1 failed, 3 running, 1 pending\n");

    let ran = plugin.run(&["refresh", "wave-1"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "wave-1: a listing is asked for\n"), "{ran:?}");
    stage.delete_secret("huawei").await;
    let ran = plugin.run(&["refresh", "wave-1", "--wait", "-o", "json"]);
    assert_eq!((ran.code, &ran.json()["listed"]), (Some(1), &json!(false)), "{ran:?}");

    stage.apply("wave-1", json!({"suspend": true})).await.unwrap();
    let ran = plugin.run(&["refresh", "wave-1"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.starts_with("error: wave-1 is suspended"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cluster_and_the_namespace_are_those_of_kubectl() {
    let stage = Stage::new("plugin-contexts", tasks()).await;
    let plugin = Plugin::new(&stage).await;
    stage.apply("wave-1", json!({})).await.unwrap();
    let text = std::fs::read_to_string(&plugin.kubeconfig).unwrap();
    let mut config: serde_json::Value = serde_json::from_str(&text).unwrap();
    let context = config["contexts"][0]["context"].clone();
    let mut here = context.clone();
    here["namespace"] = json!(stage.namespace);
    config["contexts"] = json!([{"name": "there", "context": context}, {"name": "here", "context": here}]);
    config["current-context"] = json!("there");
    let file = plugin.dir.path().join("config");
    std::fs::write(&file, config.to_string()).unwrap();
    let file = file.to_str().unwrap();
    let run = |args: &[&str], kubeconfig: &str| {
        Ran::of(plugin.command(args).env("KUBECONFIG", kubeconfig).output().unwrap())
    };

    assert!(run(&["list"], file).out.contains("There are no watches in namespace default"));
    for args in [
        &["list", "--context", "here"][..],
        &["--context", "here", "list"],
        &["list", "-n", &stage.namespace],
        &["list", "--context", "there", "--namespace", &stage.namespace],
    ] {
        let ran = run(args, file);
        assert!(ran.out.lines().any(|line| line.starts_with("wave-1   ")), "{args:?}: {ran:?}");
    }
    let ran = run(&["list", "--kubeconfig", file, "--context", "here"], "/nonexistent");
    assert!(ran.out.contains("wave-1   "), "{ran:?}");
    let ran = run(&["list", "--context", "nowhere"], file);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.err.starts_with("error: the kubeconfig can't be used: ") && ran.err.contains("nowhere"),
        "{ran:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_one_clear_line() {
    let stage = Stage::new("plugin-refused", tasks()).await;
    let plugin = Plugin::new(&stage).await;
    stage.apply("wave-1", json!({})).await.unwrap();
    let absent = format!("error: there is no MigrationTaskWatch wave-9 in namespace {}\n", stage.namespace);
    for command in ["top", "describe", "why", "refresh"] {
        let ran = plugin.run(&[command, "wave-9"]);
        assert_eq!((ran.code, ran.err.as_str()), (Some(1), absent.as_str()), "{command}");
    }
    // Whoever may read watches and nothing else, as the operator may.
    let operator = Plugin::of(stage.kubeconfig(), &stage.namespace);
    let ran = operator.run(&["describe", "wave-1"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("they can't be read: ") && ran.out.contains("forbidden"), "{ran:?}");
    let ran = operator.run(&["refresh", "wave-1"]);
    assert!(ran.err.starts_with("error: can't annotate the MigrationTaskWatch: "), "{ran:?}");
    assert_eq!((ran.code, ran.err.lines().count()), (Some(1), 1), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_does_not_know_the_kind_is_told_from_a_name_that_is_wrong() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // As an API server answers for a path that it doesn't serve.
            let body = "404 page not found\n";
            let head = "HTTP/1.1 404 Not Found\r\ncontent-type: text/plain\r\nconnection: close\r\n";
            let mut request = [0; 4096];
            let _ = std::io::Read::read(&mut stream, &mut request);
            let _ = write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len());
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let kubeconfig = dir.path().join("config");
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "c", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
    });
    std::fs::write(&kubeconfig, config.to_string()).unwrap();
    let plugin = Plugin::of(&kubeconfig, "default");
    for args in [&["list"][..], &["top"], &["why", "wave-1"], &["refresh", "wave-1"]] {
        let ran = plugin.run(args);
        let told = "error: the cluster doesn't know the kind MigrationTaskWatch: install its CustomResourceDefinition\n";
        assert_eq!((ran.code, ran.err.as_str()), (Some(1), told), "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_is_checked_with_the_secret_of_the_chosen_cluster() {
    let stage = Stage::new("plugin-check", tasks()).await;
    let plugin = Plugin::new(&stage).await;
    let mut manifest = stage.manifest("wave-1", json!({}));
    manifest["metadata"].as_object_mut().unwrap().remove("namespace");
    let file = plugin.dir.path().join("watch.yaml");
    std::fs::write(&file, manifest.to_string()).unwrap();
    let ran = plugin
        .command(&["check", "--allowed-endpoints", "http://127.0.0.1:*", "-n", &stage.namespace, "-f"])
        .arg(&file)
        .env_remove("HUAWEICLOUD_SDK_AK")
        .output()
        .unwrap();
    let ran = Ran::of(ran);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.out.contains("数据库-01") && ran.out.contains("evil?[2J") && !ran.out.contains('\u{1b}'),
        "{ran:?}"
    );
    assert!(
        condition(&stage.apply("wave-1", json!({})).await.unwrap(), "Ready").is_none(),
        "nothing was written"
    );
}
