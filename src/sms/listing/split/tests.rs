use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
};

use futures::executor::block_on;
use proptest::prelude::*;

use super::*;
use crate::{
    core::task::{Details, TaskState},
    sms::listing::Paging,
};

/// Pages of 3 tasks, and 13 tasks in reach.
const SMALL: Manner = Manner { paging: Paging { page_size: 3, last_offset: 10 }, in_flight: 4 };
/// States that the API has no filter for.
const UNNAMED: [&str; 4] = ["SYNC_FAIL", "SYNC_SUCCESS", "SKIPPING", "NOBODY_KNOWS"];

fn states() -> impl Iterator<Item = &'static str> {
    StateFilter::ALL.into_iter().map(StateFilter::name).chain(UNNAMED)
}

/// What happens to the tasks after a request, at places that are taken modulo their number.
#[derive(Clone, Copy, Debug)]
enum Change {
    Nothing,
    State(usize, usize),
    Insert(usize, usize),
    Remove(usize),
    Move(usize, usize),
}

/// An account that changes between requests.
struct Server {
    manner: Manner,
    tasks: RefCell<Vec<(u32, &'static str)>>,
    /// Entries with these ids are answered as null.
    nulls: BTreeSet<u32>,
    /// What the count is wrong by, without a filter.
    count_error: u64,
    ignores_states: bool,
    changes: RefCell<std::vec::IntoIter<Change>>,
    /// The ids whenever they had changed.
    history: RefCell<Vec<BTreeSet<u32>>>,
    requests: Cell<usize>,
}

impl Server {
    fn new(manner: Manner, states: impl IntoIterator<Item = &'static str>) -> Self {
        let tasks: Vec<_> = (0..).zip(states).collect();
        let ids = tasks.iter().map(|(id, _)| *id).collect();
        Self {
            manner,
            tasks: RefCell::new(tasks),
            nulls: BTreeSet::new(),
            count_error: 0,
            ignores_states: false,
            changes: RefCell::default(),
            history: RefCell::new(vec![ids]),
            requests: Cell::new(0),
        }
    }

    fn changing(self, changes: Vec<Change>) -> Self {
        *self.changes.borrow_mut() = changes.into_iter();
        self
    }

    fn answer(&self, request: PageRequest) -> Page {
        let Paging { page_size, last_offset } = self.manner.paging;
        assert!(request.limit <= page_size && request.offset <= last_offset);
        self.requests.set(self.requests.get() + 1);
        let wanted = request.state.map(StateFilter::name).filter(|_| !self.ignores_states);
        let (mut count, mut page) = (0, Vec::new());
        for (id, state) in self.tasks.borrow().iter() {
            if wanted.is_none_or(|wanted| wanted == *state) {
                count += 1;
                if count > u64::from(request.offset) && page.len() < request.limit as usize {
                    page.push((*id, *state));
                }
            }
        }
        let entries = page.len();
        page.retain(|(id, _)| !self.nulls.contains(id));
        let skipped = entries - page.len();
        let tasks = page
            .into_iter()
            .map(|(id, state)| Details::bare(id.to_string(), TaskState::parse(state)).into())
            .collect();
        self.change();
        let count = if wanted.is_none() { count + self.count_error } else { count };
        Page { count, tasks, skipped }
    }

    fn change(&self) {
        let mut tasks = self.tasks.borrow_mut();
        let fresh = 1_000_000 + u32::try_from(self.requests.get()).unwrap();
        let state = |number: usize| states().nth(number % states().count()).unwrap();
        let change = self.changes.borrow_mut().next().unwrap_or(Change::Nothing);
        let length = tasks.len();
        match change {
            Change::State(at, to) if length > 0 => tasks[at % length].1 = state(to),
            Change::Insert(at, of) => tasks.insert(at % (length + 1), (fresh, state(of))),
            Change::Remove(at) if length > 0 => {
                tasks.remove(at % length);
            }
            Change::Move(from, to) if length > 0 => {
                let task = tasks.remove(from % length);
                tasks.insert(to % length, task);
            }
            _ => return,
        }
        self.history.borrow_mut().push(tasks.iter().map(|(id, _)| *id).collect());
    }

