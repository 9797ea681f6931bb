use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use proptest::prelude::*;

use super::{line::Line, *};

const MILLISECOND: Duration = Duration::from_millis(1);

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

fn bounds(in_flight: u32) -> Bounds {
    Bounds { in_flight, rate: None }
}

fn limit(requests: u64, seconds: u64) -> RateLimit {
    RateLimit { requests, per: Duration::from_secs(seconds) }
}

/// How a server counts.
#[derive(Clone, Copy, Debug)]
enum Counting {
    /// The requests of the last so many seconds.
    Sliding,
    /// The requests of this minute or second of the clock.
    Fixed,
}

/// A server with flow control.
#[derive(Clone, Debug)]
struct Server {
    limit: Option<RateLimit>,
    counting: Counting,
    /// Whether it says what its limit is.
    names_it: bool,
    /// Whether refused requests count.
    refusals_count: bool,
    latency: Duration,
    /// How many requests it works on at a time; the others wait.
    workers: usize,
    arrived: VecDeque<Duration>,
    free_at: Vec<Duration>,
}

impl Server {
    fn new(limit: Option<RateLimit>) -> Self {
        Self {
            limit,
            counting: Counting::Sliding,
            names_it: false,
            refusals_count: false,
            latency: 20 * MILLISECOND,
            workers: 1000,
            arrived: VecDeque::new(),
            free_at: Vec::new(),
        }
    }

    fn is_over(&mut self, now: Duration) -> bool {
        let Some(limit) = self.limit else { return false };
        let counting = self.counting;
        let is_old = |at: &Duration| match counting {
            Counting::Sliding => *at + limit.per <= now,
            Counting::Fixed => at.as_nanos() / limit.per.as_nanos() < now.as_nanos() / limit.per.as_nanos(),
        };
        while self.arrived.front().is_some_and(is_old) {
            self.arrived.pop_front();
        }
        let over = self.arrived.len() as u64 >= limit.requests;
        if !over || self.refusals_count {
            self.arrived.push_back(now);
        }
        over
    }

    /// What comes of a request that arrives now, and when.
    fn answer(&mut self, now: Duration) -> (Duration, Outcome) {
        if self.is_over(now) {
            let limit = self.limit.filter(|_| self.names_it);
            return (
                now + 5 * MILLISECOND,
                Outcome::Throttled { limit, pause: limit.map(|limit| limit.per) },
            );
        }
        self.free_at.retain(|at| *at > now);
        self.free_at.sort_unstable();
        let place = self.free_at.len().checked_sub(self.workers);
        let begins = place.map_or(now, |place| self.free_at[place]);
        let ends = begins + self.latency;
        self.free_at.push(ends);
        (ends, Outcome::Answered(ends.checked_sub(now)))
    }
}

/// What listings got of a server.
struct World {
    pace: Pace,
    base: Instant,
    /// When and to which listing answers came.
    answered: Vec<(Duration, u64)>,
    refused: Vec<Duration>,
    peak: usize,
}

impl World {
    /// The listings always have so many pages that wait.
    fn run(bounds: Bounds, server: &mut Server, listings: &[usize], span: Duration) -> Self {
        let base = Instant::now();
        let mut world =
            Self { pace: Pace::new(bounds, base), base, answered: Vec::new(), refused: Vec::new(), peak: 0 };
        let mut line = Line::default();
        for (listing, pages) in listings.iter().enumerate() {
            (0..*pages).for_each(|_| line.push(listing as u64, listing as u64));
        }
        let mut under_way = BinaryHeap::new();
        let mut sent = std::collections::HashMap::new();
        let (mut now, mut serial) = (Duration::ZERO, 0u64);
        while now < span {
            let turn = world.pace.turn(base + now);
            if turn == Turn::Now && !line.is_empty() {
                let listing = line.pop().unwrap();
                serial += 1;
                let (at, outcome) = server.answer(now + MILLISECOND);
                sent.insert(serial, (world.pace.sent(base + now), outcome));
                under_way.push(Reverse((at, serial, listing)));
                world.peak = world.peak.max(under_way.len());
                continue;
            }
            let wake = match turn {
                Turn::At(at) => Some(at - base),
                _ => None,
            };
            let next = under_way.peek().map(|Reverse((at, ..))| *at);
            now = wake.into_iter().chain(next).min().expect("nothing will ever happen");
            while let Some(Reverse((at, serial, listing))) = under_way.peek().copied()
                && at <= now
            {
                under_way.pop();
                let (sent, outcome) = sent.remove(&serial).unwrap();
                match outcome {
                    Outcome::Throttled { .. } => world.refused.push(now),
                    _ => world.answered.push((now, listing)),
                }
                world.pace.ended(sent, outcome, base + now);
                line.push(listing, listing);
            }
        }
        world
    }

