//! What goes on failing is said now and then, not each time.

use std::time::{Duration, Instant};

use super::failure::FailureKind;

/// After this time the same failure is said again.
const PAUSE: Duration = Duration::from_mins(10);

/// Which failures of a series are worth a line of the log.
#[derive(Clone, Debug, Default)]
pub struct Repeats {
    said: Option<(FailureKind, Instant)>,
    unsaid: u32,
}

impl Repeats {
    /// It has failed. If that is to be said: how often it has failed since that was last said.
    pub fn fails(&mut self, kind: FailureKind, now: Instant) -> Option<u32> {
        let is_known =
            self.said.is_some_and(|(said, at)| said == kind && now.saturating_duration_since(at) < PAUSE);
        self.unsaid = self.unsaid.saturating_add(1);
        if is_known {
            return None;
        }
        self.said = Some((kind, now));
        Some(std::mem::take(&mut self.unsaid))
    }

    /// It works. Whether that is to be said, since it didn't before.
    pub fn works(&mut self) -> bool {
        self.unsaid = 0;
        self.said.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_change_is_said_and_repeats_are_counted(
            steps in prop::collection::vec((0_usize..4, 0_u64..400), 1..200),
        ) {
            let mut now = Instant::now();
            let mut repeats = Repeats::default();
            let (mut last, mut said_at, mut failed, mut counted): (Option<FailureKind>, _, u32, u32) = (None, now, 0, 0);
            for (what, seconds) in steps {
                now += Duration::from_secs(seconds);
                // Three kinds of failures, and none.
                let Some(kind) = FailureKind::ALL[..3].get(what).copied() else {
                    prop_assert_eq!(repeats.works(), last.is_some());
                    (last, failed, counted) = (None, 0, 0);
                    continue;
                };
                failed += 1;
                let said = repeats.fails(kind, now);
                prop_assert_eq!(said.is_some(), last != Some(kind) || now - said_at >= PAUSE);
                if let Some(times) = said {
                    counted += times;
                    prop_assert_eq!(counted, failed);
                    said_at = now;
                }
                last = Some(kind);
            }
        }
    }
}
