//! Pseudo-random numbers: the same ones for the same seed, for states and ballots that are made up. Nothing secret.

/// A generator: SplitMix64.
#[derive(Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `least` up to and without `bound`.
    pub(crate) fn between(&mut self, least: u64, bound: u64) -> u64 {
        least + self.next() % (bound - least).max(1)
    }

    pub(crate) fn u16(&mut self) -> u16 {
        (self.next() >> 48).try_into().unwrap_or(u16::MAX)
    }
}
