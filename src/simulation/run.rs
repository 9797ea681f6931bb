//! One run: operators and the world take turns, until all is calm and as it should be.

use std::collections::BTreeMap;

use super::{
    Bug, HOUR, MINUTE, Moment, SECOND,
    chaos::{Act, Blow},
    checks::{GATES, Said, is_open},
    oracle::{counts, matches},
    process::Process,
    sms::Task,
    trouble::Spared,
    world::{Event, Shared, Stats, World},
};
use crate::{
    api::{MigrationTaskWatch, MigrationTaskWatchStatus, REQUESTED_AT},
    core::budget::WriteRate,
};

/// For how long a Lease is held by one who doesn't renew it.
const LEASE: Moment = 15 * SECOND;
/// How long it may take until all is as it should be, once it is calm.
const PATIENCE: Moment = HOUR;
/// How long it may take until a change is in the statuses although events are refused, beyond two intervals.
const HELD_UP: Moment = 2 * MINUTE;
/// How long it may take until events that were refused are told.
const ACCEPTED: Moment = 10 * MINUTE;
/// The states that all tasks change to while events are refused.
const CHANGES: [&str; 2] = ["SYNCING", "RUNNING"];

/// What has gone wrong, and what happened before.
pub(super) struct Failed {
    pub(super) what: String,
    pub(super) trace: Vec<String>,
}

struct Run {
    shared: Shared,
    processes: Vec<Process>,
    /// How many have been started.
    started: u32,
    /// How wrong the clock of the newest is.
    skew: i64,
    interval: Moment,
    rate: WriteRate,
    calm_at: Option<Moment>,
    /// How many changes have been made while nothing but events was refused.
    changes: usize,
    /// When the last of them must be seen in all statuses.
    due: Moment,
    /// What wasn't seen in time.
    held_up: Option<String>,
    /// What was said when all was as it should be; then the operator was started anew.
    settled: Option<(Moment, BTreeMap<String, Said>)>,
}

impl Failed {
    /// Which invariant is broken.
    pub(super) fn invariant(&self) -> Option<u8> {
        self.what.strip_prefix("invariant ")?.split(':').next()?.parse().ok()
    }
}

/// Runs a seed, perhaps with a bug, and without some trouble.
pub(super) fn run(seed: u64, bug: Option<Bug>, spared: &Spared) -> Result<Stats, Failed> {
    fastrand::seed(seed);
    let mut world = World::new(seed, bug, spared);
    let interval = world.begin();
    let rate = if world.random.u8(..6) == 0 { "2KiB" } else { "off" }.parse().unwrap();
    let mut run = Run {
        shared: Shared::new(world),
        processes: Vec::new(),
        started: 0,
        skew: 0,
        interval,
        rate,
        calm_at: None,
        changes: 0,
        due: 0,
        held_up: None,
        settled: None,
    };
    let result = run.go_on();
    let mut world = run.shared.lock();
    result.map(|()| world.stats).map_err(|what| Failed { what, trace: world.trace.drain(..).collect() })
}

impl Run {
    fn go_on(&mut self) -> Result<(), String> {
        loop {
            self.bury();
            let next = {
                let world = self.shared.lock();
                if let Some(broken) = &world.broken {
                    return Err(broken.clone());
                }
                world.next().ok_or("nothing happens any more")?
            };
            let behind = |process: &&mut Process| process.local < next && process.paused_until < next;
            if let Some(process) = self.processes.iter_mut().find(behind) {
                if process.paused_until > process.local {
                    process.wake_at(process.paused_until);
                }
                process.run_until(next, &self.shared);
                continue;
            }
            let Some(event) = self.shared.lock().pop() else { continue };
            match event {
                Event::Arrives { from, sent, request, fate, reply } => {
                    self.shared.lock().arrives(from, sent, request, fate, reply);
                }
                Event::Act(Act::Look) => {
                    if self.look()? {
                        return Ok(());
                    }
                }
                Event::Act(act) => self.act(&act),
            }
        }
    }

    /// Processes that have died are no more; another takes over.
    fn bury(&mut self) {
        let dead = std::mem::take(&mut self.shared.lock().dead);
        for number in dead {
            let before = self.processes.len();
            self.processes.retain(|process| process.number != number);
            if self.processes.len() < before {
                self.lock_in(2 * SECOND, Act::Start);
                self.shared.lock().stats.crashes += 1;
            }
        }
    }

