//! Which tasks a watch is about.

mod names;
mod pattern;

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use self::{names::Names, pattern::Pattern};
use super::task::Task;
use crate::api;

/// The filter of a watch, ready to be applied. The enterprise project isn't part of it: the API applies that.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    name: Option<Pattern>,
    source_names: Option<Names>,
    ids: Option<Ids>,
    source_ids: Option<Ids>,
    states: Option<HashSet<String>>,
}

/// Ids as they are compared, and as the spec has them.
type Ids = HashMap<String, String>;

/// An id as it is compared: SMS knows UUIDs in any case.
#[must_use]
pub fn folded(id: &str) -> Cow<'_, str> {
    if id.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(id.to_ascii_lowercase())
    } else {
        Cow::Borrowed(id)
    }
}

impl Filter {
    /// Reads the filter of a spec.
    #[must_use]
    pub fn new(filter: &api::Filter) -> Self {
        let ids = |list: &Option<Vec<String>>| {
            let list = list.as_ref()?.iter();
            Some(list.map(|id| (folded(id).into_owned(), id.clone())).collect())
        };
        let states = filter.states.as_ref();
        Self {
            name: filter.name.as_deref().map(Pattern::new),
            source_names: filter.source_server_names.as_deref().map(Names::new),
            ids: ids(&filter.ids),
            source_ids: ids(&filter.source_server_ids),
            states: states.map(|states| states.iter().map(|state| state.to_ascii_uppercase()).collect()),
        }
    }

    /// Whether the task is one of the watch's, whatever its state.
    #[must_use]
    pub fn matches(&self, task: &Task) -> bool {
        self.ids.as_ref().is_none_or(|ids| ids.contains_key(&*folded(&task.id())))
            && self.name.as_ref().is_none_or(|pattern| pattern.matches(task.name()))
            && self
                .source_ids
                .as_ref()
                .is_none_or(|ids| task.source_id().is_some_and(|id| ids.contains_key(&*folded(&id))))
            && self
                .source_names
                .as_ref()
                .is_none_or(|names| task.source_name().is_some_and(|name| names.matches(&name)))
    }

    /// How many comparisons so many tasks can take at the very most. Usually a name is compared with hardly any of the
    /// patterns, but nobody knows what names there are.
    #[must_use]
    pub fn most_comparisons(&self, tasks: usize) -> usize {
        self.source_names.as_ref().map_or(0, Names::len).saturating_mul(tasks)
    }

    /// Whether the task is in a state that is shown.
    #[must_use]
    pub fn shows(&self, task: &Task) -> bool {
        let name = task.state_name();
        self.states
            .as_ref()
            .is_none_or(|states| states.contains(name) || states.contains(name.to_ascii_uppercase().as_str()))
    }

    /// Whether only some states are shown, so that nothing can be said of all tasks.
    #[must_use]
    pub fn is_by_state(&self) -> bool {
        self.states.is_some()
    }

    /// The states that are shown, in capitals; none when all are.
    #[must_use]
    pub fn states(&self) -> Option<impl Iterator<Item = &str>> {
        self.states.as_ref().map(|states| states.iter().map(String::as_str))
    }

    /// How many lists of ids there are: how often a single task that is gone can be missing.
    #[must_use]
    pub fn id_lists(&self) -> usize {
        usize::from(self.ids.is_some()) + usize::from(self.source_ids.is_some())
    }

    /// Whether it lists ids of tasks.
    #[must_use]
    pub fn has_ids(&self) -> bool {
        self.ids.is_some()
    }

    /// Whether it lists ids of source servers.
    #[must_use]
    pub fn has_source_ids(&self) -> bool {
        self.source_ids.is_some()
    }

    /// The listed ids of tasks, as the spec has them.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.ids.iter().flat_map(HashMap::values).map(String::as_str)
    }

    /// The listed ids of source servers, as the spec has them.
    pub fn source_ids(&self) -> impl Iterator<Item = &str> {
        self.source_ids.iter().flat_map(HashMap::values).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::core::task::{Details, Server, TaskState};

    #[test]
    fn states_and_ids_are_compared_without_case() {
        let id = "1980640F-ce2b-7f5f-4b51-2ac2eab0a9c4";
        for (filter, ours) in [
            (json!({"states": ["running"]}), true),
            (json!({"states": ["Running", "READY"]}), true),
            (json!({"states": ["RUNING"]}), false),
            (json!({"ids": [id.to_ascii_lowercase()]}), true),
            (json!({"ids": [id.to_ascii_uppercase()]}), true),
            (json!({"sourceServerIds": ["S-1"]}), true),
            (json!({"sourceServerIds": ["s-2"]}), false),
            // Names are somebody's own.
            (json!({"name": "APP"}), false),
            (json!({"sourceServerNames": ["HOST-1"]}), false),
        ] {
            let source = Server { id: Some("s-1".into()), name: Some("host-1".into()), ..Server::default() };
            let task = Task::from(Details {
                name: "app-1".into(),
                source,
                ..Details::bare(id, TaskState::parse("RUNNING"))
            });
            let read = Filter::new(&serde_json::from_value(filter.clone()).unwrap());
            assert_eq!(read.matches(&task) && read.shows(&task), ours, "{filter}");
        }
        let filter = Filter::new(&serde_json::from_value(json!({"states": ["novel"]})).unwrap());
        assert!(filter.shows(&Task::from(Details::bare("a", TaskState::parse("Novel")))));
    }

    #[test]
    fn ids_stay_as_they_were_written() {
        let filter = Filter::new(
            &serde_json::from_value(json!({"ids": ["A-1"], "sourceServerIds": ["S-1"]})).unwrap(),
        );
        assert_eq!(
            (filter.ids().collect::<Vec<_>>(), filter.source_ids().collect::<Vec<_>>()),
            (vec!["A-1"], vec!["S-1"])
        );
    }
}
