//! Each fault does what it says, as a client sees it.

use std::error::Error;
use std::io;

use serde_json::Value;
use sms_simulator::{DropKind, Effect, ErrorBody, Fault, PageEdit, Seconds, Simulator, Trigger};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{PATIENCE, TOKEN, get, get_json, ids, numbered, start, within};

async fn with(effect: Effect) -> Simulator {
    let simulator = start(numbered(10)).await;
    simulator.faults().add(effect);
    simulator
}

/// Waits until a request is there that got no answer.
async fn until_broken_off(simulator: &Simulator) {
    let requests = simulator.requests();
    let waited =
        timeout(PATIENCE, requests.wait_for(1, |record| !record.pending && record.status.is_none())).await;
    assert!(waited.is_ok(), "{:?}", requests.records());
}

/// Everything that the server sends on one connection for one GET, and how the connection ends.
async fn raw(simulator: &Simulator) -> (Vec<u8>, io::Result<usize>) {
    raw_with(simulator, "").await
}

async fn raw_with(simulator: &Simulator, headers: &str) -> (Vec<u8>, io::Result<usize>) {
    let address = simulator.endpoint().replace("http://", "");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /v3/tasks HTTP/1.1\r\nhost: x\r\nx-auth-token: {TOKEN}\r\nconnection: close\r\n{headers}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    let end = within("the end of the answer", stream.read_to_end(&mut received)).await;
    (received, end)
}

fn split(response: &[u8]) -> (String, Vec<u8>) {
    let border = response.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    (String::from_utf8(response[..border].to_vec()).unwrap(), response[border + 4..].to_vec())
}

#[tokio::test]
async fn answers_are_replaced_in_every_shape() {
    let shapes = [
        (ErrorBody::Sms { code: "SMS.0001".into(), message: "m".into() }, "/error_code", "SMS.0001"),
        (ErrorBody::Gateway { code: "APIGW.0201".into(), message: "m".into() }, "/error_msg", "m"),
        (ErrorBody::Iam { message: "m".into() }, "/error/message", "m"),
        (ErrorBody::Json(serde_json::json!({"a": "b"})), "/a", "b"),
    ];
    for (body, path, expected) in shapes {
        let simulator = with(Effect::respond(500, body)).await;
        let response = get(&simulator, "/v3/tasks").await.unwrap();
        assert_eq!(response.status(), 500);
        assert!(response.headers().contains_key("x-request-id"));
        let body: Value = response.json().await.unwrap();
        assert_eq!(body.pointer(path).and_then(Value::as_str), Some(expected), "{body}");
    }
}

#[tokio::test]
async fn a_proxy_answers_html_with_any_status() {
    for status in [200, 502, 503, 504] {
        let response = get(&with(Effect::respond(status, ErrorBody::Html)).await, "/v3/tasks").await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["content-type"], "text/html");
        assert!(response.text().await.unwrap().starts_with("<html>"));
    }
}

#[tokio::test]
async fn throttling_names_its_limit_and_any_retry_after() {
    for retry_after in [None, Some("7"), Some("99999999999999999999"), Some("-1"), Some("soon")] {
        let response = get(&with(Effect::throttle(retry_after)).await, "/v3/tasks").await.unwrap();
        assert_eq!(response.status(), 429);
        let sent = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(sent.as_deref(), retry_after);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error_code"], "APIGW.0308");
        assert!(body["error_msg"].as_str().unwrap().contains("limit:60,time:1 minute"));
    }
}

#[tokio::test]
async fn redirects_point_elsewhere() {
    let response =
        get(&with(Effect::redirect("http://127.0.0.1:9/v3/tasks")).await, "/v3/tasks").await.unwrap();
    assert_eq!(response.status(), 302);
    assert_eq!(response.headers()["location"], "http://127.0.0.1:9/v3/tasks");
}

#[tokio::test]
async fn connections_close_or_reset_without_an_answer() {
    let (received, end) = raw(&with(Effect::Drop(DropKind::Close)).await).await;
    assert!(received.is_empty());
    assert_eq!(end.unwrap(), 0);

    let simulator = with(Effect::Drop(DropKind::Reset)).await;
    let (received, end) = raw(&simulator).await;
    assert!(received.is_empty());
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    until_broken_off(&simulator).await;
}

#[tokio::test]
async fn bodies_are_shorter_than_announced() {
    for kind in [DropKind::Close, DropKind::Reset] {
        let simulator = with(Effect::CutBody { after: 50, drop: kind }).await;
        let broken = get(&simulator, "/v3/tasks").await.unwrap().bytes().await;
        assert!(broken.is_err(), "{kind:?}");
    }
    let (received, _) = raw(&with(Effect::CutBody { after: 50, drop: DropKind::Close }).await).await;
    let (head, body) = split(&received);
    let announced = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert!(announced.parse::<usize>().unwrap() > 5_000, "{announced}");
    assert_eq!(body.len(), 50);
}

