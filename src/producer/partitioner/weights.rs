//! The table from which the next sticky partition is drawn (KIP-794): the shorter a partition's queue,
//! the likelier it is.

use crate::random::Random;
use crate::time::Instant;
use core::time::Duration;

/// One draw for so many partitions may make the table anew: the work of a draw stays bounded, however
/// many partitions a topic has.
const PARTITIONS_PER_DRAW: usize = 64;

/// A table is not drawn from after this time. What queues were like then says nothing any more.
const AGE_MAX: Duration = Duration::from_millis(100);

/// What is known of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// It has no leader.
    Leaderless,
    /// Its leader has taken nothing for `partitioner.availability.timeout.ms`.
    Stalled,
    /// So many batches wait to be sent.
    Waiting(u64),
}

/// Running sums of the partitions' weights.
///
/// A partition weighs the longest queue + 1 less its own queue: queues of 0, 3 and 1 batches weigh 4,
/// 1 and 3, and the table is 4, 5, 8. Of the numbers below 8, 0 to 3 stand for the first partition, 4
/// for the second, 5 to 7 for the third. A partition left out weighs nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Weights {
    sums: Vec<u64>,
    draws_left: usize,
    made_at: Instant,
}

impl Weights {
    /// Draws a partition of a topic with `count` of them, at least one. Makes the table anew if it is
    /// worn, or shows a partition that has lost its leader since.
    pub(super) fn draw(
        &mut self,
        count: i32,
        load: impl Fn(i32) -> Load,
        random: &mut Random,
        now: Instant,
    ) -> i32 {
        if self.draws_left > 0
            && self.sums.len() == index(count)
            && now < self.made_at.after(AGE_MAX)
        {
            self.draws_left -= 1;
            let drawn = self.at(random.below(self.total()));
            if load(drawn) != Load::Leaderless {
                return drawn;
            }
        }
        self.make(count, load);
        self.draws_left = index(count) / PARTITIONS_PER_DRAW;
        self.made_at = now;
        self.at(random.below(self.total()))
    }

    /// Makes the table. Partitions without a leader are left out, and stalled ones too unless no other
    /// is left; when nothing has a leader, all partitions weigh the same.
    fn make(&mut self, count: i32, load: impl Fn(i32) -> Load) {
        let longest = (0..count)
            .filter_map(|partition| match load(partition) {
                Load::Waiting(batches) => Some(batches),
                Load::Leaderless | Load::Stalled => None,
            })
            .max();
        let is_led = longest.is_some() || (0..count).any(|p| load(p) == Load::Stalled);
        let mut sum = 0u64;
        self.sums.clear();
        self.sums.extend((0..count).map(|partition| {
            let weight = match (load(partition), longest) {
                (Load::Waiting(batches), Some(longest)) => (longest + 1).saturating_sub(batches),
                (Load::Stalled, None) => 1,
                (Load::Leaderless, _) => u64::from(!is_led),
                (Load::Waiting(_), None) | (Load::Stalled, Some(_)) => 0,
            };
            sum = sum.saturating_add(weight);
            sum
        }));
    }

    /// One past the largest number that stands for a partition.
    fn total(&self) -> u64 {
        self.sums.last().copied().unwrap_or(0)
    }

    /// The partition that a number below the total stands for.
    fn at(&self, number: u64) -> i32 {
        let position = self.sums.partition_point(|sum| *sum <= number);
        i32::try_from(position.min(self.sums.len().saturating_sub(1))).unwrap_or(0)
    }
}

