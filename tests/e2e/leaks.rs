//! No secret is shown: not in a log at its most talkative, not in an event, a status or a metric, whatever goes wrong.
//!
//! Each kind of credentials is full of markers. All faults of the simulator are played to all of them, and then
//! everything that the operator has said is searched.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use k8s_openapi::api::events::v1::Event;
use kube::{Api, api::ListParams};
use serde_json::{Value, json};
use sms_simulator::{
    AccessKey, Account, Config, DropKind, Effect, ErrorBody, Fault, PageEdit, Task, Trigger,
};

use crate::harness::{Operator, Stage, status};

/// In every secret text, in capitals as in small letters.
const MARKER: &str = "MARKER";
const PATHS: [&str; 4] = ["/v3/tasks", "/v3/auth/tokens", "/v3/auth/domains", "/v3/projects"];

fn account() -> Account {
    let key = |number: u8, token: Option<&str>| AccessKey {
        security_token: token.map(str::to_owned),
        ..AccessKey::permanent(format!("MARKERAK{number}"), format!("MARKERSK{number}+/secret"))
    };
    let keys = vec![key(0, None), key(1, Some("MARKERSECURITYTOKEN")), key(2, None)];
    Account { access_keys: keys, ..Account::new("d0d0", "", "").with_user("watcher", "MARKER password \"\\") }
        .with_token("MARKERTOKEN")
}

/// What the Secrets hold, by the names of their watches.
fn secrets() -> Vec<(&'static str, Value)> {
    let keys = |more: Value| {
        let mut all = json!({"accessKey": "MARKERAK0", "secretKey": "MARKERSK0+/secret"});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let user = |password: &str| json!({"username": "watcher", "password": password, "domainName": account().domain_name});
    vec![
        ("key", keys(json!({}))),
        (
            "temporary",
            json!({"accessKey": "MARKERAK1", "secretKey": "MARKERSK1+/secret", "securityToken": "MARKERSECURITYTOKEN", "expiresAt": "2100-01-01T00:00:00Z"}),
        ),
        ("domain", keys(json!({"domainId": "auto"}))),
        ("project", keys(json!({"projectId": "auto"}))),
        ("token", json!({"token": "MARKERTOKEN"})),
        ("user", user("MARKER password \"\\")),
        ("wrong-key", keys(json!({"secretKey": "MARKERWRONG"}))),
        (
            "wrong-security-token",
            json!({"accessKey": "MARKERAK1", "secretKey": "MARKERSK1+/secret", "securityToken": "MARKERWRONG"}),
        ),
        ("wrong-token", json!({"token": "MARKERWRONG"})),
        ("wrong-user", user("MARKERWRONG")),
        ("malformed", json!({"accessKey": "MARKER AK", "secretKey": "MARKER\u{e4}"})),
        ("mixed", json!({"accessKey": "MARKERAK", "secretKey": "MARKERSK", "token": "MARKERTOKEN"})),
        ("misspelt", json!({"accesskey": "MARKERAK", "secretKey": "MARKERSK"})),
    ]
}

/// Everything that can go wrong on the way of one request.
fn effects() -> Vec<Effect> {
    let mut effects = vec![
        Effect::Drop(DropKind::Close),
        Effect::Drop(DropKind::Reset),
        Effect::Rotate(1),
        Effect::TruncateJson { keep: 20 },
        Effect::InvalidUtf8,
        Effect::Gzip,
        Effect::CutBody { after: 10, drop: DropKind::Close },
        Effect::CutBody { after: 10, drop: DropKind::Reset },
        Effect::StallBody { after: 10, seconds: Duration::from_secs(1).into() },
        Effect::Delay(Duration::from_millis(100).into()),
        Effect::throttle(Some("1")),
        Effect::redirect("https://user:password@elsewhere.example.com/?x"),
        Effect::wrong_count(1),
        Effect::null_task(0),
        Effect::negative_progress(),
        Effect::Page(PageEdit::NumbersAsStrings),
        Effect::Page(PageEdit::Inflate { path: "/tasks/0/name".into(), bytes: 100_000 }),
        Effect::Page(PageEdit::Remove("/count".into())),
        Effect::Page(PageEdit::Shorten(1)),
        Effect::Page(PageEdit::Duplicate),
    ];
    for status in [400, 401, 403, 404, 429, 500, 503] {
        effects.push(Effect::Quote { status });
    }
    // Those that keep watches waiting for a minute come last.
    for status in [400, 404, 429, 500, 503, 401, 403] {
        effects.push(Effect::respond(status, ErrorBody::Html));
    }
    effects
}

struct Scene {
    stage: Stage,
    names: Vec<&'static str>,
    round: usize,
}

impl Scene {
    async fn new() -> Self {
        let accounts = vec![account(), Account::default()];
        let tasks = vec![Task::new("web-1"), Task::new("web-2")];
        let stage = Stage::with_sms("leaks", Config { accounts, tasks, ..Config::default() }).await;
        let mut names = Vec::new();
        for (name, data) in secrets() {
            stage.secret(name, data).await;
            names.push(name);
        }
        names.push("ambient");
        Self { stage, names, round: 0 }
    }

    fn operator(&self) -> Operator {
        let environment = [
            ("RUST_LOG", "trace"),
            ("RUST_BACKTRACE", "full"),
            ("HUAWEICLOUD_SDK_AK", "MARKERAK2"),
            ("HUAWEICLOUD_SDK_SK", "MARKERSK2+/secret"),
            ("HTTPS_PROXY", "http://user:MARKERPROXY@127.0.0.1:9"),
        ];
        let flags = ["--allowed-endpoints", "http://127.0.0.1:*", "--ambient-namespace", "*"];
        self.stage.operator_with(&flags, &environment)
    }

    async fn apply(&self) {
        for &name in &self.names {
            let credentials = if name == "ambient" {
                json!({"ambient": true})
            } else {
                json!({"secretRef": {"name": name}})
            };
            let manifest = json!({"region": "cn-north-4", "iamEndpoint": self.stage.sms.endpoint(), "credentials": credentials});
            self.stage.apply(name, manifest).await.unwrap();
        }
    }

    /// Has every watch listed once more.
    async fn list_all(&mut self) {
        self.round += 1;
        let token = self.round.to_string();
        for name in &self.names {
            self.stage.request(name, &token).await;
        }
        for name in &self.names {
            self.stage
                .until(name, |watch| status(watch).last_handled_reconcile_at.as_deref() == Some(&token))
                .await;
        }
    }

    /// Everything that the operator has said, by where.
    async fn said(&self) -> BTreeMap<&'static str, String> {
        let events: Api<Event> = Api::namespaced(self.stage.client.clone(), &self.stage.namespace);
        let events = events.list(&ListParams::default()).await.unwrap().items;
        let watches = self.stage.watches().list(&ListParams::default()).await.unwrap().items;
        let statuses: Vec<_> = watches.into_iter().map(|watch| watch.status).collect();
        BTreeMap::from([
            ("log", std::fs::read_to_string(self.stage.log()).unwrap()),
            ("events", serde_json::to_string(&events).unwrap()),
            ("statuses", serde_json::to_string(&statuses).unwrap()),
            ("metrics", self.stage.metrics().await),
        ])
    }
}

