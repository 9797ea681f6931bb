use std::mem::discriminant;

use http::{HeaderName, HeaderValue, StatusCode};
use k8s_openapi::jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::{
    core::failure::{Failure, FailureKind},
    sms::credentials::{AuthToken, Credentials, Redactor},
};

type Headers<'a> = &'a [(&'a str, &'a str)];

fn answer(status: u16, headers: Headers<'_>, body: &str) -> Answer {
    answer_of(Api::ListTasks, status, headers, body)
}

fn answer_of(api: Api, status: u16, headers: Headers<'_>, body: &str) -> Answer {
    let credentials = Credentials::Token(AuthToken::parse("AKMARKER").unwrap());
    let headers = headers
        .iter()
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap()))
        .collect();
    let received: Timestamp = "2015-10-21T07:27:00Z".parse().unwrap();
    let status = StatusCode::from_u16(status).unwrap();
    let redactor = Redactor::of(&credentials);
    AnswerHead { api, status, headers, redactor, received }.with_body(body.as_bytes())
}

fn failure(status: u16, headers: Headers<'_>, body: &str) -> Failure {
    Failure::from(&Error::from_answer(answer(status, headers, body)))
}

const HTML: &str = "<!DOCTYPE html><html><body>Blocked</body></html>";

#[test]
fn answers_are_typed_by_what_to_do() {
    use FailureKind::{AccessDenied, ClockSkew, CredentialsInvalid, InvalidResponse, ServerError, Throttled};
    let forbidden = include_str!("../../../tests/fixtures/list-tasks-forbidden.json");
    let gateway = |code: &str| format!(r#"{{"error_msg":"text","error_code":"{code}","request_id":"r"}}"#);
    let iam = r#"{"error":{"message":"The token must be updated","code":401,"title":"Unauthorized"}}"#;
    let table = [
        (403, forbidden.to_owned(), AccessDenied, "(SMS.9004, HTTP status 403)"),
        (403, String::new(), AccessDenied, "(HTTP status 403)"),
        (401, gateway("APIGW.0301"), CredentialsInvalid, "text (APIGW.0301, HTTP status 401)"),
        (401, gateway("APIG.0301"), CredentialsInvalid, "APIG.0301"),
        (403, gateway("APIGW.0307"), CredentialsInvalid, "APIGW.0307"),
        (401, gateway("APIGW.0303"), ClockSkew, "clock"),
        (403, gateway("APIG.0303"), ClockSkew, "clock"),
        (
            401,
            gateway("APIGW.0301").replace("text", "signature expired, signature time:1"),
            ClockSkew,
            "clock",
        ),
        (401, gateway("APIGW.9999"), CredentialsInvalid, "APIGW.9999"),
        (401, iam.to_owned(), CredentialsInvalid, "The token must be updated (HTTP status 401)"),
        (
            401,
            r#"{"error":{"message":null,"code":null,"title":"Gone"}}"#.to_owned(),
            CredentialsInvalid,
            "Gone",
        ),
        (429, gateway("APIGW.0308"), Throttled, "flow control"),
        (429, String::new(), Throttled, "flow control"),
        (503, gateway("APIGW.0308"), Throttled, "flow control"),
        (404, gateway("APIGW.0101"), InvalidResponse, "endpoint is one of SMS"),
        (400, "no such parameter".to_owned(), InvalidResponse, "no such parameter (HTTP status 400)"),
        (500, r#"{"error_code":"SMS.0001"}"#.to_owned(), ServerError, "(SMS.0001, HTTP status 500)"),
        (502, HTML.to_owned(), ServerError, "an HTML page, probably from a proxy (HTTP status 502)"),
        (504, String::new(), ServerError, "(HTTP status 504)"),
        (408, String::new(), ServerError, "(HTTP status 408)"),
        (403, HTML.to_owned(), InvalidResponse, "an HTML page, probably from a proxy (HTTP status 403)"),
        (401, format!("\n {HTML}"), InvalidResponse, "an HTML page"),
        (400, "[]".to_owned(), InvalidResponse, "HTTP status 400"),
        (200, forbidden.to_owned(), AccessDenied, "(SMS.9004, HTTP status 200)"),
        (400, forbidden.to_owned(), AccessDenied, "(SMS.9004, HTTP status 400)"),
        (200, gateway("APIGW.0301"), CredentialsInvalid, "text (APIGW.0301, HTTP status 200)"),
        (200, gateway("APIGW.0308"), Throttled, "flow control"),
        (200, iam.to_owned(), CredentialsInvalid, "The token must be updated (HTTP status 401)"),
        (200, r#"{"error_code":"SMS.0001"}"#.to_owned(), InvalidResponse, "(SMS.0001, HTTP status 200)"),
    ];
    for (status, body, kind, part) in table {
        let failure = failure(status, &[], &body);
        assert_eq!(failure.kind, kind, "{status} {body}");
        assert!(failure.message.contains(part), "{}", failure.message);
        assert_eq!(failure.needs_a_person, kind.is_told_at_once());
        assert!(!failure.message.contains("XXXXXX"), "{}", failure.message);
    }
}

#[test]
fn a_page_that_refuses_is_not_asked_for_fast() {
    for (status, pause) in [(401, Some(60)), (403, Some(60)), (404, None), (200, None)] {
        assert_eq!(failure(status, &[], HTML).retry_after.map(|pause| pause.as_secs()), pause, "{status}");
    }
    let asked = failure(403, &[("retry-after", "90")], HTML).retry_after;
    assert_eq!(asked, Some(Duration::from_secs(90)));
}

#[test]
fn refusals_of_iam_say_what_to_do() {
    use FailureKind::{AccessDenied, CredentialsInvalid, InvalidResponse, ServerError};
    let iam = |message: &str| format!(r#"{{"error":{{"message":"{message}","code":null,"title":null}}}}"#);
    let table = [
        (
            Api::CreateToken,
            401,
            iam("The username or password is wrong."),
            CredentialsInvalid,
            "Check username, password",
        ),
        (Api::CreateToken, 400, iam("Request parameter is invalid."), CredentialsInvalid, "domainName"),
        (Api::CreateToken, 403, iam("Access denied by ACL."), CredentialsInvalid, "may use the API"),
        (Api::CreateToken, 404, iam("Could not find project."), CredentialsInvalid, "IAM does not accept"),
        (
            Api::CreateToken,
            404,
            r#"{"error_code":"APIGW.0101"}"#.to_owned(),
            InvalidResponse,
            "spec.iamEndpoint",
        ),
        (Api::CreateToken, 404, HTML.to_owned(), InvalidResponse, "an HTML page"),
        (Api::CreateToken, 503, iam("busy"), ServerError, "IAM, or a proxy before it"),
        (Api::ListDomains, 401, iam("verify aksk signature fail"), CredentialsInvalid, "Check the keys"),
        (Api::ListDomains, 403, iam("You are not authorized"), AccessDenied, "iam:users:getUser"),
        (Api::ListProjects, 403, iam("You are not authorized"), AccessDenied, "iam:projects:listProjects"),
        (Api::ListProjects, 403, iam("You are not authorized"), AccessDenied, "projectId"),
    ];
    for (api, status, body, kind, part) in table {
        let failure = Failure::from(&Error::from_answer(answer_of(api, status, &[], &body)));
        assert_eq!(failure.kind, kind, "{api:?} {status} {body}");
        assert!(failure.message.contains(part), "{}", failure.message);
        assert!(
            !failure.message.contains("SMS does not") && !failure.message.contains("XXXXXX"),
            "{}",
            failure.message
        );
    }
}

#[test]
fn messages_hold_no_credentials_and_stay_the_same() {
    let body = |id: &str| {
        format!(
            r#"{{"error_code":"APIGW.0301","error_msg":"AK AKMARKER failed\n(request {id})","request_id":"{id}"}}"#
        )
    };
    let first = failure(401, &[], &body("4f2c0d1e9b"));
    assert_eq!(first.message, failure(401, &[], &body("77aa3c5d2e")).message);
    assert!(first.message.contains("AK [hidden] failed (request …)"), "{}", first.message);
    assert_eq!(first.request_id.as_deref(), Some("4f2c0d1e9b"));
}

#[test]
fn what_the_gateway_quotes_of_the_request_is_left_out() {
    for (said, shown) in [
        (
            "verify aksk signature fail, canonicalRequest:GET|/v3/tasks/|x-sdk-date:1||",
            "verify aksk signature fail",
        ),
        ("signature expired, signature time:1,server time:2", "signature expired"),
    ] {
        let body = format!(r#"{{"error_code":"APIGW.0301","error_msg":"{said}"}}"#);
        assert_eq!(answer(401, &[], &body).message.as_deref(), Some(shown));
    }
}

#[test]
fn the_request_id_comes_from_the_header_or_the_body() {
    let body = r#"{"error_code":"APIGW.0101","request_id":"body"}"#;
    let table: [(Headers<'_>, Option<&str>); 4] = [
        (&[("x-request-id", "header")], Some("header")),
        (&[("x-iam-trace-id", "trace")], Some("trace")),
        (&[], Some("body")),
        (&[("x-request-id", "")], Some("body")),
    ];
    for (headers, expected) in table {
        assert_eq!(answer(404, headers, body).request_id.as_deref(), expected);
    }
}

#[test]
fn pauses_are_read_and_bounded() {
    let limit = "policy user over ratelimit,limit:60,time:1 minute";
    let second = "limit:10,time:1 second";
    let table = [
        (Some("7"), "", Some(7)),
        (Some("Wed, 21 Oct 2015 07:28:00 GMT"), "", Some(60)),
        (Some("Wed, 21 Oct 2015 07:00:00 GMT"), "", Some(0)),
        (Some("99999999999"), "", Some(3600)),
        (Some("Thu, 31 Dec 9998 23:59:59 GMT"), "", Some(3600)),
        (Some("-1"), "", None),
        (Some("soon"), "", None),
        (None, "", None),
        (None, limit, Some(60)),
        (None, second, Some(1)),
        (Some("7"), limit, Some(7)),
        (None, "limit:,time:", None),
        (None, "limit:5,time:1 fortnight", None),
        (None, "limit:5,time:1é", None),
        (None, "limit:5,time:99999999999999999999 second", None),
        (None, "limit:5,time:18446744073709551615 minutes", Some(3600)),
    ];
    for (header, message, expected) in table {
        let headers: Vec<_> = header.map(|value| ("retry-after", value)).into_iter().collect();
        let body = serde_json::json!({ "error_code": "APIGW.0308", "error_msg": message }).to_string();
        let pause = failure(429, &headers, &body).retry_after;
        assert_eq!(pause.map(|pause| pause.as_secs()), expected, "{header:?} {message}");
    }
    let limit = RateLimit::find(limit);
    assert_eq!(limit, Some(RateLimit { requests: 60, per: Duration::from_mins(1) }));
}

#[test]
fn only_what_may_heal_at_once_is_tried_again() {
    let transient =
        |status, headers: Headers<'_>| Error::from_answer(answer(status, headers, "")).is_transient();
    for status in [500, 502, 503, 504] {
        assert!(transient(status, &[]));
        assert!(!transient(status, &[("retry-after", "30")]));
    }
    for status in [400, 401, 403, 404, 429] {
        assert!(!transient(status, &[]));
    }
}

proptest! {
    #[test]
    fn any_answer_becomes_one_bounded_line(status in 300u16..600, body in "(?s).{0,2000}", code in ".{0,200}") {
        let json = serde_json::json!({ "error_code": code, "error_msg": body }).to_string();
        for body in [&body, &json] {
            let failure = failure(status, &[], body);
            prop_assert!(failure.message.len() <= 1024);
            prop_assert!(!failure.message.chars().any(char::is_control));
        }
    }

    #[test]
    fn the_prefix_of_the_gateway_makes_no_difference(status in 400u16..600, number in "0[0-9]{3}") {
        let typed = |prefix: &str| {
            discriminant(&Error::from_answer(answer(status, &[], &format!(r#"{{"error_code":"{prefix}.{number}"}}"#))))
        };
        prop_assert_eq!(typed("APIG"), typed("APIGW"));
    }
}

#[test]
fn what_an_answer_is_counts_and_not_its_label() {
    let html = &[("content-type", "text/html; charset=utf-8")];
    let refused =
        r#"{"error_code":"APIGW.0301","error_msg":"Incorrect IAM authentication information: ak not exist"}"#;
    // The last one is cut.
    for body in [refused, &format!(" \n{refused}"), &refused[..refused.len() - 1]] {
        let failure = failure(401, html, body);
        assert_eq!(failure.kind, FailureKind::CredentialsInvalid, "{body}");
        assert!(
            failure.message.contains("ak not exist (APIGW.0301, HTTP status 401)"),
            "{}",
            failure.message
        );
    }
    for body in [HTML, "Blocked", ""] {
        assert_eq!(failure(403, html, body).kind, FailureKind::InvalidResponse, "{body}");
    }
}
