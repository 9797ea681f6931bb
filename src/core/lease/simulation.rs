//! Several operators and an API server under a made-up clock, with all that goes wrong between them: clocks that run at
//! other speeds and show other times, requests that are lost, late or sent twice, answers that never come, processes that
//! are paused, killed or told to end, a Lease that somebody labels or deletes.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::*;

/// Mistakes that the simulation must find.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bug {
    /// The API server takes writes over any version.
    NoFence,
    /// A term is counted from the answer rather than from the request.
    TermFromAnswer,
    /// A leader may go on for longer than others wait.
    LongDeadline,
    /// A leader goes on until it is told otherwise.
    NoDeadline,
    /// Another's Lease has ended when it says so, by the own time of day.
    RemoteClock,
    /// A Lease that is gone is free.
    DeletedIsFree,
    /// Who resigns goes on working.
    ReleaseFirst,
}

/// A true time, in microseconds.
type Moment = u64;

const SECONDS: u64 = 1_000_000;
/// From then on nothing goes wrong any more.
const CALM: Moment = 120 * SECONDS;

struct Process {
    elector: Elector,
    /// Told apart from its predecessors.
    number: u32,
    clock: Clock,
    call: Option<Call>,
    /// Nothing happens in it before.
    paused_until: Moment,
    /// What it would say of itself if it didn't look at the clock.
    led: bool,
    /// For how long it goes on working after it resigned, if that's a bug.
    lingers_until: Moment,
}

#[derive(Clone, Copy)]
struct Clock {
    base: Instant,
    offset: Duration,
    /// How much it gains in a million.
    drift: i64,
    /// Of the time of day.
    skew: i64,
}

impl Clock {
    fn now(self, at: Moment) -> Instant {
        let gained = i64::try_from(at).unwrap() * self.drift / 1_000_000;
        self.base + self.offset + Duration::from_micros(at.saturating_add_signed(gained))
    }

    /// When it shows this.
    fn moment(self, shown: Instant) -> Moment {
        let since =
            u64::try_from(shown.saturating_duration_since(self.base + self.offset).as_micros()).unwrap();
        // Rounded up, so that it has come.
        (since + 1) * 1_000_000 / 1_000_000u64.saturating_add_signed(self.drift) + 2
    }

    fn time(self, at: Moment) -> Timestamp {
        let start: Timestamp = "2026-03-01T08:00:00Z".parse().unwrap();
        start.checked_add(SignedDuration::from_micros(i64::try_from(at).unwrap() + self.skew)).unwrap()
    }
}

#[derive(Clone, Copy, PartialEq)]
struct Call {
    id: u64,
    asked: Instant,
}

enum Event {
    Wake(usize),
    Apply { process: usize, call: u64, request: Step, answers: bool, sent: Moment },
    Answer { process: usize, call: u64, answer: Answer },
    GiveUp { process: usize, call: u64 },
    Fault,
}

struct World {
    random: fastrand::Rng,
    bug: Option<Bug>,
    deletes: bool,
    deleted: Option<Moment>,
    timing: Timing,
    now: Moment,
    queue: BTreeMap<(Moment, u64), Event>,
    count: u64,
    processes: Vec<Process>,
    lease: Option<Lease>,
    version: u64,
    outage_until: Moment,
    /// How often another than before has taken the Lease.
    taken: i32,
    led: BTreeSet<u32>,
}

