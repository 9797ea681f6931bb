//! The scenarios: what there is, what is asked for, how long it goes on.

use std::time::Duration;

use crate::{
    error::Error,
    fleet::{Choice, Fleet},
};
use bench::world::Size;

/// A scenario.
#[expect(clippy::struct_excessive_bools, reason = "they have nothing to do with each other")]
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) size: Size,
    pub(crate) fleet: Fleet,
    /// Requests that are answered in a second; the others get 429.
    pub(crate) limit: Option<u32>,
    pub(crate) changes: Option<Changes>,
    /// The watches are there before the program starts.
    pub(crate) applied_first: bool,
    /// From the moment at which the first watch is applied.
    pub(crate) length: Duration,
    /// Processor time and writes count from here on, if not from the start.
    pub(crate) warm_up: Duration,
    /// A listing that can't be complete may be said to be so.
    pub(crate) may_be_incomplete: bool,
    /// The naive program is measured too.
    pub(crate) beside_naive: bool,
    pub(crate) gzip: bool,
    pub(crate) http2: bool,
}

/// How many tasks change their state, and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Changes {
    pub(crate) count: usize,
    pub(crate) every: Duration,
}

/// A page takes this long, in milliseconds.
pub(crate) const LATENCY: u64 = 20;
const DEFAULTS: [&str; 3] = ["one-65k", "start", "fleet-300"];

const BASE: Scenario = Scenario {
    name: "",
    about: "",
    size: Size { tasks: 2_000, waves: 300, unnameable: true },
    fleet: Fleet { watches: 1, choice: Choice::All, interval: 60 },
    limit: None,
    changes: None,
    applied_first: false,
    length: Duration::from_secs(5),
    warm_up: Duration::ZERO,
    may_be_incomplete: false,
    beside_naive: false,
    gzip: false,
    http2: false,
};

const SCENARIOS: [Scenario; 9] = [
    Scenario {
        name: "one-65k",
        about: "one watch on 65,000 tasks",
        size: Size { tasks: 65_000, ..BASE.size },
        beside_naive: true,
        ..BASE
    },
    Scenario {
        name: "start",
        about: "the program starts where there is one watch on 200 tasks",
        size: Size { tasks: 200, ..BASE.size },
        applied_first: true,
        beside_naive: true,
        ..BASE
    },
    Scenario {
        name: "fleet-300",
        about: "300 watches, each on its wave of 2,000 tasks, every 30 s, for 90 s",
        fleet: Fleet { watches: 300, choice: Choice::Wave, interval: 30 },
        length: Duration::from_secs(90),
        beside_naive: true,
        ..BASE
    },
    Scenario {
        name: "fleet-300-whole",
        about: "300 watches, each on all of 2,000 tasks, every 30 s, for 90 s",
        fleet: Fleet { watches: 300, choice: Choice::All, interval: 30 },
        length: Duration::from_secs(90),
        beside_naive: true,
        ..BASE
    },
    Scenario {
        name: "fleet-1000",
        about: "1,000 watches with different filters over 10,000 tasks, every 30 s; 100 tasks change a minute",
        size: Size { tasks: 10_000, waves: 1_000, unnameable: true },
        fleet: Fleet { watches: 1_000, choice: Choice::Mixed, interval: 30 },
        changes: Some(Changes { count: 10, every: Duration::from_secs(6) }),
        length: Duration::from_mins(4),
        ..BASE
    },
    Scenario {
        name: "split-150k",
        about: "one watch on 150,000 tasks, in states that can be asked for",
        size: Size { tasks: 150_000, waves: 300, unnameable: false },
        fleet: Fleet { interval: 5, ..BASE.fleet },
        length: Duration::from_secs(30),
        may_be_incomplete: true,
        ..BASE
    },
    Scenario {
        name: "split-150k-unnameable",
        about: "the same, but some are in states that the API's filter can't name",
        size: Size { tasks: 150_000, waves: 300, unnameable: true },
        fleet: Fleet { interval: 5, ..BASE.fleet },
        length: Duration::from_secs(30),
        may_be_incomplete: true,
        ..BASE
    },
    Scenario {
        name: "throttled",
        about: "30 watches on 6,000 tasks, every 30 s; SMS answers 10 requests a second; 60 tasks change a minute",
        size: Size { tasks: 6_000, waves: 30, unnameable: true },
        fleet: Fleet { watches: 30, choice: Choice::Mixed, interval: 30 },
        limit: Some(10),
        changes: Some(Changes { count: 10, every: Duration::from_secs(10) }),
        length: Duration::from_mins(3),
        ..BASE
    },
    Scenario {
        name: "idle-100",
        about: "100 quiet watches on 2,000 tasks, every minute; counted after the first minute, for five minutes",
        fleet: Fleet { watches: 100, choice: Choice::Wave, interval: 60 },
        length: Duration::from_mins(6),
        warm_up: Duration::from_mins(1),
        ..BASE
    },
];

/// The scenarios of these names.
pub(crate) fn chosen(names: &[String]) -> Result<Vec<Scenario>, Error> {
    let names: Vec<&str> = names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()).collect();
    match names.as_slice() {
        [] => chosen(&DEFAULTS.map(str::to_owned)),
        ["all"] => Ok(SCENARIOS.to_vec()),
        names => names.iter().map(|name| find(name)).collect(),
    }
}

fn find(name: &str) -> Result<Scenario, Error> {
    let found = SCENARIOS.into_iter().find(|scenario| scenario.name == name);
    found.ok_or_else(|| {
        let known = SCENARIOS.map(|scenario| scenario.name).join(", ");
        Error::NoScenario { name: name.to_owned(), known }
    })
}
