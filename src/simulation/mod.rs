//! The whole operator under made-up clocks: the real controller with its watch streams, reconciles and clients, the real
//! pollers and feeds, the real client of SMS and the core, between models of the API server and of SMS. Each operator has
//! a runtime of its own, whose time passes only when there is nothing to do, so that hours take milliseconds.
//!
//! Requests are lost, late, refused, or carried out and never answered; operators die at any of them, stand still, are
//! asked to end, and have their clocks set; streams go deaf, end and expire; watches are edited, wiped and replaced;
//! tasks vanish and come back, and pages don't fit together; policies refuse statuses and
//! events. All of it follows from a seed:
//!
//! ```text
//! SIMULATION_SEED=7 cargo test --lib simulation::invariants -- --nocapture
//! SIMULATION_SEEDS=20000 cargo test --lib simulation::invariants
//! ```

mod chaos;
mod checks;
mod fate;
mod kubernetes;
mod oracle;
mod planted;
mod policies;
mod process;
mod run;
mod sms;
mod trouble;
mod wire;
mod world;

use std::{
    num::NonZero,
    ops::Range,
    panic::catch_unwind,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use run::{Failed, run};
use trouble::{Spared, shrink};
use world::Stats;

/// True time, in milliseconds since the beginning.
type Moment = u64;

const SECOND: Moment = 1000;
const MINUTE: Moment = 60 * SECOND;
const HOUR: Moment = 60 * MINUTE;

/// Mistakes that the simulation must find, by the invariant that each goes against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    /// 1: a status says something that depends on which process wrote it.
    FollowsTheProcess,
    /// 1: a status that answers a spec was made with other credentials than that names.
    AnswersForOthers,
    /// 2: a status is written for each listing.
    WritesEachListing,
    /// 3: events are created before the status that owes them is written.
    EventsFirst,
    /// 3: what a status owes is cleared before it is told.
    ForgetsEarly,
    /// 3: what a status owes is told again after events have expired.
    TellsAnew,
    /// 3: nothing more is written once a status was refused.
    StopsWhenRefused,
    /// 4: any count is taken for that of the listing.
    BelievesIncomplete,
    /// 4: a gate opens by one listing.
    OpensByOneListing,
    /// 5: texts aren't cut.
    Unbounded,
    /// 5: statuses wait for as long as events are refused.
    WaitsForEvents,
    /// 6: a status is written over any version.
    Unfenced,
    /// 6: what was read once is taken for the newest version.
    DecidesFromStaleCache,
    /// 7: another tenant's Secret is read.
    ReadsOthersSecret,
    /// 8: refused credentials are tried again at once.
    RetriesRefusals,
    /// 9: Secrets are read more often than they may.
    ReadsSecretsOften,
}

impl Bug {
    const ALL: [(u8, Self); 16] = [
        (1, Self::FollowsTheProcess),
        (1, Self::AnswersForOthers),
        (2, Self::WritesEachListing),
        (3, Self::EventsFirst),
        (3, Self::ForgetsEarly),
        (3, Self::TellsAnew),
        (3, Self::StopsWhenRefused),
        (4, Self::BelievesIncomplete),
        (4, Self::OpensByOneListing),
        (5, Self::Unbounded),
        (5, Self::WaitsForEvents),
        (6, Self::Unfenced),
        (6, Self::DecidesFromStaleCache),
        (7, Self::ReadsOthersSecret),
        (8, Self::RetriesRefusals),
        (9, Self::ReadsSecretsOften),
    ];
}

/// More of them have been run; these take two to three minutes on two cores.
const SEEDS: u64 = 1000;
/// A bug that none of these finds isn't found.
const MOST_SEEDS: u64 = 5000;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|number| number.parse().unwrap())
}

/// Runs seeds on all cores, until one fails: the lowest, however many cores there are.
fn all(seeds: Range<u64>, bug: Option<Bug>) -> Result<Stats, (u64, Failed)> {
    let next = AtomicU64::new(seeds.start);
    let (failed, sum) = (Mutex::new(None), Mutex::new(Stats::default()));
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while failed.lock().unwrap().is_none() {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    let result = catch_unwind(|| run(seed, bug, &Spared::new()));
                    match result.unwrap_or_else(|_| panic!("seed {seed} panicked")) {
                        Ok(stats) => sum.lock().unwrap().add(stats),
                        Err(what) => {
                            let mut failed = failed.lock().unwrap();
                            if failed.as_ref().is_none_or(|(before, _)| seed < *before) {
                                *failed = Some((seed, what));
                            }
                        }
                    }
                }
            });
        }
    });
    let sum = *sum.lock().unwrap();
    failed.into_inner().unwrap().map_or(Ok(sum), Err)
}

#[test]
fn invariants_hold_whatever_happens() {
    let seeds = match number("SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIMULATION_SEEDS").unwrap_or(SEEDS),
    };
    let began = Instant::now();
    match all(seeds.clone(), None) {
        Ok(stats) => println!("{} seeds in {:?}: {stats:?}", seeds.end - seeds.start, began.elapsed()),
        Err((seed, failed)) => {
            let (troubles, failed) = shrink(seed, None, failed);
            failed.trace.iter().for_each(|step| println!("{step}"));
            panic!(
                "{}\nWhat it takes: {troubles:?}\nReplay it with: SIMULATION_SEED={seed} cargo test --lib \
                 simulation::invariants -- --nocapture",
                failed.what
            );
        }
    }
}

#[test]
fn a_seed_is_replayed_step_by_step() {
    for seed in 0..20 {
        let [one, other] = [(); 2].map(|()| run(seed, None, &Spared::new()).map_err(|failed| failed.what));
        assert_eq!(one, other, "seed {seed}");
    }
}

#[test]
fn each_planted_bug_is_found() {
    for (invariant, bug) in Bug::ALL {
        let Err((seed, failed)) = all(0..MOST_SEEDS, Some(bug)) else { panic!("{bug:?} isn't found") };
        let what = failed.what.lines().next().unwrap_or_default();
        println!("{invariant} {bug:?}: seed {seed}: {what:.150}");
        assert_eq!(failed.invariant(), Some(invariant), "{bug:?}");
    }
}