    fn rate_within(&self, from: u32, to: u32) -> f64 {
        let span = Duration::from_secs(from.into())..Duration::from_secs(to.into());
        let answers = self.answered.iter().filter(|(at, _)| span.contains(at)).count();
        number(answers) / f64::from(to - from)
    }

    fn refused_since(&self, from: u64) -> usize {
        self.refused.iter().filter(|at| **at >= Duration::from_secs(from)).count()
    }
}

#[test]
fn without_trouble_all_room_is_used_and_no_more() {
    for most in [1, 2, 3, 16, 40] {
        let world = World::run(bounds(most), &mut Server::new(None), &[60], Duration::from_secs(1));
        assert_eq!(world.peak, most as usize);
        assert!(number(world.answered.len()) > f64::from(most) * 30.0, "{most}: {}", world.answered.len());
    }
}

#[test]
fn a_server_that_works_on_few_requests_at_a_time_is_not_buried() {
    let mut server = Server { workers: 4, latency: 200 * MILLISECOND, ..Server::new(None) };
    let world = World::run(bounds(64), &mut server, &[100], Duration::from_secs(120));
    assert!(world.rate_within(60, 120) > 19.0, "its full speed: {}", world.rate_within(60, 120));
    assert!(world.pace.window.size() <= 16.0, "{}", world.pace.window.size());
}

#[test]
fn what_has_become_slower_for_good_gets_its_room_back() {
    let mut pace = Pace::new(bounds(16), Instant::now());
    let mut now = Instant::now();
    let mut round = |pace: &mut Pace, took: Duration| {
        let mut sent = Vec::new();
        while pace.turn(now) == Turn::Now {
            sent.push(pace.sent(now));
        }
        now += took;
        sent.into_iter().for_each(|sent| pace.ended(sent, Outcome::Answered(Some(took)), now));
    };
    (0..20).for_each(|_| round(&mut pace, 20 * MILLISECOND));
    assert!(pace.window.size() > 15.0);
    (0..20).for_each(|_| round(&mut pace, 400 * MILLISECOND));
    assert!(pace.window.size() < 2.0, "{}", pace.window.size());
    (0..1000).for_each(|_| round(&mut pace, 400 * MILLISECOND));
    assert!(pace.window.size() > 15.0, "{}", pace.window.size());
}

#[test]
fn it_settles_below_ten_a_second_within_a_minute() {
    for counting in [Counting::Sliding, Counting::Fixed] {
        for (names_it, refusals_count) in [(false, false), (false, true), (true, false), (true, true)] {
            let server = Server { counting, names_it, refusals_count, ..Server::new(Some(limit(10, 1))) };
            // A great listing beside small ones.
            let listings = [16, 1, 1, 4, 16];
            let world = World::run(bounds(16), &mut server.clone(), &listings, Duration::from_secs(300));
            let rate = world.rate_within(60, 300);
            assert!(rate > 7.9 && rate <= 10.0, "{rate} {server:?}");
            let refused = world.refused_since(60);
            assert!(refused <= if names_it { 0 } else { 12 }, "{refused} {server:?}");
            for listing in 0..5 {
                let times = world.answered.iter().filter(|(_, of)| *of == listing).map(|(at, _)| *at);
                let times: Vec<_> = [Duration::ZERO].into_iter().chain(times).collect();
                let longest = times.windows(2).map(|pair| pair[1].abs_diff(pair[0])).max().unwrap();
                assert!(longest < Duration::from_secs(15), "{longest:?} {server:?}");
            }
        }
    }
}

#[test]
fn a_limit_by_the_minute_is_met_from_the_first_refusal_on() {
    let server = Server { names_it: true, refusals_count: true, ..Server::new(Some(limit(60, 60))) };
    let world = World::run(bounds(16), &mut server.clone(), &[16, 16], Duration::from_secs(900));
    assert_eq!(world.refused_since(5), 0);
    assert!(world.rate_within(60, 900) > 0.7, "{}", world.rate_within(60, 900));
}