impl World {
    fn new(seed: u64, bug: Option<Bug>, deletes: bool) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let ms = Duration::from_millis;
        let timings = [(3000, 2000, 500), (15_000, 10_000, 2000), (5000, 4600, 1000), (15_000, 14_000, 900)];
        let (lease, renew, retry) = timings[random.usize(..timings.len())];
        let timing = match bug {
            Some(Bug::LongDeadline) => {
                Timing { lease_duration: ms(lease), renew_deadline: ms(2 * lease), retry_period: ms(retry) }
            }
            _ => Timing::new(ms(lease), ms(renew), ms(retry)).unwrap(),
        };
        let mut world = Self {
            bug,
            deletes,
            deleted: None,
            timing,
            now: 0,
            queue: BTreeMap::new(),
            count: 0,
            processes: Vec::new(),
            lease: None,
            version: 0,
            outage_until: 0,
            taken: 0,
            led: BTreeSet::new(),
            random: random.clone(),
        };
        for _ in 0..random.usize(2..=4) {
            world.start(None);
        }
        world.after(1, Event::Fault);
        world
    }

    fn lease_duration(&self) -> u64 {
        u64::try_from(self.timing.lease_duration.as_micros()).unwrap()
    }

    fn after(&mut self, delay: u64, event: Event) {
        self.at(self.now + delay, event);
    }

    fn at(&mut self, moment: Moment, event: Event) {
        self.count += 1;
        self.queue.insert((moment.max(self.now), self.count), event);
    }

    /// Starts a process, in the place of another.
    fn start(&mut self, place: Option<usize>) {
        self.count += 1;
        let number = u32::try_from(self.count).unwrap();
        let random = &mut self.random;
        let clock = Clock {
            base: Instant::now(),
            offset: Duration::from_secs(random.u64(..10_000)),
            drift: random.i64(-30_000..=30_000),
            skew: random.i64(-3_600_000_000..=3_600_000_000),
        };
        let elector = Elector::new(&format!("operator_{number}"), self.timing, clock.now(self.now));
        let process =
            Process { elector, number, clock, call: None, paused_until: 0, led: false, lingers_until: 0 };
        let place = place.unwrap_or(self.processes.len());
        if place == self.processes.len() {
            self.processes.push(process);
        } else {
            self.processes[place] = process;
        }
        let delay = random.u64(..3 * SECONDS);
        // One that knows nothing can't know that a Lease was deleted before its holder gave up: it comes after that.
        let storm = if self.deletes && self.now > 0 { CALM + self.lease_duration() } else { 0 };
        self.at(storm.max(self.now) + delay, Event::Wake(place));
    }

    /// Whether a process would write now.
    fn leads(&self, process: &Process) -> bool {
        match process.elector.standing(process.clock.now(self.now)) {
            Standing::Leading(_) => true,
            Standing::Lost(Loss::Expired) if self.bug == Some(Bug::NoDeadline) => process.led,
            Standing::Resigned if self.bug == Some(Bug::ReleaseFirst) => self.now < process.lingers_until,
            _ => false,
        }
    }

    fn leaders(&self) -> Vec<u32> {
        self.processes.iter().filter(|process| self.leads(process)).map(|process| process.number).collect()
    }

    /// Runs until everything has been calm for long enough for somebody to lead.
    fn run(mut self) -> Result<Self, String> {
        // The last pause ends, the last late request is there, and a Lease is waited for by a slow clock.
        let end = CALM + 3 * self.lease_duration() + 100 * SECONDS;
        while let Some(((moment, _), event)) = self.queue.pop_first() {
            if moment > end {
                break;
            }
            self.now = moment;
            self.handle(event);
            let leaders = self.leaders();
            self.led.extend(&leaders);
            if leaders.len() > 1 {
                return Err(format!("{leaders:?} lead at {moment}"));
            }
        }
        self.now = end;
        match self.leaders().len() {
            1 => Ok(self),
            _ => Err(format!("nobody leads at the end: {:?}", self.lease)),
        }
    }

    fn handle(&mut self, event: Event) {
        let process = match event {
            Event::Wake(process) | Event::Answer { process, .. } | Event::GiveUp { process, .. } => process,
            Event::Apply { process, call, request, answers, sent } => {
                // Nothing stands against a creation that is under way until somebody deletes the Lease.
                let is_late = self.deleted.is_some_and(|deleted| sent <= deleted);
                if !(is_late && matches!(request, Step::Create(_))) {
                    self.apply(process, call, request, answers);
                }
                return;
            }
            Event::Fault => return self.fault(),
        };
        let paused_until = self.processes[process].paused_until;
        if self.now < paused_until {
            return self.at(paused_until, event);
        }
        match event {
            Event::Answer { call, answer, .. } => self.take(process, call, answer),
            Event::GiveUp { call, .. } => self.take(process, call, Answer::Failed),
            _ => self.step(process),
        }
    }

    fn take(&mut self, place: usize, call: u64, answer: Answer) {
        let (bug, at) = (self.bug, self.now);
        let process = &mut self.processes[place];
        let Some(current) = process.call.filter(|current| current.id == call) else { return };
        process.call = None;
        let now = process.clock.now(at);
        let asked = if bug == Some(Bug::TermFromAnswer) { now } else { current.asked };
        let answer = match (bug, answer) {
            (Some(Bug::RemoteClock), Answer::Read(Some(lease))) => {
                Answer::Read(Some(by_remote_clock(lease, process.clock.time(at))))
            }
            (Some(Bug::DeletedIsFree), Answer::Read(None)) if !process.led => {
                process.elector = Elector::new(&format!("operator_{}", process.number), self.timing, now);
                Answer::Read(None)
            }
            (_, answer) => answer,
        };
        process.elector.take(answer, asked, now);
        process.led |= matches!(process.elector.standing(now), Standing::Leading(_));
        self.step(place);
    }

    fn step(&mut self, place: usize) {
        let process = &self.processes[place];
        if process.call.is_some() {
            return;
        }
        let now = process.clock.now(self.now);
        match process.elector.step(now, process.clock.time(self.now)) {
            Step::End if self.bug == Some(Bug::NoDeadline) && self.leads(process) => {
                self.after(SECONDS / 2, Event::Wake(place));
            }
            Step::End if self.now < process.lingers_until => self.after(SECONDS / 2, Event::Wake(place)),
            Step::End => self.start(Some(place)),
            Step::Wait(until) => {
                let until = process.clock.moment(until);
                self.at(until, Event::Wake(place));
            }
            request => {
                self.count += 1;
                let call = Call { id: self.count, asked: now };
                let give_up = process.clock.moment(process.elector.give_up_at(now));
                self.processes[place].call = Some(call);
                self.at(give_up, Event::GiveUp { process: place, call: call.id });
                self.send(place, call.id, request);
            }
        }
    }

    fn is_calm(&self) -> bool {
        self.now >= CALM
    }

    /// Milliseconds; sometimes a long time; after the storm always a short one.
    fn latency(&mut self) -> u64 {
        match self.random.u8(..20) {
            0 if !self.is_calm() => self.random.u64(..30 * SECONDS),
            1 | 2 if !self.is_calm() => self.random.u64(..5 * SECONDS),
            _ => self.random.u64(1000..100_000),
        }
    }

    fn send(&mut self, process: usize, call: u64, request: Step) {
        let (calm, delay, sent) = (self.is_calm(), self.latency(), self.now);
        let (lost, unanswered, twice) =
            (self.random.u8(..20) == 0, self.random.u8(..20) == 0, self.random.u8(..20) == 0);
        if !calm && (lost || self.now < self.outage_until) {
            return;
        }
        if !calm && twice {
            let later = delay + self.latency();
            let (request, answers) = (request.clone(), self.random.bool());
            self.after(later, Event::Apply { process, call, request, answers, sent });
        }
        self.after(delay, Event::Apply { process, call, request, answers: calm || !unanswered, sent });
    }

    fn apply(&mut self, process: usize, call: u64, request: Step, answers: bool) {
        let answer = match request {
            Step::Read => Answer::Read(self.lease.clone().map(Box::new)),
            Step::Create(record) if self.lease.is_none() => {
                self.store(Lease { spec: Some(record), ..Lease::default() })
            }
            Step::Replace(lease) if self.accepts(&lease) => self.store(*lease),
            _ => Answer::Refused,
        };
        if answers {
            let delay = self.latency();
            self.after(delay, Event::Answer { process, call, answer });
        }
    }

    fn accepts(&self, lease: &Lease) -> bool {
        let version = |lease: &Lease| lease.metadata.get("resourceVersion").cloned();
        let stored = self.lease.as_ref();
        stored.is_some_and(|stored| self.bug == Some(Bug::NoFence) || version(stored) == version(lease))
    }

    fn store(&mut self, mut lease: Lease) -> Answer {
        self.version += 1;
        lease.metadata.insert("resourceVersion".to_owned(), json!(self.version.to_string()));
        let holder = |lease: &Lease| lease.spec.as_ref().and_then(Record::holder).map(str::to_owned);
        let before = self.lease.as_ref().and_then(holder);
        self.taken += i32::from(holder(&lease).is_some_and(|taken| before != Some(taken)));
        self.lease = Some(lease.clone());
        Answer::Written(Box::new(lease))
    }

    /// Something goes wrong, or somebody does something.
    fn fault(&mut self) {
        if self.is_calm() {
            return;
        }
        let place = self.random.usize(..self.processes.len());
        match self.random.u8(..8) {
            0 | 1 => self.processes[place].paused_until = self.now + self.random.u64(..40 * SECONDS),
            2 if !self.deletes => self.start(Some(place)),
            3 if !self.deletes => self.resign(place),
            4 => self.outage_until = self.now + self.random.u64(..25 * SECONDS),
            5 => {
                if let Some(lease) = self.lease.clone() {
                    self.store(lease);
                }
            }
            // Once: that one was created and deleted again between two looks is nothing that can be seen.
            6 if self.deletes && self.deleted.is_none() && self.is_known() => {
                self.lease = None;
                self.deleted = Some(self.now);
            }
            _ => {}
        }
        let delay = self.random.u64(..10 * SECONDS);
        self.after(delay, Event::Fault);
    }

    /// Whether all have seen who leads: others can't know of a Lease that is deleted.
    fn is_known(&self) -> bool {
        let holder = self.lease.as_ref().and_then(|lease| lease.spec.as_ref()).and_then(Record::holder);
        let knows = |process: &Process| match process.elector.standing(process.clock.now(self.now)) {
            Standing::Following(known) => known.as_deref() == holder,
            Standing::Leading(_) => true,
            _ => false,
        };
        holder.is_some() && self.processes.iter().all(knows)
    }

    fn resign(&mut self, place: usize) {
        let delay = self.random.u64(..5 * SECONDS);
        let leads = self.leads(&self.processes[place]);
        let process = &mut self.processes[place];
        if leads && self.bug == Some(Bug::ReleaseFirst) {
            process.lingers_until = self.now + delay;
        }
        process.elector.resign();
        self.after(1, Event::Wake(place));
    }
}

