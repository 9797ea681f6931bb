//! Tasks that are shared with the last listing decide the same as tasks that are merely equal.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::core::task::{Earlier, Tasks};

const STATES: [&str; 6] = ["READY", "RUNNING", "RUNNING", "SYNCING", "MIGRATE_FAIL", ""];

fn filters() -> impl Strategy<Value = serde_json::Value> {
    prop_oneof![
        Just(json!({})),
        Just(json!({"name": "a"})),
        Just(json!({"name": "a", "states": ["RUNNING", "MIGRATE_FAIL"]})),
        Just(json!({"ids": ["t1", "t2", "t3", "t9"]})),
        Just(json!({"sourceServerIds": ["source-t1", "source-t2"]})),
    ]
}

/// State, name and progress by id, what happens before the listing, and how long that takes.
type Turn = (std::collections::BTreeMap<u8, (usize, u8, i64)>, u8, i64);

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let listing = prop::collection::btree_map(0u8..8, (0..STATES.len(), 0u8..2, 0i64..2), 0..8);
    prop::collection::vec((listing, 0u8..6, prop_oneof![Just(30i64), Just(400)]), 1..10)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn what_is_shared_decides_the_same(turns in turns(), filter in filters(), limit in 0usize..9) {
        let spec = json!({"filter": filter, "taskLimit": limit, "stallAfter": "10m"});
        let (mut sharing, mut copying) = (World::new(spec.clone()), World::new(spec));
        let mut last = Vec::new();
        for (listing, event, seconds) in turns {
            // Half of the listings are as the one before.
            if event < 3 {
                last = listing.into_iter().collect();
            }
            let tasks: Vec<Task> = last
                .iter()
                .map(|(id, (state, name, progress)): &(u8, (usize, u8, i64))| {
                    let id = format!("t{id}");
                    let at = at(&id, *progress, 0.0);
                    let name = if *name == 0 { "a" } else { "b" };
                    let state = TaskState::parse(STATES[*state]);
                    Details { name: name.into(), state, ..at.details() }.into()
                })
                .collect();
            for world in [&mut sharing, &mut copying] {
                world.pass(seconds);
                if event == 2 {
                    world.restart();
                    world.settle();
                }
            }
            let earlier = sharing.observation.snapshot.as_ref().map(|snapshot| snapshot.tasks.clone());
            let earlier = Earlier::from(earlier.unwrap_or_default());
            let shared = tasks.iter().map(|task| earlier.share(&task.details())).collect();
            let plan = sharing.plan.as_ref().unwrap();
            let ours = tasks.iter().filter(|task| plan.filter.matches(task) && plan.filter.shows(task)).count();
            sharing.see(Tasks::after(earlier.tasks(), shared).to_vec(), 0);
            copying.see(tasks, 0);
            for world in [&mut sharing, &mut copying] {
                world.settle();
                world.settle();
            }
            prop_assert_eq!(sharing.status.summary.as_ref().unwrap().total, i64::try_from(ours).unwrap());
            prop_assert_eq!(&sharing.status, &copying.status);
            prop_assert_eq!(sharing.take_told(), copying.take_told());
            prop_assert_eq!((sharing.wake, sharing.writes), (copying.wake, copying.writes));
        }
    }
}
