//! The tasks, to be listed and changed at the same time.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use indexmap::IndexMap;

use crate::clock::Timeline;
use crate::model::wire::{self, TaskPage};
use crate::model::{Snapshot, Task, TaskState};

/// What `GET /v3/tasks` was asked for; it starts out as the vendor's defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaskQuery {
    pub(crate) state: Option<TaskState>,
    pub(crate) name: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) source_server_id: Option<String>,
    pub(crate) enterprise_project_id: Option<String>,
    pub(crate) limit: usize,
    pub(crate) offset: usize,
    /// How far the order is turned before the page is cut: not of the vendor, but of the fault that reorders tasks.
    pub(crate) rotation: usize,
}

impl Default for TaskQuery {
    fn default() -> Self {
        Self {
            state: None,
            name: None,
            id: None,
            source_server_id: None,
            enterprise_project_id: None,
            limit: 100,
            offset: 0,
            rotation: 0,
        }
    }
}

/// `enterprise_project_id` of this value means every project, as in the vendor's other services (unverified for SMS).
const ALL_ENTERPRISE_PROJECTS: &str = "all_granted_eps";

impl TaskQuery {
    fn matches(&self, task: &Task, caller: &str, position: Duration) -> bool {
        let is =
            |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        task.created <= position
            && task.account.as_deref().is_none_or(|account| account == caller)
            && is(&self.id, &task.id)
            && self.matches_project(task)
            && self.matches_source(task)
            // The page says only "the task's name". A case-sensitive substring is what the vendor's lists usually do; unverified for SMS.
            && self.name.as_deref().is_none_or(|name| task.name.contains(name))
            && self.state.as_ref().is_none_or(|state| task.state_at(position) == state)
    }

    fn matches_source(&self, task: &Task) -> bool {
        let source = task.source.as_ref().map(|server| server.id.as_str());
        self.source_server_id.as_deref().is_none_or(|wanted| source == Some(wanted))
    }

    fn matches_project(&self, task: &Task) -> bool {
        let wanted = self.enterprise_project_id.as_deref();
        wanted.is_none_or(|wanted| wanted == ALL_ENTERPRISE_PROJECTS || wanted == task.enterprise_project_id)
    }
}

/// All tasks with the timeline on which they live.
#[derive(Debug)]
pub struct Tasks {
    timeline: Arc<Timeline>,
    tasks: RwLock<IndexMap<String, Task>>,
}

impl Tasks {
    pub(crate) fn new(timeline: Arc<Timeline>, tasks: Vec<Task>) -> Self {
        let tasks = tasks.into_iter().map(|task| (task.id.clone(), task)).collect();
        Self { timeline, tasks: RwLock::new(tasks) }
    }

    /// Adds a task, in place of one with the same id. A new one is listed first, as in the vendor's example, where the newest comes first.
    pub fn insert(&self, task: Task) {
        self.write().insert(task.id.clone(), task);
    }

    /// Removes a task and returns it.
    pub fn remove(&self, id: &str) -> Option<Task> {
        self.write().shift_remove(id)
    }

    /// Removes all tasks and puts these in their place.
    pub fn replace(&self, tasks: impl IntoIterator<Item = Task>) {
        *self.write() = tasks.into_iter().map(|task| (task.id.clone(), task)).collect();
    }

    /// Changes how a task is now; it leaves its plan and stays so. Says whether there was one.
    pub fn change(&self, id: &str, change: impl FnOnce(&mut Snapshot)) -> bool {
        let position = self.timeline.position();
        let mut tasks = self.write();
        tasks.get_mut(id).map(|task| task.change_at(position, change)).is_some()
    }

    /// Edits several tasks at the same moment: no page shows some of them edited and others not. Ids that there aren't are passed
    /// over. The time that is handed on is for [`Task::change_at`].
    pub fn edit<'a>(
        &self,
        ids: impl IntoIterator<Item = &'a str>,
        mut edit: impl FnMut(&str, &mut Task, Duration),
    ) {
        let position = self.timeline.position();
        let mut tasks = self.write();
        for id in ids {
            if let Some(task) = tasks.get_mut(id) {
                edit(id, task, position);
            }
        }
    }

    /// A task by its id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Task> {
        self.read().get(id).cloned()
    }

    /// How many there are, those not yet created included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The page that a query of the account with this domain id asks for. Only the page's own tasks are turned into bodies.
    pub(crate) fn page(&self, caller: &str, query: &TaskQuery) -> TaskPage {
        let position = self.timeline.position();
        let tasks = self.read();
        let matching: Vec<_> =
            tasks.values().rev().filter(|task| query.matches(task, caller, position)).collect();
        let count = matching.len();
        let places = query.offset..query.offset.saturating_add(query.limit).min(count);
        let page = places.filter_map(|place| matching.get(place.wrapping_add(query.rotation) % count));
        TaskPage { count, tasks: page.map(|task| wire::body(task, position, &self.timeline)).collect() }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, IndexMap<String, Task>> {
        self.tasks.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, IndexMap<String, Task>> {
        self.tasks.write().unwrap_or_else(PoisonError::into_inner)
    }
}
