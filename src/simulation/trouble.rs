//! The kinds of trouble, which can be spared one by one: so it is found out which of them a failure needs.

use std::collections::BTreeSet;

use super::{
    Bug,
    run::{Failed, run},
};

/// A kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trouble {
    /// Operators die at a request.
    Crashes,
    /// Requests or answers are lost.
    Losses,
    /// Requests are refused, and changes told twice.
    Refusals,
    /// Requests take long.
    Slowness,
    /// Operators are killed, paused or asked to end at any time.
    Blows,
    /// Clocks are set.
    Clocks,
    /// The API server is away.
    Outages,
    /// Streams go deaf, end or expire.
    Streams,
    /// SMS fails or answers nonsense.
    Skies,
    /// Owners edit watches.
    Edits,
    /// Others edit what is the operator's.
    Tampering,
    /// Watches are deleted and created anew.
    Replacement,
    /// Secrets change.
    Secrets,
    /// Statuses or events are refused for a time.
    Policies,
}

impl Trouble {
    const ALL: [Self; 14] = [
        Self::Slowness,
        Self::Losses,
        Self::Refusals,
        Self::Crashes,
        Self::Blows,
        Self::Clocks,
        Self::Outages,
        Self::Streams,
        Self::Skies,
        Self::Edits,
        Self::Tampering,
        Self::Replacement,
        Self::Secrets,
        Self::Policies,
    ];
}

/// Trouble that doesn't happen.
pub(super) type Spared = BTreeSet<Trouble>;

/// The same failure with as little trouble as it takes, and what that is.
pub(super) fn shrink(seed: u64, bug: Option<Bug>, failed: Failed) -> (Vec<Trouble>, Failed) {
    let (mut spared, mut least) = (Spared::new(), failed);
    for trouble in Trouble::ALL {
        let mut fewer = spared.clone();
        fewer.insert(trouble);
        // What fails otherwise is another failure.
        if let Err(failed) = run(seed, bug, &fewer)
            && failed.invariant() == least.invariant()
        {
            (spared, least) = (fewer, failed);
        }
    }
    (Trouble::ALL.into_iter().filter(|trouble| !spared.contains(trouble)).collect(), least)
}
