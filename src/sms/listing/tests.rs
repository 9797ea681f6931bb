use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    task::Poll,
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
    changes_at_a_time: usize,
    /// How long requests and answers are on the way, one after the other.
    delays: RefCell<std::vec::IntoIter<u8>>,
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
            changes_at_a_time: 1,
            delays: RefCell::default(),
            history: RefCell::new(vec![(0..count).collect()]),
            requests: Cell::new(0),
        }
    }

    fn with_delays(self, delays: Vec<u8>) -> Self {
        *self.delays.borrow_mut() = delays.into_iter();
        self
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
        let changes: Vec<_> = self.changes.borrow_mut().by_ref().take(self.changes_at_a_time).collect();
        for (number, change) in (0..).zip(changes) {
            let length = ids.len();
            match change {
                Change::Insert(at) => {
                    let fresh = 1_000_000 + 10 * u32::try_from(self.requests.get()).unwrap() + number;
                    ids.insert(at % (length + 1), fresh);
                }
                Change::Remove(at) if length > 0 => {
                    ids.remove(at % length);
                }
                Change::Move(from, to) if length > 0 => {
                    let id = ids.remove(from % length);
                    ids.insert(to % length, id);
                }
                _ => {}
            }
        }
        let ids: BTreeSet<u32> = ids.iter().copied().collect();
        let mut history = self.history.borrow_mut();
        if history.last() != Some(&ids) {
            history.push(ids);
        }
    }

    fn collect(&self) -> Result<BTreeSet<u32>, Error> {
        let fetch = async |request| {
            // Requests and answers are on the way for some time.
            let on_the_way = || self.delays.borrow_mut().next().unwrap_or(0);
            let (there, back) = (on_the_way(), on_the_way());
            pass_by(there).await;
            let answer = self.answer(request);
            pass_by(back).await;
            Ok(answer)
        };
        let collected = block_on(collect(&fetch, MANNER))?;
        let ids: Vec<u32> = collected.tasks.iter().map(|task| task.id().parse().unwrap()).collect();
        let set: BTreeSet<u32> = ids.iter().copied().collect();
        assert_eq!(set.len(), ids.len(), "each task once");
        assert_eq!(collected.skipped, self.nulls.len());
        Ok(set)
    }
}

