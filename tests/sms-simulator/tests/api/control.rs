//! The control port does what the typed handles do.

use reqwest::Method;
use serde_json::{Value, json};
use sms_simulator::{Account, Config, Simulator};

use crate::client::{TOKEN, get, get_json, http, numbered};

async fn controlled() -> Simulator {
    let config = Config {
        control: Some("127.0.0.1:0".parse().unwrap()),
        accounts: vec![Account::default().with_token(TOKEN)],
        tasks: numbered(3),
        ..Config::default()
    };
    Simulator::start(config).await.unwrap()
}

async fn control(simulator: &Simulator, method: Method, path: &str, body: Value) -> (u16, Value) {
    let url = format!("{}{path}", simulator.control_endpoint().unwrap());
    let response = http().request(method, url).json(&body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn faults_of_every_kind_are_added_listed_and_removed() {
    let simulator = controlled().await;
    let effects = [
        json!({"delay": 0.001}),
        json!({"respond": {"status": 503, "body": "html"}}),
        json!({"respond": {"status": 429, "headers": {"Retry-After": "7"}, "body": {"gateway": {"code": "c", "message": "m"}}}}),
        json!({"drop": "reset"}),
        json!({"rotate": 3}),
        json!({"page": {"count": -2}}),
        json!({"page": "duplicate"}),
        json!({"page": {"shorten": 1}}),
        json!({"page": {"set": {"path": "/tasks/0", "value": null}}}),
        json!({"page": {"remove": "/tasks/*/state"}}),
        json!({"page": {"inflate": {"path": "/tasks/0/name", "bytes": 10_000_000}}}),
        json!({"page": "numbersAsStrings"}),
        json!({"truncateJson": {"keep": 10}}),
        json!("invalidUtf8"),
        json!("gzip"),
        json!({"cutBody": {"after": 10, "drop": "close"}}),
        json!({"stallBody": {"after": 10, "seconds": 1.5}}),
    ];
    for effect in &effects {
        let fault = json!({"when": {"path": "/elsewhere", "query": "a=b", "accessKey": "k", "skip": 1, "times": 2, "probability": 0.5, "seed": 9}, "effect": effect});
        let (status, answer) = control(&simulator, Method::POST, "/faults", fault).await;
        assert_eq!(status, 200, "{effect}: {answer}");
    }
    let (_, list) = control(&simulator, Method::GET, "/faults", Value::Null).await;
    let listed: Vec<_> =
        list.as_array().unwrap().iter().map(|fault| fault["fault"]["effect"].clone()).collect();
    assert_eq!(listed, effects);

    let id = list[0]["id"].as_u64().unwrap();
    assert_eq!(control(&simulator, Method::DELETE, &format!("/faults/{id}"), Value::Null).await.0, 200);
    assert_eq!(control(&simulator, Method::DELETE, &format!("/faults/{id}"), Value::Null).await.0, 404);
    assert_eq!(control(&simulator, Method::DELETE, "/faults", Value::Null).await.0, 200);
    assert!(simulator.faults().list().is_empty());

    let fault = json!({"effect": {"respond": {"status": 503, "body": "html"}}});
    control(&simulator, Method::POST, "/faults", fault).await;
    assert_eq!(get(&simulator, "/v3/tasks").await.unwrap().status(), 503);
}

#[tokio::test]
async fn waves_are_added_and_tasks_changed_and_removed() {
    let simulator = controlled().await;
    let wave = json!({"name": "late", "servers": [{"name": "a"}, {"name": "b", "plan": {"starts": 3600}}]});
    let (status, answer) = control(&simulator, Method::POST, "/tasks", wave).await;
    assert_eq!(status, 200, "{answer}");
    let page = get_json(&simulator, "/v3/tasks?name=late").await;
    assert_eq!(page["count"], 2);

    let id = answer["ids"][1].as_str().unwrap();
    let change = json!({"state": "RUNNING", "progress": 42, "speed": 1.5});
    assert_eq!(control(&simulator, Method::PATCH, &format!("/tasks/{id}"), change).await.0, 200);
    let change = json!({"error": {"code": "SMS.0203", "message": "m"}});
    assert_eq!(control(&simulator, Method::PATCH, &format!("/tasks/{id}"), change).await.0, 200);
    let task = &get_json(&simulator, &format!("/v3/tasks?id={id}")).await["tasks"][0];
    assert_eq!((&task["state"], &task["migrate_speed"]), (&"RUNNING".into(), &1.5.into()));
    assert_eq!(task["sub_tasks"][0]["progress"], 42);
    assert!(task["error_json"].as_str().unwrap().contains("SMS.0203"));

    assert_eq!(control(&simulator, Method::DELETE, &format!("/tasks/{id}"), Value::Null).await.0, 200);
    assert_eq!(get_json(&simulator, "/v3/tasks?name=late").await["count"], 1);
    for method in [Method::DELETE, Method::PATCH] {
        assert_eq!(control(&simulator, method, "/tasks/nobody", json!({})).await.0, 404);
    }
}

#[tokio::test]
async fn requests_are_told_and_forgotten() {
    let simulator = controlled().await;
    get(&simulator, "/v3/tasks?limit=1").await.unwrap();
    let (_, told) = control(&simulator, Method::GET, "/requests", Value::Null).await;
    assert_eq!(told["counters"]["requests"], 1);
    let request = &told["requests"][0];
    assert_eq!((&request["path"], &request["query"]), (&"/v3/tasks".into(), &"limit=1".into()));
    assert_eq!((&request["status"], &request["credential"]), (&200.into(), &"token".into()));
    control(&simulator, Method::DELETE, "/requests", Value::Null).await;
    assert_eq!(simulator.requests().records(), []);
}

#[tokio::test]
async fn the_clock_is_set_and_the_scenario_paused_and_sought() {
    let simulator = controlled().await;
    let change = json!({"offset": -1200, "position": 90.5, "paused": true});
    control(&simulator, Method::POST, "/clock", change).await;
    let (_, clock) = control(&simulator, Method::GET, "/clock", Value::Null).await;
    assert_eq!((&clock["offset"], &clock["paused"]), (&(-1200.0).into(), &true.into()));
    assert!(clock["position"].as_f64().unwrap() >= 90.5);
    let (_, sought) = control(&simulator, Method::POST, "/clock", json!({"position": 7})).await;
    assert_eq!(sought["position"], 7.0);
    let (_, resumed) = control(&simulator, Method::POST, "/clock", json!({"paused": false})).await;
    assert_eq!(resumed["paused"], false);
}

#[tokio::test]
async fn what_it_does_not_understand_is_refused_with_a_reason() {
    let simulator = controlled().await;
    for (method, path, body, status) in [
        (Method::GET, "/", json!({}), 404),
        (Method::POST, "/nothing", json!({}), 404),
        (Method::POST, "/faults", json!({}), 400),
        (Method::POST, "/faults", json!({"effect": "explode"}), 400),
        (Method::POST, "/faults", json!({"effect": "gzip", "wen": {}}), 400),
        (Method::POST, "/tasks", json!({"name": "w"}), 400),
        (Method::POST, "/clock", json!({"position": -1}), 400),
        (Method::POST, "/clock", json!({"offset": 1e300}), 400),
    ] {
        let (answered, body) = control(&simulator, method, path, body).await;
        assert_eq!(answered, status, "{path}: {body}");
        assert!(body["error"].is_string());
    }
}
