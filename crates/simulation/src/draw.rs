//! Random numbers that are drawn from a seed. Each sequence of draws depends only on the seed and
//! on a name. So if a fault is removed from a run, all sequences but the fault's own stay the same.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::trouble::Trouble;

pub(crate) const HOUR: u64 = 3_600_000;

/// Mixes two numbers (the finalizer of SplitMix64).
#[must_use]
pub(crate) const fn mix(a: u64, b: u64) -> u64 {
    let mut z = a ^ b.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Hashes a name to a number.
#[must_use]
pub(crate) fn hash_name(text: &str) -> u64 {
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let sum = words.iter().fold(text.len() as u64, |sum, word| mix(sum, u64::from_le_bytes(*word)));
    rest.iter().fold(sum, |sum, byte| mix(sum, u64::from(*byte)))
}

#[derive(Debug, Clone, Copy)]
pub struct Draw(u64);

impl Draw {
    /// The sequence of random numbers that belongs to `seed` and to the name `what`.
    #[must_use]
    pub fn of(seed: u64, what: &str) -> Self {
        Self(mix(seed, hash_name(what)))
    }

    /// The sequence of random numbers that belongs to `seed` and to the number `what`.
    #[must_use]
    pub const fn numbered(seed: u64, what: u64) -> Self {
        Self(mix(seed, what))
    }

    /// A number below `bound`, which must not be 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        self.0 = mix(self.0, bound);
        ((self.0 as u128 * bound as u128) >> 64) as u64
    }

    /// True with a probability of `part` percent.
    pub const fn percent(&mut self, part: u64) -> bool {
        self.below(100) < part
    }

    /// One of `choices`.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        let place = usize::try_from(self.below(choices.len() as u64)).unwrap_or(0);
        choices[place]
    }

    /// A duration below a second, a minute, an hour or thirty hours. The limit is drawn first, so
    /// that durations of each scale occur.
    pub fn moment(&mut self) -> Duration {
        let span = self.one_of(&[1_000, 60_000, HOUR, 30 * HOUR]);
        Duration::from_millis(self.below(span))
    }
}

/// The random numbers from which an application makes a run's script: what simulated people do.
#[derive(Debug)]
pub struct Draws {
    pub seed: u64,
    /// The trouble that this run is exposed to.
    pub troubles: BTreeSet<Trouble>,
    /// The random source for quantities, such as how long a delay is. It is seeded with the name
    /// `extent`: under another name, every seed would draw other quantities.
    pub quantities: Draw,
    pub(crate) moments: Draw,
}

impl Draws {
    /// The draws of a fixed script: seed 0, and no trouble.
    #[must_use]
    pub fn plain() -> Self {
        let (quantities, moments) = (Draw::of(0, "extent"), Draw::of(0, "scenario"));
        Self { seed: 0, troubles: BTreeSet::new(), quantities, moments }
    }

    /// The sequence of random numbers that belongs to the run's seed and to the name `what`.
    #[must_use]
    pub fn of(&self, what: &str) -> Draw {
        Draw::of(self.seed, what)
    }

    /// Whether the run is exposed to this trouble.
    #[must_use]
    pub fn has(&self, trouble: Trouble) -> bool {
        self.troubles.contains(&trouble)
    }

    /// The moments at which this trouble happens: from one to `most` moments, or none if the
    /// trouble does not occur in this run.
    pub fn moments(&mut self, trouble: Trouble, most: u64) -> Vec<Duration> {
        let count = if self.has(trouble) { 1 + self.moments.below(most) } else { 0 };
        (0..count).map(|_| self.moments.moment()).collect()
    }
}