/// The marker, and the beginnings of texts with it as base64 shows them, wherever it stands in them.
fn traces() -> Vec<String> {
    let encoded = (0..3).map(|shift| {
        let text = format!("{}{MARKER}", "x".repeat(shift));
        let encoded = STANDARD.encode(text);
        // The first and last characters depend on what is beside it.
        encoded[2 * shift..encoded.len() - 4].trim_start_matches('x').to_owned()
    });
    [MARKER.to_owned(), MARKER.to_lowercase()].into_iter().chain(encoded).collect()
}

fn assert_silent(said: &BTreeMap<&str, String>) {
    for (place, text) in said {
        for trace in traces() {
            if let Some(at) = text.find(&trace) {
                let before: String =
                    text[..at].chars().rev().take(300).collect::<Vec<_>>().into_iter().rev().collect();
                let after: String = text[at..].chars().take(300).collect();
                panic!("{trace} is in the {place}: {before}{after}");
            }
        }
    }
    // What a person may be shown is there, so the search has searched something.
    assert!(said["metrics"].contains(r#"name="temporary""#), "{}", said["metrics"]);
    assert!(said["log"].contains("TRACE") && said["events"].contains("CredentialsInvalid"));
    assert!(said["statuses"].contains("SecretInvalid") && said["statuses"].contains("web-1"));
    assert!(!said.values().any(|text| text.contains(sms_simulator::ENCODED_AUTHORIZATION_MESSAGE)));
}

// A third of the faults each, since they are waited for.

#[tokio::test]
async fn no_fault_makes_the_operator_show_a_secret() {
    shows_none(0).await;
}

#[tokio::test]
async fn no_other_fault_makes_the_operator_show_a_secret() {
    shows_none(1).await;
}

#[tokio::test]
async fn nor_does_any_of_the_rest() {
    shows_none(2).await;
}

async fn shows_none(third: usize) {
    let mut scene = Scene::new().await;
    let _operator = scene.operator();
    scene.apply().await;
    scene.list_all().await;
    for name in ["key", "temporary", "domain", "project", "token", "user", "ambient"] {
        scene.stage.until_condition(name, "Ready", ("True", "Synced")).await;
    }
    for effect in effects().into_iter().skip(third).step_by(3) {
        // A token that is gone makes IAM part of each round.
        scene.stage.sms.accounts().revoke_tokens("d0d0");
        for path in PATHS {
            let when = Trigger { path: Some(path.to_owned()), ..Trigger::default() };
            scene.stage.sms.faults().add(Fault { when, effect: effect.clone() });
        }
        scene.list_all().await;
        scene.stage.sms.faults().clear();
    }
    assert_silent(&scene.said().await);
}

#[test]
fn the_search_finds_what_is_there() {
    for text in ["MARKERAK", "xMARKER", "a MARKER password"] {
        let shown = [text.to_owned(), STANDARD.encode(text)];
        for shown in shown {
            assert!(traces().iter().any(|trace| shown.contains(trace.as_str())), "{shown}");
        }
    }
}
