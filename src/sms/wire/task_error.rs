//! Why a task failed. The field `error_json` is empty, or JSON in a string, or plain text; the JSON may have been cut
//! at 255 characters.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{
    json::Value,
    scan::{Malformed, Scanner},
};
use crate::core::{
    task::TaskError,
    text::{self, limits},
};

/// Reads a task's error. None when the task has none.
pub(super) fn decode(error_json: Value<'_>) -> Option<TaskError<'static>> {
    let Some(text) = error_json.full_text() else {
        return from_object(error_json.as_written()).ok().flatten();
    };
    match text.trim() {
        "" | "null" | "{}" | "[]" => None,
        text if text.starts_with('{') => Some(from_json(text)),
        text => Some(plain(text)),
    }
}

fn plain(text: &str) -> TaskError<'static> {
    TaskError { code: None, message: Some(text::one_line(text, limits::MESSAGE).into()) }
}

/// JSON in a string. What has neither a code nor a message is shown as it is.
fn from_json(text: &str) -> TaskError<'static> {
    let error = from_object(text).unwrap_or_else(|Malformed| {
        error(salvage(text, "error_code").as_deref(), salvage(text, "error_msg").as_deref(), &[])
    });
    error.unwrap_or_else(|| plain(text))
}

/// Of repeated keys the last one counts.
fn from_object(text: &str) -> Result<Option<TaskError<'static>>, Malformed> {
    let (mut code, mut message, mut params) = (Value::default(), Value::default(), Value::default());
    let mut scanner = Scanner::new(text);
    scanner.object(|key, scanner| {
        match key {
            "error_code" => code = scanner.value()?,
            "error_msg" => message = scanner.value()?,
            "error_param" => params = scanner.value()?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    scanner.end()?;
    Ok(error(code.full_text().as_deref(), message.full_text().as_deref(), &texts(params)))
}

/// What `error_param` holds: a list of texts, or one.
fn texts(params: Value<'_>) -> Vec<String> {
    let one = |param: Value<'_>| {
        let text = param.full_text();
        text.map(|text| text::one_line(&text, limits::MESSAGE)).filter(|text| !text.is_empty())
    };
    match params.list::<&RawValue>() {
        Ok(list) => list.into_iter().filter_map(|param| one(Value::new(param.get()))).collect(),
        Err(_) => one(params).into_iter().collect(),
    }
}

/// The parameters stand behind the message, but for those that it names itself.
fn error(code: Option<&str>, message: Option<&str>, params: &[String]) -> Option<TaskError<'static>> {
    let line = |text: &str, limit| {
        let line = text::one_line(text, limit);
        (!line.is_empty()).then_some(Cow::Owned(line))
    };
    let message = message.unwrap_or_default();
    let unnamed: Vec<&str> =
        params.iter().map(String::as_str).filter(|param| !message.contains(param)).collect();
    let message = match unnamed.as_slice() {
        [] => message.to_owned(),
        unnamed => format!("{message} ({})", unnamed.join(", ")),
    };
    let (code, message) = (code.and_then(|code| line(code, limits::CODE)), line(&message, limits::MESSAGE));
    (code.is_some() || message.is_some()).then_some(TaskError { code, message })
}

/// Finds the string of a key in JSON that breaks off somewhere, perhaps in that string.
pub(in crate::sms) fn salvage(text: &str, key: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("\"{key}\""))?;
    let rest = rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    let content = rest.get(..end_of_string(rest)).unwrap_or(rest);
    // An escape that has been cut off is at most eleven characters long: half a surrogate pair.
    (0..12).find_map(|dropped| {
        let end = content.char_indices().rev().nth(dropped).map_or(0, |(index, c)| index + c.len_utf8());
        serde_json::from_str(&format!("\"{}\"", content.get(..end)?)).ok()
    })
}

