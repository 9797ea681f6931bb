//! What the tasks of a status say, as numbers: enough to know whether other tasks say something else.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::api::TaskStatus;

/// What tasks say, in whatever order they do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    telling: u64,
    progress: u64,
}

/// How one set of tasks differs from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// In nothing that is worth a write.
    Nothing,
    /// In how far they are.
    Progress,
    /// In what a person would act on.
    Telling,
}

impl Shown {
    /// What these tasks say.
    #[must_use]
    pub fn of(tasks: &[TaskStatus]) -> Self {
        tasks.iter().map(Self::of_one).fold(Self::default(), |sum, one| Self {
            telling: sum.telling.wrapping_add(one.telling),
            progress: sum.progress.wrapping_add(one.progress),
        })
    }

    fn of_one(task: &TaskStatus) -> Self {
        let error = task.error.as_ref().map(|error| (&error.code, &error.message));
        let vm = task.target_server.as_ref().and_then(|server| server.vm_id.as_ref());
        Self {
            telling: hash(&(&task.id, &task.state, error, task.stalled_since.is_some(), vm)),
            progress: hash(&(&task.id, task.progress)),
        }
    }

    /// How these tasks differ from those before.
    #[must_use]
    pub fn change_since(self, before: Self) -> Change {
        if self.telling != before.telling {
            Change::Telling
        } else if self.progress != before.progress {
            Change::Progress
        } else {
            Change::Nothing
        }
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::TaskErrorStatus;

    fn task(id: &str, state: &str, progress: i64) -> TaskStatus {
        TaskStatus { id: id.to_owned(), state: state.to_owned(), progress, ..TaskStatus::default() }
    }

    #[test]
    fn what_a_person_would_act_on_is_told_from_progress_and_from_speed() {
        let before = [task("a", "RUNNING", 10), task("b", "RUNNING", 10)];
        let error = Some(TaskErrorStatus { code: None, message: Some("Full.".to_owned()) });
        for (after, expected) in [
            (vec![task("b", "RUNNING", 10), task("a", "RUNNING", 10)], Change::Nothing),
            (
                vec![TaskStatus { migrate_speed: Some(3.0), ..before[0].clone() }, before[1].clone()],
                Change::Nothing,
            ),
            (vec![task("a", "RUNNING", 11), task("b", "RUNNING", 10)], Change::Progress),
            (vec![task("a", "RUNNING", 11), task("b", "RUNNING", 9)], Change::Progress),
            (vec![task("a", "SYNCING", 11), task("b", "RUNNING", 10)], Change::Telling),
            (vec![TaskStatus { error, ..before[0].clone() }, before[1].clone()], Change::Telling),
            (vec![task("a", "RUNNING", 10)], Change::Telling),
            (vec![task("a", "RUNNING", 10), task("c", "RUNNING", 10)], Change::Telling),
        ] {
            assert_eq!(Shown::of(&after).change_since(Shown::of(&before)), expected, "{after:?}");
        }
    }
}