fn by_remote_clock(mut lease: Box<Lease>, now: Timestamp) -> Box<Lease> {
    let spec = lease.spec.get_or_insert_default();
    let renewed: Option<Timestamp> = spec.renew_time.as_ref().map(|time| time.parse().unwrap());
    let seconds = i64::from(spec.lease_duration_seconds.unwrap_or_default());
    if renewed.is_some_and(|renewed| now.duration_since(renewed) > SignedDuration::from_secs(seconds)) {
        spec.holder_identity = None;
    }
    lease
}

/// More of them have been run; these take a few seconds.
const SEEDS: u64 = 500;

fn seeds() -> u64 {
    std::env::var("LEASE_SEEDS").map_or(SEEDS, |seeds| seeds.parse().unwrap())
}

#[test]
fn no_two_lead_at_once_and_somebody_leads_in_the_end() {
    let (mut leaders, mut transitions) = (0, 0);
    for seed in 0..seeds() {
        let world = World::new(seed, None, false).run().unwrap_or_else(|what| panic!("seed {seed}: {what}"));
        leaders += world.led.len();
        let record = world.lease.and_then(|lease| lease.spec).unwrap();
        let counted = record.lease_transitions.unwrap();
        // The first one had nobody to take it from.
        assert_eq!(counted + 1, world.taken, "seed {seed}");
        transitions += counted;
    }
    assert!(leaders > usize::try_from(seeds()).unwrap() * 3, "{leaders} leaders");
    assert!(transitions > i32::try_from(seeds()).unwrap() * 3, "{transitions} transitions");
}

