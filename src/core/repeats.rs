//! What goes on failing is said now and then, not each time.

use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

/// Within this time a kind of failure is said once.
const PAUSE: Duration = Duration::from_mins(10);

/// Which failures are worth a line of the log. There are few kinds of them.
#[derive(Clone, Debug)]
pub struct Repeats<Kind> {
    said: HashMap<Kind, Said>,
    /// A failure was said, and no end of it.
    is_open: bool,
    /// Failures since it last worked.
    failures: u32,
}

#[derive(Clone, Copy, Debug)]
struct Said {
    at: Instant,
    /// How often it has failed like that since.
    unsaid: u32,
}

impl<Kind> Default for Repeats<Kind> {
    fn default() -> Self {
        Self { said: HashMap::new(), is_open: false, failures: 0 }
    }
}

impl<Kind: Eq + Hash> Repeats<Kind> {
    /// It has failed. If that is to be said: how often it has failed like that since that was last said.
    pub fn fails(&mut self, kind: Kind, now: Instant) -> Option<u32> {
        self.failures = self.failures.saturating_add(1);
        let last = self.said.get_mut(&kind);
        let times = last.as_ref().map_or(1, |last| last.unsaid.saturating_add(1));
        if let Some(last) = last.filter(|last| now.saturating_duration_since(last.at) < PAUSE) {
            last.unsaid = times;
            return None;
        }
        self.said.insert(kind, Said { at: now, unsaid: 0 });
        self.is_open = true;
        Some(times)
    }

    /// It works. If that is to be said, since a failure was: how often it has failed until then.
    pub fn works(&mut self) -> Option<u32> {
        let is_open = std::mem::take(&mut self.is_open);
        let failures = std::mem::take(&mut self.failures);
        is_open.then_some(failures)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::failure::FailureKind;

    proptest! {
        #[test]
        fn lines_are_few_and_failures_are_counted(
            steps in prop::collection::vec((0_usize..4, 0_u64..400), 1..200),
        ) {
            let start = Instant::now();
            let mut now = start;
            let mut repeats = Repeats::default();
            let mut said: HashMap<FailureKind, Vec<Instant>> = HashMap::new();
            let (mut failed, mut counted): (HashMap<FailureKind, u32>, HashMap<FailureKind, u32>) = Default::default();
            let (mut open, mut in_a_row) = (false, 0);
            for (what, seconds) in steps {
                now += Duration::from_secs(seconds);
                // Three kinds of failures, and none.
                let Some(kind) = FailureKind::ALL[..3].get(what).copied() else {
                    prop_assert_eq!(repeats.works(), open.then_some(in_a_row));
                    (open, in_a_row) = (false, 0);
                    continue;
                };
                *failed.entry(kind).or_default() += 1;
                in_a_row += 1;
                let last = said.get(&kind).and_then(|said| said.last().copied());
                let times = repeats.fails(kind, now);
                // What hasn't been said for a while is said, and nothing more often.
                prop_assert_eq!(times.is_some(), last.is_none_or(|last| now - last >= PAUSE));
                if let Some(times) = times {
                    *counted.entry(kind).or_default() += times;
                    prop_assert_eq!(counted[&kind], failed[&kind]);
                    said.entry(kind).or_default().push(now);
                    open = true;
                }
            }
        }
    }
}
