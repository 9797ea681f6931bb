//! The operators, the API server, and all that happens between and to them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{
    Answer, Bug, CALM, Duration, Elector, Lease, Loss, Moment, Record, SECONDS, Standing, Step, Timing,
    process::{Call, Clock, Process},
};

pub(super) enum Event {
    Wake(usize),
    Apply { process: usize, call: u64, request: Step, answers: bool, sent: Moment },
    Answer { process: usize, call: u64, answer: Answer },
    GiveUp { process: usize, call: u64 },
    Fault,
}

pub(super) struct World {
    random: fastrand::Rng,
    bug: Option<Bug>,
    deletes: bool,
    deleted: Option<Moment>,
    pub(super) timing: Timing,
    pub(super) now: Moment,
    pub(super) queue: BTreeMap<(Moment, u64), Event>,
    count: u64,
    pub(super) processes: Vec<Process>,
    pub(super) lease: Option<Lease>,
    version: u64,
    outage_until: Moment,
    /// How often another than before has taken the Lease.
    pub(super) taken: i32,
    pub(super) led: BTreeSet<u32>,
}

impl World {
    pub(super) fn new(seed: u64, bug: Option<Bug>, deletes: bool) -> Self {
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

    pub(super) fn after(&mut self, delay: u64, event: Event) {
        self.at(self.now + delay, event);
    }

    fn at(&mut self, moment: Moment, event: Event) {
        self.count += 1;
        self.queue.insert((moment.max(self.now), self.count), event);
    }

    /// Starts a process, in the place of another.
    pub(super) fn start(&mut self, place: Option<usize>) {
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
    pub(super) fn leads(&self, process: &Process) -> bool {
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
    pub(super) fn run(mut self) -> Result<Self, String> {
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

    pub(super) fn handle(&mut self, event: Event) {
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
