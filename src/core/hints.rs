//! What in a filter can match nothing, such as a typo.

use std::collections::BTreeSet;

use super::{
    filter::Filter,
    task::{Snapshot, Task},
    text::one_line,
};
use crate::api;

/// The states that SMS is known to give tasks. Its lists disagree and grow, so that others are no mistake by themselves.
const STATES: [&str; 14] = [
    "READY",
    "RUNNING",
    "SYNCING",
    "MIGRATE_SUCCESS",
    "SYNC_SUCCESS",
    "MIGRATE_FAIL",
    "SYNC_FAIL",
    "SYNC_F_ROLLBACKING",
    "SYNC_F_ROLLBACK_SUCCESS",
    "ABORTING",
    "ABORT",
    "SKIPPING",
    "DELETING",
    "RESETING",
];
/// So much alike two names are when one is meant to be the other.
const ALIKE: f64 = 0.7;
/// How many entries of a list are named.
const MOST: usize = 5;
/// How much of a name is shown, in bytes.
const NAME: usize = 64;

/// States of a filter that aren't known, and what is perhaps meant. Those that tasks have been seen in are fine.
#[must_use]
pub fn states<'a>(filter: &api::Filter, seen: impl Iterator<Item = &'a str>) -> Vec<String> {
    let seen: BTreeSet<String> = seen.map(str::to_ascii_uppercase).collect();
    let states = filter.states.iter().flatten().map(|state| (state, state.to_ascii_uppercase()));
    let unknown = states.filter(|(_, state)| !STATES.contains(&state.as_str()) && !seen.contains(state));
    let told = unknown.map(|(written, state)| {
        let closest = STATES
            .iter()
            .map(|known| (strsim::normalized_damerau_levenshtein(known, &state), known))
            .max_by(|(one, _), (other, _)| one.total_cmp(other))
            .filter(|(likeness, _)| *likeness >= ALIKE);
        let written = one_line(written, NAME);
        match closest {
            Some((_, known)) => format!("{written}: did you mean {known}?"),
            None => format!("{written} is no state that SMS is known to have: {}", STATES.join(", ")),
        }
    });
    told.take(MOST).collect()
}

/// How many tasks there are though none matches, and one of them.
#[must_use]
pub fn nothing_of<'a>(count: usize, mut tasks: impl Iterator<Item = &'a Task>) -> String {
    match tasks.next() {
        Some(task) => format!("No task matches; {count} exist, such as {}.", label(task)),
        None => "No task matches.".to_owned(),
    }
}

fn label(task: &Task) -> String {
    if task.name().is_empty() { one_line(&task.id(), NAME) } else { one_line(task.name(), NAME) }
}

/// What is to be said of a filter by all tasks of the account: which parts of it match none.
#[must_use]
pub fn filter(filter: &api::Filter, snapshot: &Snapshot) -> Vec<String> {
    let tasks = || snapshot.tasks.iter();
    let names: BTreeSet<&str> = tasks().map(Task::state_name).collect();
    let mut told = states(filter, names.into_iter());
    told.iter_mut().for_each(|told| told.insert_str(0, "spec.filter.states: "));
    if tasks().next().is_none() {
        return told;
    }
    let matches = |part: api::Filter| {
        let part = Filter::new(&part);
        tasks().any(|task| part.matches(task))
    };
    if let Some(name) = &filter.name
        && !matches(api::Filter { name: Some(name.clone()), ..api::Filter::default() })
    {
        told.push(format!("spec.filter.name: no task's name matches {}", one_line(name, NAME)));
    }
    let patterns = filter.source_server_names.iter().flatten().filter(|pattern| {
        let names = Some(vec![(*pattern).clone()]);
        !matches(api::Filter { source_server_names: names, ..api::Filter::default() })
    });
    let idle: Vec<String> = patterns.map(|pattern| one_line(pattern, NAME)).collect();
    if !idle.is_empty() {
        let more = idle.len().saturating_sub(MOST);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named = idle.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
        told.push(format!("spec.filter.sourceServerNames: no source server's name matches {named}{more}"));
    }
    told
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::core::task::{Details, Server, TaskState};

    fn snapshot(tasks: &[(&str, &str)]) -> Snapshot {
        let task = |(name, state): &(&str, &str)| {
            let source = Server { name: Some(format!("host-{name}").into()), ..Server::default() };
            let details = Details::bare(format!("id-{name}"), TaskState::parse(state));
            Task::from(Details { name: (*name).to_owned().into(), source, ..details })
        };
        let tasks = tasks.iter().map(task).collect();
        Snapshot { sequence: 1, completed: Timestamp::UNIX_EPOCH, tasks, unreadable: 0 }
    }

    fn told(filter: serde_json::Value) -> Vec<String> {
        let tasks = snapshot(&[("app-1", "RUNNING"), ("app-2", "Novel")]);
        super::filter(&serde_json::from_value(filter).unwrap(), &tasks)
    }

    #[test]
    fn what_can_match_nothing_is_told() {
        for (filter, expected) in [
            (json!({"states": ["RUNNING", "running", "SKIPPING", "novel"]}), vec![]),
            (json!({"states": ["RUNING"]}), vec!["spec.filter.states: RUNING: did you mean RUNNING?"]),
            (
                json!({"states": ["migrate-success"]}),
                vec!["spec.filter.states: migrate-success: did you mean MIGRATE_SUCCESS?"],
            ),
            (json!({"states": ["ABORTED"]}), vec!["spec.filter.states: ABORTED: did you mean ABORT?"]),
            (json!({"name": "app", "sourceServerNames": ["host-*", "*2"]}), vec![]),
            (json!({"name": "App"}), vec!["spec.filter.name: no task's name matches App"]),
            (
                json!({"sourceServerNames": ["a", "b*c*d", "host-*"]}),
                vec!["spec.filter.sourceServerNames: no source server's name matches b*c*d"],
            ),
            (
                json!({"sourceServerNames": ["1x", "2x", "3x", "4x", "5x", "6x", "7x"]}),
                vec![
                    "spec.filter.sourceServerNames: no source server's name matches 1x, 2x, 3x, 4x, 5x and 2 more",
                ],
            ),
        ] {
            assert_eq!(told(filter.clone()), expected, "{filter}");
        }
        let unknown = told(json!({"states": ["DONE"]}));
        assert!(
            unknown[0].starts_with("spec.filter.states: DONE is no state that SMS is known to have: READY, ")
        );
    }

    #[test]
    fn what_exists_is_told_where_nothing_matches() {
        let tasks = snapshot(&[("app-1", "RUNNING"), ("app-2", "READY")]).tasks;
        assert_eq!(nothing_of(2, tasks.iter()), "No task matches; 2 exist, such as app-1.");
        assert_eq!(nothing_of(0, [].iter()), "No task matches.");
    }
}
