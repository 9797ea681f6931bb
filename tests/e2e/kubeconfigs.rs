//! Kubeconfigs that can't be used: it is said where the mistake is, and never what stands there.

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::json;

/// In all that is secret.
const MARKER: &str = "MARKER";
/// A certificate in base64 that ends as something else, which its parser names.
const MISMATCHED: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tClRVRlNTMFZTCi0tLS0tRU5EIE1BUktFUi0tLS0tCg==";

/// A kubeconfig with this user and cluster, beside a token.
fn kubeconfig(user: &serde_json::Value, cluster: &serde_json::Value) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "clusters": [{"name": "here", "cluster": cluster}],
        "users": [{"name": "other", "user": {"token": MARKER}}, {"name": "me", "user": user}],
    })
    .to_string()
}

/// Kubeconfigs, and what is said of each.
fn kubeconfigs() -> Vec<(String, &'static str)> {
    let here = json!({"server": "https://127.0.0.1:1"});
    let exec = |args: &[&str]| {
        let env = [json!({"name": "PASSWORD", "value": MARKER})];
        json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "sh",
            "args": args,
            "env": env,
            "interactiveMode": "Never",
        }})
    };
    let user = |user| kubeconfig(&user, &here);
    let cluster = |cluster| kubeconfig(&json!({"token": MARKER}), &cluster);
    vec![
        ("users:\n- user:\n    token: MARKER\n   password: MARKER\n".to_owned(), "see line 4, column "),
        ("users:\n- user: {token: [MARKER]}\n  name: me\n".to_owned(), "see line 2, column "),
        ("users: MARKER\n".to_owned(), "see line 1, column "),
        ("users:\n- user: {token: MARKER\n".to_owned(), "see line "),
        ("MARKER".to_owned(), "see line 1, column "),
        (user(json!({"client-certificate-data": "MARKER!", "client-key-data": "MARKER!"})), "isn't base64"),
        (user(json!({"client-certificate-data": "TUFSS0VS", "client-key-data": "TUFSS0VS"})), "private key"),
        (user(exec(&["-c", "echo MARKER"])), "credential plugin of the kubeconfig printed isn't"),
        (user(exec(&["-c", "echo '{status: {token: [MARKER]}}'"])), "see line 1, column "),
        (user(exec(&["-c", "echo MARKER; echo MARKER >&2; exit 3"])), "failed (exit status: 3)"),
        (cluster(json!({"server": "https://127.0.0.1:1:MARKER"})), "isn't a URL"),
        (cluster(json!({"server": "https://127.0.0.1:1", "proxy-url": "MARKER://MARKER:MARKER@x"})), "proxy"),
        (
            cluster(json!({"server": "https://127.0.0.1:1", "certificate-authority-data": MISMATCHED})),
            "certificate",
        ),
    ]
}

fn run(program: &Path, args: &[&str], kubeconfig: &Path) -> Output {
    let mut command = Command::new(program);
    command.args(args).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("KUBECONFIG", kubeconfig).env("RUST_LOG", "trace").output().unwrap()
}

#[test]
fn nobody_quotes_a_kubeconfig() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config");
    let manifest = dir.path().join("watch.yaml");
    let watch = json!({
        "apiVersion": "migration-task-watch.dev/v1alpha1",
        "kind": "MigrationTaskWatch",
        "metadata": {"name": "wave-1"},
        "spec": {"region": "cn-north-4", "credentials": {"secretRef": {"name": "huawei"}}},
    });
    std::fs::write(&manifest, watch.to_string()).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_migration-task-watch"));
    let (file_arg, manifest) = (file.to_str().unwrap(), manifest.to_str().unwrap());
    for (text, said) in kubeconfigs() {
        std::fs::write(&file, &text).unwrap();
        let ways: [(&[&str], bool); 5] = [
            (&["mtw", "list"], true),
            (&["mtw", "--kubeconfig", file_arg, "why", "wave-1"], true),
            (&["run", "--health-addr", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0"], true),
            (&["mtw", "--kubeconfig", file_arg, "check", "-f", manifest], true),
            // Without a cluster the other places are named.
            (&["check", "-f", manifest], false),
        ];
        for (args, is_named) in ways {
            let output = run(program, args, &file);
            let shown = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            assert_eq!(output.status.code(), Some(1), "{args:?} with {text}: {shown}");
            assert!(!shown.contains(MARKER), "{args:?} with {text}: {shown}");
            assert!(!is_named || shown.contains(said), "{args:?} with {text} doesn't say {said:?}: {shown}");
        }
    }
}
