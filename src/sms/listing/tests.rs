use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
};

use futures::executor::block_on;
use proptest::prelude::*;

use super::*;
use crate::core::task::{Details, TaskState};

const MANNER: Manner = Manner { paging: Paging::OF_API, in_flight: 4 };

fn task(id: u32) -> Task {
    Details::bare(id.to_string(), TaskState::Running).into()
}

/// How a server reads a request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reading {
    Right,
    /// Every offset is 0.
    NoOffset,
    /// Offsets are page numbers.
    PageNumbers,
    /// At most 100 tasks a page.
    Capped,
    /// All tasks from the offset on.
    NoLimit,
}

/// What happens to the list after a request, at places that are taken modulo its length.
#[derive(Clone, Copy, Debug)]
enum Change {
    Nothing,
    Insert(usize),
    Remove(usize),
    Move(usize, usize),
}

/// A server whose list changes between requests.
struct Server {
    ids: RefCell<Vec<u32>>,
    paging: Reading,
    count_error: i64,
    /// Entries with these ids are answered as null.
    nulls: BTreeSet<u32>,
    changes: RefCell<std::vec::IntoIter<Change>>,
    /// The list as it was whenever it had changed.
    history: RefCell<Vec<BTreeSet<u32>>>,
    requests: Cell<usize>,
}

impl Server {
    fn new(count: u32) -> Self {
        Self {
            ids: RefCell::new((0..count).collect()),
            paging: Reading::Right,
            count_error: 0,
            nulls: BTreeSet::new(),
            changes: RefCell::default(),
            history: RefCell::new(vec![(0..count).collect()]),
            requests: Cell::new(0),
        }
    }

    fn answer(&self, request: PageRequest) -> Page {
        assert_eq!(request.state, None);
        assert!(request.limit <= 200 && request.offset <= 65_535);
        self.requests.set(self.requests.get() + 1);
        let ids = self.ids.borrow().clone();
        let (offset, limit) = (request.offset as usize, request.limit as usize);
        let (offset, limit) = match self.paging {
            Reading::Right => (offset, limit),
            Reading::NoOffset => (0, limit),
            Reading::PageNumbers => (offset * limit, limit),
            Reading::Capped => (offset, limit.min(100)),
            Reading::NoLimit => (offset, usize::MAX),
        };
        let entries: Vec<u32> = ids.iter().copied().skip(offset).take(limit).collect();
        let tasks: Vec<_> =
            entries.iter().filter(|id| !self.nulls.contains(id)).map(|id| task(*id)).collect();
        let skipped = entries.len() - tasks.len();
        let count = u64::try_from(i64::try_from(ids.len()).unwrap() + self.count_error).unwrap();
        self.change();
        Page { count, tasks, skipped }
    }

    fn change(&self) {
        let mut ids = self.ids.borrow_mut();
        let fresh = 1_000_000 + u32::try_from(self.requests.get()).unwrap();
        match self.changes.borrow_mut().next().unwrap_or(Change::Nothing) {
            Change::Insert(at) => {
                let at = at % (ids.len() + 1);
                ids.insert(at, fresh);
            }
            Change::Remove(at) if !ids.is_empty() => {
                let at = at % ids.len();
                ids.remove(at);
            }
            Change::Move(from, to) if !ids.is_empty() => {
                let (from, to) = (from % ids.len(), to % ids.len());
                let id = ids.remove(from);
                ids.insert(to, id);
            }
            _ => return,
        }
        self.history.borrow_mut().push(ids.iter().copied().collect());
    }

    fn collect(&self) -> Result<BTreeSet<u32>, Error> {
        let fetch = |request| std::future::ready(Ok(self.answer(request)));
        let collected = block_on(collect(&fetch, MANNER))?;
        let ids: Vec<u32> = collected.tasks.iter().map(|task| task.id().parse().unwrap()).collect();
        let set: BTreeSet<u32> = ids.iter().copied().collect();
        assert_eq!(set.len(), ids.len(), "each task once");
        assert_eq!(collected.skipped, self.nulls.len());
        Ok(set)
    }
}

