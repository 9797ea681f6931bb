//! What the API server says, as its own sentence: the client's errors repeat it in Rust's form for debugging.

use std::{error::Error, fmt};

use kube::{core::Status, runtime::watcher};

use crate::core::{causes::in_one_line, text::one_line};

/// How much of a sentence is passed on, in bytes.
const MOST: usize = 1024;

/// The API server refuses, or can't be asked.
#[derive(Debug)]
pub struct ApiError(Box<kube::Error>);

impl ApiError {
    /// What the API server answered, if it did.
    #[must_use]
    pub fn status(&self) -> Option<&Status> {
        match &*self.0 {
            kube::Error::Api(status) => Some(status),
            _ => None,
        }
    }
}

impl From<kube::Error> for ApiError {
    fn from(error: kube::Error) -> Self {
        Self(Box::new(error))
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status() {
            Some(status) => f.write_str(&sentence(status)),
            None => self.0.fmt(f),
        }
    }
}

impl Error for ApiError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // The sentence is all that an answer has.
        if self.status().is_some() { None } else { self.0.source() }
    }
}

/// The sentence of an answer, and its code.
#[must_use]
pub fn sentence(status: &Status) -> String {
    let Status { message, reason, code, .. } = status;
    let text = [message, reason].into_iter().find(|text| !text.trim().is_empty());
    format!("{} ({code})", one_line(text.map_or("no reason is given", String::as_str), MOST))
}

/// Why a stream of changes has failed.
#[must_use]
pub fn of_stream(error: &watcher::Error) -> String {
    use watcher::Error::{InitialListFailed, WatchError, WatchFailed, WatchStartFailed};
    match error {
        InitialListFailed(kube::Error::Api(status))
        | WatchStartFailed(kube::Error::Api(status))
        | WatchFailed(kube::Error::Api(status))
        | WatchError(status) => sentence(status),
        _ => in_one_line(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(message: &str, reason: &str) -> Status {
        Status { code: 403, ..Status::failure(message, reason) }
    }

    #[test]
    fn an_answer_is_its_own_sentence() {
        for (message, reason, expected) in [
            ("leases is forbidden:\nno right", "Forbidden", "leases is forbidden: no right (403)"),
            (" ", "Forbidden", "Forbidden (403)"),
            ("", "", "no reason is given (403)"),
        ] {
            let error = ApiError::from(kube::Error::Api(Box::new(refusal(message, reason))));
            assert_eq!(in_one_line(&error), expected);
            let error = kube::Error::Api(Box::new(refusal(message, reason)));
            assert_eq!(of_stream(&watcher::Error::InitialListFailed(error)), expected);
            assert_eq!(of_stream(&watcher::Error::WatchError(Box::new(refusal(message, reason)))), expected);
        }
    }

    #[test]
    fn what_comes_of_the_way_to_the_api_server_keeps_its_causes() {
        let error = ApiError::from(kube::Error::Service(Box::new(std::io::Error::other("no connection"))));
        assert!(in_one_line(&error).contains("no connection"), "{error}");
    }
}
