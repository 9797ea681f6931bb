//! A task, packed.
//!
//! ```text
//! state     u8         a known one, or OTHER_STATE
//! copied    u8         percent, or NONE
//! step      u8         percent of the step
//! moving    u8
//! id        text
//! name      text
//! source    id, name   texts
//! state     text       its name, when it is none of the known ones
//! step      text
//! estimate  time
//! ...                  what only a written task needs
//! ```
//!
//! What most tasks have in common takes a byte or two: words of the vendor, ids that are UUIDs, addresses, a server
//! with the name of its task. A text has one packed form only, so that equal tasks have equal bytes.

mod format;
mod read;
mod text;
mod write;

use std::{cmp::Ordering, fmt, sync::Arc};

use k8s_openapi::jiff::Timestamp;

use format::{HEADER, NO_PERCENT, STATES};
use read::Reader;
pub use text::Text;
pub(super) use write::{pack, packed_id};

use super::{
    Percent, Phase, TaskState,
    details::{Details, Server, SubTask, TaskError, progress},
};

/// One migration task, as one listing found it. A copy shares its bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Task(Arc<[u8]>);

impl Task {
    /// Packs a task.
    #[must_use]
    pub fn new(details: &Details<'_>) -> Self {
        let mut bytes = Vec::with_capacity(256);
        pack(details, &mut bytes);
        Self::from_packed(&bytes)
    }

    pub(super) fn from_packed(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    pub(super) fn packed(&self) -> &[u8] {
        &self.0
    }

    /// The id as SMS wrote it.
    #[must_use]
    pub fn id(&self) -> Text<'_> {
        self.after_header().text("").unwrap_or_default()
    }

    /// The name that its owner gave it; may be empty.
    #[must_use]
    pub fn name(&self) -> &str {
        self.named().1
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> TaskState {
        match self.known_state() {
            Some(state) => state.clone(),
            None => TaskState::parse(self.state_name()),
        }
    }

    /// The name that SMS gives the state.
    #[must_use]
    pub fn state_name(&self) -> &str {
        if let Some(state) = self.known_state() {
            return state.name();
        }
        let mut reader = self.after_source();
        match reader.text("") {
            Some(Text::Here(name)) => name,
            _ => "",
        }
    }

    /// The phase that the state belongs to.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.known_state().map_or(Phase::Other, TaskState::phase)
    }

    /// How far the task is: 100 when syncing or succeeded, else what its data-copying step says, at most 99.
    #[must_use]
    pub fn progress(&self) -> Percent {
        progress(self.phase(), self.copied())
    }

    /// Whether data is moving at this moment.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        self.0.get(3) == Some(&1)
    }

    /// The id of the source server.
    #[must_use]
    pub fn source_id(&self) -> Option<Text<'_>> {
        let (mut reader, name) = self.named();
        reader.text(name)
    }

    /// The name of the source server.
    #[must_use]
    pub fn source_name(&self) -> Option<Text<'_>> {
        let (mut reader, name) = self.named();
        reader.skip_text();
        reader.text(name)
    }

    /// The name of the step that the task is in.
    #[must_use]
    pub fn step_name(&self) -> Option<Text<'_>> {
        let mut reader = self.after_state();
        reader.text(self.name())
    }

    /// When SMS thinks that the task will be done.
    #[must_use]
    pub fn estimated_completion(&self) -> Option<Timestamp> {
        let mut reader = self.after_state();
        reader.skip_text();
        reader.time()
    }

    /// All that is known of it.
    #[must_use]
    pub fn details(&self) -> Details<'_> {
        let (mut reader, name) = self.named();
        let (source_id, source_name) = (reader.cow(name), reader.cow(name));
        if self.known_state().is_none() {
            reader.skip_text();
        }
        let sub_task = reader.text(name).map(|step| SubTask {
            name: step.into_cow(),
            progress: Percent(self.0.get(2).copied().unwrap_or_default()),
        });
        let estimated_completion = reader.time();
        let mut text = || reader.cow(name);
        let (kind, os_type, enterprise_project_id) = (text(), text(), text());
        let source = Server { id: source_id, name: source_name, ip: text(), state: text(), vm_id: text() };
        let target = Server { id: text(), name: None, ip: text(), state: text(), vm_id: text() };
        let error = TaskError { code: text(), message: text() };
        let target = Server { name: reader.target_name(name, source.name.as_deref()), ..target };
        let has_error = reader.byte() == Some(1);
        Details {
            id: self.id().into_cow(),
            name: name.into(),
            state: self.state(),
            kind,
            os_type,
            enterprise_project_id,
            created: reader.time(),
            migrate_speed: reader.float(),
            estimated_completion,
            sub_task,
            copied: self.copied(),
            source,
            target,
            error: has_error.then_some(error),
        }
    }

    /// Whether both are one task in one place of memory, and so the same in all.
    #[must_use]
    pub fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// An order by id: the same for all listings, and of no meaning.
    #[must_use]
    pub fn order_by_id(&self, other: &Self) -> Ordering {
        if self.is_shared_with(other) { Ordering::Equal } else { self.packed_id().cmp(other.packed_id()) }
    }

    /// The packed id, which is equal when ids are.
    pub(super) fn packed_id(&self) -> &[u8] {
        packed_id(&self.0)
    }

    fn known_state(&self) -> Option<&'static TaskState> {
        STATES.get(usize::from(*self.0.first()?))
    }

    fn copied(&self) -> Option<Percent> {
        self.0.get(1).filter(|percent| **percent != NO_PERCENT).map(|percent| Percent(*percent))
    }

    fn after_header(&self) -> Reader<'_> {
        Reader(self.0.get(HEADER..).unwrap_or_default())
    }

    /// The name, and what comes after it.
    fn named(&self) -> (Reader<'_>, &str) {
        let mut reader = self.after_header();
        reader.skip_text();
        match reader.text("") {
            Some(Text::Here(name)) => (reader, name),
            _ => (reader, ""),
        }
    }

    fn after_source(&self) -> Reader<'_> {
        let mut reader = self.after_header();
        (0..4).for_each(|_| reader.skip_text());
        reader
    }

    fn after_state(&self) -> Reader<'_> {
        let mut reader = self.after_source();
        if self.known_state().is_none() {
            reader.skip_text();
        }
        reader
    }
}

impl From<&Details<'_>> for Task {
    fn from(details: &Details<'_>) -> Self {
        Self::new(details)
    }
}

impl From<Details<'_>> for Task {
    fn from(details: Details<'_>) -> Self {
        Self::new(&details)
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.details().fmt(f)
    }
}

#[cfg(test)]
mod tests;
