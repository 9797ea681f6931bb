//! What goes wrong at the API or before it, and what it is called.

use std::{collections::BTreeMap, time::Duration};

use migration_task_watch::{
    core::failure::{Failure, FailureKind},
    sms::{ClientOptions, Error},
};
use sms_simulator::{DropKind, Effect, ErrorBody, Fault, PageEdit, Seconds};

use crate::support::{
    access_key, client, failure, failure_kind, faulty, list, list_with, options, simulator, target, tasks,
};

fn gateway(code: &str) -> ErrorBody {
    ErrorBody::Gateway { code: code.into(), message: "text".into() }
}

/// JSON, which its Content-Type calls a page for people.
fn labelled_html(status: u16, body: ErrorBody) -> Effect {
    let headers = BTreeMap::from([("Content-Type".to_owned(), "text/html".to_owned())]);
    Effect::Respond { status, headers, body }
}

#[tokio::test]
async fn a_good_list_that_is_labelled_html_is_a_list() {
    let page = serde_json::json!({"count": 1, "tasks": [{"id": "a"}]});
    let simulator = faulty(3, labelled_html(200, ErrorBody::Json(page))).await;
    assert_eq!(list(&simulator).await.unwrap().tasks.len(), 1);
}

#[tokio::test]
async fn a_page_with_more_than_was_asked_for_is_no_page() {
    let tasks: Vec<_> = (0..100_000).map(|id| serde_json::json!({"id": id})).collect();
    let page = serde_json::json!({"count": 100_000, "tasks": tasks});
    let simulator = faulty(3, Effect::respond(200, ErrorBody::Json(page))).await;
    let failure = failure(&simulator).await;
    assert_eq!(failure.kind, FailureKind::InvalidResponse);
    assert!(failure.message.contains("more than the 200 tasks"), "{}", failure.message);
}

#[tokio::test]
async fn refusals_are_typed_and_cost_one_request() {
    use FailureKind::{AccessDenied, ClockSkew, CredentialsInvalid, InvalidResponse, ServerError, Throttled};
    let retry_later = Effect::Respond {
        status: 503,
        headers: BTreeMap::from([("Retry-After".to_owned(), "30".to_owned())]),
        body: ErrorBody::Text("maintenance".into()),
    };
    let table = [
        (Effect::respond(401, gateway("APIGW.0301")), CredentialsInvalid),
        (Effect::respond(401, gateway("APIG.0303")), ClockSkew),
        (Effect::respond(403, ErrorBody::Sms { code: "SMS.9004".into(), message: "m".into() }), AccessDenied),
        (Effect::respond(401, ErrorBody::Iam { message: "m".into() }), CredentialsInvalid),
        (Effect::respond(403, ErrorBody::Html), InvalidResponse),
        (Effect::respond(200, ErrorBody::Html), InvalidResponse),
        (Effect::respond(200, ErrorBody::Json(serde_json::json!({"a": "b"}))), InvalidResponse),
        (Effect::respond(204, ErrorBody::Text(String::new())), InvalidResponse),
        (Effect::respond(404, gateway("APIGW.0101")), InvalidResponse),
        (Effect::throttle(None), Throttled),
        (Effect::throttle(Some("7")), Throttled),
        (Effect::redirect("/elsewhere"), InvalidResponse),
        (Effect::TruncateJson { keep: 100 }, InvalidResponse),
        (Effect::InvalidUtf8, InvalidResponse),
        (retry_later, ServerError),
        (Effect::respond(200, ErrorBody::Sms { code: "SMS.9004".into(), message: "m".into() }), AccessDenied),
        (labelled_html(401, gateway("APIGW.0301")), CredentialsInvalid),
        (labelled_html(200, ErrorBody::Sms { code: "SMS.9004".into(), message: "m".into() }), AccessDenied),
    ];
    for (effect, kind) in table {
        let simulator = faulty(3, effect.clone()).await;
        let failure = failure(&simulator).await;
        assert_eq!(failure.kind, kind, "{effect:?}: {failure:?}");
        assert_eq!(simulator.requests().counters().requests, 1, "{effect:?}");
    }
}

#[tokio::test]
async fn pauses_that_are_asked_for_are_passed_on() {
    for (header, seconds) in [(Some("7"), 7), (None, 60)] {
        let simulator = faulty(3, Effect::throttle(header)).await;
        assert_eq!(failure(&simulator).await.retry_after, Some(Duration::from_secs(seconds)));
    }
}

#[tokio::test]
async fn what_may_heal_is_tried_three_times() {
    use FailureKind::{EndpointUnreachable, ServerError};
    let cut = |drop| Effect::CutBody { after: 50, drop };
    let table = [
        (Effect::respond(500, gateway("APIGW.0500")), ServerError),
        (Effect::respond(502, ErrorBody::Html), ServerError),
        (Effect::Drop(DropKind::Close), EndpointUnreachable),
        (Effect::Drop(DropKind::Reset), EndpointUnreachable),
        (cut(DropKind::Close), EndpointUnreachable),
        (cut(DropKind::Reset), EndpointUnreachable),
    ];
    let tries = table.map(async |(effect, kind)| {
        let simulator = faulty(3, effect.clone()).await;
        let failure = failure(&simulator).await;
        assert_eq!(failure.kind, kind, "{effect:?}: {failure:?}");
        assert_eq!(simulator.requests().counters().requests, 3, "{effect:?}");

        let simulator = faulty(3, Fault::once(effect.clone())).await;
        let listing = list(&simulator).await.unwrap();
        assert_eq!((listing.tasks.len(), listing.requests), (3, 2), "{effect:?}");
    });
    futures::future::join_all(tries).await;
}

