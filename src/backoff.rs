//! How long to wait before trying again: exponential with jitter, as KIP-580 defines it.

use crate::random::Random;
use core::time::Duration;

/// A back-off rule: `base * 2^failures`, times a factor between 0.8 and 1.2, at most `max`.
///
/// The cap comes after the jitter, as in Java: at the top all clients wait `max`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    pub(crate) base: Duration,
    pub(crate) max: Duration,
}

impl Backoff {
    /// The wait after `failures` earlier failures in a row (0 for the first wait).
    pub(crate) fn delay(&self, failures: u32, random: &mut Random) -> Duration {
        let exponential = self.base.saturating_mul(1u32 << failures.min(20));
        let per_mille = 800 + u32::try_from(random.below(401)).unwrap_or(200);
        (exponential.min(self.max).saturating_mul(per_mille) / 1000).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_with_jitter_and_never_exceeds_the_maximum() {
        let rule = Backoff {
            base: Duration::from_millis(100),
            max: Duration::from_millis(1000),
        };
        let mut random = Random::new(1);
        for _ in 0..100 {
            let first = rule.delay(0, &mut random).as_millis();
            assert!((80..=120).contains(&first), "{first}");
            let third = rule.delay(2, &mut random).as_millis();
            assert!((320..=480).contains(&third), "{third}");
            assert!(rule.delay(60, &mut random).as_millis() <= 1000);
        }
    }
}
