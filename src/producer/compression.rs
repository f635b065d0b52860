//! The compressor that is asked for, and how much smaller it makes the records of each topic, as far
//! as batches before have shown.

use crate::config::{Compression, Config};
use crate::ids::TopicHandle;
use crate::record::{Codec, Compressor};

/// The compressor of `compression.type` and its level.
pub(super) fn compressor(config: &Config) -> Compressor {
    match config.compression {
        Compression::None => Compressor::new(Codec::None),
        Compression::Gzip => Compressor::with_level(Codec::Gzip, config.compression_gzip_level),
        Compression::Snappy => Compressor::new(Codec::Snappy),
        Compression::Lz4 => Compressor::new(Codec::Lz4),
        Compression::Zstd => Compressor::with_level(Codec::Zstd, config.compression_zstd_level),
    }
}

/// Ratios are parts of this: 1.0.
const ONE: u32 = 1 << 16;

/// How fast a ratio gets better: 0.005 per batch, as in Java's producer. A batch that compresses well by
/// chance must not make the next one too large.
const IMPROVING_STEP: u32 = ONE / 200;

/// How fast a ratio gets worse at least: 0.05 per batch, as in Java's producer.
const WORSENING_STEP: u32 = ONE / 20;

/// The ratios of the one codec that a producer has, by topic.
#[derive(Debug, Default)]
pub(super) struct Ratios {
    by_topic: Vec<u32>,
}

/// What is expected of a batch: the ratio of its topic with 5 % to spare, and never more than 1.
///
/// In integers, so that native and wasm fill batches alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Estimate(u32);

impl Ratios {
    /// What to expect of the next batch of a topic. Nothing gets smaller before a batch did.
    pub(super) fn estimate(&self, topic: TopicHandle) -> Estimate {
        let ratio = self.by_topic.get(topic.0 as usize).copied().unwrap_or(ONE);
        Estimate((ratio + ratio / 20).clamp(1, ONE))
    }

    /// Learns from a batch whose records took `before` bytes and take `after`.
    pub(super) fn observe(&mut self, topic: TopicHandle, before: usize, after: usize) {
        let index = topic.0 as usize;
        if self.by_topic.len() <= index {
            self.by_topic.resize(index + 1, ONE);
        }
        let observed = (after as u64 * u64::from(ONE))
            .checked_div(before as u64)
            .and_then(|ratio| u32::try_from(ratio).ok())
            .map_or(ONE, |ratio| ratio.min(ONE));
        let ratio = &mut self.by_topic[index];
        *ratio = if observed > *ratio {
            (*ratio + WORSENING_STEP).max(observed).min(ONE)
        } else {
            ratio.saturating_sub(IMPROVING_STEP).max(observed)
        };
    }

    /// Forgets what batches have shown: a broker found one too large.
    pub(super) fn forget(&mut self, topic: TopicHandle) {
        if let Some(ratio) = self.by_topic.get_mut(topic.0 as usize) {
            *ratio = ONE;
        }
    }
}

impl Estimate {
    /// What `bytes` of records take once compressed; rounded up, so that many small records add up.
    pub(super) const fn compressed(self, bytes: u64) -> u64 {
        (bytes * self.0 as u64).div_ceil(ONE as u64)
    }

    /// How many bytes of records take at most `bytes` once compressed.
    pub(super) const fn uncompressed(self, bytes: usize) -> u64 {
        (bytes as u64).saturating_mul(ONE as u64) / self.0 as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: TopicHandle = TopicHandle(2);

    fn after(batches: usize, shown: (usize, usize)) -> Ratios {
        let mut ratios = Ratios::default();
        for _ in 0..batches {
            ratios.observe(TOPIC, shown.0, shown.1);
        }
        ratios
    }

    #[test]
    fn nothing_is_expected_before_a_batch_has_shown_it() {
        let untouched = Ratios::default().estimate(TOPIC);
        assert_eq!(untouched, after(9, (1000, 1000)).estimate(TOPIC));
        assert_eq!(untouched, after(9, (1000, 1200)).estimate(TOPIC));
        assert_eq!(untouched, after(9, (0, 0)).estimate(TOPIC));
        assert_eq!(untouched.compressed(16_384), 16_384);
        assert_eq!(untouched.uncompressed(16_384), 16_384);
    }

    #[test]
    fn a_ratio_improves_in_small_steps_and_worsens_in_large_ones() {
        // 0.005 per batch: 0.5 after a hundred, plus 5 %.
        let ratios = after(100, (1000, 100));
        assert_eq!(ratios.estimate(TOPIC).compressed(1000), 527);
        assert_eq!(ratios.estimate(TOPIC).uncompressed(10_000), 19_008);
        let mut ratios = after(1000, (1000, 100));
        assert_eq!(ratios.estimate(TOPIC).compressed(100_000), 10_499);
        // At once to what was seen, and by 0.05 at least.
        ratios.observe(TOPIC, 1000, 101);
        assert_eq!(ratios.estimate(TOPIC).compressed(100_000), 15_748);
        ratios.observe(TOPIC, 1000, 800);
        assert_eq!(ratios.estimate(TOPIC).compressed(100_000), 83_999);
    }

    #[test]
    fn topics_do_not_share_a_ratio_and_one_is_forgotten_alone() {
        let mut ratios = after(100, (1000, 100));
        ratios.observe(TopicHandle(0), 1000, 100);
        let other = ratios.estimate(TopicHandle(0));
        assert_ne!(other, ratios.estimate(TOPIC));
        assert_eq!(ratios.estimate(TopicHandle(9)), Estimate(ONE));
        ratios.forget(TOPIC);
        assert_eq!(ratios.estimate(TOPIC), Estimate(ONE));
        assert_eq!(ratios.estimate(TopicHandle(0)), other);
    }

    #[test]
    fn records_that_vanish_leave_an_estimate_that_divides() {
        let estimate = after(1000, (1 << 30, 1)).estimate(TOPIC);
        assert_eq!(estimate, Estimate(1));
        assert_eq!(estimate.uncompressed(1), 65_536);
        assert_eq!(estimate.compressed(65_535), 1);
    }
}
