//! Tasks without number, the same each time for the same seed.

use fastrand::Rng;

use super::{Ending, OsType, PlanSpec, Stall, Task, TaskError, TaskState, TransferMethod};
use crate::seconds::Seconds;

const ROLES: [&str; 6] = ["web", "app", "db", "cache", "mail", "batch"];

/// Codes from the vendor's documents, with messages of our own.
const ERRORS: [(&str, &str); 6] = [
    ("SMS.0007", "The agent on the source server doesn't answer."),
    ("SMS.0201", "The network is busy."),
    ("SMS.0203", "The connection to the target server timed out."),
    ("SMS.0204", "The account lacks a permission that the migration needs."),
    ("SMS.0412", "The target server does not exist."),
    ("SMS.1902", "The I/O monitor of the source server failed."),
];

/// So many tasks, named by role and number, that start within ten minutes and copy for up to half an hour. Of a hundred about
/// 70 succeed, 20 sync, 5 fail, 2 are aborted, 2 stall for good, and 1 comes to a state that no client knows.
#[must_use]
pub fn generate(count: usize, seed: u64) -> Vec<Task> {
    let mut rng = Rng::with_seed(seed);
    (1..=count).map(|number| task(number, &mut rng)).collect()
}

fn task(number: usize, rng: &mut Rng) -> Task {
    let role = rng.choice(ROLES).unwrap_or_default();
    let os = if rng.u8(..100) < 25 { OsType::Windows } else { OsType::Linux };
    let method = if rng.bool() { TransferMethod::File } else { TransferMethod::Block };
    Task { os, method, ..Task::new(format!("{role}-{number:05}")) }.with_plan(&plan(rng))
}

fn plan(rng: &mut Rng) -> PlanSpec {
    let fate = rng.u8(..100);
    PlanSpec {
        starts: Seconds::new(rng.u64(..600)),
        copies: Seconds::new(rng.u64(60..1800)),
        speed: f64::from(rng.u16(50..1000)) / 10.0,
        stalls: stall(fate, rng),
        ends: ending(fate, rng),
    }
}

fn stall(fate: u8, rng: &mut Rng) -> Option<Stall> {
    match fate {
        0..2 => Some(Stall { at: rng.u8(1..99), lasts: None }),
        10..13 => Some(Stall { at: rng.u8(1..99), lasts: Some(Seconds::new(rng.u64(60..3600))) }),
        _ => None,
    }
}

fn ending(fate: u8, rng: &mut Rng) -> Ending {
    let at = rng.u8(1..99);
    match fate {
        2..4 => Ending::Aborts { at, takes: Seconds::new(rng.u64(5..60)) },
        4 => Ending::Becomes { at, state: TaskState::new("PENDING_LICENSE") },
        5..10 => Ending::Fails { at, error: error(rng) },
        80.. => Ending::Syncs { lasts: Some(Seconds::new(rng.u64(60..1800))) },
        _ => Ending::Succeeds,
    }
}

fn error(rng: &mut Rng) -> TaskError {
    let (code, message) = rng.choice(ERRORS).unwrap_or_default();
    TaskError::coded(code, message)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_tasks() {
        let shape = |seed| {
            let tasks = generate(300, seed);
            tasks.iter().map(|task| (task.id.clone(), task.at(Duration::from_mins(15)))).collect::<Vec<_>>()
        };
        assert_eq!(shape(1), shape(1));
        assert_ne!(shape(1), shape(2));
    }

    #[test]
    fn every_fate_is_met_in_its_share_and_ids_are_unique() {
        let tasks = generate(5_000, 42);
        let ids: BTreeSet<_> = tasks.iter().map(|task| &task.id).collect();
        assert_eq!(ids.len(), 5_000);
        let mut ends = BTreeMap::new();
        for task in &tasks {
            *ends.entry(task.at(Duration::from_hours(24)).state.to_string()).or_insert(0) += 1;
        }
        let share = |state: &str| ends.get(state).copied().unwrap_or_default() * 100 / 5_000;
        assert!(share("MIGRATE_SUCCESS") >= 85, "{ends:?}");
        for state in ["MIGRATE_FAIL", "ABORT", "RUNNING"] {
            assert!((1..=7).contains(&share(state)), "{state}: {ends:?}");
        }
        assert!(ends.contains_key("PENDING_LICENSE"));
    }
}
