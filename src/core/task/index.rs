//! Finding a task by its id among many.

use std::hash::{BuildHasher, RandomState};

use super::{
    Details, Task, Tasks,
    packed::{pack, packed_id},
};

/// Where a task was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// At the end of the list: its id is new.
    New,
    /// At this place, which the one with its id had before.
    Known(usize),
}

/// Where in a list of tasks each id is: four to eight bytes a task.
#[derive(Clone, Debug)]
pub struct Index {
    /// A place in the list, and one more; 0 is free. A power of two of them, half of which are free at least.
    slots: Vec<u32>,
    hasher: RandomState,
}

impl Index {
    /// An index with room for so many tasks.
    #[must_use]
    pub fn with_capacity(tasks: usize) -> Self {
        let size = tasks.saturating_mul(2).max(16).checked_next_power_of_two().unwrap_or(16);
        Self { slots: vec![0; size], hasher: RandomState::new() }
    }

    /// Puts a task into the list, in the place of one with the same id if there is one.
    pub fn put(&mut self, list: &mut Vec<Task>, task: Task) -> Put {
        if list.len() >= self.slots.len() / 2 {
            self.grow(list);
        }
        match self.look_up(list, task.packed_id()) {
            Ok(place) => {
                if let Some(old) = list.get_mut(place) {
                    *old = task;
                }
                Put::Known(place)
            }
            Err(slot) => {
                list.push(task);
                self.take(slot, list.len());
                Put::New
            }
        }
    }

    /// The task with the same id as another.
    #[must_use]
    pub fn find<'a>(&self, list: &'a [Task], other: &Task) -> Option<&'a Task> {
        list.get(self.look_up(list, other.packed_id()).ok()?)
    }

    /// The place of an id in the list, or the slot where it belongs.
    fn look_up(&self, list: &[Task], id: &[u8]) -> Result<usize, usize> {
        let mask = self.slots.len() - 1;
        // Cutting the hash is what is wanted.
        let mut slot = usize::try_from(self.hasher.hash_one(id) & mask as u64).unwrap_or(0);
        loop {
            match self.slots.get(slot).and_then(|place| (*place as usize).checked_sub(1)) {
                Some(place) if list.get(place).is_some_and(|task| task.packed_id() == id) => {
                    return Ok(place);
                }
                Some(_) => slot = (slot + 1) & mask,
                None => return Err(slot),
            }
        }
    }

    fn take(&mut self, slot: usize, place: usize) {
        if let Some(slot) = self.slots.get_mut(slot) {
            *slot = u32::try_from(place).unwrap_or(0);
        }
    }

    fn grow(&mut self, list: &[Task]) {
        let mut larger = Self { hasher: self.hasher.clone(), ..Self::with_capacity(list.len() * 2) };
        for (place, task) in list.iter().enumerate() {
            if let Err(slot) = larger.look_up(list, task.packed_id()) {
                larger.take(slot, place + 1);
            }
        }
        *self = larger;
    }
}

impl Default for Index {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl From<&[Task]> for Index {
    /// Indexes a list in which each id is once.
    fn from(list: &[Task]) -> Self {
        let mut index = Self::with_capacity(0);
        index.grow(list);
        index
    }
}

/// The tasks that an earlier listing found, so that what is the same is kept once.
#[derive(Clone, Debug, Default)]
pub struct Earlier {
    tasks: Tasks,
    index: Index,
}

impl Earlier {
    /// Packs a task; one that is the same is shared.
    #[must_use]
    pub fn share(&self, details: &Details<'_>) -> Task {
        let mut bytes = Vec::with_capacity(256);
        pack(details, &mut bytes);
        let known = self.index.look_up(&self.tasks, packed_id(&bytes)).ok();
        let known = known.and_then(|place| self.tasks.get(place)).filter(|task| task.packed() == bytes);
        known.cloned().unwrap_or_else(|| Task::from_packed(&bytes))
    }

    /// The tasks.
    #[must_use]
    pub fn tasks(&self) -> &Tasks {
        &self.tasks
    }
}

impl From<Tasks> for Earlier {
    fn from(tasks: Tasks) -> Self {
        Self { index: Index::from(&*tasks), tasks }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::core::task::TaskState;

    fn task(id: u8, name: u8) -> Task {
        Details { name: name.to_string().into(), ..Details::bare(id.to_string(), TaskState::Ready) }.into()
    }

    proptest! {
        #[test]
        fn it_is_a_map(puts in prop::collection::vec((0u8..60, 0u8..3), 0..200)) {
            let (mut index, mut list) = (Index::with_capacity(0), Vec::new());
            let mut map = BTreeMap::new();
            for (id, name) in puts {
                let place = list.iter().position(|known: &Task| known.id().to_string() == id.to_string());
                prop_assert_eq!(index.put(&mut list, task(id, name)), place.map_or(Put::New, Put::Known));
                map.insert(id, name);
                prop_assert_eq!(list.len(), map.len());
            }
            for index in [index, Index::from(list.as_slice())] {
                for id in 0..60 {
                    let found = index.find(&list, &task(id, 9)).map(|task| task.name().parse().unwrap());
                    prop_assert_eq!(found, map.get(&id).copied());
                }
            }
        }
    }

    #[test]
    fn what_is_the_same_is_shared() {
        let earlier = Earlier::from(Tasks::from(vec![task(1, 1), task(2, 1)]));
        let share = |task: Task| earlier.share(&task.details());
        assert!(share(task(1, 1)).is_shared_with(&earlier.tasks()[0]));
        let changed = share(task(1, 2));
        assert!(changed == task(1, 2) && !changed.is_shared_with(&earlier.tasks()[0]));
        assert_eq!(share(task(3, 1)), task(3, 1));
    }
}
