//! One entry of the task list.

use std::borrow::Cow;

use k8s_openapi::jiff::Timestamp;

use super::{
    json::Value,
    scan::{Malformed, Scanner},
    task_error,
};
use crate::core::{
    task::{Details, Earlier, Percent, Server, SubTask, Task, TaskState},
    text::limits,
};

/// Reads a task. None when it isn't an object or has no id, since nothing could be said of it.
pub(super) fn decode(scanner: &mut Scanner<'_>, earlier: &Earlier) -> Result<Option<Task>, Malformed> {
    let entry = object(scanner, Entry::field)?;
    Ok(entry.and_then(|entry| entry.to_details()).map(|details| earlier.share(&details)))
}

/// Reads an object, field by field; passes anything else by.
fn object<'a, T: Default>(
    scanner: &mut Scanner<'a>,
    mut field: impl FnMut(&mut T, &str, &mut Scanner<'a>) -> Result<(), Malformed>,
) -> Result<Option<T>, Malformed> {
    if scanner.peek() != Some(b'{') {
        scanner.skip()?;
        return Ok(None);
    }
    let mut read = T::default();
    scanner.object(|key, scanner| field(&mut read, key, scanner))?;
    Ok(Some(read))
}

/// What is read of a task. Of repeated keys the last one counts.
#[derive(Default)]
struct Entry<'a> {
    id: Value<'a>,
    name: Value<'a>,
    state: Value<'a>,
    kind: Value<'a>,
    os_type: Value<'a>,
    enterprise_project_id: Value<'a>,
    migrate_speed: Value<'a>,
    create_date: Value<'a>,
    estimate_complete_time: Value<'a>,
    error_json: Value<'a>,
    subtask_info: Value<'a>,
    steps: Steps<'a>,
    source: ServerEntry<'a>,
    target: ServerEntry<'a>,
}

impl<'a> Entry<'a> {
    fn field(&mut self, key: &str, scanner: &mut Scanner<'a>) -> Result<(), Malformed> {
        let field = match key {
            "id" => &mut self.id,
            "name" => &mut self.name,
            "state" => &mut self.state,
            "type" => &mut self.kind,
            "os_type" => &mut self.os_type,
            "enterprise_project_id" => &mut self.enterprise_project_id,
            "migrate_speed" => &mut self.migrate_speed,
            "create_date" => &mut self.create_date,
            "estimate_complete_time" => &mut self.estimate_complete_time,
            "error_json" => &mut self.error_json,
            "subtask_info" => &mut self.subtask_info,
            "sub_tasks" => {
                self.steps = Steps::read(scanner)?;
                return Ok(());
            }
            "source_server" => {
                self.source = object(scanner, ServerEntry::field)?.unwrap_or_default();
                return Ok(());
            }
            "target_server" => {
                self.target = object(scanner, ServerEntry::field)?.unwrap_or_default();
                return Ok(());
            }
            _ => return scanner.skip(),
        };
        *field = scanner.value()?;
        Ok(())
    }

    fn to_details(&self) -> Option<Details<'a>> {
        let id = self.id.text(limits::ID)?;
        let told = self.steps.current().is_none().then(|| Step::told(self.subtask_info)).flatten();
        let current = self.steps.current().or(told.as_ref());
        let copied = self.steps.copy.as_ref().map(|step| step.progress);
        Some(Details {
            id,
            name: self.name.text(limits::NAME).unwrap_or_default(),
            state: TaskState::parse(&self.state.text(limits::NAME).unwrap_or_default()),
            kind: self.kind.text(limits::NAME),
            os_type: self.os_type.text(limits::NAME),
            enterprise_project_id: self.enterprise_project_id.text(limits::ID),
            migrate_speed: self.migrate_speed.number(),
            created: self.create_date.time(),
            estimated_completion: self.estimate_complete_time.time(),
            sub_task: current.map(Step::to_sub_task),
            copied: copied.or_else(|| told.as_ref().and_then(Step::copied)),
            source: self.source.to_server(),
            target: self.target.to_server(),
            error: task_error::decode(self.error_json),
        })
    }
}

/// What is read of a source or target server.
#[derive(Default)]
struct ServerEntry<'a> {
    id: Value<'a>,
    name: Value<'a>,
    ip: Value<'a>,
    state: Value<'a>,
    vm_id: Value<'a>,
}

impl<'a> ServerEntry<'a> {
    fn field(&mut self, key: &str, scanner: &mut Scanner<'a>) -> Result<(), Malformed> {
        let field = match key {
            "id" => &mut self.id,
            "name" => &mut self.name,
            "ip" => &mut self.ip,
            "state" => &mut self.state,
            "vm_id" => &mut self.vm_id,
            _ => return scanner.skip(),
        };
        *field = scanner.value()?;
        Ok(())
    }

