//! Bugs, planted between a correct operator and the world: it seems to say what it doesn't, or hears what isn't so.

use serde_json::{Value, json};

use super::{
    Bug, MINUTE,
    kubernetes::secret_data,
    wire::Net,
    world::{Answer, Body, KubeRequest, Request, SmsRequest},
};
use crate::clock;

fn is_write(request: &KubeRequest) -> bool {
    request.method == "PATCH"
}

fn json_of(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_default()
}

/// What there is at a place in JSON, and is no null.
fn at<'a>(value: &'a mut Value, pointer: &str) -> Option<&'a mut Value> {
    value.pointer_mut(pointer).filter(|value| !value.is_null())
}

/// Asks the API server as a buggy operator would.
pub(super) async fn ask_kube(net: &Net, mut request: KubeRequest) -> Answer {
    let bug = net.shared.lock().bug;
    let Some(bug) = bug else { return net.ask(Request::Kube(request)).await };
    if is_write(&request) {
        return write(net, bug, request).await;
    }
    let is_secret = request.path.contains("/secrets/");
    match bug {
        Bug::ReadsOthersSecret if is_secret => {
            request.path = request.path.replace("/namespaces/a/", "/namespaces/c/");
        }
        Bug::ReadsSecretsOften if is_secret => drop(net.ask(Request::Kube(request.clone())).await),
        _ => {}
    }
    let is_one = request.method == "GET" && request.path.contains("/migrationtaskwatches/");
    let is_list = request.method == "GET" && request.path.ends_with("/migrationtaskwatches");
    let is_event = request.creates_event();
    let path = request.path.clone();
    let mut answer = net.ask(Request::Kube(request)).await;
    if bug == Bug::WaitsForEvents && is_event && matches!(answer.status, 400 | 403 | 500) {
        // As if nobody had answered.
        return Answer::refusal(503);
    }
    let Body::Whole(body) = &mut answer.body else { return answer };
    match bug {
        Bug::WritesEachListing if is_one => edit(body, |watch| {
            if let Some(pending) = at(watch, "/status/summary/pending") {
                *pending = json!(pending.as_i64().unwrap_or_default() + 1);
            }
        }),
        Bug::TellsAnew if is_one || is_list => edit(body, |found| {
            let now = clock::now().to_string();
            let watches = match at(found, "/items") {
                Some(Value::Array(items)) => items.iter_mut().collect(),
                _ => vec![found],
            };
            for watch in watches {
                if let Some(time) = at(watch, "/status/outbox/time") {
                    *time = json!(now);
                }
            }
        }),
        Bug::AnswersForOthers if path.ends_with("/secrets/other") && answer.status == 200 => {
            let own = (path.split('/').nth(4).unwrap_or_default().to_owned(), "huawei".to_owned());
            let key = net.shared.lock().kubernetes.secrets.get(&own).map(|secret| secret.key.clone());
            if let Some(key) = key.filter(|key| key != "AK-wrong") {
                edit(body, |secret| secret["data"] = secret_data(&key));
            }
        }
        Bug::DecidesFromStaleCache if is_one && answer.status == 200 => {
            let found = json_of(body)["metadata"].take();
            let mut world = net.shared.lock();
            let uid = found["uid"].as_str().unwrap_or_default();
            let known = world.record(uid).versions.get(&net.process).map_or(0, |(version, _)| *version);
            // A new spec is read.
            let about = format!("{} {path} {}", net.process, found["generation"]);
            let first = world.heard.entry(about).or_insert_with(|| body.clone());
            let version = json_of(first)["metadata"]["resourceVersion"].as_str().map(str::parse::<u64>);
            // The same as before its own last write.
            if version.is_some_and(|version| version.is_ok_and(|version| version < known)) {
                body.clone_from(first);
            }
        }
        _ => {}
    }
    answer
}

fn edit(body: &mut Vec<u8>, change: impl FnOnce(&mut Value)) {
    let mut value = json_of(body);
    change(&mut value);
    *body = value.to_string().into_bytes();
}

