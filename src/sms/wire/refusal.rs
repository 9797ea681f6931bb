//! Errors with the status of a success: gateways pass them on so.

use std::fmt;

use super::{PageError, json::Object};

/// What of a body says which error it is, as JSON. It may quote what was sent.
pub struct ErrorBody(String);

impl ErrorBody {
    /// The JSON.
    pub(in crate::sms) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for ErrorBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ErrorBody")
    }
}

/// The members of an object that the vendor's errors have.
const MEMBERS: [&str; 6] = ["error", "error_code", "error_msg", "error_param", "details", "request_id"];
/// No error says more.
const LONGEST: usize = 64 * 1024;

/// The members that may be of an error, collected from a body that isn't kept.
#[derive(Debug, Default)]
pub(super) struct Collected(String);

impl Collected {
    /// A member came by.
    pub(super) fn add(&mut self, key: &str, value: &str) {
        if MEMBERS.contains(&key) && self.0.len().saturating_add(value.len()) <= LONGEST {
            self.0.push_str(if self.0.is_empty() { "{" } else { "," });
            // The keys have nothing to escape.
            self.0.extend(["\"", key, "\":", value]);
        }
    }

    /// Says if they make an error; where there is nothing else, a text is enough.
    pub(super) fn refuse(mut self, is_all: bool) -> Result<(), PageError> {
        if self.0.is_empty() {
            return Ok(());
        }
        self.0.push('}');
        let is_error = Object::parse(&self.0).is_ok_and(|object| is_error(&object, is_all));
        if is_error { Err(PageError::Error(ErrorBody(self.0))) } else { Ok(()) }
    }
}

/// Refuses a body that is an error.
pub(in crate::sms) fn refuse_error(body: &[u8]) -> Result<(), PageError> {
    let text = String::from_utf8_lossy(body);
    let is_error = Object::parse(&text).is_ok_and(|object| is_error(&object, false));
    if is_error { Err(PageError::Error(ErrorBody(text.into_owned()))) } else { Ok(()) }
}

/// Whether an object is an error of SMS, its gateway or IAM. A code of zeros stands for none.
fn is_error(object: &Object<'_>, is_all: bool) -> bool {
    let says = |key| object.full_text(key).is_some_and(|text| !text.trim_matches([' ', '0']).is_empty());
    says("error_code") || object.object("error").is_some() || is_all && says("error_msg")
}