    fn to_server(&self) -> Server<'a> {
        Server {
            id: self.id.text(limits::ID),
            name: self.name.text(limits::NAME),
            ip: self.ip.text(limits::NAME),
            state: self.state.text(limits::NAME),
            vm_id: self.vm_id.text(limits::ID),
        }
    }
}

/// What matters of the sub-tasks: of the named ones that have started, the latest by their start, of several at a time
/// the last in the list. One without a start time has started when it has progress, and comes before those with one.
#[derive(Default)]
struct Steps<'a> {
    latest: Option<Step<'a>>,
    /// The latest that hasn't ended.
    open: Option<Step<'a>>,
    /// The latest that copies data.
    copy: Option<Step<'a>>,
}

impl<'a> Steps<'a> {
    fn read(scanner: &mut Scanner<'a>) -> Result<Self, Malformed> {
        let mut steps = Self::default();
        if scanner.peek() != Some(b'[') {
            scanner.skip()?;
            return Ok(steps);
        }
        scanner.list(|scanner| {
            let step = object(scanner, StepEntry::field)?.and_then(|entry| entry.to_step());
            if let Some(step) = step.filter(Step::has_started) {
                steps.add(step);
            }
            Ok(())
        })?;
        Ok(steps)
    }

    fn add(&mut self, step: Step<'a>) {
        let later = |other: &Option<Step<'_>>| other.as_ref().is_none_or(|other| step.start >= other.start);
        if step.copies_data() && later(&self.copy) {
            self.copy = Some(step.clone());
        }
        if step.end.is_none() && later(&self.open) {
            self.open = Some(step.clone());
        }
        if later(&self.latest) {
            self.latest = Some(step);
        }
    }

    /// The step that a task is in: the latest one that hasn't ended, else the latest one.
    fn current(&self) -> Option<&Step<'a>> {
        self.open.as_ref().or(self.latest.as_ref())
    }
}

/// A sub-task, with the times that order it.
#[derive(Clone)]
struct Step<'a> {
    name: Cow<'a, str>,
    progress: Percent,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

impl<'a> Step<'a> {
    /// The step that a task is in by `subtask_info`, which reads `NAME-PERCENT`.
    fn told(info: Value<'a>) -> Option<Self> {
        let text = info.text(limits::NAME)?;
        let (name, percent) = text.trim().rsplit_once('-')?;
        let percent: u8 = percent.parse().ok().filter(|percent| *percent <= 100)?;
        let name = Some(name.trim()).filter(|name| !name.is_empty())?;
        let progress = Percent::clamped(percent.into());
        Some(Self { name: Cow::Owned(name.to_owned()), progress, start: None, end: None })
    }

    /// How far the data is copied, as far as this step alone tells it: it says nothing of those before.
    fn copied(&self) -> Option<Percent> {
        let is_after = ["CONFIGURE_", "DETTACH_"].iter().any(|start| self.name.starts_with(start));
        if is_after { Some(Percent::FULL) } else { self.copies_data().then_some(self.progress) }
    }

    fn has_started(&self) -> bool {
        self.start.is_some() || self.progress > Percent::default()
    }

    fn copies_data(&self) -> bool {
        self.name.starts_with("MIGRATE_") || self.name.starts_with("SYNC_")
    }

    fn to_sub_task(&self) -> SubTask<'a> {
        SubTask { name: self.name.clone(), progress: self.progress }
    }
}

/// What is read of a sub-task.
#[derive(Default)]
struct StepEntry<'a> {
    name: Value<'a>,
    progress: Value<'a>,
    start_date: Value<'a>,
    end_date: Value<'a>,
}

impl<'a> StepEntry<'a> {
    fn field(&mut self, key: &str, scanner: &mut Scanner<'a>) -> Result<(), Malformed> {
        let field = match key {
            "name" => &mut self.name,
            "progress" => &mut self.progress,
            "start_date" => &mut self.start_date,
            "end_date" => &mut self.end_date,
            _ => return scanner.skip(),
        };
        *field = scanner.value()?;
        Ok(())
    }

    fn to_step(&self) -> Option<Step<'a>> {
        Some(Step {
            name: self.name.text(limits::NAME)?,
            progress: Percent::clamped(self.progress.integer().unwrap_or_default()),
            start: self.start_date.time(),
            end: self.end_date.time(),
        })
    }
}
