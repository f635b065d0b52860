//! The seeded generator behind every random choice of the machine (SplitMix64).

/// A deterministic generator: the same seed gives the same choices, natively and in wasm.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..limit`; 0 when the limit is 0.
    pub(crate) const fn below(&mut self, limit: u64) -> u64 {
        // The high half of a 128-bit product is uniform enough and has no division.
        ((self.next() as u128 * limit as u128) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_choices_and_stays_below_the_limit() {
        let (mut a, mut b) = (Random::new(7), Random::new(7));
        for limit in 1..1000 {
            let choice = a.below(limit);
            assert_eq!(choice, b.below(limit));
            assert!(choice < limit);
        }
        assert_eq!(a.below(0), 0);
    }
}
