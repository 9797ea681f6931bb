//! Which tasks a watch is about.

use std::collections::HashSet;

use super::task::Task;
use crate::api;

/// The filter of a watch, ready to be applied. The enterprise project isn't part of it: the API applies that.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    name: Option<Pattern>,
    source_names: Option<Vec<Pattern>>,
    ids: Option<HashSet<String>>,
    source_ids: Option<HashSet<String>>,
    states: Option<HashSet<String>>,
}

impl Filter {
    /// Reads the filter of a spec.
    #[must_use]
    pub fn new(filter: &api::Filter) -> Self {
        let set = |list: &Option<Vec<String>>| list.as_ref().map(|list| list.iter().cloned().collect());
        Self {
            name: filter.name.as_deref().map(Pattern::new),
            source_names: filter
                .source_server_names
                .as_ref()
                .map(|names| names.iter().map(|name| Pattern::new(name)).collect()),
            ids: set(&filter.ids),
            source_ids: set(&filter.source_server_ids),
            states: set(&filter.states),
        }
    }

    /// Whether the task is one of the watch's, whatever its state.
    #[must_use]
    pub fn matches(&self, task: &Task) -> bool {
        self.ids.as_ref().is_none_or(|ids| ids.contains(&*task.id()))
            && self.name.as_ref().is_none_or(|pattern| pattern.matches(task.name()))
            && self
                .source_ids
                .as_ref()
                .is_none_or(|ids| task.source_id().is_some_and(|id| ids.contains(&*id)))
            && self.source_names.as_ref().is_none_or(|patterns| {
                task.source_name().is_some_and(|name| patterns.iter().any(|pattern| pattern.matches(&name)))
            })
    }

    /// Whether the task is in a state that is shown.
    #[must_use]
    pub fn shows(&self, task: &Task) -> bool {
        self.states.as_ref().is_none_or(|states| states.contains(task.state_name()))
    }

    /// Whether only some states are shown, so that nothing can be said of all tasks.
    #[must_use]
    pub fn is_by_state(&self) -> bool {
        self.states.is_some()
    }

    /// The states that are shown; none when all are.
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

    /// The listed ids of tasks.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.ids.iter().flatten().map(String::as_str)
    }

    /// The listed ids of source servers.
    pub fn source_ids(&self) -> impl Iterator<Item = &str> {
        self.source_ids.iter().flatten().map(String::as_str)
    }
}

/// A case-sensitive substring, or with `*` a wildcard over the whole text.
#[derive(Clone, Debug, PartialEq)]
enum Pattern {
    Part(String),
    Whole { head: String, middle: Vec<String>, tail: String },
}

impl Pattern {
    fn new(text: &str) -> Self {
        let mut parts = text.split('*').map(str::to_owned);
        match (parts.next(), parts.next_back()) {
            (Some(head), Some(tail)) => {
                Self::Whole { head, middle: parts.filter(|part| !part.is_empty()).collect(), tail }
            }
            _ => Self::Part(text.to_owned()),
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Part(part) => text.contains(part.as_str()),
            Self::Whole { head, middle, tail } => text
                .strip_prefix(head.as_str())
                .and_then(|rest| rest.strip_suffix(tail.as_str()))
                // The leftmost match of each part leaves the most room for the next.
                .and_then(|rest| {
                    middle
                        .iter()
                        .try_fold(rest, |rest, part| rest.split_once(part.as_str()).map(|(_, rest)| rest))
                })
                .is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition of a wildcard, by trying every split.
    fn glob(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|skipped| glob(rest, &text[skipped..])),
            Some((c, rest)) => text.first() == Some(c) && glob(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn a_wildcard_matches_what_its_definition_says(pattern in "[ab*]{1,7}", text in "[ab]{0,8}") {
            prop_assume!(pattern.contains('*'));
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(Pattern::new(&pattern).matches(&text), glob(&p, &t));
        }

        #[test]
        fn without_a_star_a_part_is_enough(part in "[ab]{1,3}", text in "[ab]{0,8}") {
            prop_assert_eq!(Pattern::new(&part).matches(&text), text.contains(&part));
        }
    }

    #[test]
    fn a_prefix_and_a_suffix_may_not_overlap() {
        assert!(!Pattern::new("app*pp-1").matches("app-1"));
        assert!(Pattern::new("app-*").matches("app-1"));
        assert!(!Pattern::new("app-*").matches("my-app-1"));
        assert!(Pattern::new("*").matches(""));
    }
}
