//! What SMS is asked for: all tasks of an account, or only those that its watches need, whichever costs less.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::{
    core::{
        filter::{Filter, folded},
        task::{Index, Snapshot, TaskState},
    },
    sms::{Paging, Query, StateFilter, Term},
};

/// How many requests a listing of all tasks is taken to cost before there was one.
const UNKNOWN_COST: usize = 5;

/// The least that has to be asked for a filter.
#[must_use]
pub(super) fn need(filter: &Filter) -> Query {
    let ids = filter.has_ids().then(|| filter.ids().map(|id| Term::Id(asked(id))).collect());
    let sources = filter
        .has_source_ids()
        .then(|| filter.source_ids().map(|id| Term::SourceServer(asked(id))).collect());
    // All that a filter has must match, so that one of its lists is enough.
    let lists = [ids, sources, states(filter)].into_iter().flatten();
    lists.min_by_key(BTreeSet::len).map_or(Query::All, Query::Any)
}

/// An id as SMS is asked for it: a UUID as SMS itself writes it.
fn asked(id: &str) -> String {
    let is_uuid = id.len() == 36 && id.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    if is_uuid { folded(id).into_owned() } else { id.to_owned() }
}

/// The states of a filter, if the API knows all of them.
fn states(filter: &Filter) -> Option<BTreeSet<Term>> {
    let mut states = filter.states()?;
    states.try_fold(BTreeSet::new(), |mut terms, state| {
        terms.insert(Term::State(StateFilter::named(state)?));
        Some(terms)
    })
}

/// What is known of the requests that an account costs.
#[derive(Clone, Debug, Default)]
pub(super) struct Costs {
    all: Option<usize>,
    by_state: HashMap<TaskState, usize>,
}

impl Costs {
    /// Learns from what a query found.
    pub(super) fn learn(&mut self, query: &Query, snapshot: &Snapshot) {
        let mut counts: HashMap<TaskState, usize> = HashMap::new();
        for task in snapshot.tasks.iter() {
            *counts.entry(task.state()).or_default() += 1;
        }
        match query {
            Query::All => {
                self.all = Some(pages(snapshot.tasks.len()));
                self.by_state = counts.into_iter().map(|(state, count)| (state, pages(count))).collect();
            }
            Query::Any(terms) => self.by_state.extend(terms.iter().filter_map(state_of).map(|state| {
                let count = counts.get(&state).copied().unwrap_or_default();
                (state, pages(count))
            })),
        }
    }

    /// How many requests a term takes. None before that can be known: what leaves a state is only noticed where it was
    /// seen before.
    fn of(&self, term: &Term) -> Option<usize> {
        match state_of(term) {
            None => Some(1),
            Some(state) => self.all.map(|_| self.by_state.get(&state).copied().unwrap_or(1)),
        }
    }
}

fn state_of(term: &Term) -> Option<TaskState> {
    match term {
        Term::State(state) => Some(TaskState::parse(state.name())),
        Term::Id(_) | Term::SourceServer(_) => None,
    }
}

fn pages(tasks: usize) -> usize {
    tasks.div_ceil(Paging::OF_API.page_size as usize).max(1)
}

/// What to ask for all who need something.
#[must_use]
pub(super) fn cheapest<'a>(needs: impl Iterator<Item = &'a Query>, costs: &Costs) -> Query {
    let mut left = costs.all.unwrap_or(UNKNOWN_COST);
    let mut terms = BTreeSet::new();
    for need in needs {
        let Query::Any(needed) = need else { return Query::All };
        for term in needed {
            if terms.insert(term.clone()) {
                match costs.of(term).and_then(|cost| left.checked_sub(cost)) {
                    Some(rest) => left = rest,
                    None => return Query::All,
                }
            }
        }
    }
    Query::Any(terms)
}

/// What all need who don't need everything, whatever it costs.
#[must_use]
pub(super) fn together<'a>(needs: impl IntoIterator<Item = &'a Query>) -> Query {
    let terms = needs.into_iter().filter_map(|need| match need {
        Query::All => None,
        Query::Any(terms) => Some(terms),
    });
    Query::Any(terms.flatten().cloned().collect())
}

/// The tasks that were in a state which is asked for and weren't found there now: each has to be looked up.
#[must_use]
pub(super) fn left_states(query: &Query, before: &Snapshot, now: &Snapshot) -> BTreeSet<Term> {
    let Query::Any(terms) = query else { return BTreeSet::new() };
    let states: HashSet<TaskState> = terms.iter().filter_map(state_of).collect();
    if states.is_empty() {
        return BTreeSet::new();
    }
    let found = Index::from(&*now.tasks);
    let left = before
        .tasks
        .iter()
        .filter(|task| states.contains(&task.state()) && found.find(&now.tasks, task).is_none());
    left.map(|task| Term::Id(task.id().to_string())).collect()
}