    fn lock_in(&self, delay: Moment, act: Act) {
        let mut world = self.shared.lock();
        let moment = world.now + delay;
        world.at(moment, Event::Act(act));
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::TasksMove => self.shared.lock().move_tasks(self.interval),
            Act::Something => {
                let blow = self.shared.lock().something(self.interval);
                if let Some(blow) = blow {
                    self.strike(blow);
                }
            }
            Act::Start => self.start(),
            Act::End(number) => self.processes.retain(|process| process.number != *number),
            Act::Cut => self.shared.lock().kubernetes.cut(),
            Act::Calm => {
                self.shared.lock().calm();
                let now = self.shared.lock().now;
                self.calm_at = Some(now);
                self.due = now + PATIENCE;
                self.lock_in(MINUTE, Act::Start);
                self.lock_in(self.interval, Act::Look);
            }
            Act::Look => {}
        }
    }

    /// An operator starts, unless one is there. One that is paused has lost its Lease.
    fn start(&mut self) {
        let now = self.shared.lock().now;
        if self.processes.iter().any(|process| process.paused_until <= now) {
            return;
        }
        for process in &mut self.processes {
            process.depose();
            let moment = process.paused_until + SECOND;
            self.shared.lock().at(moment, Event::Act(Act::End(process.number)));
        }
        self.started += 1;
        let skew = self.processes.first().map_or(0, Process::skew);
        if skew != self.skew {
            self.skew = skew;
            self.shared.lock().oracle.stepped = Some(now);
        }
        self.shared.lock().tell(|| format!("operator {} starts", self.started));
        self.processes.push(Process::start(&self.shared, self.started, now, skew, self.rate));
    }

    fn strike(&mut self, blow: Blow) {
        let now = self.shared.lock().now;
        let Some(process) = self.processes.last_mut() else { return };
        let number = process.number;
        self.shared.lock().tell(|| format!("operator {number}: {blow:?}"));
        match blow {
            Blow::Kill(delay) => {
                self.processes.pop();
                self.shared.lock().stats.crashes += 1;
                self.lock_in(delay, Act::Start);
            }
            Blow::Pause(time) => {
                process.paused_until = now + time;
                if time > LEASE {
                    self.lock_in(LEASE, Act::Start);
                }
            }
            Blow::Stop => process.stop(),
            Blow::Clock(by) => {
                process.step_clock(by);
                self.skew = process.skew();
                self.shared.lock().oracle.stepped = Some(now);
            }
        }
    }

    /// Looks whether all is as it should be, twice: the second time after another operator has started. Says whether
    /// that is the end.
    fn look(&mut self) -> Result<bool, String> {
        let operator = self.processes.last().map_or(0, |process| process.number);
        if self.shared.lock().event_refusal().is_some() {
            self.look_without_events(operator);
            return Ok(false);
        }
        let (now, wrong, kept, said) = {
            let world = self.shared.lock();
            let said = world.kubernetes.watches.values();
            let said = said.map(|watch| {
                let status = watch.status.clone().unwrap_or_default();
                (watch.metadata.uid.clone().unwrap_or_default(), Said::of(&status))
            });
            (world.now, world.wrong(), world.keeps(operator), said.collect::<BTreeMap<_, _>>())
        };
        let calm_at = self.calm_at.unwrap_or(now);
        let later = self.shared.lock().longest_interval();
        if let Some(kept) = kept.as_ref().filter(|_| now > calm_at + ACCEPTED) {
            return Err(format!("invariant 3: events have long been accepted, and {kept}"));
        }
        match (&self.settled, wrong.or(kept)) {
            (None, Some(wrong)) if now > calm_at + PATIENCE => return Err(format!("invariant 3: {wrong}")),
            (Some((since, _)), _) if now < since + 2 * later + MINUTE => {}
            (Some(_), Some(wrong)) => return Err(format!("invariant 1: after a restart, {wrong}")),
            (Some((_, before)), None) if *before == said => return Ok(true),
            (Some((_, before)), None) => {
                return Err(format!("invariant 1: a restart changes {before:?} to {said:?}"));
            }
            (None, Some(_)) => {}
            (None, None) => {
                if let Some(held_up) = &self.held_up {
                    return Err(format!("invariant 5: for as long as events were refused, {held_up}"));
                }
                self.settled = Some((now, said));
                self.processes.clear();
                self.lock_in(1, Act::Start);
            }
        }
        self.lock_in(later.max(10 * SECOND), Act::Look);
        Ok(false)
    }
}

impl Run {
    /// While events are refused, and nothing else, looks whether statuses go on: two changes must be seen. (The first one
    /// may be told by the status that the events are of.) Then events are accepted.
    fn look_without_events(&mut self, operator: u32) {
        let mut world = self.shared.lock();
        let later = world.longest_interval();
        let now = world.now;
        let wrong = world.wrong().or_else(|| world.hides(operator));
        match (wrong, CHANGES.get(self.changes)) {
            (None, Some(state)) => {
                world.change_all(state);
                self.changes += 1;
                self.due = now + 2 * later + HELD_UP;
            }
            (Some(_), _) if now <= self.due => {}
            // If that isn't for the events, it will be wrong still when they are accepted.
            (wrong, _) => {
                self.held_up = wrong.filter(|_| self.changes > 0);
                world.accept_events();
                self.calm_at = Some(now);
            }
        }
        drop(world);
        self.lock_in(later.max(10 * SECOND), Act::Look);
    }
}

