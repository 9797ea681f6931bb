//! What SMS answers, read into the core's records.
//!
//! The vendor's documents and SDKs disagree on types, and any field may be missing, null or empty. So each field is
//! read for itself, by what it can mean, and what means nothing is absent. Only the frame of a page is strict.

pub(super) mod iam;
pub(super) mod json;
mod scan;
mod task;
mod task_error;

use std::borrow::Cow;

use serde::de::IgnoredAny;

pub(super) use self::task_error::salvage;
use self::{
    json::{Object, Value},
    scan::{Malformed, Scanner},
};
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
    /// Reads the body of a successful answer. A bad entry is skipped and counted, so that it hides no other. Tasks that
    /// are as an earlier listing found them are shared with that.
    pub(super) fn decode(body: &[u8], earlier: &Earlier) -> Result<Self, PageError> {
        // The usual case first: looking for what isn't UTF-8 takes longer than seeing that all is.
        let text = std::str::from_utf8(body).map_or_else(|_| String::from_utf8_lossy(body), Cow::Borrowed);
        let mut frame = Frame::default();
        let mut scanner = Scanner::new(&text);
        frame
            .read(&mut scanner, earlier)
            .and_then(|()| scanner.end())
            .map_err(|Malformed| malformed(&text))?;
        frame.other.list::<IgnoredAny>().map_err(|source| PageError::List { list: "tasks", source })?;
        // Whether all tasks have been seen can't be known without their number.
        let count = frame.count.integer().and_then(|count| u64::try_from(count).ok());
        let count = count.ok_or(PageError::Missing("`count`"))?;
        Ok(Self { count, tasks: frame.tasks, skipped: frame.skipped })
    }

    /// How many entries the page has, usable or not.
    pub(super) fn entries(&self) -> usize {
        self.tasks.len().saturating_add(self.skipped)
    }
}

/// What is read of a page.
#[derive(Default)]
struct Frame<'a> {
    count: Value<'a>,
    tasks: Vec<Task>,
    skipped: usize,
    /// What stands in the place of the tasks, if that isn't a list.
    other: Value<'a>,
}

impl<'a> Frame<'a> {
    fn read(&mut self, scanner: &mut Scanner<'a>, earlier: &Earlier) -> Result<(), Malformed> {
        scanner.object(|key, scanner| {
            match key {
                "count" => self.count = scanner.value()?,
                "tasks" => self.read_tasks(scanner, earlier)?,
                _ => scanner.skip()?,
            }
            Ok(())
        })
    }

    /// Of repeated keys the last one counts.
    fn read_tasks(&mut self, scanner: &mut Scanner<'a>, earlier: &Earlier) -> Result<(), Malformed> {
        (self.tasks, self.skipped, self.other) = (Vec::new(), 0, Value::default());
        if scanner.peek() != Some(b'[') {
            self.other = scanner.value()?;
            return Ok(());
        }
        scanner.list(|scanner| {
            match task::decode(scanner, earlier)? {
                Some(task) => self.tasks.push(task),
                None => self.skipped += 1,
            }
            Ok(())
        })
    }
}

/// What is wrong with a text that is no object, in the words of the usual parser.
fn malformed(text: &str) -> PageError {
    let source = Object::parse(text).err();
    PageError::Syntax(source.unwrap_or_else(|| serde::de::Error::custom("it can't be read")))
}

#[cfg(test)]
mod tests;
