//! Statuses that the API server refuses: less is written then, so that somebody learns of it. The whole is tried again.

use std::time::Duration;

use tokio::time::Instant;

use super::{error::Error, said::sentence};
use crate::core::failure::{Failure, FailureKind};

/// The pause before the whole is tried again: doubled from the first on.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// How much of a status is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All.
    Whole,
    /// All but the list of tasks: those are remembered in the ledger, as tasks are that aren't written out.
    WithoutTasks,
    /// What was written before, with other conditions. Nothing of a listing counts as told.
    ConditionsAlone,
}

/// What is known of refusals of one watch's status.
#[derive(Debug, Default)]
pub(super) struct Refusal {
    /// The whole is refused, and less is written.
    less: Option<Less>,
    /// How often in a row the whole was refused.
    times: u32,
}

#[derive(Debug)]
struct Less {
    why: String,
    extent: Extent,
    until: Instant,
}

/// What the API server says, if it refuses a status for what it holds, and has not written it.
pub(super) fn refused(error: &Error) -> Option<String> {
    error.status().filter(|status| matches!(status.code, 400 | 403 | 413 | 422)).map(sentence)
}

impl Refusal {
    /// How much is written now.
    pub(super) fn extent(&self, now: Instant) -> Extent {
        self.less.as_ref().filter(|less| now < less.until).map_or(Extent::Whole, |less| less.extent)
    }

    /// What a status says that isn't whole.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.less.as_ref().map(|less| {
            let message = format!(
                "The API server refuses the status, and it is written without its tasks or as it was before: {}.",
                less.why
            );
            Failure::new(FailureKind::StatusRefused, message)
        })
    }

    /// Whether the whole was refused when it was last tried.
    pub(super) fn is_open(&self) -> bool {
        self.times > 0
    }

    /// A status of this extent was refused. Whether there is less to write.
    pub(super) fn refused(&mut self, extent: Extent, why: String, now: Instant) -> bool {
        match (extent, &mut self.less) {
            (Extent::WithoutTasks, Some(less)) => {
                (less.why, less.extent) = (why, Extent::ConditionsAlone);
                true
            }
            (Extent::Whole, _) => {
                let pause = FIRST_PAUSE.saturating_mul(1 << self.times.min(4)).min(LONGEST_PAUSE);
                self.times = self.times.saturating_add(1);
                self.less = Some(Less { why, extent: Extent::WithoutTasks, until: now + pause });
                true
            }
            // Nothing may be written at all. That is no fault of the status.
            _ => {
                self.less = None;
                false
            }
        }
    }

    /// A status of this extent was written.
    pub(super) fn written(&mut self, extent: Extent) {
        if extent == Extent::Whole {
            *self = Self::default();
        }
    }

    /// When the whole is tried again.
    pub(super) fn until(&self) -> Option<Instant> {
        self.less.as_ref().map(|less| less.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_is_written_and_the_whole_is_tried_again_more_and_more_seldom() {
        let (mut refusal, mut now) = (Refusal::default(), Instant::now());
        let mut pauses = Vec::new();
        for _ in 0..6 {
            assert_eq!(refusal.extent(now), Extent::Whole);
            assert!(refusal.refused(Extent::Whole, "too large (413)".to_owned(), now));
            assert_eq!(refusal.extent(now), Extent::WithoutTasks);
            assert!(refusal.failure().unwrap().message.contains("too large (413)"));
            assert!(refusal.refused(Extent::WithoutTasks, "no".to_owned(), now));
            assert_eq!(refusal.extent(now), Extent::ConditionsAlone);
            refusal.written(Extent::ConditionsAlone);
            pauses.push((refusal.until().unwrap() - now).as_secs());
            now = refusal.until().unwrap();
        }
        assert_eq!(pauses, [30, 60, 120, 240, 300, 300]);
        refusal.written(Extent::Whole);
        assert!(!refusal.is_open() && refusal.failure().is_none());
        // Where nothing may be written, the next try is of the whole.
        for (extent, goes_on) in
            [(Extent::Whole, true), (Extent::WithoutTasks, true), (Extent::ConditionsAlone, false)]
        {
            assert_eq!(refusal.refused(extent, "no".to_owned(), now), goes_on);
        }
        assert_eq!(refusal.extent(now), Extent::Whole);
    }
}