/// Whether the answer to a query holds all that is needed.
#[must_use]
pub(super) fn covers(query: &Query, need: &Query) -> bool {
    match (query, need) {
        (Query::All, _) => true,
        (Query::Any(_), Query::All) => false,
        (Query::Any(terms), Query::Any(needed)) => needed.is_subset(terms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::jiff::Timestamp;
    use proptest::prelude::*;
    use serde_json::json;

    use crate::core::task::{Details, Task};

    fn need_of(filter: serde_json::Value) -> Query {
        need(&Filter::new(&serde_json::from_value(filter).unwrap()))
    }

    fn any(terms: &[Term]) -> Query {
        Query::Any(terms.iter().cloned().collect())
    }

    #[test]
    fn only_lists_of_ids_are_narrow() {
        let (a, b) = (Term::Id("a".into()), Term::Id("b".into()));
        let s = Term::SourceServer("s".into());
        for (filter, expected) in [
            (json!({}), Query::All),
            (json!({"name": "a"}), Query::All),
            (json!({"name": "a", "states": ["RUNNING"]}), any(&[running()])),
            (json!({"states": ["RUNNING", "SYNC_FAIL"]}), Query::All),
            (json!({"states": ["RUNNING", "READY"], "ids": ["a"]}), any(std::slice::from_ref(&a))),
            (json!({"ids": ["a", "b", "a"]}), any(&[a.clone(), b])),
            (json!({"ids": ["a", "b"], "sourceServerIds": ["s"]}), any(&[s])),
            (json!({"ids": ["a"], "sourceServerIds": ["s", "t"], "name": "x"}), any(&[a])),
            (json!({"ids": []}), any(&[])),
            (json!({"states": ["running"]}), any(&[running()])),
            (
                json!({"ids": ["1980640F-CE2B-7F5F-4B51-2AC2EAB0A9C4", "Own-Id"]}),
                any(&[Term::Id("1980640f-ce2b-7f5f-4b51-2ac2eab0a9c4".into()), Term::Id("Own-Id".into())]),
            ),
        ] {
            assert_eq!(need_of(filter.clone()), expected, "{filter}");
        }
    }

    fn running() -> Term {
        Term::State(StateFilter::named("RUNNING").unwrap())
    }

    fn query() -> impl Strategy<Value = Query> {
        let term = prop_oneof![
            (0u8..8).prop_map(|n| Term::Id(n.to_string())),
            prop::sample::select(&StateFilter::ALL[..3]).prop_map(Term::State),
        ];
        prop_oneof![1 => Just(Query::All), 4 => prop::collection::btree_set(term, 0..4).prop_map(Query::Any)]
    }

    fn snapshot(states: &[&str]) -> Snapshot {
        let task = |(index, state): (usize, &&str)| {
            Task::from(Details::bare(index.to_string(), TaskState::parse(state)))
        };
        let tasks = states.iter().enumerate().map(task).collect();
        Snapshot { sequence: 1, completed: Timestamp::UNIX_EPOCH, tasks, unreadable: 0 }
    }

    proptest! {
        #[test]
        fn what_is_asked_covers_every_need_and_never_costs_more(
            needs in prop::collection::vec(query(), 1..6),
            running in prop::option::of(0usize..900),
            ready in 0usize..900,
        ) {
            let mut costs = Costs::default();
            if let Some(running) = running {
                costs.learn(&Query::All, &snapshot(&[vec!["RUNNING"; running], vec!["READY"; ready]].concat()));
            }
            let asked = cheapest(needs.iter(), &costs);
            for need in &needs {
                prop_assert!(covers(&asked, need));
            }
            if let Query::Any(terms) = asked {
                let cost: usize = terms.iter().map(|term| costs.of(term).unwrap()).sum();
                prop_assert!(cost <= costs.all.unwrap_or(UNKNOWN_COST));
            }
        }
    }

    #[test]
    fn a_state_is_asked_for_once_it_is_known_to_be_small() {
        let need = any(&[running()]);
        let mut costs = Costs::default();
        assert_eq!(cheapest([&need].into_iter(), &costs), Query::All, "what left before can't be known");
        costs.learn(&Query::All, &snapshot(&[vec!["RUNNING"; 10], vec!["READY"; 300]].concat()));
        assert_eq!(cheapest([&need].into_iter(), &costs), need);
        costs.learn(&need, &snapshot(&["RUNNING"; 401]));
        assert_eq!(cheapest([&need].into_iter(), &costs), Query::All);
    }

    #[test]
    fn what_left_a_state_is_looked_up() {
        let query = any(&[running()]);
        let before = snapshot(&["RUNNING", "RUNNING", "READY"]);
        let now = Snapshot { tasks: before.tasks[1..2].to_vec().into(), ..before.clone() };
        assert_eq!(left_states(&query, &before, &now), BTreeSet::from([Term::Id("0".into())]));
        assert!(left_states(&Query::All, &before, &now).is_empty());
    }
}
