//! Numbers that look random, from a seed that is passed in.

use super::sync::{AtomicU64, Ordering};

/// A sequence of numbers (`SplitMix64`) that threads draw from without a lock.
#[derive(Debug)]
pub(super) struct Draws(AtomicU64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Draws {
    pub(super) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next number, from 0 to just below 1.
    pub(super) fn share(&self) -> f64 {
        let mut bits = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::Draws;

    #[test]
    fn draws_are_spread_evenly_and_the_same_for_the_same_seed() {
        let (one, other) = (Draws::new(42), Draws::new(42));
        let mut tenths = [0_u32; 10];
        for _ in 0..10_000 {
            let share = one.share();
            assert_eq!(share.to_bits(), other.share().to_bits());
            let tenth = (share * 10.0) as usize;
            tenths[tenth] += 1;
        }
        assert!(
            tenths.iter().all(|hits| (900..1100).contains(hits)),
            "{tenths:?}"
        );
    }
}