    fn collect(&self) -> Result<BTreeMap<u32, String>, Error> {
        let fetch = |request| std::future::ready(Ok(self.answer(request)));
        let collected = block_on(super::super::collect(&fetch, self.manner))?;
        let entry = |task: &Task| (task.id().parse().unwrap(), task.state_name().to_owned());
        let found: BTreeMap<u32, String> = collected.tasks.iter().map(entry).collect();
        assert_eq!(found.len(), collected.tasks.len(), "each task once");
        assert_eq!(collected.skipped, self.nulls.len());
        Ok(found)
    }

    fn truth(&self) -> BTreeMap<u32, String> {
        self.tasks.borrow().iter().map(|(id, state)| (*id, (*state).to_owned())).collect()
    }
}

fn incomplete(result: Result<BTreeMap<u32, String>, Error>) -> Incomplete {
    match result {
        Err(Error::Incomplete(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_account_of_150_000_tasks_is_found_completely() {
    let manner = Manner { paging: Paging::OF_API, in_flight: 16 };
    // In the order of a real account: the newest first, and some of the newest in states without a filter.
    let states = (0u32..150_000).map(|number| match number {
        0..60_000 if number % 100 == 7 => UNNAMED[(number / 100) as usize % 4],
        number if number % 3 == 0 => "MIGRATE_SUCCESS",
        number => StateFilter::ALL[(number % 10) as usize].name(),
    });
    let server = Server::new(manner, states);
    let found = server.collect().unwrap();
    assert_eq!(found.len(), 150_000);
    assert_eq!(found, server.truth());
    // One that finds them to be too many, the counts, 329 without a filter, 750 pages by state and the rest of 10 of
    // them, the count.
    assert!(server.requests.get() <= 1 + 11 + 329 + 750 + 10 + 1, "{}", server.requests.get());
}

#[test]
fn what_the_filters_find_alone_is_not_looked_for() {
    let states: Vec<_> = (0..30).map(|number| StateFilter::ALL[number % 10].name()).collect();
    let server = Server::new(SMALL, states);
    assert_eq!(server.collect().unwrap(), server.truth());
    assert_eq!(server.requests.get(), 1 + 11 + 10 + 1);
}

#[test]
fn one_task_more_than_paging_reaches_takes_states() {
    for (count, requests) in [(13, 5), (14, 1 + 11 + 14 + 1)] {
        let server = Server::new(SMALL, (0..count).map(|number| StateFilter::ALL[number % 2].name()));
        assert_eq!(server.collect().unwrap(), server.truth());
        assert!(server.requests.get() <= requests, "{count}: {}", server.requests.get());
    }
}

#[test]
fn a_state_beyond_reach_is_named() {
    let server = Server::new(SMALL, (0..14).map(|_| "ABORT").chain(["READY"]));
    let state = StateFilter::named("ABORT");
    assert_eq!(incomplete(server.collect()), Incomplete::TooMany { state, count: 14, reach: 13 });
    assert_eq!(server.requests.get(), 1 + 11, "nothing is read in vain");
}

#[test]
fn tasks_without_a_filter_beyond_reach_are_missed_and_counted() {
    let states =
        (0..20).map(|number| if number < 18 { StateFilter::ALL[number % 9].name() } else { "SKIPPING" });
    let server = Server::new(SMALL, states);
    let expected = Incomplete::Unnamed { count: 20, listed: 18, reach: 13 };
    assert_eq!(incomplete(server.collect()), expected);
    assert_eq!(server.requests.get(), 1 + 11 + 5 + 11, "no list is read in vain");
    // In front, they are found.
    server.tasks.borrow_mut().reverse();
    assert_eq!(server.collect().unwrap(), server.truth());
}

#[test]
fn a_server_that_ignores_filters_or_counts_wrong_is_not_believed() {
    let mut server = Server::new(SMALL, (0..20).map(|number| StateFilter::ALL[number % 10].name()));
    server.ignores_states = true;
    assert!(matches!(incomplete(server.collect()), Incomplete::TooMany { state: Some(_), .. }));
    server.ignores_states = false;
    server.count_error = 1;
    assert_eq!(incomplete(server.collect()), Incomplete::Unnamed { count: 21, listed: 20, reach: 13 });
}

#[test]
fn unreadable_entries_count_once() {
    let mut server = Server::new(SMALL, (0..20).map(|number| StateFilter::ALL[number % 10].name()));
    server.nulls = [0, 7, 19].into();
    assert_eq!(server.collect().unwrap().len(), 17);
    // Of two kinds of them, nobody knows how many there are.
    server.tasks.borrow_mut().insert(0, (100, "SKIPPING"));
    server.nulls = [0, 7, 100].into();
    assert!(matches!(incomplete(server.collect()), Incomplete::Unnamed { .. }));
}

#[test]
fn a_task_that_moves_on_between_the_lists_is_found_once_in_its_newer_state() {
    let count = 20;
    let states: Vec<_> = (0..count).map(|number| StateFilter::ALL[number % 10].name()).collect();
    // After the list of READY: the task that was on it runs.
    let until_then = [Change::Nothing; 1 + 11];
    let changes = until_then.into_iter().chain([Change::State(0, 1)]).collect();
    let server = Server::new(SMALL, states.clone()).changing(changes);
    let found = server.collect().unwrap();
    assert_eq!((found.len(), found[&0].as_str()), (20, "RUNNING"));
    assert_eq!(server.requests.get(), 1 + 11 + 10 + 1);
    // The other way, it is on no list; it is found among the first.
    let changes = until_then.into_iter().chain([Change::State(1, 0)]).collect();
    let server = Server::new(SMALL, states).changing(changes);
    assert_eq!(server.collect().unwrap(), server.truth());
}

#[test]
fn an_account_that_never_stands_still_is_not_told() {
    let states: Vec<_> = (0..20).map(|number| StateFilter::ALL[number % 10].name()).collect();
    let server = Server::new(SMALL, states).changing(vec![Change::Insert(0, 13); 2000]);
    assert!(server.collect().is_err());
}

#[test]
fn the_first_error_ends_it() {
    let fetch = |request: PageRequest| {
        std::future::ready(match request.state {
            None => Ok(Page { count: 100, tasks: Vec::new(), skipped: 0 }),
            Some(_) => Err(Error::TooLarge { api: crate::sms::Api::ListTasks, limit: 1 }),
        })
    };
    assert!(matches!(block_on(super::super::collect(&fetch, SMALL)), Err(Error::TooLarge { .. })));
}

fn accounts() -> impl Strategy<Value = Vec<&'static str>> {
    // Mostly of states with a filter, of which none is beyond reach.
    let state = prop_oneof![9 => 0usize..10, 1 => 10usize..14];
    prop::collection::vec(state.prop_map(|number| states().nth(number).unwrap()), 14..60)
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        any::<(usize, usize)>().prop_map(|(at, to)| Change::State(at, to)),
        any::<(usize, usize)>().prop_map(|(at, of)| Change::Insert(at, of)),
        any::<usize>().prop_map(Change::Remove),
        any::<(usize, usize)>().prop_map(|(from, to)| Change::Move(from, to)),
    ]
}

fn steady_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        any::<(usize, usize)>().prop_map(|(at, to)| Change::State(at, to)),
        any::<(usize, usize)>().prop_map(|(from, to)| Change::Move(from, to)),
    ]
}

/// Changes after requests; mostly none.
fn changes(of: impl Strategy<Value = Change>) -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(prop_oneof![6 => Just(Change::Nothing), 1 => of], 0..150)
}