#[tokio::test]
async fn silence_ends_at_the_deadlines() {
    let long = Seconds::new(3600);
    let limits = ClientOptions { response_timeout: Duration::from_millis(100), ..options() };
    for effect in [Effect::Delay(long), Effect::StallBody { after: 40, seconds: long }] {
        let simulator = faulty(3, effect).await;
        let (target, login) = (target(&simulator.endpoint()), access_key(&[]));
        let error = list_with(&client(limits.clone()), &target, &login).await.unwrap_err();
        assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
        assert_eq!(Failure::from(&error).kind, FailureKind::EndpointUnreachable);
    }
    let simulator = faulty(3, Effect::Delay(long)).await;
    let limits = ClientOptions { listing_timeout: Duration::from_millis(100), ..options() };
    let (target, login) = (target(&simulator.endpoint()), access_key(&[]));
    let error = list_with(&client(limits), &target, &login).await.unwrap_err();
    assert!(matches!(error, Error::ListingTimeout(_)), "{error:?}");
}

#[tokio::test]
async fn a_refusal_whose_body_breaks_off_is_still_a_refusal() {
    for drop in [DropKind::Close, DropKind::Reset] {
        let simulator = faulty(3, Effect::respond(401, gateway("APIGW.0301"))).await;
        simulator.faults().add(Effect::CutBody { after: 10, drop });
        assert_eq!(failure_kind(&simulator).await, FailureKind::CredentialsInvalid);
        assert_eq!(simulator.requests().counters().requests, 1);
    }
}

#[tokio::test]
async fn long_answers_end_at_the_limit_also_when_they_are_compressed() {
    let inflate = || Effect::Page(PageEdit::Inflate { path: "/tasks/0/name".into(), bytes: 4_000_000 });
    let limits = ClientOptions { max_page_bytes: 1_000_000, ..options() };
    for compressed in [false, true] {
        let simulator = faulty(3, inflate()).await;
        if compressed {
            simulator.faults().add(Effect::Gzip);
        }
        let (target, login) = (target(&simulator.endpoint()), access_key(&[]));
        let error = list_with(&client(limits.clone()), &target, &login).await.unwrap_err();
        assert!(matches!(error, Error::TooLarge { limit: 1_000_000, .. }), "{error:?}");
        // Within the default limit, one long name hides nothing.
        let listing = list(&simulator).await.unwrap();
        assert_eq!(listing.tasks.len(), 3);
        assert!(listing.tasks.iter().all(|task| task.name().len() <= 256));
    }
}

#[tokio::test]
async fn odd_values_hide_no_task() {
    let odd = [
        Effect::Gzip,
        Effect::negative_progress(),
        Effect::Page(PageEdit::NumbersAsStrings),
        Effect::set("/tasks/*/state", 7),
        Effect::set("/tasks/*/source_server", "x"),
        Effect::set("/tasks/*/sub_tasks", serde_json::json!({})),
        Effect::Page(PageEdit::Remove("/tasks/1/name".into())),
    ];
    for effect in odd {
        let simulator = faulty(250, effect.clone()).await;
        let listing = list(&simulator).await.unwrap();
        assert_eq!((listing.tasks.len(), listing.skipped, listing.requests), (250, 0, 2), "{effect:?}");
    }
    let simulator = faulty(3, Effect::null_task(1)).await;
    let listing = list(&simulator).await.unwrap();
    assert_eq!((listing.tasks.len(), listing.skipped, listing.requests), (2, 1, 1));
}

#[tokio::test]
async fn pages_that_do_not_add_up_are_incomplete() {
    let table = [
        Effect::wrong_count(5),
        Effect::wrong_count(-1),
        Effect::Page(PageEdit::Duplicate),
        Effect::Page(PageEdit::Shorten(1)),
        Effect::Page(PageEdit::Shorten(1000)),
    ];
    for effect in table {
        let simulator = faulty(450, effect.clone()).await;
        let failure = failure(&simulator).await;
        assert_eq!(failure.kind, FailureKind::ListIncomplete, "{effect:?}: {failure:?}");
        assert!(simulator.requests().counters().requests <= 5 * 4, "{effect:?}");
        // The same only once is passed over.
        simulator.faults().clear();
        simulator.faults().add(Fault::once(effect));
        assert_eq!(list(&simulator).await.unwrap().tasks.len(), 450);
    }
}

#[tokio::test]
async fn tasks_that_move_between_pages_are_all_found_or_none_is_told() {
    for places in [1, 7, 150, 200] {
        let simulator = faulty(450, Effect::Rotate(places)).await;
        match list(&simulator).await {
            Ok(listing) => assert_eq!(listing.tasks.len(), 450),
            Err(error) => assert!(matches!(error, Error::Incomplete(_)), "{error:?}"),
        }
    }
}

#[tokio::test]
async fn a_redirect_takes_no_credentials_along() {
    let other = simulator(tasks(3)).await;
    for location in [format!("{}/v3/tasks", other.endpoint()), other.endpoint().replace("http:", "")] {
        let simulator = faulty(3, Effect::redirect(location)).await;
        let failure = failure(&simulator).await;
        let host = other.endpoint().replace("http://", "");
        assert!(failure.message.contains(&format!("redirects to {host}")), "{}", failure.message);
    }
    assert_eq!(other.requests().counters().requests, 0);
}
