//! What SMS answers, read into the core's records.
//!
//! The vendor's documents and SDKs disagree on types, and any field may be missing, null or empty. So each field is
//! read for itself, by what it can mean, and what means nothing is absent. Only the frame of a page is strict.

pub(super) mod iam;
pub(super) mod json;
mod page;
mod scan;
mod task;
mod task_error;

pub(super) use self::task_error::salvage;
use crate::core::task::{Earlier, Task};

/// One page of the task list.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Page {
    /// How many tasks there are in all, by the API's word.
    pub(super) count: u64,
    /// The tasks of this page.
    pub(super) tasks: Vec<Task>,
    /// How many entries of this page are no tasks: null, something other than an object, or without an id.
    pub(super) skipped: usize,
}

/// Why an answer isn't what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// It isn't JSON, or not all of it. What the parser says can quote the answer, which may hold what is secret.
    #[error("it is not a JSON object, or breaks off")]
    Syntax,
    /// The field is no list.
    #[error("its `{0}` is not a list")]
    List(&'static str),
    /// What was asked for isn't there.
    #[error("it has no usable {0}")]
    Missing(&'static str),
}

impl Page {
    /// How many entries the page has, usable or not.
    pub(super) fn entries(&self) -> usize {
        self.tasks.len().saturating_add(self.skipped)
    }

    /// Reads the body of a successful answer, part by part. A bad entry is skipped and counted, so that it hides no other.
    /// Tasks that are as an earlier listing found them are shared with that.
    pub(super) fn decode<P: AsRef<[u8]>>(
        parts: impl IntoIterator<Item = P>,
        earlier: &Earlier,
    ) -> Result<Self, PageError> {
        let mut reader = page::Reader::new(earlier);
        parts.into_iter().for_each(|part| reader.take(part.as_ref()));
        reader.finish()
    }
}

#[cfg(test)]
mod tests;
