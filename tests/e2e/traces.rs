//! Traces, as a collector gets them. In builds with the feature `otlp`.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use prost::Message;
use serde_json::json;
use sms_simulator::{Effect, ErrorBody, Task};
use tokio::net::TcpListener;

use crate::harness::{Operator, Stage};

#[derive(Clone, Default)]
struct Collector {
    /// What it was sent and has taken.
    taken: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    /// Takes nothing.
    is_ill: Arc<AtomicBool>,
}

impl Collector {
    async fn start() -> (Self, SocketAddr) {
        let collector = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let take = async |State(collector): State<Self>, headers: HeaderMap, body: Bytes| {
            if collector.is_ill.load(Relaxed) {
                return StatusCode::SERVICE_UNAVAILABLE;
            }
            collector.taken.lock().unwrap().push((headers, body));
            StatusCode::OK
        };
        let router = Router::new().route("/v1/traces", post(take)).with_state(collector.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (collector, address)
    }

    fn requests(&self) -> Vec<ExportTraceServiceRequest> {
        let sent = self.taken.lock().unwrap();
        sent.iter().map(|(_, body)| ExportTraceServiceRequest::decode(body.clone()).unwrap()).collect()
    }

    fn spans(&self) -> Vec<Span> {
        let resources = self.requests().into_iter().flat_map(|request| request.resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<&str, String> {
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    let value = |attribute: &KeyValue| attribute.value.as_ref().and_then(|any| any.value.as_ref()).map(text);
    attributes.iter().map(|attribute| (&*attribute.key, value(attribute).unwrap_or_default())).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn start(stage: &Stage, endpoint: &str, more: &[(&str, &str)]) -> Operator {
    let flags = ["--allowed-endpoints", "http://127.0.0.1:*", "--log-format", "json"];
    let own = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20abc"),
        ("OTEL_RESOURCE_ATTRIBUTES", "k8s.cluster.name=west"),
    ];
    stage.operator_with(&flags, &[&own, more].concat())
}

/// A wave is watched, and SMS fails once; then the operator ends, which sends the rest.
async fn play(stage: &Stage, mut operator: Operator) -> String {
    stage.apply("wave-1", json!({"interval": "1h"})).await.unwrap();
    stage.until_told("wave-1", &["WatchStarted"]).await;
    let body = ErrorBody::Sms { code: "SMS.9004".into(), message: "text".into() };
    let fault = stage.sms.faults().add(Effect::respond(403, body));
    stage.request("wave-1", "1").await;
    stage.until_condition("wave-1", "Ready", ("False", "AccessDenied")).await;
    assert!(stage.sms.faults().remove(fault));
    operator.ask_to_end();
    assert!(operator.ended().await.success());
    std::fs::read_to_string(stage.log()).unwrap()
}

#[tokio::test]
async fn a_collector_gets_what_was_done_and_what_failed() {
    let stage = Stage::new("traces", vec![Task::new("web-1")]).await;
    let (collector, address) = Collector::start().await;
    let log = play(&stage, start(&stage, &format!("http://{address}"), &[])).await;

    let spans = collector.spans();
    let by_id: HashMap<_, _> = spans.iter().map(|span| (&span.span_id, span)).collect();
    let parents = |name: &str| -> Vec<&str> {
        let named = spans.iter().filter(|span| span.name == name);
        named.map(|span| by_id.get(&span.parent_span_id).map_or("", |parent| &parent.name)).collect()
    };
    for (name, parent) in [
        ("reconcile", ""),
        ("write status", "reconcile"),
        ("create events", "reconcile"),
        ("listing", ""),
        ("GET /v3/tasks", "listing"),
    ] {
        let parents = parents(name);
        assert!(!parents.is_empty() && parents.iter().all(|found| *found == parent), "{name}: {parents:?}");
    }

    let requests: Vec<_> = spans.iter().filter(|span| span.name == "GET /v3/tasks").collect();
    let answers: Vec<_> = requests.iter().map(|span| texts(&span.attributes)).collect();
    for (span, answer) in requests.iter().zip(&answers) {
        let is_error = span.status.as_ref().is_some_and(|status| status.code == 2);
        assert_eq!(is_error, answer["http.response.status_code"] != "200", "{span:?}");
        assert!(!answer["request_id"].is_empty(), "{answer:?}");
    }
    let codes =
        |code: &str| answers.iter().filter(|answer| answer["http.response.status_code"] == code).count();
    assert!(codes("200") >= 1 && codes("403") >= 1, "{answers:?}");
    let listings = spans.iter().filter(|span| span.name == "listing").map(|span| texts(&span.attributes));
    let listings: Vec<_> = listings.collect();
    assert!(
        listings.iter().any(|listing| listing.get("tasks").is_some_and(|tasks| tasks == "1")),
        "{listings:?}"
    );
    let rejected =
        |listing: &BTreeMap<&str, String>| listing.get("reason").is_some_and(|it| it == "AccessDenied");
    assert!(listings.iter().any(rejected), "{listings:?}");

    // A line of the log leads to its trace.
    let line = log.lines().find(|line| line.contains("Listings are complete")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    let span = spans.iter().find(|span| json!(hex(&span.span_id)) == line["span_id"]).unwrap();
    assert_eq!((&*span.name, json!(hex(&span.trace_id))), ("reconcile", line["trace_id"].clone()));

    let resources: Vec<_> =
        collector.requests().into_iter().flat_map(|request| request.resource_spans).collect();
    for resource in &resources {
        let attributes = texts(&resource.resource.as_ref().unwrap().attributes);
        let named = |name: &str| attributes.get(name).map(String::as_str);
        assert_eq!(named("service.name"), Some("migration-task-watch"));
        assert_eq!(named("service.version"), Some(env!("CARGO_PKG_VERSION")));
        assert_eq!(named("k8s.cluster.name"), Some("west"));
    }
    for (headers, body) in collector.taken.lock().unwrap().iter() {
        assert_eq!(headers["authorization"], "Bearer abc");
        let body = String::from_utf8_lossy(body);
        assert!(!body.contains("authorization") && !body.contains("SDK-HMAC"), "{body}");
    }
}

#[tokio::test]
async fn without_a_collector_the_work_goes_on() {
    let stage = Stage::new("traces-lost", vec![Task::new("web-1")]).await;
    // Nobody listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let often = [("OTEL_BSP_SCHEDULE_DELAY", "50")];
    let operator = start(&stage, &format!("http://{free}"), &often);
    operator.until_logged(&["started"]).await;
    stage.apply("wave-1", json!({"interval": "1h"})).await.unwrap();
    operator.until_logged(&["traces can't be sent"]).await;
    let log = play(&stage, operator).await;
    let said = log.lines().filter(|line| line.contains("traces can't be sent")).count();
    assert_eq!(said, 1, "{log}");
}

#[tokio::test]
async fn a_collector_that_is_well_again_is_told_of_once() {
    let stage = Stage::new("traces-ill", vec![Task::new("web-1")]).await;
    let (collector, address) = Collector::start().await;
    collector.is_ill.store(true, Relaxed);
    let often = [("OTEL_BSP_SCHEDULE_DELAY", "50")];
    let operator = start(&stage, &format!("http://{address}"), &often);
    operator.until_logged(&["started"]).await;
    stage.apply("wave-1", json!({"interval": "1h"})).await.unwrap();
    operator.until_logged(&["traces can't be sent", "503"]).await;
    collector.is_ill.store(false, Relaxed);
    stage.request("wave-1", "0").await;
    operator.until_logged(&["traces are sent again"]).await;
    let log = play(&stage, operator).await;
    for once in ["traces can't be sent", "traces are sent again"] {
        assert_eq!(log.lines().filter(|line| line.contains(once)).count(), 1, "{log}");
    }
    assert!(!collector.spans().is_empty());
}

#[tokio::test]
async fn it_can_be_turned_off() {
    let stage = Stage::new("traces-off", vec![Task::new("web-1")]).await;
    let (collector, address) = Collector::start().await;
    let log =
        play(&stage, start(&stage, &format!("http://{address}"), &[("OTEL_SDK_DISABLED", "true")])).await;
    assert!(collector.taken.lock().unwrap().is_empty() && !log.contains("trace_id"));
}