#[test]
fn no_two_lead_at_once_when_the_lease_is_deleted() {
    for seed in 0..seeds() {
        World::new(seed, None, true).run().unwrap_or_else(|what| panic!("seed {seed}: {what}"));
    }
}

#[test]
fn each_planted_bug_is_found() {
    let bugs = [
        (Bug::NoFence, false),
        (Bug::TermFromAnswer, false),
        (Bug::LongDeadline, false),
        (Bug::NoDeadline, false),
        (Bug::RemoteClock, false),
        (Bug::ReleaseFirst, false),
        (Bug::DeletedIsFree, true),
    ];
    for (bug, deletes) in bugs {
        let found = (0..SEEDS).find(|seed| World::new(*seed, Some(bug), deletes).run().is_err());
        println!("{bug:?}: seed {found:?}");
        assert!(found.is_some(), "{bug:?}");
    }
}

/// The times, in microseconds from the death of a leader, at which the next one leads; sorted, the longest first.
fn takeovers(timing: Timing, how: impl Fn(&mut World, usize)) -> Vec<u64> {
    let mut took: Vec<_> = (0..300).map(|seed| takeover(seed, timing, &how)).collect();
    took.sort_by_key(|took| Reverse(*took));
    took
}

fn takeover(seed: u64, timing: Timing, how: &impl Fn(&mut World, usize)) -> u64 {
    let mut world = World::new(seed, None, false);
    world.queue.clear();
    world.processes.clear();
    // Nothing else goes wrong.
    (world.now, world.timing) = (CALM, timing);
    (0..3).for_each(|_| world.start(None));
    let mut died = None;
    while let Some(((moment, _), event)) = world.queue.pop_first() {
        world.now = moment;
        world.handle(event);
        let mut alive = world.processes.iter();
        let leader = alive.position(|process| process.paused_until < Moment::MAX && world.leads(process));
        match (died, leader) {
            (Some(died), Some(_)) => return moment - died,
            (None, Some(leader)) if moment > CALM + 60 * SECONDS + seed * SECONDS / 60 => {
                how(&mut world, leader);
                died = Some(moment);
            }
            _ => {}
        }
    }
    panic!("the queue is never empty");
}

#[test]
fn another_leads_a_lease_and_a_retry_after_the_leader_died() {
    let timing =
        Timing::new(Duration::from_secs(15), Duration::from_secs(10), Duration::from_secs(2)).unwrap();
    let took = takeovers(timing, |world, leader| world.processes[leader].paused_until = Moment::MAX);
    // The clock may be slow by 3 in 100; the last renewal is seen a pause and two latencies later at most.
    let most = (15 * SECONDS * 103 / 100) + 24 * SECONDS / 10 + SECONDS / 2;
    assert!(took[0] <= most, "{took:?}");
    let took = takeovers(timing, |world, leader| {
        world.processes[leader].elector.resign();
        world.after(0, Event::Wake(leader));
    });
    assert!(took[0] <= 25 * SECONDS / 10 + SECONDS / 2, "{took:?}");
}
