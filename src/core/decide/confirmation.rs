//! A gate opens when two listings in a row agree: what follows can't be taken back, and one listing can be wrong.
//!
//! Between two pages a task can go and another come, so that the count agrees and a third is on no page. Then the listing
//! holds one that has gone meanwhile (it has as many tasks as there were at its end, and not all of these), and since a
//! task that is gone doesn't come back, the next listing lacks it. So a listing was true if the next one has all of its
//! tasks: all of the account's, whosever they are.

use crate::core::conditions::{Reason, Truth, Verdict, is_gate};

/// What a listing says of the gates, and what it is worth.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Confirmation {
    /// The listing.
    sequence: u64,
    /// The gates that pass by it.
    passed: Vec<&'static str>,
    /// The gates that passed by the listing before it as well, which this one has shown to be true.
    confirmed: Vec<&'static str>,
}

impl Confirmation {
    /// Takes in what a listing says. `is_true` tells whether the listing before was true, as far as this one shows.
    pub(super) fn after(
        before: Option<Self>,
        sequence: u64,
        verdicts: &[Verdict],
        is_true: impl FnOnce() -> bool,
    ) -> Self {
        let passed = verdicts.iter().filter(|verdict| is_open_gate(verdict)).map(|verdict| verdict.kind);
        let passed: Vec<_> = passed.collect();
        let confirmed = match before {
            // The same listing again: the spec has changed, or the last decision wasn't written.
            Some(before) if before.sequence == sequence => before.confirmed,
            Some(before) if before.has_passed() && is_true() => before.passed,
            _ => Vec::new(),
        };
        Self { sequence, passed, confirmed }
    }

    /// Whether a gate passes by the listing, so that it matters whether that was true.
    pub(super) fn has_passed(&self) -> bool {
        !self.passed.is_empty()
    }

    /// The verdict, or that a gate waits for a second listing. A gate that is open already stays so.
    pub(super) fn hold(&self, verdict: Verdict, was_open: bool) -> Verdict {
        if !is_open_gate(&verdict) || was_open || self.confirmed.contains(&verdict.kind) {
            return verdict;
        }
        let message = format!("{} A second listing is asked for to confirm it.", verdict.message);
        Verdict { truth: Truth::False, reason: Reason::Confirming, message, ..verdict }
    }
}

fn is_open_gate(verdict: &Verdict) -> bool {
    is_gate(verdict.kind) && verdict.truth == Truth::True
}
