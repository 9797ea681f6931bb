//! What SMS, IAM and proxies answer.

use std::borrow::Cow;

use serde_json::json;

use super::bytes::Bytes;
use crate::{core::text::limits, sms};

/// The body of a page of tasks.
pub fn page(data: &[u8]) {
    sms::hostile::page(data);
}

/// An answer that isn't a success, with its headers.
pub fn answer(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    sms::hostile::answer(
        bytes.byte(),
        bytes.byte(),
        [bytes.text(), bytes.text(), bytes.text()],
        bytes.rest(),
    );
}

/// The field `error_json` of a task.
pub fn task_error(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let read = |error_json: serde_json::Value| {
        let body = json!({"count": 1, "tasks": [{"id": "a", "error_json": error_json}]}).to_string();
        let tasks = sms::hostile::tasks(body.as_bytes()).expect("the page is one");
        tasks[0].details().error.map(|error| {
            let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
            (owned(error.code), owned(error.message))
        })
    };
    let error = read(json!(text));
    if let Some((code, message)) = &error {
        assert!(code.is_some() || message.is_some());
        let is_line = |text: &Option<String>, limit: usize| {
            text.as_ref().is_none_or(|text| text.len() <= limit && !text.chars().any(char::is_control))
        };
        assert!(is_line(code, limits::CODE) && is_line(message, limits::MESSAGE), "{error:?}");
    }
    // Not as a string, but as what it says.
    if let Ok(value) = serde_json::from_str(&text) {
        read(value);
    }
}
