//! What SMS, IAM and proxies answer, at its worst: see [`crate::hostile`].

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{borrow::Cow, time::Duration};

use http::{HeaderValue, StatusCode};
use serde::de::IgnoredAny;

use super::{
    Api, PageError,
    credentials::{AccessKey, Credentials, KeyPair, Redactor, Scope, SecretKey},
    error::{AnswerHead, Error},
    wire::Page,
};
use crate::core::{
    endpoint::Endpoint,
    failure::Failure,
    task::{Details, Earlier, Index, Task, Tasks},
    text::limits,
};

/// The tasks of a page, each id once.
pub(crate) fn tasks(body: &[u8]) -> Option<Vec<Task>> {
    Page::decode([body], &Earlier::default()).ok().map(|page| each_once(page.tasks))
}

fn each_once(tasks: Vec<Task>) -> Vec<Task> {
    let (mut index, mut list) = (Index::default(), Vec::new());
    for task in tasks {
        index.put(&mut list, task);
    }
    list
}

/// Reads a page. What is accepted is JSON, and all of it is counted; what it holds is within bounds.
pub(crate) fn page(body: &[u8]) {
    let text = String::from_utf8_lossy(body);
    let is_json = serde_json::from_str::<IgnoredAny>(&text).is_ok();
    let is_object = is_json && text.trim_start().starts_with('{');
    match Page::decode([body], &Earlier::default()) {
        Ok(page) => {
            assert!(is_object, "{text}");
            page.tasks.iter().for_each(|task| check(&task.details()));
            let earlier = Earlier::from(Tasks::from(each_once(page.tasks.clone())));
            let again = Page::decode(body.chunks(1 + body.len() % 7), &earlier).unwrap();
            assert_eq!(again, page);
            assert_eq!(again.entries(), page.tasks.len() + page.skipped);
        }
        Err(PageError::Syntax) => assert!(!is_object, "{text}"),
        Err(error) => assert!(is_object, "{error}: {text}"),
    }
}

fn check(task: &Details<'_>) {
    let fits = |text: &Option<Cow<'_, str>>, limit: usize| {
        text.as_ref().is_none_or(|text| text.len() <= limit && !text.trim().is_empty())
    };
    assert!((1..=limits::ID).contains(&task.id.len()) && task.name.len() <= limits::NAME);
    assert!(task.state.name().len() <= limits::NAME);
    for server in [&task.source, &task.target] {
        assert!([&server.id, &server.vm_id].into_iter().all(|id| fits(id, limits::ID)));
        assert!([&server.name, &server.ip, &server.state].into_iter().all(|text| fits(text, limits::NAME)));
    }
    assert!([&task.kind, &task.os_type].into_iter().all(|text| fits(text, limits::NAME)));
    assert!(fits(&task.enterprise_project_id, limits::ID));
    assert!(task.sub_task.as_ref().is_none_or(|step| step.name.len() <= limits::NAME));
    assert!(task.migrate_speed.is_none_or(f64::is_finite));
}

/// What no message may show.
const MARKERS: [&str; 2] = ["AKMARKER5x", "SKMARKER7\"y"];

/// Reads an answer that isn't a success, with the headers Retry-After, Content-Type and X-Request-Id.
pub(crate) fn answer(status: u8, api: u8, headers: [Cow<'_, str>; 3], body: &[u8]) {
    const APIS: [Api; 4] = [Api::ListTasks, Api::CreateToken, Api::ListDomains, Api::ListProjects];
    const USUAL: [u16; 13] = [400, 401, 403, 404, 408, 409, 429, 500, 502, 503, 504, 302, 200];
    let api = APIS[usize::from(api) % APIS.len()];
    let status = USUAL.get(usize::from(status)).copied().unwrap_or(100 + u16::from(status) * 2);
    let mut response = http::Response::new(Vec::new());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in ["retry-after", "content-type", "x-request-id"].into_iter().zip(headers) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            // A redirect says where to.
            let name = if name == "content-type" && status == 302 { "location" } else { name };
            response.headers_mut().insert(name, value);
        }
    }
    let [access_key, secret_key] = MARKERS;
    let credentials = Credentials::AkSk {
        keys: KeyPair {
            access_key: AccessKey::parse(access_key).unwrap(),
            secret_key: SecretKey::parse(secret_key).unwrap(),
            security_token: None,
        },
        scope: Scope::None,
    };
    let head = AnswerHead::new(api, &reqwest::Response::from(response), Redactor::of(&credentials));
    let endpoint = Endpoint::parse("https://sms.cn-north-4.myhuaweicloud.com").unwrap();
    let error = match status {
        302 => head.redirect(&endpoint),
        _ => Error::from_answer(head.with_body(body)),
    };
    check_failure(&Failure::from(&error));
    // Proxies and gateways quote what they were sent.
    let quoting = [access_key.as_bytes(), body, secret_key.as_bytes()].concat();
    check_failure(&Failure::from(&Error::from_answer(head.with_body(&quoting))));
}

fn check_failure(failure: &Failure) {
    let Failure { message, request_id, retry_after, .. } = failure;
    assert!(message.len() <= 2048, "{message}");
    assert!(!message.chars().any(char::is_control), "{message:?}");
    assert!(MARKERS.iter().all(|marker| !message.contains(marker)), "{message}");
    assert!(!message.contains("\"encoded_authorization_message"), "{message}");
    let id = request_id.as_deref().unwrap_or_default();
    assert!(id.len() <= limits::ID && !id.chars().any(char::is_control), "{id}");
    assert!(retry_after.unwrap_or_default() <= Duration::from_hours(1), "{retry_after:?}");
}