#[tokio::test(start_paused = true)]
async fn answers_and_bodies_wait_as_long_as_said() {
    let started = tokio::time::Instant::now();
    let simulator = start(numbered(10)).await;
    simulator.faults().add(Effect::Delay(Seconds::new(100)));
    simulator.faults().add(Effect::StallBody { after: 10, seconds: Seconds::new(1000) });
    let response = get(&simulator, "/v3/tasks").await.unwrap();
    let (head, whole) = (started.elapsed().as_secs(), response.bytes().await.unwrap());
    assert!((100..1000).contains(&head), "{head}");
    assert!(started.elapsed().as_secs() >= 1100);
    assert!(serde_json::from_slice::<Value>(&whole).is_ok());
}

#[tokio::test]
async fn json_ends_too_early_and_strings_are_no_utf8() {
    let body = get(&with(Effect::TruncateJson { keep: 100 }).await, "/v3/tasks")
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    assert_eq!(body.len(), 100);
    assert!(serde_json::from_slice::<Value>(&body).unwrap_err().is_eof());

    let body = get(&with(Effect::InvalidUtf8).await, "/v3/tasks").await.unwrap().bytes().await.unwrap();
    assert!(std::str::from_utf8(&body).is_err());
}

#[tokio::test]
async fn bodies_are_gzipped_for_those_who_accept_that() {
    let simulator = with(Effect::Gzip).await;
    // This client asks for gzip by itself, and takes the header away when it has unpacked.
    assert_eq!(get_json(&simulator, "/v3/tasks").await["count"], 10);
    let (plain, _) = raw(&simulator).await;
    assert!(serde_json::from_slice::<Value>(&split(&plain).1).is_ok());

    let (head, body) = split(&raw_with(&simulator, "accept-encoding: br, gzip;q=0.5\r\n").await.0);
    assert!(head.contains("content-encoding: gzip"), "{head}");
    assert!(body.starts_with(&[0x1f, 0x8b]));
}

#[tokio::test]
async fn pages_are_edited_on_the_way_out() {
    let page = get_json(&with(Effect::wrong_count(5)).await, "/v3/tasks").await;
    assert_eq!(page["count"], 15);

    let page = get_json(&with(Effect::null_task(1)).await, "/v3/tasks").await;
    assert!(page["tasks"][1].is_null() && page["tasks"][2].is_object());

    let page = get_json(&with(Effect::Page(PageEdit::Duplicate)).await, "/v3/tasks").await;
    let ids = ids(&page);
    assert_eq!(ids[0], ids[9]);

    let huge = PageEdit::Inflate { path: "/tasks/0/name".into(), bytes: 10_000_000 };
    let page = get_json(&with(Effect::Page(huge)).await, "/v3/tasks").await;
    assert_eq!(page["tasks"][0]["name"].as_str().map(str::len), Some(10_000_000));
}

#[tokio::test]
async fn tasks_move_between_pages() {
    let simulator = with(Effect::Rotate(3)).await;
    let first = ids(&get_json(&simulator, "/v3/tasks?limit=5").await);
    let second = ids(&get_json(&simulator, "/v3/tasks?limit=5&offset=5").await);
    assert!(second.iter().any(|id| first.contains(id)), "a task is seen twice and another never");

    simulator.faults().clear();
    let all = ids(&get_json(&simulator, "/v3/tasks").await);
    assert_eq!(first, all[3..8], "turned by three places");
    assert_eq!(second, [&all[1..6]].concat(), "turned by six places");
}

#[tokio::test]
async fn a_fault_can_aim_at_one_page_once() {
    let simulator = start(numbered(10)).await;
    let when = Trigger { query: Some("offset=5".into()), times: Some(1), ..Trigger::default() };
    let id = simulator.faults().add(Fault { when, effect: Effect::Page(PageEdit::Shorten(2)) });
    let sizes = async |target| ids(&get_json(&simulator, target).await).len();
    assert_eq!(sizes("/v3/tasks?limit=5&offset=0").await, 5);
    assert_eq!(sizes("/v3/tasks?limit=5&offset=5").await, 3);
    assert_eq!(sizes("/v3/tasks?limit=5&offset=5").await, 5);
    assert_eq!(simulator.faults().list()[0].hits, 1);
    assert!(simulator.faults().remove(id) && !simulator.faults().remove(id));
}

#[tokio::test]
async fn a_client_that_gives_up_is_journaled_without_a_status() {
    let simulator = with(Effect::Delay(Seconds::new(3600))).await;
    let url = format!("{}/v3/tasks", simulator.endpoint());
    let request = crate::client::http().get(url).timeout(std::time::Duration::from_millis(50)).send();
    let error = request.await.unwrap_err();
    assert!(error.is_timeout(), "{error} {:?}", error.source());
    until_broken_off(&simulator).await;
}
