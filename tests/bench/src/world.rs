//! The tasks of the account: the same for the same size, in the process that serves them and in the one that checks
//! what became of them.

mod json;
mod state;

use std::collections::BTreeMap;

pub use state::State;

/// No size is a multiple of it, so that changes come to all tasks.
const STRIDE: usize = 7919;

/// How many tasks there are, and of what kind.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct Size {
    /// How many tasks there are.
    #[arg(long)]
    pub tasks: usize,
    /// How many waves they are spread over.
    #[arg(long)]
    pub waves: usize,
    /// Some are in states that the API's filter can't name.
    #[arg(long)]
    pub unnameable: bool,
}

/// All tasks. A task is a number; only its state changes.
#[derive(Debug)]
pub struct World {
    states: Vec<State>,
    waves: usize,
    cursor: usize,
}

impl World {
    /// All tasks as they are at first.
    #[must_use]
    pub fn new(size: Size) -> Self {
        let states = (0..size.tasks).map(|number| State::initial(number, size.unnameable)).collect();
        Self { states, waves: size.waves.max(1), cursor: 0 }
    }

    /// How many tasks there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.states.len()
    }

    /// The state of a task; none when there is no such task.
    #[must_use]
    pub fn state(&self, number: usize) -> Option<State> {
        self.states.get(number).copied()
    }

    /// The numbers of a wave's tasks; they are spread over the whole listing.
    pub fn wave(&self, wave: usize) -> impl Iterator<Item = usize> {
        (wave..self.count()).step_by(self.waves)
    }

    /// The name of a task, which begins with its wave.
    #[must_use]
    pub fn name(&self, number: usize) -> String {
        format!("wave-{:04}-app-{number:06}", number % self.waves)
    }

    /// So many of these tasks are in each state.
    pub fn by_state(&self, numbers: impl Iterator<Item = usize>) -> BTreeMap<String, i64> {
        let mut counts = BTreeMap::new();
        for state in numbers.filter_map(|number| self.state(number)) {
            *counts.entry(state.name().to_owned()).or_default() += 1;
        }
        counts
    }

    /// Takes so many tasks one state further. Returns their numbers.
    pub fn change(&mut self, count: usize) -> Vec<usize> {
        let mut changed = Vec::with_capacity(count);
        for _ in 0..self.count() {
            if changed.len() == count {
                break;
            }
            self.cursor = (self.cursor + STRIDE) % self.count();
            let Some(state) = self.states.get_mut(self.cursor) else { break };
            if let Some(next) = state.next() {
                *state = next;
                changed.push(self.cursor);
            }
        }
        changed
    }
}

/// The id of a task.
#[must_use]
pub fn task_id(number: usize) -> String {
    id("7a5b", number)
}

/// The id of the server that a task migrates.
#[must_use]
pub fn source_id(number: usize) -> String {
    id("50ce", number)
}

/// The name of the server that a task migrates.
#[must_use]
pub fn source_name(number: usize) -> String {
    format!("host-{number:06}")
}

/// Looks like the service's random ids, in no order.
fn id(kind: &str, number: usize) -> String {
    let mixed = (number as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("{:08x}-{kind}-4{:03x}-9b52-{number:012x}", mixed >> 32, (mixed >> 20) & 0xfff)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;

    fn world() -> World {
        World::new(Size { tasks: 1_000, waves: 30, unnameable: true })
    }

    #[test]
    fn pages_are_json_and_say_what_the_world_says() {
        let world = world();
        let page: Value = serde_json::from_slice(&world.page(1_000, 0..1_000).unwrap()).unwrap();
        assert_eq!(page["count"], 1_000);
        let tasks = page["tasks"].as_array().unwrap();
        let ids: HashSet<&str> = tasks.iter().map(|task| task["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), 1_000);
        let mut states: BTreeMap<String, i64> = BTreeMap::new();
        for task in tasks {
            *states.entry(task["state"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        assert_eq!(states, world.by_state(0..1_000));
        assert_eq!(tasks[7]["source_server"]["id"], source_id(7));
    }

    #[test]
    fn each_task_is_in_the_wave_that_its_name_says() {
        let world = world();
        let all: Vec<usize> = (0..30).flat_map(|wave| world.wave(wave)).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 1_000);
        assert!(world.wave(7).all(|number| world.name(number).starts_with("wave-0007-")));
    }

    #[test]
    fn two_worlds_change_alike_until_all_has_ended() {
        let (mut one, mut other) = (world(), world());
        assert_eq!(one.change(10), other.change(10));
        while !one.change(100).is_empty() {}
        assert_eq!(one.by_state(0..1_000).get("RUNNING"), None);
    }
}