/// Lets others go first, so many times.
async fn pass_by(times: u8) {
    for _ in 0..times {
        let mut is_first = true;
        std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            if std::mem::take(&mut is_first) { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
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
    // It is read no more than twice.
    assert_eq!(requests.get(), 2 * 329);
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

#[test]
fn no_more_tasks_are_kept_than_an_account_may_have_twice() {
    let paging = Paging { page_size: 10, last_offset: 50 };
    let seen = Cell::new(0);
    let fetch = |request: PageRequest| {
        // Each page is of tasks that nobody has seen, and counts other ones.
        let first = seen.replace(seen.get() + request.limit);
        let tasks = (first..first + request.limit).map(task).collect();
        std::future::ready(Ok(Page { count: u64::from(51 + first % 7), tasks, skipped: 0 }))
    };
    let error = block_on(collect(&fetch, Manner { paging, in_flight: 1 })).unwrap_err();
    assert!(matches!(error, Error::Incomplete(Incomplete::Drifted { .. })), "{error:?}");
    assert!(u64::from(seen.get()) <= 3 * paging.reach(), "{}", seen.get());
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

/// Between two pages each time, one task goes and one comes: no count can tell.
fn replacing(count: u32, places: Vec<(usize, usize)>) -> Server {
    let changes = places.into_iter().flat_map(|(gone, come)| [Change::Remove(gone), Change::Insert(come)]);
    let mut server = busy(count, changes.collect());
    server.changes_at_a_time = 2;
    server
}

/// A result is what the list was at some request.
fn is_a_moments_truth(server: &Server, ids: &BTreeSet<u32>) -> bool {
    server.history.borrow().contains(ids)
}

#[test]
fn passes_that_miss_one_task_and_hold_another_that_has_gone_are_not_believed() {
    let mut changes = vec![Change::Nothing; 15];
    for (after, change) in [
        (0, Change::Move(8_284_194_580_880_486_479, 4_966_856_456_827_314)),
        (5, Change::Remove(0)),
        (9, Change::Move(792_678_897_223_757_400, 5_455_876_081_048_339_720)),
        (12, Change::Move(541_287_935_112_378_610, 7_607_441_973_832_756_070)),
        (13, Change::Remove(642_337_711_400_179_500)),
    ] {
        changes[after] = change;
    }
    let server = busy(691, changes);
    let ids = server.collect().unwrap();
    assert!(is_a_moments_truth(&server, &ids), "{}", ids.len());
}

#[test]
fn an_account_to_which_tasks_keep_coming_is_listed() {
    for count in [201, 691, 3000] {
        let server = busy(count, vec![Change::Insert(0); 200]);
        let ids = server.collect().unwrap();
        assert!(is_a_moments_truth(&server, &ids));
        let requests = count.div_ceil(200) as usize;
        assert!((3 * requests..=3 * requests + 3).contains(&server.requests.get()), "{:?}", server.requests);
    }
}

#[test]
fn an_account_from_which_one_task_goes_in_each_pass_is_listed() {
    // After the second of the four pages of each pass; one that was on it or before. (Nobody has seen the others there.)
    for place in [0, 199, 200, 399] {
        let of_pass = [Change::Nothing, Change::Remove(place), Change::Nothing, Change::Nothing];
        let server = busy(700, of_pass.into_iter().cycle().take(20).collect());
        let ids = server.collect().unwrap();
        assert!(is_a_moments_truth(&server, &ids), "{place}");
    }
}

#[test]
fn unreadable_entries_that_come_and_go_are_no_proof() {
    // One more null in each pass, and a task that comes and goes.
    let pass = Cell::new(0);
    let fetch = |request: PageRequest| {
        let is_first = request.offset == 0;
        pass.set(pass.get() + u32::from(is_first));
        let (count, tasks) = if is_first { (300, 0..200) } else { (299, 200..298 - pass.get()) };
        let skipped = if is_first { 0 } else { 1 + pass.get() as usize };
        std::future::ready(Ok(Page { count, tasks: tasks.map(task).collect(), skipped }))
    };
    assert!(block_on(collect(&fetch, MANNER)).is_err());
}

#[test]
fn a_task_that_is_hidden_by_two_others_shows_in_the_next_listing() {
    let server = replacing(401, vec![(0, 400)]);
    let first = server.collect().unwrap();
    assert_eq!(server.requests.get(), 3);
    assert!(!first.contains(&200) && !is_a_moments_truth(&server, &first), "one listing can't tell");
    let second = server.collect().unwrap();
    assert!(is_a_moments_truth(&server, &second) && !first.is_subset(&second));
}

fn any_change() -> impl Strategy<Value = Change> + Clone {
    prop_oneof![inserts(), removals(), moves()]
}

fn delays() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(0u8..6, 0..60)
}

proptest! {
    #[test]
    fn tasks_that_only_move_are_all_found(count in 0u32..900, changes in changes(moves()), delays in delays()) {
        if let Ok(ids) = busy(count, changes).with_delays(delays).collect() {
            prop_assert_eq!(ids, (0..count).collect());
        }
    }

    #[test]
    fn a_changing_list_is_a_moments_truth(count in 0u32..900, changes in changes(any_change())) {
        let server = busy(count, changes);
        if let Ok(ids) = server.collect() {
            prop_assert!(is_a_moments_truth(&server, &ids));
        }
        prop_assert!(server.requests.get() <= 5 * 6);
    }

    #[test]
    fn a_list_that_changes_with_each_page_is_a_moments_truth(
        count in 190u32..900,
        changes in proptest::collection::vec(any_change(), 0..40),
    ) {
        let server = busy(count, changes);
        if let Ok(ids) = server.collect() {
            prop_assert!(is_a_moments_truth(&server, &ids));
        }
    }

    #[test]
    fn in_whatever_order_pages_come_it_is_a_moments_truth(
        count in 190u32..2000,
        changes in changes(any_change()),
        delays in delays(),
    ) {
        let server = busy(count, changes).with_delays(delays);
        if let Ok(ids) = server.collect() {
            prop_assert!(is_a_moments_truth(&server, &ids));
        }
    }

    /// Several changes between two pages. More tasks come than go, so that no pass is complete by itself.
    #[test]
    fn however_much_changes_between_two_pages_it_is_a_moments_truth(
        count in 201u32..900,
        changes in proptest::collection::vec((0usize..900, any_change()), 0..40),
        delays in delays(),
    ) {
        let growing = |(at, change)| [Change::Insert(0), Change::Insert(at), change];
        let mut server = busy(count, changes.into_iter().flat_map(growing).collect()).with_delays(delays);
        server.changes_at_a_time = 3;
        if let Ok(ids) = server.collect() {
            prop_assert!(is_a_moments_truth(&server, &ids));
        }
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

    /// What a gate needs before it opens (core::decide): whatever goes and comes between two pages, of this listing or the
    /// next, one whose tasks are all in the next was true.
    #[test]
    fn a_listing_whose_tasks_are_all_in_the_next_is_a_moments_truth(
        count in 201u32..900,
        places in proptest::collection::vec((any::<usize>(), any::<usize>()), 0..12),
        delays in delays(),
    ) {
        let server = replacing(count, places).with_delays(delays);
        let listings: Vec<_> = (0..3).map_while(|_| server.collect().ok()).collect();
        for pair in listings.windows(2) {
            if pair[0].is_subset(&pair[1]) {
                prop_assert!(is_a_moments_truth(&server, &pair[0]));
            }
        }
        server.changes.borrow_mut().by_ref().for_each(drop);
        prop_assert!(is_a_moments_truth(&server, &server.collect().unwrap()), "when it is quiet again");
    }

    #[test]
    fn of_all_that_changes_between_two_pages_a_confirmed_listing_is_a_moments_truth(
        count in 190u32..900,
        changes in changes(any_change()),
        at_a_time in 1usize..4,
        delays in delays(),
    ) {
        let mut server = busy(count, changes).with_delays(delays);
        server.changes_at_a_time = at_a_time;
        if let Ok(first) = server.collect()
            && let Ok(second) = server.collect()
            && first.is_subset(&second)
        {
            prop_assert!(is_a_moments_truth(&server, &first));
        }
    }
}
