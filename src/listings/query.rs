//! What SMS is asked for: all tasks of an account, or only those that its watches need, whichever costs less.

use std::collections::BTreeSet;

use crate::{
    core::filter::Filter,
    sms::{Query, Term},
};

/// How many requests a listing of all tasks is taken to cost before there was one.
const UNKNOWN_COST: usize = 5;

/// The least that has to be asked for a filter.
#[must_use]
pub(super) fn need(filter: &Filter) -> Query {
    let ids = filter.has_ids().then(|| filter.ids().map(|id| Term::Id(id.to_owned())).collect());
    let sources = filter
        .has_source_ids()
        .then(|| filter.source_ids().map(|id| Term::SourceServer(id.to_owned())).collect());
    // All that a filter has must match, so that one of its lists is enough.
    let lists = [ids, sources].into_iter().flatten();
    lists.min_by_key(BTreeSet::len).map_or(Query::All, Query::Any)
}

/// What to ask for all who need something: each term costs a request, and all tasks cost `pages`.
#[must_use]
pub(super) fn cheapest<'a>(needs: impl Iterator<Item = &'a Query>, pages: Option<usize>) -> Query {
    let most = pages.unwrap_or(UNKNOWN_COST);
    let mut terms = BTreeSet::new();
    for need in needs {
        match need {
            Query::All => return Query::All,
            Query::Any(needed) => terms.extend(needed.iter().cloned()),
        }
        if terms.len() > most {
            return Query::All;
        }
    }
    Query::Any(terms)
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
    use proptest::prelude::*;
    use serde_json::json;

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
            (json!({"name": "a", "states": ["RUNNING"]}), Query::All),
            (json!({"ids": ["a", "b", "a"]}), any(&[a.clone(), b])),
            (json!({"ids": ["a", "b"], "sourceServerIds": ["s"]}), any(&[s])),
            (json!({"ids": ["a"], "sourceServerIds": ["s", "t"], "name": "x"}), any(&[a])),
            (json!({"ids": []}), any(&[])),
        ] {
            assert_eq!(need_of(filter.clone()), expected, "{filter}");
        }
    }

    fn query() -> impl Strategy<Value = Query> {
        let term = (0u8..8).prop_map(|n| Term::Id(n.to_string()));
        prop_oneof![1 => Just(Query::All), 4 => prop::collection::btree_set(term, 0..4).prop_map(Query::Any)]
    }

    proptest! {
        #[test]
        fn what_is_asked_covers_every_need_and_never_costs_more(needs in prop::collection::vec(query(), 1..6), pages in prop::option::of(0usize..8)) {
            let asked = cheapest(needs.iter(), pages);
            for need in &needs {
                prop_assert!(covers(&asked, need));
            }
            if let Query::Any(terms) = asked {
                prop_assert!(terms.len() <= pages.unwrap_or(UNKNOWN_COST));
            }
        }
    }
}