#[test]
fn an_unnamed_limit_is_found_out_whatever_time_it_is_about() {
    let limits = [(10, 1), (3, 1), (100, 1), (20, 10), (60, 60), (600, 60), (10, 60)];
    for (requests, seconds) in limits {
        for (counting, refusals_count) in
            [Counting::Sliding, Counting::Fixed].map(|of| [(of, false), (of, true)]).concat()
        {
            let server = Server { counting, refusals_count, ..Server::new(Some(limit(requests, seconds))) };
            let world = World::run(bounds(16), &mut server.clone(), &[16, 16], Duration::from_secs(3600));
            let all = f64::from(u32::try_from(requests).unwrap()) / number(usize::try_from(seconds).unwrap());
            let (rate, refused) = (world.rate_within(600, 3600), world.refused_since(600));
            // Where refused requests count, each try to find out makes the wait longer.
            let least = if refusals_count { 0.6 } else { 0.8 };
            assert!(rate > least * all && rate <= all, "{rate} {server:?}");
            // Each doubt costs some.
            let some = number(refused) / (3000.0 * rate);
            assert!(some < 0.06, "{refused}, {some} {server:?}");
        }
    }
}

#[test]
fn flow_control_that_lets_nothing_through_for_a_while_is_no_slower_afterwards() {
    let mut server = Server::new(Some(limit(10, 1)));
    let world = World::run(bounds(16), &mut server, &[16], Duration::from_secs(60));
    let before = world.pace.flow.bucket().unwrap().rate();
    let (mut pace, mut now) = (world.pace, world.base + Duration::from_secs(60));
    let shut = now + Duration::from_secs(20);
    while now < shut {
        match pace.turn(now) {
            Turn::Now => {
                let sent = pace.sent(now);
                now += MILLISECOND;
                pace.ended(sent, Outcome::Throttled { limit: None, pause: None }, now);
            }
            Turn::At(at) => now = at,
            Turn::AfterAnother => panic!("nothing is under way"),
        }
    }
    let after = pace.flow.bucket().unwrap().rate();
    assert!(after > before / 2.5, "{before} {after}");
}

#[test]
fn a_limit_that_is_lifted_is_noticed() {
    let mut server = Server::new(Some(limit(10, 1)));
    let world = World::run(bounds(16), &mut server, &[16], Duration::from_secs(30));
    let (mut pace, mut now) = (world.pace, world.base + Duration::from_secs(31));
    assert!(pace.is_spread());
    let end = now + Duration::from_secs(900);
    while now < end && pace.is_spread() {
        match pace.turn(now) {
            Turn::Now => {
                let sent = pace.sent(now);
                now += MILLISECOND;
                pace.ended(sent, Outcome::Answered(None), now);
            }
            Turn::At(at) => now = at,
            Turn::AfterAnother => panic!("nothing is under way"),
        }
    }
    assert!(!pace.is_spread());
}

#[test]
fn a_limit_that_others_use_up_is_shared() {
    // It says ten, but somebody else takes six of them.
    let mut server = Server { names_it: false, ..Server::new(Some(limit(4, 1))) };
    let base = Instant::now();
    let mut pace = Pace::new(bounds(16), base);
    let (mut now, mut answered, mut refused) = (Duration::ZERO, 0, 0);
    while now < Duration::from_secs(240) {
        match pace.turn(base + now) {
            Turn::Now => {
                let sent = pace.sent(base + now);
                let (at, outcome) = server.answer(now);
                let outcome = match outcome {
                    Outcome::Throttled { .. } => {
                        refused += usize::from(now > Duration::from_secs(60));
                        Outcome::Throttled { limit: Some(limit(10, 1)), pause: Some(Duration::from_secs(1)) }
                    }
                    outcome => {
                        answered += usize::from(now > Duration::from_secs(60));
                        outcome
                    }
                };
                now = at;
                pace.ended(sent, outcome, base + now);
            }
            Turn::At(at) => now = at - base,
            Turn::AfterAnother => panic!("nothing is under way"),
        }
    }
    assert!(answered > 180 * 2 && refused < 30, "{answered} {refused}");
}

#[test]
fn the_owners_rate_holds_from_the_start() {
    for (rate, text) in [(1.0, "1"), (0.5, "0.5"), (40.0, "40")] {
        let bounds = Bounds { in_flight: 16, rate: Some(text.parse().unwrap()) };
        let world = World::run(bounds, &mut Server::new(None), &[16, 16], Duration::from_secs(60));
        let burst = (rate / 4.0f64).max(1.0);
        let got = number(world.answered.len());
        assert!(got <= burst + 60.0 * rate && got >= 58.0 * rate, "{rate}: {got}");
    }
    for text in ["0", "-1", "x", "", "inf", "NaN", "1e9"] {
        assert_eq!(text.parse::<Rate>(), Err(RateError), "{text}");
    }
}

