//! An answer that isn't a success, in one of the forms that SMS, its gateway, IAM and proxies have.

use std::{fmt, time::Duration};

use http::{HeaderMap, StatusCode, header};
use k8s_openapi::jiff::{Timestamp, fmt::rfc2822};
use url::Url;

use super::Error;
use crate::{
    core::{
        endpoint::Endpoint,
        pace::RateLimit,
        text::{self, limits},
    },
    sms::{
        api::Api,
        credentials::Redactor,
        wire::{json::Object, salvage},
    },
};

/// The longest pause that an answer can ask for.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// What an answer says of itself. Its texts are single lines without credentials. The `encoded_authorization_message`
/// that SMS adds is never read, since it can be decoded to the account's policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Which call it answers.
    pub api: Api,
    /// The HTTP status; in the place of that of a success, the one that the body names.
    pub status: u16,
    /// A code of the vendor's error reference, such as `SMS.9004` or `APIGW.0301`.
    pub code: Option<String>,
    /// The text beside the code, or a short body that is plain text.
    pub message: Option<String>,
    /// The API's id of the request.
    pub request_id: Option<String>,
    /// How long the answer asks to be left alone, at most an hour.
    pub retry_after: Option<Duration>,
    /// Whether the body is a page for people.
    pub html: bool,
}

/// Status and headers of an answer, and what of its texts must not be shown.
pub(in crate::sms) struct AnswerHead<'a> {
    pub(super) api: Api,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) redactor: Redactor<'a>,
    pub(super) received: Timestamp,
}

impl<'a> AnswerHead<'a> {
    /// Takes them from a response.
    pub(in crate::sms) fn new(api: Api, response: &reqwest::Response, redactor: Redactor<'a>) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        Self { api, status, headers, redactor, received: Timestamp::now() }
    }

    /// The answer as a whole.
    pub(in crate::sms) fn with_body(&self, body: &[u8]) -> Answer {
        let html = self.is_html(body);
        let parts = if html { Parts::default() } else { Parts::read(&String::from_utf8_lossy(body)) };
        let request_id = self.request_id().or_else(|| self.line(&parts.request_id?, limits::ID));
        let message = parts.message.and_then(|message| self.line(&message, limits::MESSAGE));
        Answer {
            api: self.api,
            status: parts.status.filter(|_| self.status.is_success()).unwrap_or(self.status.as_u16()),
            code: parts.code.and_then(|code| self.line(&code, limits::CODE)),
            message: message.map(|text| without(&text, request_id.as_deref())),
            request_id,
            retry_after: retry_after(&self.headers, self.received),
            html,
        }
    }

    /// Refuses a page for people in the place of a success.
    pub(in crate::sms) fn refuse_html(&self, body: &[u8]) -> Result<(), Error> {
        if self.is_html(body) { Err(Error::from_answer(self.with_body(body))) } else { Ok(()) }
    }

    /// Whether it is a page for people, as proxies send it. What is JSON isn't one, though gateways have been seen to
    /// label theirs so.
    fn is_html(&self, body: &[u8]) -> bool {
        match body.trim_ascii_start().first() {
            Some(b'<') => true,
            Some(b'{') => false,
            _ => self
                .header("content-type")
                .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html")),
        }
    }

    /// The API's id of the request.
    pub(in crate::sms) fn request_id(&self) -> Option<String> {
        let id = self.header("x-request-id").or_else(|| self.header("x-iam-trace-id"))?;
        self.line(id, limits::ID)
    }

