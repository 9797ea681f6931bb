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
