//! Finding a task by its id among many.

use std::hash::{BuildHasher, RandomState};

use hashbrown::{HashTable, hash_table::Entry};

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

/// Where in a list of tasks each id is: six to eleven bytes a task.
#[derive(Clone, Debug, Default)]
pub struct Index {
    places: HashTable<u32>,
    hasher: RandomState,
}

impl Index {
    /// An index with room for so many tasks.
    #[must_use]
    pub fn with_capacity(tasks: usize) -> Self {
        Self { places: HashTable::with_capacity(tasks), hasher: RandomState::new() }
    }

    /// Puts a task into the list, in the place of one with the same id if there is one.
    pub fn put(&mut self, list: &mut Vec<Task>, task: Task) -> Put {
        let Self { places, hasher } = self;
        let id = task.packed_id();
        let is_it = |place: &u32| id_at(list, *place) == Some(id);
        match places.entry(hasher.hash_one(id), is_it, hash_at(hasher, list)) {
            Entry::Occupied(known) => {
                let place = *known.get() as usize;
                if let Some(old) = list.get_mut(place) {
                    *old = task;
                }
                Put::Known(place)
            }
            Entry::Vacant(free) => {
                // No list has more tasks than this can count: they would fill half a terabyte.
                free.insert(u32::try_from(list.len()).unwrap_or(u32::MAX));
                list.push(task);
                Put::New
            }
        }
    }

    /// The task with the same id as another.
    #[must_use]
    pub fn find<'a>(&self, list: &'a [Task], other: &Task) -> Option<&'a Task> {
        self.look_up(list, other.packed_id())
    }

    fn look_up<'a>(&self, list: &'a [Task], id: &[u8]) -> Option<&'a Task> {
        let place = self.places.find(self.hasher.hash_one(id), |place| id_at(list, *place) == Some(id))?;
        list.get(*place as usize)
    }
}

impl From<&[Task]> for Index {
    /// Indexes a list in which each id is once.
    fn from(list: &[Task]) -> Self {
        let Self { mut places, hasher } = Self::with_capacity(list.len());
        for (task, place) in list.iter().zip(0..) {
            places.insert_unique(hasher.hash_one(task.packed_id()), place, hash_at(&hasher, list));
        }
        Self { places, hasher }
    }
}

fn hash_at(hasher: &RandomState, list: &[Task]) -> impl Fn(&u32) -> u64 {
    move |place| hasher.hash_one(id_at(list, *place).unwrap_or_default())
}

fn id_at(list: &[Task], place: u32) -> Option<&[u8]> {
    list.get(place as usize).map(Task::packed_id)
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
        let known = self.index.look_up(&self.tasks, packed_id(&bytes)).filter(|task| task.packed() == bytes);
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
