//! What becomes of each request: decided by the seed, who asks, for what, and how often before, so that no order in
//! which two ask at the same moment changes anything.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use fastrand::Rng;

use super::{
    MINUTE, Moment, SECOND,
    trouble::{Spared, Trouble},
};

/// How much goes wrong, in a thousand requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    pub(super) crashes: u32,
    pub(super) losses: u32,
    pub(super) refusals: u32,
    pub(super) slow: u32,
}

impl Weather {
    pub(super) const CALM: Self = Self { crashes: 0, losses: 0, refusals: 0, slow: 0 };

    pub(super) fn of(random: &mut Rng, spared: &Spared) -> Self {
        let mut often = |trouble, most: u32| {
            let often = if random.bool() { random.u32(..=most) } else { 0 };
            if spared.contains(&trouble) { 0 } else { often }
        };
        Self {
            crashes: often(Trouble::Crashes, 20),
            losses: often(Trouble::Losses, 40),
            refusals: often(Trouble::Refusals, 60),
            slow: often(Trouble::Slowness, 150),
        }
    }
}

/// When the process that asks dies of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crash {
    /// Before it is sent.
    Before,
    /// Once it is carried out, and before the answer is there.
    After,
}

/// What becomes of one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    pub(super) crash: Option<Crash>,
    /// Until it arrives.
    pub(super) there: Moment,
    /// It never arrives.
    pub(super) lost: bool,
    /// It is answered with this status, and not carried out.
    pub(super) refused: Option<u16>,
    /// The answer never comes.
    pub(super) unanswered: bool,
    /// Until the answer is there.
    pub(super) back: Moment,
}

/// All fates.
#[derive(Debug, Default)]
pub(super) struct Fates {
    seed: u64,
    asked: HashMap<(u32, u64), u32>,
}

impl Fates {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, asked: HashMap::new() }
    }

    /// What becomes of the next request of a process about this.
    pub(super) fn next(&mut self, weather: Weather, process: u32, about: &str) -> Fate {
        let mut random = self.random(process, about);
        let mut happens = |often: u32| random.u32(..1000) < often;
        let (crashes, lost, refused, unanswered) = (
            happens(weather.crashes),
            happens(weather.losses),
            happens(weather.refusals),
            happens(weather.losses),
        );
        let slow = [happens(weather.slow), happens(weather.slow)];
        let [there, back] = slow.map(|slow| match (slow, random.u8(..10)) {
            (true, 0) => random.u64(..2 * MINUTE),
            (true, _) => random.u64(..5 * SECOND),
            (false, _) => random.u64(2..200),
        });
        let crash = if random.bool() { Crash::Before } else { Crash::After };
        let status = [500, 503, 504, 429][random.usize(..4)];
        Fate {
            crash: crashes.then_some(crash),
            there,
            lost,
            refused: refused.then_some(status),
            unanswered,
            back,
        }
    }

    /// Chance that depends on nothing else.
    pub(super) fn random(&mut self, process: u32, about: &str) -> Rng {
        let mut hasher = DefaultHasher::new();
        about.hash(&mut hasher);
        let about = hasher.finish();
        let count = self.asked.entry((process, about)).or_default();
        *count += 1;
        (self.seed, process, about, *count).hash(&mut hasher);
        Rng::with_seed(hasher.finish())
    }
}
