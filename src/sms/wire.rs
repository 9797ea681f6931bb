//! What SMS answers, read into the core's records.
//!
//! The vendor's documents and SDKs disagree on types, and any field may be missing, null or empty. So each field is
//! read for itself, by what it can mean, and what means nothing is absent. Only the frame of a page is strict.

pub(super) mod iam;
pub(super) mod json;
mod task;
mod task_error;

use serde_json::value::RawValue;

use self::json::Object;
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
    /// It isn't JSON, or not all of it.
    #[error("it is not a JSON object, or breaks off")]
    Syntax(#[source] serde_json::Error),
    /// The tasks are no list.
    #[error("its `{list}` is not a list")]
    List {
        /// The field.
        list: &'static str,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// What was asked for isn't there.
    #[error("it has no usable {0}")]
    Missing(&'static str),
}

impl Page {
    /// Reads the body of a successful answer. A bad entry is skipped and counted, so that it hides no other.
    pub(super) fn decode(body: &[u8]) -> Result<Self, PageError> {
        let text = String::from_utf8_lossy(body);
        let page = Object::parse(&text).map_err(PageError::Syntax)?;
        let count = page.integer("count").and_then(|count| u64::try_from(count).ok());
        let entries = page.list("tasks").map_err(|source| PageError::List { list: "tasks", source })?;
        let tasks: Vec<Task> = entries.iter().filter_map(|entry| decode_entry(entry)).collect();
        let skipped = entries.len().saturating_sub(tasks.len());
        // Whether all tasks have been seen can't be known without their number.
        let count = count.ok_or(PageError::Missing("`count`"))?;
        Ok(Self { count, tasks, skipped })
    }

    /// How many entries the page has, usable or not.
    pub(super) fn entries(&self) -> usize {
        self.tasks.len().saturating_add(self.skipped)
    }
}

fn decode_entry(entry: &RawValue) -> Option<Task> {
    task::decode(&Object::parse(entry.get()).ok()?)
}

#[cfg(test)]
mod tests;
