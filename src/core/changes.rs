//! What a listing has changed, counted: for a line of the log.

use std::{collections::BTreeMap, fmt};

use super::transition::{Transition, TransitionKind};

/// The transitions of a listing, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Whether it is a new baseline.
    is_baseline: bool,
    transitions: BTreeMap<TransitionKind, usize>,
}

impl Changes {
    /// Counts transitions.
    #[must_use]
    pub fn of(is_baseline: bool, transitions: &[Transition<'_>]) -> Self {
        let mut counted = BTreeMap::new();
        for transition in transitions {
            *counted.entry(transition.kind).or_default() += 1;
        }
        Self { is_baseline, transitions: counted }
    }

    /// Whether there were none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.is_baseline && self.transitions.is_empty()
    }
}

/// Such as `3 TaskStarted, 1 TaskFailed`: the reasons that their events have.
impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        if self.is_baseline {
            f.write_str("WatchStarted")?;
            comma = ", ";
        }
        for (kind, count) in &self.transitions {
            write!(f, "{comma}{count} {}", kind.reason())?;
            comma = ", ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::transition::Subject, *};

    #[test]
    fn transitions_are_counted_by_the_reasons_of_their_events() {
        use TransitionKind::{Failed, Started};
        let transitions =
            [Started, Failed, Started].map(|kind| Transition { kind, subject: Subject::Nameless });
        let changes = Changes::of(false, &transitions);
        assert_eq!(
            (changes.to_string().as_str(), changes.is_empty()),
            ("1 TaskFailed, 2 TaskStarted", false)
        );
        assert_eq!(Changes::of(true, &transitions[..1]).to_string(), "WatchStarted, 1 TaskStarted");
        assert!(Changes::of(false, &[]).is_empty() && !Changes::of(true, &[]).is_empty());
    }
}
