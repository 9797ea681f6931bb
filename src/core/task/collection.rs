//! The tasks of a listing.

use std::{ops::Deref, sync::Arc};

use super::Task;

/// The tasks of a listing, each once, in the order of [`Task::order_by_id`]. A copy shares them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tasks(Arc<[Task]>);

impl Tasks {
    /// Puts tasks in order. Those that the earlier listing found as well and just the same are shared with it, and if
    /// that are all, so is the list.
    #[must_use]
    pub fn after(earlier: &Self, tasks: Vec<Task>) -> Self {
        let tasks = Self::from(tasks);
        let same = tasks.len() == earlier.len()
            && tasks.iter().zip(earlier.iter()).all(|(task, before)| task.is_shared_with(before));
        if same { earlier.clone() } else { tasks }
    }

    /// The task with the same id as another.
    #[must_use]
    pub fn find(&self, other: &Task) -> Option<&Task> {
        self.0.get(self.0.binary_search_by(|task| task.order_by_id(other)).ok()?)
    }

    /// Whether a later listing has all of these tasks, however they are now.
    #[must_use]
    pub fn are_all_in(&self, later: &Self) -> bool {
        let mut others = later.iter();
        // Both are in one order.
        self.is_shared_with(later)
            || self.iter().all(|task| {
                others
                    .by_ref()
                    .find(|other| other.order_by_id(task).is_ge())
                    .is_some_and(|other| other.order_by_id(task).is_eq())
            })
    }

    /// Whether both are one list in one place of memory.
    #[must_use]
    pub fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Deref for Tasks {
    type Target = [Task];

    fn deref(&self) -> &[Task] {
        &self.0
    }
}

impl From<Vec<Task>> for Tasks {
    /// Of several tasks with one id the last one counts.
    fn from(tasks: Vec<Task>) -> Self {
        // The start of an id beside it spares most looks at the tasks themselves.
        let mut keyed: Vec<(u64, Task)> = tasks.into_iter().rev().map(|task| (start(&task), task)).collect();
        keyed.sort_by(|(a, one), (b, other)| a.cmp(b).then_with(|| one.order_by_id(other)));
        keyed.dedup_by(|(_, later), (_, kept)| later.order_by_id(kept).is_eq());
        Self(keyed.into_iter().map(|(_, task)| task).collect())
    }
}

impl FromIterator<Task> for Tasks {
    fn from_iter<I: IntoIterator<Item = Task>>(tasks: I) -> Self {
        Self::from(tasks.into_iter().collect::<Vec<_>>())
    }
}

impl Extend<Task> for Tasks {
    /// A task that is there already is replaced.
    fn extend<I: IntoIterator<Item = Task>>(&mut self, tasks: I) {
        *self = self.0.iter().cloned().chain(tasks).collect();
    }
}

/// The first eight bytes of the packed id, in its order.
fn start(task: &Task) -> u64 {
    let mut start = [0; 8];
    for (place, byte) in start.iter_mut().zip(task.packed_id()) {
        *place = *byte;
    }
    u64::from_be_bytes(start)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::core::task::{Details, TaskState};

    fn task(id: &str, name: u8) -> Task {
        Details { name: name.to_string().into(), ..Details::bare(id, TaskState::Ready) }.into()
    }

    proptest! {
        #[test]
        fn each_task_is_there_once_in_one_order(
            listed in prop::collection::vec(("(long-prefix-)?[ab]{0,2}", 0u8..9), 0..40)
        ) {
            let last: BTreeMap<_, _> = listed.iter().cloned().collect();
            let tasks: Tasks = listed.iter().map(|(id, name)| task(id, *name)).collect();
            prop_assert!(tasks.windows(2).all(|pair| pair[0].order_by_id(&pair[1]).is_lt()));
            let found: BTreeMap<_, _> =
                tasks.iter().map(|task| (task.id().to_string(), task.name().parse().unwrap())).collect();
            prop_assert_eq!(&found, &last);
            for (id, _) in &listed {
                let name = tasks.find(&task(id, 0)).map(|task| task.name().parse().unwrap());
                prop_assert_eq!(name.as_ref(), last.get(id));
            }
            prop_assert!(tasks.find(&task("c", 0)).is_none());
            let (first, second) = listed.split_at(listed.len() / 2);
            let mut extended: Tasks = first.iter().map(|(id, name)| task(id, *name)).collect();
            extended.extend(second.iter().map(|(id, name)| task(id, *name)));
            prop_assert_eq!(extended, tasks);
        }
    }

    proptest! {
        #[test]
        fn all_are_in_a_later_list_if_none_is_missing(
            one in prop::collection::btree_set("[ab]{0,3}", 0..8),
            other in prop::collection::btree_set("[ab]{0,3}", 0..12),
        ) {
            let list = |ids: &std::collections::BTreeSet<String>| -> Tasks { ids.iter().map(|id| task(id, 0)).collect() };
            prop_assert_eq!(list(&one).are_all_in(&list(&other)), one.is_subset(&other));
            prop_assert!(list(&one).are_all_in(&list(&one.union(&other).cloned().collect())));
        }
    }

    #[test]
    fn a_list_that_stays_is_shared() {
        let earlier: Tasks = [task("a", 1), task("b", 1)].into_iter().collect();
        let again = Tasks::after(&earlier, vec![earlier[1].clone(), earlier[0].clone()]);
        assert!(again.is_shared_with(&earlier));
        let changed = Tasks::after(&earlier, vec![earlier[1].clone(), task("a", 2)]);
        assert!(!changed.is_shared_with(&earlier) && changed[1].is_shared_with(&earlier[1]));
    }
}