fn incomplete(result: Result<BTreeSet<u32>, Error>) -> Incomplete {
    match result {
        Err(Error::Incomplete(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_quiet_account_takes_no_request_too_many() {
    for (count, requests) in [(0, 1), (1, 1), (199, 1), (200, 1), (201, 2), (400, 2), (1500, 8)] {
        let server = Server::new(count);
        assert_eq!(server.collect().unwrap(), (0..count).collect());
        assert_eq!(server.requests.get(), requests, "{count}");
    }
}

#[test]
fn the_reach_of_the_api_is_used_to_its_end() {
    for (count, requests) in [(65_535, 328), (65_536, 329), (65_735, 329)] {
        let server = Server::new(count);
        assert_eq!(server.collect().unwrap().len(), count as usize);
        assert_eq!(server.requests.get(), requests, "{count}");
    }
}

#[test]
fn no_two_pages_overlap_and_none_is_left_out() {
    let pages: Vec<_> = Paging::OF_API.pages(None).collect();
    for pair in pages.windows(2) {
        assert_eq!(pair[0].offset + pair[0].limit, pair[1].offset);
    }
    assert_eq!(pages.last(), Some(&PageRequest { state: None, offset: 65_535, limit: 200 }));
}

#[test]
fn servers_that_page_otherwise_are_never_believed_too_little() {
    for count in [100, 101, 200, 201, 350, 400, 1000] {
        for paging in [Reading::NoOffset, Reading::PageNumbers, Reading::Capped, Reading::NoLimit] {
            let mut server = Server::new(count);
            server.paging = paging;
            match server.collect() {
                Ok(ids) => assert_eq!(ids.len(), count as usize, "{paging:?}"),
                Err(error) => {
                    assert!(matches!(error, Error::Incomplete(Incomplete::Contradicted { .. })), "{error:?}");
                    assert!(count > 100 && paging != Reading::NoLimit, "{paging:?} {count}");
                }
            }
        }
    }
}

#[test]
fn a_wrong_count_is_a_contradiction() {
    for (count, count_error) in [(0, 1), (5, -5), (5, 1), (350, -350), (350, -1), (350, 7), (400, -400)] {
        let mut server = Server::new(count);
        server.count_error = count_error;
        let expected = Incomplete::Contradicted {
            count: u64::try_from(i64::from(count) + count_error).unwrap(),
            listed: u64::from(count),
        };
        assert_eq!(incomplete(server.collect()), expected);
        assert!(server.requests.get() <= 5 * 3);
    }
}

#[test]
fn skipped_entries_count_as_listed() {
    for (count, nulls) in [(1, vec![0]), (5, vec![0, 4]), (401, vec![0, 199, 200, 400])] {
        let mut server = Server::new(count);
        server.nulls = nulls.into_iter().collect();
        assert_eq!(server.collect().unwrap().len(), count as usize - server.nulls.len());
    }
}

#[test]
fn an_endless_list_ends() {
    let requests = Cell::new(0u32);
    let fetch = |_| {
        requests.set(requests.get() + 1);
        let tasks = (0..200).map(|entry| task(requests.get() * 200 + entry)).collect();
        std::future::ready(Ok(Page { count: 7, tasks, skipped: 0 }))
    };
    let error = block_on(collect(&fetch, MANNER)).unwrap_err();
    assert!(matches!(error, Error::Incomplete(Incomplete::Drifted { .. })), "{error:?}");
    assert_eq!(requests.get(), 5 * 329);
}

#[test]
fn passes_that_agree_are_believed_though_the_count_never_stands_still() {
    // A task comes after each pass's last page and is gone after its first one.
    let changes = [Change::Remove(250), Change::Insert(250)];
    let server = busy(251, changes.into_iter().cycle().take(20).collect());
    assert_eq!(server.collect().unwrap(), (0..250).collect());
    assert_eq!(server.requests.get(), 3 * 2);
}

#[test]
fn passes_that_agree_with_a_gap_are_not_believed() {
    let fetch = |request: PageRequest| {
        let (count, entries) = match request.offset {
            0 | 400 => (500, 100),
            200 => (400, 200),
            _ => (500, 0),
        };
        let tasks = (request.offset..request.offset + entries).map(task).collect();
        std::future::ready(Ok(Page { count, tasks, skipped: 0 }))
    };
    assert!(block_on(collect(&fetch, MANNER)).is_err());
}

#[test]
fn an_error_of_a_page_ends_the_listing() {
    let requests = Cell::new(0);
    let fetch = |request: PageRequest| {
        requests.set(requests.get() + 1);
        let page = Page {
            count: 5000,
            tasks: (request.offset..request.offset + 200).map(task).collect(),
            skipped: 0,
        };
        std::future::ready(if request.offset == 400 {
            Err(Error::TooLarge { api: crate::sms::Api::ListTasks, limit: 1 })
        } else {
            Ok(page)
        })
    };
    assert!(matches!(
        block_on(collect(&fetch, Manner { in_flight: 1, ..MANNER })),
        Err(Error::TooLarge { .. })
    ));
    assert_eq!(requests.get(), 3);
}

/// Changes after requests; mostly none.
fn changes(of: impl Strategy<Value = Change> + Clone + 'static) -> impl Strategy<Value = Vec<Change>> {
    proptest::collection::vec(prop_oneof![3 => Just(Change::Nothing), 1 => of], 0..40)
}

fn moves() -> impl Strategy<Value = Change> + Clone {
    any::<(usize, usize)>().prop_map(|(from, to)| Change::Move(from, to))
}

fn inserts() -> impl Strategy<Value = Change> + Clone {
    any::<usize>().prop_map(Change::Insert)
}

fn removals() -> impl Strategy<Value = Change> + Clone {
    any::<usize>().prop_map(Change::Remove)
}

fn busy(count: u32, changes: Vec<Change>) -> Server {
    let server = Server::new(count);
    *server.changes.borrow_mut() = changes.into_iter();
    server
}

/// A result is what the list was at some request.
fn is_a_moments_truth(server: &Server, ids: &BTreeSet<u32>) -> bool {
    server.history.borrow().contains(ids)
}

proptest! {
    #[test]
    fn tasks_that_only_move_are_all_found(count in 0u32..900, changes in changes(moves())) {
        if let Ok(ids) = busy(count, changes).collect() {
            prop_assert_eq!(ids, (0..count).collect());
        }
    }

    #[test]
    fn a_growing_list_is_a_moments_truth(count in 0u32..900, changes in changes(prop_oneof![inserts(), moves()])) {
        let server = busy(count, changes);
        if let Ok(ids) = server.collect() {
            prop_assert!(is_a_moments_truth(&server, &ids));
        }
    }

    #[test]
    fn a_shrinking_list_is_a_moments_truth(count in 0u32..900, changes in changes(prop_oneof![removals(), moves()])) {
        let server = busy(count, changes);
        if let Ok(ids) = server.collect() {
            prop_assert!(is_a_moments_truth(&server, &ids));
        }
    }

    #[test]
    fn any_list_has_as_many_tasks_as_there_were(
        count in 0u32..900,
        changes in changes(prop_oneof![inserts(), removals(), moves()]),
    ) {
        let server = busy(count, changes);
        if let Ok(ids) = server.collect() {
            let history = server.history.borrow();
            prop_assert!(history.iter().any(|moment| moment.len() == ids.len()));
            prop_assert!(ids.iter().all(|id| history.iter().any(|moment| moment.contains(id))));
        }
        prop_assert!(server.requests.get() <= 5 * 6);
    }

    #[test]
    fn when_the_list_calms_down_it_is_found(
        count in 201u32..900,
        changes in proptest::collection::vec(prop_oneof![moves(), inserts()], 0..6),
    ) {
        // Each pass over more than one page takes two requests or more, so that two passes are left undisturbed.
        let server = busy(count, changes);
        let ids = server.collect().unwrap();
        prop_assert!(is_a_moments_truth(&server, &ids));
    }
}
