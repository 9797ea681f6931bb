//! Several operators and an API server under a made-up clock, with all that goes wrong between them: clocks that run at
//! other speeds and show other times, requests that are lost, late or sent twice, answers that never come, processes that
//! are paused, killed or told to end, a Lease that somebody labels or deletes.

mod process;
mod world;

use std::cmp::Reverse;

use super::*;
use world::{Event, World};

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