#[test]
fn pauses_are_kept_and_grow_where_none_is_asked_for() {
    let base = Instant::now();
    let mut pace = Pace::new(bounds(16), base);
    let sent = pace.sent(base);
    pace.ended(sent, Outcome::Failed(Some(Duration::from_secs(7))), base);
    assert_eq!(pace.turn(base), Turn::At(base + Duration::from_secs(7)));
    let mut now = base + Duration::from_secs(7);
    let mut pauses = Vec::new();
    for _ in 0..9 {
        while let Turn::At(at) = pace.turn(now) {
            now = at;
        }
        let sent = pace.sent(now);
        pace.ended(sent, Outcome::Throttled { limit: None, pause: None }, now);
        pauses.push((pace.paused_until(now).unwrap() - now).as_secs());
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    let sent = pace.sent(now);
    pace.ended(sent, Outcome::Answered(None), now);
    assert!(pace.paused_until(now).is_some(), "an answer to an earlier request doesn't end it");
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Send,
    End(usize, u8, u16),
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Send),
        4 => any::<(usize, u8, u16)>().prop_map(|(which, how, took)| Step::End(which, how, took)),
        2 => any::<u16>().prop_map(Step::Wait),
    ]
}

fn outcome(how: u8, took: u16) -> Outcome {
    let seconds = Duration::from_secs(took.into());
    match how % 8 {
        0..3 => Outcome::Answered(Some(Duration::from_millis(took.into()))),
        3 => Outcome::Answered(None),
        4 => Outcome::Throttled { limit: None, pause: None },
        5 => {
            Outcome::Throttled { limit: Some(limit(u64::from(took) * 7, took.into())), pause: Some(seconds) }
        }
        6 => Outcome::Failed(Some(seconds).filter(|_| took.is_multiple_of(2))),
        _ => Outcome::Silent,
    }
}

proptest! {
    /// Whatever happens: never more under way than allowed, nothing within a pause, and always a next request.
    #[test]
    fn nobody_waits_for_ever(steps in prop::collection::vec(step(), 0..300), most in 1u32..20, owner in prop::option::of(0.1f64..50.0)) {
        let rate = owner.map(|rate| rate.to_string().parse().unwrap());
        let mut now = Instant::now();
        let mut pace = Pace::new(Bounds { in_flight: most, rate }, now);
        let mut under_way = Vec::new();
        for step in steps {
            match step {
                Step::Send => if pace.turn(now) == Turn::Now {
                    prop_assert!(pace.paused_until(now).is_none());
                    under_way.push(pace.sent(now));
                },
                Step::End(which, how, took) if !under_way.is_empty() => {
                    let sent = under_way.swap_remove(which % under_way.len());
                    pace.ended(sent, outcome(how, took), now);
                }
                Step::End(..) => {}
                Step::Wait(milliseconds) => now += Duration::from_millis(milliseconds.into()),
            }
            prop_assert!(under_way.len() <= most as usize);
        }
        under_way.into_iter().for_each(|sent| pace.ended(sent, Outcome::Silent, now));
        // The longest pause that was asked for, and then the slowest pace of all.
        let end = now + Duration::from_secs(u64::from(u16::MAX) + 120);
        for _ in 0..10 {
            match pace.turn(now) {
                Turn::Now => break,
                Turn::At(at) => { prop_assert!(at > now); now = at; }
                Turn::AfterAnother => prop_assert!(false, "nothing is under way"),
            }
        }
        prop_assert_eq!(pace.turn(now), Turn::Now);
        prop_assert!(now <= end);
    }

    /// A limit that is named is kept in every span of its length, once the requests from before are over.
    #[test]
    fn a_named_limit_is_kept(requests in 1u64..200, seconds in 1u64..90, latency in 1u64..500) {
        let limit = limit(requests, seconds);
        let base = Instant::now();
        let mut pace = Pace::new(bounds(16), base);
        let sent = pace.sent(base);
        pace.ended(sent, Outcome::Throttled { limit: Some(limit), pause: Some(limit.per) }, base);
        let mut sent_at = VecDeque::new();
        let mut now = base;
        for _ in 0..1000 {
            while let Turn::At(at) = pace.turn(now) {
                now = at;
            }
            // From then on it is doubted.
            if now > base + Duration::from_mins(59) {
                break;
            }
            let sent = pace.sent(now);
            while sent_at.front().is_some_and(|at| *at + limit.per <= now) {
                sent_at.pop_front();
            }
            sent_at.push_back(now);
            prop_assert!(sent_at.len() as u64 <= requests, "{} of {}", sent_at.len(), requests);
            pace.ended(sent, Outcome::Answered(None), now + Duration::from_millis(latency) / 100);
            now += Duration::from_millis(latency) / 100;
        }
    }
}