impl Stats {
    pub(super) fn add(&mut self, other: Self) {
        self.steps += other.steps;
        self.listings += other.listings;
        self.writes += other.writes;
        self.conflicts += other.conflicts;
        self.refusals += other.refusals;
        self.events += other.events;
        self.crashes += other.crashes;
        self.transitions += other.transitions;
        self.trace ^= other.trace;
    }
}

impl World {
    /// What isn't as it should be. Events may be owed as long as they are refused.
    fn wrong(&self) -> Option<String> {
        self.kubernetes.watches.values().find_map(|watch| self.wrong_with(watch))
    }

    fn wrong_with(&self, watch: &MigrationTaskWatch) -> Option<String> {
        let name = watch.metadata.name.as_deref().unwrap_or_default();
        let status = watch.status.clone().unwrap_or_default();
        let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready");
        if ready.is_none_or(|ready| ready.status != "True" || ready.reason != "Synced") {
            return Some(format!("{name} isn't ready: {ready:?}"));
        }
        if status.observed_generation != watch.metadata.generation {
            return Some(format!("{name} isn't of the newest generation"));
        }
        let requested = watch.metadata.annotations.as_ref().and_then(|all| all.get(REQUESTED_AT));
        if requested.is_some() && status.last_handled_reconcile_at.as_ref() != requested {
            return Some(format!("{name} hasn't answered the annotation"));
        }
        let untold = self.untold(watch.metadata.uid.as_deref().unwrap_or_default());
        if !untold.is_empty() && self.event_refusal().is_none() {
            return Some(format!("{name} has never told {untold:?}"));
        }
        let secret = watch.spec.credentials.secret_ref.as_ref()?.name.clone();
        let secret = (watch.metadata.namespace.clone()?, secret);
        let account = self.sms.accounts.get(&self.kubernetes.secrets.get(&secret)?.key)?;
        let states = counts(account.tasks.iter().filter(|task| matches(&watch.spec, task)));
        if let Some(wrong) = wrong_gate(&status, &states) {
            return Some(format!("{name}: {wrong}"));
        }
        // What there is else is said with progress, and so later.
        if let Some(others) = status.conditions.iter().find_map(|condition| others(&condition.message))
            && others != account.tasks.len().to_string()
        {
            return Some(format!("{name} says that {others} others exist"));
        }
        let summary = status.summary.unwrap_or_default();
        if summary.by_state != states || summary.total != states.values().sum::<i64>() {
            return Some(format!("{name} counts {:?}, and there are {states:?}", summary.by_state));
        }
        let tasks = account.tasks.iter().filter(|task| matches(&watch.spec, task));
        let progress = tasks.map(Task::progress).sum::<i64>() / summary.total.max(1);
        if summary.progress != progress {
            return Some(format!("{name} is at {} of {progress}", summary.progress));
        }
        let limit = watch.spec.task_limit;
        let shown = i64::try_from(status.tasks.len()).unwrap_or_default();
        if shown != limit.min(summary.total) || status.omitted_tasks != Some(summary.total - shown) {
            return Some(format!("{name} shows {shown} of {}", summary.total));
        }
        let is_true = |shown: &crate::api::TaskStatus| {
            let same = |task: &&Task| (task.id.as_str(), task.state) == (&shown.id, &shown.state);
            account.tasks.iter().find(same).is_some_and(|task| task.progress() == shown.progress)
        };
        status.tasks.iter().find(|task| !is_true(task)).map(|task| format!("{name} shows {task:?}"))
    }
}

/// How many tasks exist, says a message about a filter that matches none.
fn others(message: &str) -> Option<&str> {
    message.strip_prefix("No task matches; ")?.split(' ').next()
}

/// A gate that isn't as the tasks are, of which there are some. (Without any, those count that have gone.)
fn wrong_gate(status: &MigrationTaskWatchStatus, states: &BTreeMap<String, i64>) -> Option<String> {
    let is_for_now = |reason: &str| matches!(reason, "TasksMissing" | "Confirming");
    if let Some(waits) = status.conditions.iter().find(|condition| is_for_now(&condition.reason)) {
        return Some(format!("{} is {} still", waits.type_, waits.reason));
    }
    GATES.iter().find_map(|(gate, passes)| {
        let is_open = is_open(status, gate);
        let passes = states.keys().all(|state| passes(state));
        (!states.is_empty() && is_open != passes)
            .then(|| format!("{gate} is {is_open}, and there are {states:?}"))
    })
}
