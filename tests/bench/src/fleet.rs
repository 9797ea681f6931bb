//! The watches of a scenario, and which tasks each of them should find.

use std::collections::BTreeMap;

use kube::core::ObjectMeta;
use migration_task_watch::api::{Credentials, Filter, MigrationTaskWatch, MigrationTaskWatchSpec, SecretRef};

use bench::world::{State, World, source_id, source_name, task_id};

/// The Secret of all watches.
pub(crate) const SECRET: &str = "huawei";

/// How many watches, on what, how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fleet {
    pub(crate) watches: usize,
    pub(crate) choice: Choice,
    /// Seconds between listings.
    pub(crate) interval: u64,
}

/// Which tasks a watch is on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Choice {
    /// All of the account.
    All,
    /// The wave with the watch's number, by the task's name.
    Wave,
    /// That wave too, each fifth watch by another kind of filter: a wildcard, ids, ids of source servers, their names, a part
    /// of the name and a state.
    Mixed,
}

/// One watch, and what it should find.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) filter: Option<Filter>,
    numbers: Vec<usize>,
    state: Option<State>,
}

impl Fleet {
    pub(crate) fn members(&self, world: &World) -> Vec<Member> {
        (0..self.watches).map(|number| member(self.choice, world, number)).collect()
    }

    /// A watch as a user would apply it.
    pub(crate) fn watch(&self, member: &Member, endpoint: &str) -> MigrationTaskWatch {
        let spec = MigrationTaskWatchSpec {
            endpoint: Some(endpoint.to_owned()),
            credentials: Credentials {
                secret_ref: Some(SecretRef { name: SECRET.to_owned() }),
                ..Credentials::default()
            },
            filter: member.filter.clone(),
            interval: format!("{}s", self.interval),
            stall_after: "30m".to_owned(),
            task_limit: 500,
            ..MigrationTaskWatchSpec::default()
        };
        let metadata = ObjectMeta { name: Some(member.name.clone()), ..ObjectMeta::default() };
        MigrationTaskWatch { metadata, ..MigrationTaskWatch::new("", spec) }
    }
}

impl Member {
    /// The tasks that it should count now, by state.
    pub(crate) fn expected(&self, world: &World) -> BTreeMap<String, i64> {
        let mut counts = world.by_state(self.numbers.iter().copied());
        if let Some(state) = self.state {
            counts.retain(|name, _| name == state.name());
        }
        counts
    }

    /// Whether it shows tasks of this wave.
    pub(crate) fn has(&self, number: usize) -> bool {
        self.numbers.binary_search(&number).is_ok()
    }
}

fn member(choice: Choice, world: &World, number: usize) -> Member {
    let name = format!("watch-{number:04}");
    match choice {
        Choice::All => Member { name, filter: None, numbers: (0..world.count()).collect(), state: None },
        Choice::Wave => wave(name, world, number, 0),
        Choice::Mixed => wave(name, world, number, number % 5),
    }
}

fn wave(name: String, world: &World, number: usize, kind: usize) -> Member {
    let numbers: Vec<usize> = world.wave(number).collect();
    let list = |text: fn(usize) -> String| Some(numbers.iter().map(|number| text(*number)).collect());
    let mut state = None;
    let filter = match kind {
        0 => Filter { name: Some(format!("wave-{number:04}-*")), ..Filter::default() },
        1 => Filter { ids: list(task_id), ..Filter::default() },
        2 => Filter { source_server_ids: list(source_id), ..Filter::default() },
        3 => Filter { source_server_names: list(source_name), ..Filter::default() },
        _ => {
            state = Some(State::Running);
            Filter {
                name: Some(format!("wave-{number:04}-app")),
                states: Some(vec![State::Running.name().to_owned()]),
                ..Filter::default()
            }
        }
    };
    Member { name, filter: Some(filter), numbers, state }
}