proptest! {
    #[test]
    fn a_quiet_account_is_found_exactly_or_it_is_said_what_is_missing(states in accounts()) {
        let server = Server::new(SMALL, states.clone());
        match server.collect() {
            Ok(found) => prop_assert_eq!(found, server.truth()),
            Err(Error::Incomplete(Incomplete::TooMany { state: Some(state), count, .. })) => {
                let there = states.iter().filter(|of| **of == state.name()).count() as u64;
                prop_assert!(there == count && count > 13);
            }
            Err(Error::Incomplete(Incomplete::Unnamed { count, listed, .. })) => {
                let hidden = states.iter().skip(13).filter(|of| UNNAMED.contains(of)).count() as u64;
                prop_assert!(hidden > 0);
                prop_assert_eq!((count, listed), (states.len() as u64, states.len() as u64 - hidden));
            }
            Err(error) => prop_assert!(false, "{error:?}"),
        }
    }

    #[test]
    fn tasks_that_only_change_states_and_places_are_all_found_or_none(states in accounts(), changes in changes(steady_change())) {
        let server = Server::new(SMALL, states).changing(changes);
        if let Ok(found) = server.collect() {
            prop_assert!(found.keys().eq(server.truth().keys()));
        }
    }

    #[test]
    fn however_it_changes_the_count_was_true(states in accounts(), changes in changes(change())) {
        let server = Server::new(SMALL, states).changing(changes);
        if let Ok(found) = server.collect() {
            let history = server.history.borrow();
            prop_assert!(history.iter().any(|moment| moment.len() == found.len()));
            prop_assert!(found.keys().all(|id| history.iter().any(|moment| moment.contains(id))));
        }
    }

    /// What a gate needs before it opens (core::decide): states change between two lists, and one task goes while another
    /// comes, in this listing or the next.
    #[test]
    fn a_listing_whose_tasks_are_all_in_the_next_was_true(
        states in accounts(),
        changes in changes(change()),
        hiding in prop::collection::vec((0usize..80, any::<(usize, usize, usize)>()), 0..4),
    ) {
        // One that changes its list, one that goes, and one that comes, right after each other.
        let mut changes = changes;
        for (at, (moved, gone, come)) in hiding {
            let at = at.min(changes.len());
            let three = [Change::State(moved, come), Change::Remove(gone), Change::Insert(come, moved)];
            changes.splice(at..at, three);
        }
        let server = Server::new(SMALL, states).changing(changes);
        let ids = |found: BTreeMap<u32, String>| found.into_keys().collect::<BTreeSet<u32>>();
        if let Ok(first) = server.collect().map(ids)
            && let Ok(second) = server.collect().map(ids)
            && first.is_subset(&second)
        {
            prop_assert!(server.history.borrow().contains(&first));
        }
    }
}

#[test]
fn a_task_that_changes_lists_unseen_shows_in_the_next_listing() {
    // 10 tasks are READY and 10 SYNCING. When READY is read, one of SYNCING becomes READY, one goes, and one comes.
    let states = (0..20).map(|number| if number < 10 { "READY" } else { "SYNCING" });
    let hidden: Vec<_> = (0..40)
        .map(|after| {
            let mut changes = vec![Change::Nothing; after];
            changes.extend([Change::State(10, 0), Change::Remove(0), Change::Insert(18, 2)]);
            Server::new(SMALL, states.clone()).changing(changes)
        })
        .filter_map(|server| {
            let first: BTreeSet<u32> = server.collect().ok()?.into_keys().collect();
            let is_true = server.history.borrow().contains(&first);
            let second: BTreeSet<u32> = server.collect().unwrap().into_keys().collect();
            (!is_true).then_some((first, second))
        })
        .collect();
    assert!(!hidden.is_empty(), "one listing can't tell");
    assert!(hidden.iter().all(|(first, second)| !first.is_subset(second)), "{hidden:?}");
}