fn index(partition: i32) -> usize {
    usize::try_from(partition).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;

    fn made_of(loads: &[Load]) -> Weights {
        let mut weights = Weights::default();
        weights.make(loads.len() as i32, |partition| loads[partition as usize]);
        weights
    }

    fn waiting(queues: &[u64]) -> Vec<Load> {
        queues.iter().copied().map(Load::Waiting).collect()
    }

    /// How often each partition stands behind the numbers below the total.
    fn shares(weights: &Weights) -> Vec<u64> {
        let mut shares = vec![0; weights.sums.len()];
        for number in 0..weights.total() {
            shares[weights.at(number) as usize] += 1;
        }
        shares
    }

    /// The example in the comments of Java's BuiltInPartitioner, and its `adaptivePartitionsTest`.
    #[test]
    fn tables_are_those_of_java() {
        let example = made_of(&waiting(&[0, 3, 1]));
        assert_eq!(example.sums, [4, 5, 8]);
        let partitions = (0..8).map(|number| example.at(number));
        assert_eq!(partitions.collect::<Vec<_>>(), [0, 0, 0, 0, 1, 2, 2, 2]);
        assert_eq!(
            shares(&made_of(&waiting(&[5, 0, 3, 0, 1]))),
            [1, 6, 3, 6, 5]
        );
    }

    #[test]
    fn equal_queues_weigh_the_same_however_long() {
        for length in [0, 1, 1000] {
            assert_eq!(shares(&made_of(&waiting(&[length; 4]))), [1; 4]);
        }
    }

    #[test]
    fn what_cannot_be_written_to_is_left_out_as_long_as_something_is_left() {
        use Load::{Leaderless, Stalled, Waiting};
        let with_leaders = [Waiting(2), Leaderless, Stalled, Waiting(0)];
        assert_eq!(shares(&made_of(&with_leaders)), [1, 0, 0, 3]);
        assert_eq!(shares(&made_of(&[Stalled, Leaderless, Stalled])), [1, 0, 1]);
        assert_eq!(shares(&made_of(&[Leaderless; 3])), [1; 3]);
        // A queue that is left out does not count as the longest.
        assert_eq!(
            shares(&made_of(&[Waiting(1), Stalled, Waiting(0)])),
            [1, 0, 2]
        );
    }

    #[test]
    fn a_table_of_many_partitions_serves_many_draws_but_not_for_long() {
        let (mut weights, mut random) = (Weights::default(), Random::new(1));
        let looks = Cell::new(0u32);
        let mut draw = |count, now| {
            looks.set(0);
            let load = |_| {
                looks.set(looks.get() + 1);
                Load::Waiting(0)
            };
            weights.draw(count, load, &mut random, now);
            looks.get() > 1
        };
        let at = Instant::from_millis;
        let made: Vec<bool> = (0..5).map(|_| draw(128, at(0))).collect();
        assert_eq!(made, [true, false, false, true, false]);
        assert!(!draw(128, at(99)));
        assert!(draw(128, at(100)));
        assert!(draw(129, at(100)), "another number of partitions");
        assert!(draw(6, at(100)) && draw(6, at(100)), "few partitions");
    }

    #[test]
    fn a_leader_lost_since_the_table_was_made_is_noticed() {
        let (mut weights, mut random) = (Weights::default(), Random::new(1));
        let now = Instant::ZERO;
        weights.draw(6400, |_| Load::Waiting(0), &mut random, now);
        for _ in 0..100 {
            let load = |partition| {
                if partition < 6000 {
                    Load::Leaderless
                } else {
                    Load::Waiting(0)
                }
            };
            assert!(weights.draw(6400, load, &mut random, now) >= 6000);
        }
    }

    /// Chi-square over nine degrees of freedom: 27.9 is passed by one seed of a thousand.
    #[test]
    fn draws_follow_the_weights() {
        for queues in [
            [0; 10],
            [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 7],
        ] {
            let loads = waiting(&queues);
            let expected = shares(&made_of(&loads));
            let total: u64 = expected.iter().sum();
            for seed in 0..10 {
                let (mut weights, mut random) = (Weights::default(), Random::new(seed));
                let mut counts = [0u64; 10];
                let draws = 20_000;
                for _ in 0..draws {
                    let load = |partition: i32| loads[partition as usize];
                    let drawn = weights.draw(10, load, &mut random, Instant::ZERO);
                    counts[drawn as usize] += 1;
                }
                let distance: f64 = core::iter::zip(counts, &expected)
                    .map(|(count, weight)| {
                        let mean = (draws * weight) as f64 / total as f64;
                        (count as f64 - mean).powi(2) / mean
                    })
                    .sum();
                assert!(distance < 27.9, "seed {seed}, {queues:?}: {counts:?}");
            }
        }
    }
}
