//! What SMS answers, read into the core's records.
//!
//! The vendor's documents and SDKs disagree on types, and any field may be missing, null or empty. So each field is
//! read for itself, by what it can mean, and what means nothing is absent. Only the frame of a page is strict.

pub(super) mod iam;
pub(super) mod json;
mod page;
mod refusal;
mod scan;
mod task;
mod task_error;

pub use self::refusal::ErrorBody;
pub(super) use self::{page::Reader as PageReader, refusal::refuse_error, task_error::salvage};
use crate::core::task::Task;

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
    /// The page is longer than it may be, and was read no further.
    #[error("it has more than the {asked} tasks that were asked for")]
    Surplus {
        /// The most that were asked for.
        asked: u32,
    },
    /// It is an error, though its status is that of a success.
    #[error("it is an error")]
    Error(ErrorBody),
}

impl Page {
    /// How many entries the page has, usable or not.
    pub(super) fn entries(&self) -> usize {
        self.tasks.len().saturating_add(self.skipped)
    }

    /// Reads a page that may have any number of tasks.
    #[cfg(any(test, fuzzing))]
    pub(super) fn decode<P: AsRef<[u8]>>(
        parts: impl IntoIterator<Item = P>,
        earlier: &crate::core::task::Earlier,
    ) -> Result<Self, PageError> {
        use super::http::Reader as _;

        let mut reader = PageReader::new(earlier, u32::MAX);
        parts.into_iter().try_for_each(|part| reader.take(part.as_ref()))?;
        reader.finish()
    }
}

#[cfg(test)]
mod tests;