/// Where the closing quote of a string is, or the end of the text.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (index, c) in text.char_indices() {
        match c {
            '"' if !escaped => return index,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Code and message; what is absent is empty.
    fn decoded(error_json: &str) -> Option<(String, String)> {
        let json = serde_json::json!(error_json).to_string();
        let error = decode(Value::new(&json))?;
        Some((
            error.code.as_deref().unwrap_or_default().into(),
            error.message.as_deref().unwrap_or_default().into(),
        ))
    }

    #[test]
    fn every_documented_form_is_read() {
        let table = [
            ("", None),
            ("  ", None),
            ("{}", None),
            ("null", None),
            (
                r#"{"error_code":"SMS.0203","error_msg":"Timeout","error_param":[]}"#,
                Some(("SMS.0203", "Timeout")),
            ),
            (
                r#"{"error_code":"SMS.0204","error_msg":"No permission.","error_param":["ecs:create", 7, null, " "]}"#,
                Some(("SMS.0204", "No permission. (ecs:create, 7)")),
            ),
            (
                r#"{"error_code":"SMS.0303","error_msg":"iam.x.com is not reachable","error_param":["iam.x.com","443"]}"#,
                Some(("SMS.0303", "iam.x.com is not reachable (443)")),
            ),
            (r#"{"error_code":"SMS.1","error_param":"disk"}"#, Some(("SMS.1", "(disk)"))),
            (r#"{"error_msg":"Full","error_param":{"a":1}}"#, Some(("", "Full"))),
            (r#"{"error_code":203,"error_msg":null}"#, Some(("203", ""))),
            (r#"{"error_msg":"a\nb  c"}"#, Some(("", "a b c"))),
            (r#"{"reason":"disk"}"#, Some(("", r#"{"reason":"disk"}"#))),
            ("Agent disconnected\n", Some(("", "Agent disconnected"))),
            // Cut at many a place.
            (r#"{"error_code":"SMS.0203","error_msg":"Time"#, Some(("SMS.0203", "Time"))),
            (r#"{"error_code":"SMS.0203","error_msg":"a\"b"#, Some(("SMS.0203", "a\"b"))),
            (r#"{"error_code":"SMS.0203","error_msg":"a\"#, Some(("SMS.0203", "a"))),
            (r#"{"error_code":"SMS.0203","error_msg":"a\u4e"#, Some(("SMS.0203", "a"))),
            (r#"{"error_code":"SMS.0203","error_msg":"a\ud83d\ude"#, Some(("SMS.0203", "a"))),
            (r#"{"error_code":"SMS.0203","error_msg":"#, Some(("SMS.0203", ""))),
            (r#"{"error_code":"SMS.0203","err"#, Some(("SMS.0203", ""))),
            (r#"{"error_code" : "SMS.02"#, Some(("SMS.02", ""))),
            (r#"{"error_c"#, Some(("", r#"{"error_c"#))),
            (r#"{"error_msg":"first","error_param":["x"],"error_code":"SMS.1"#, Some(("SMS.1", "first"))),
        ];
        for (text, expected) in table {
            let decoded = decoded(text);
            let decoded = decoded.as_ref().map(|(code, message)| (code.as_str(), message.as_str()));
            assert_eq!(decoded, expected, "{text}");
        }
    }

    #[test]
    fn an_error_that_is_no_string_but_an_object_is_read_too() {
        let json = r#"{"error_code": "SMS.0203", "error_msg": "Timeout"}"#;
        let error = decode(Value::new(json)).unwrap();
        assert_eq!(error.code.as_deref(), Some("SMS.0203"));
    }

    proptest! {
        #[test]
        fn a_cut_error_keeps_its_code_and_the_start_of_its_message(message in "[^\\s\\p{C}]{1,40}", cut in 0usize..200) {
            let whole = serde_json::json!({ "error_code": "SMS.0203", "error_msg": message }).to_string();
            let chars: Vec<char> = whole.chars().collect();
            let kept: String = chars.iter().take(cut).collect();
            let read = decoded(&kept);
            if cut > r#"{"error_code":"SMS.0203""#.len() {
                let (code, read) = read.unwrap();
                prop_assert_eq!(code, "SMS.0203");
                prop_assert!(message.starts_with(&read));
            }
        }
    }
}