    /// The error that a redirect is.
    pub(in crate::sms) fn redirect(&self, endpoint: &Endpoint) -> Error {
        let base = Url::parse(endpoint.as_str()).ok();
        let location = self.header("location").unwrap_or_default();
        let to = base.and_then(|base| base.join(location).ok()).map(|url| url.authority().to_owned());
        let to = to.and_then(|to| self.line(&to, limits::NAME)).unwrap_or_else(|| "nowhere".to_owned());
        Error::Redirect { endpoint: endpoint.clone(), to, request_id: self.request_id() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok().map(str::trim)
    }

    /// A text as it may be shown: the gateway quotes access keys, and proxies whole requests.
    fn line(&self, text: &str, limit: usize) -> Option<String> {
        let line = text::one_line(&self.redactor.hide_in(text), limit);
        (!line.is_empty()).then_some(line)
    }
}

impl Answer {
    /// The number of the gateway's error, whose prefix differs between its versions.
    pub(super) fn gateway_code(&self) -> Option<&str> {
        let code = self.code.as_deref()?;
        code.strip_prefix("APIGW.").or_else(|| code.strip_prefix("APIG."))
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.html {
            return write!(f, "an HTML page, probably from a proxy (HTTP status {})", self.status);
        }
        if let Some(message) = &self.message {
            write!(f, "{} ", message.trim_end_matches('.'))?;
        }
        match &self.code {
            Some(code) => write!(f, "({code}, HTTP status {})", self.status),
            None => write!(f, "(HTTP status {})", self.status),
        }
    }
}

/// What the gateway says of the very request that it refuses comes after these words; and what SMS says of policies,
/// where an answer isn't the JSON that it should be.
const QUOTES: [&str; 3] = [", canonicalRequest", ", signature time", "\"encoded_authorization_message"];

/// A message without what is of its request alone, which would make it new with each try. What is too short to be an
/// id of one request may stand for anything in a message.
fn without(message: &str, request_id: Option<&str>) -> String {
    let end = QUOTES.iter().filter_map(|quote| message.find(quote)).min();
    let message = message.get(..end.unwrap_or(message.len())).unwrap_or(message);
    request_id.filter(|id| id.len() >= 8).map_or_else(|| message.to_owned(), |id| message.replace(id, "…"))
}

/// The parts of a body that matter.
#[derive(Default)]
struct Parts {
    code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
    status: Option<u16>,
}

impl Parts {
    fn read(body: &str) -> Self {
        let Ok(object) = Object::parse(body) else { return Self::of_text(body) };
        match object.object("error") {
            Some(error) => Self::of_iam(&error),
            None => Self::of_sms(&object),
        }
    }

    /// Plain text, or JSON that breaks off.
    fn of_text(body: &str) -> Self {
        let [code, message] = ["error_code", "error_msg"].map(|key| salvage(body, key));
        if code.is_none() && message.is_none() {
            return Self { message: Some(body.to_owned()), ..Self::default() };
        }
        Self { code, message, ..Self::default() }
    }

    /// `{"error_code", "error_msg", "request_id", "details": [{"error_code", "error_msg"}]}`
    fn of_sms(object: &Object<'_>) -> Self {
        let details = object.list("details").unwrap_or_default();
        let detail = details.first().and_then(|detail| Object::parse(detail.get()).ok());
        let field = |key| text(object, key).or_else(|| text(detail.as_ref()?, key));
        Self {
            code: field("error_code"),
            message: field("error_msg"),
            request_id: text(object, "request_id"),
            status: None,
        }
    }

    /// `{"error": {"message", "code": 400, "title"}}`. The code is the HTTP status once more.
    fn of_iam(error: &Object<'_>) -> Self {
        Self {
            message: text(error, "message").or_else(|| text(error, "title")),
            status: text(error, "code").and_then(|code| code.trim().parse().ok()),
            ..Self::default()
        }
    }
}

fn text(object: &Object<'_>, key: &str) -> Option<String> {
    object.full_text(key).map(String::from).filter(|text| !text.trim().is_empty())
}

/// The header Retry-After: seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => until(value, now)?,
    };
    Some(pause.min(LONGEST_PAUSE))
}

/// The time until a date, in whole seconds; none left when it is past.
fn until(date: &str, now: Timestamp) -> Option<Duration> {
    let date = rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?;
    let seconds = date.as_second().saturating_sub(now.as_second());
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
}

impl RateLimit {
    /// Finds a limit in a message.
    pub(super) fn find(message: &str) -> Option<Self> {
        let (_, rest) = message.split_once("limit:")?;
        let (requests, rest) = number(rest)?;
        let (_, rest) = rest.split_once("time:")?;
        let (count, unit) = number(rest)?;
        let seconds = match unit.trim_start().get(..3)? {
            "sec" => 1,
            "min" => 60,
            _ => return None,
        };
        let per = Duration::from_secs(count.saturating_mul(seconds)).min(LONGEST_PAUSE);
        Some(Self { requests, per })
    }
}

/// The number at the start of a text, and what follows it.
fn number(text: &str) -> Option<(u64, &str)> {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, rest))
}