/// Writes a status as a buggy operator would.
async fn write(net: &Net, bug: Bug, mut request: KubeRequest) -> Answer {
    let this = format!("{} {}", net.process, request.path);
    if bug == Bug::StopsWhenRefused && net.shared.lock().heard.contains_key(&this) {
        return Answer::refusal(422);
    }
    let mut applied = json_of(&request.body);
    let owes = at(&mut applied, "/status/outbox/events").is_some();
    match bug {
        Bug::FollowsTheProcess => {
            if let Some(message) = at(&mut applied, "/status/conditions/0/message") {
                *message = json!(format!("{} ({})", message.as_str().unwrap_or_default(), net.process));
            }
        }
        Bug::Unbounded => {
            if let Some(Value::Array(tasks)) = at(&mut applied, "/status/tasks") {
                let errors = tasks.iter_mut().filter_map(|task| at(task, "/error/message"));
                let long = errors.filter(|message| message.as_str().is_some_and(|text| text.len() > 500));
                long.for_each(|message| *message = json!("é".repeat(300_000)));
            }
        }
        Bug::OpensByOneListing => {
            if let Some(Value::Array(conditions)) = at(&mut applied, "/status/conditions") {
                let shut = conditions.iter_mut().filter(|condition| condition["reason"] == "Confirming");
                shut.for_each(|condition| condition["status"] = json!("True"));
            }
        }
        Bug::Unfenced => {
            applied["metadata"]["resourceVersion"].take();
        }
        Bug::EventsFirst if owes => tell(net, &mut applied, &request.path).await,
        _ => {}
    }
    request.body = applied.to_string().into();
    let mut answer = net.ask(Request::Kube(request.clone())).await;
    if bug == Bug::StopsWhenRefused && matches!(answer.status, 403 | 422) {
        net.shared.lock().heard.insert(this, Vec::new());
    }
    let Body::Whole(body) = &mut answer.body else { return answer };
    match bug {
        Bug::WritesEachListing if answer.status == 200 => edit(body, |written| {
            written["metadata"]["resourceVersion"].take();
        }),
        Bug::ForgetsEarly if owes && answer.status == 200 => {
            applied["metadata"]["resourceVersion"] = json_of(body)["metadata"]["resourceVersion"].take();
            applied["status"]["outbox"]["events"] = json!([]);
            request.body = applied.to_string().into();
            return net.ask(Request::Kube(request)).await;
        }
        _ => {}
    }
    answer
}

/// Creates the events of a status.
async fn tell(net: &Net, applied: &mut Value, path: &str) {
    let namespace = path.split('/').nth(5).unwrap_or_default().to_owned();
    let uid = applied["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    let sequence = applied["status"]["outbox"]["sequence"].clone();
    let Some(Value::Array(events)) = at(applied, "/status/outbox/events") else { return };
    for (place, event) in events.iter().enumerate() {
        let name = format!("mtw.{uid}.{sequence}.{place}");
        let body = json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": name},
            "reason": event["reason"], "note": event["note"], "eventTime": null});
        let request = KubeRequest {
            method: "POST".to_owned(),
            path: format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events"),
            query: String::new(),
            body: body.to_string().into(),
        };
        net.ask(Request::Kube(request)).await;
    }
}

/// Asks SMS as a buggy operator would.
pub(super) async fn ask_sms(net: &Net, request: SmsRequest) -> Answer {
    let bug = net.shared.lock().bug;
    let mut answer = net.ask(Request::Sms(request.clone())).await;
    if bug == Some(Bug::RetriesRefusals) && matches!(answer.status, 401 | 403) {
        tokio::time::sleep(std::time::Duration::from_millis(MINUTE / 60)).await;
        return net.ask(Request::Sms(request)).await;
    }
    if bug == Some(Bug::BelievesIncomplete)
        && let Body::Whole(body) = &mut answer.body
        && answer.status == 200
    {
        edit(body, |page| {
            let ids = page["tasks"].as_array().into_iter().flatten().map(|task| task["id"].to_string());
            let count = ids.collect::<std::collections::BTreeSet<_>>().len();
            page["count"] = json!(count);
        });
    }
    answer
}
