//! Which partition a record goes to: the one asked for, the one of its key, or the sticky one.

use super::murmur2::partition_for_key;
use crate::random::Random;
use crate::record::Record;

/// The partition that keyless records of one topic go to until enough bytes have gone there.
///
/// Sticking to one partition fills batches; moving on after `batch.size` bytes keeps the partitions
/// equally loaded (KIP-794).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sticky {
    current: Option<i32>,
    bytes: u64,
}

/// What the partitioner says about a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// This partition.
    Partition(i32),
    /// The record asks for a partition that the topic does not have.
    Missing {
        /// The partition asked for.
        partition: i32,
    },
}

/// Chooses for a record of a topic with `count` partitions, at least one. `has_leader` tells which of
/// them can be written to at present; keyless records avoid the others.
pub(super) fn choose(
    record: &Record<'_>,
    count: i32,
    sticky: &mut Sticky,
    random: &mut Random,
    has_leader: impl Fn(i32) -> bool,
) -> Choice {
    if let Some(partition) = record.partition {
        let exists = (0..count).contains(&partition);
        return if exists {
            Choice::Partition(partition)
        } else {
            Choice::Missing { partition }
        };
    }
    if let Some(key) = record.key {
        return Choice::Partition(partition_for_key(key, count));
    }
    let current = sticky.current.filter(|current| *current < count);
    Choice::Partition(current.unwrap_or_else(|| sticky.move_on(count, random, has_leader)))
}

impl Sticky {
    /// Counts bytes that went to the sticky partition; at `batch_size` the next record moves on.
    pub(super) const fn on_appended(&mut self, bytes: u64, batch_size: u64) {
        self.bytes += bytes;
        if self.bytes >= batch_size {
            self.current = None;
        }
    }

    fn move_on(
        &mut self,
        count: i32,
        random: &mut Random,
        has_leader: impl Fn(i32) -> bool,
    ) -> i32 {
        let start = i32::try_from(random.below(u64::from(count.unsigned_abs()))).unwrap_or(0);
        // From a random start on, the first partition that has a leader; without any leader the start.
        let chosen = (0..count)
            .map(|step| (start + step) % count)
            .find(|partition| has_leader(*partition))
            .unwrap_or(start);
        self.current = Some(chosen);
        self.bytes = 0;
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TopicHandle;

    fn record(partition: Option<i32>, key: Option<&'static [u8]>) -> Record<'static> {
        Record {
            topic: TopicHandle(0),
            partition,
            timestamp: 0,
            key,
            value: None,
            headers: &[],
        }
    }

    #[test]
    fn an_explicit_partition_wins_over_the_key_and_must_exist() {
        let (mut sticky, mut random) = (Sticky::default(), Random::new(1));
        let mut choose = |record| choose(&record, 4, &mut sticky, &mut random, |_| true);
        assert_eq!(choose(record(Some(3), Some(b"k"))), Choice::Partition(3));
        assert_eq!(
            choose(record(Some(4), None)),
            Choice::Missing { partition: 4 }
        );
        assert_eq!(
            choose(record(Some(-1), None)),
            Choice::Missing { partition: -1 }
        );
    }

    #[test]
    fn keyless_records_stick_until_a_batch_is_full_then_spread_over_partitions_with_leaders() {
        let (mut sticky, mut random) = (Sticky::default(), Random::new(1));
        let mut counts = [0u32; 6];
        for _ in 0..6000 {
            let choice = choose(&record(None, None), 6, &mut sticky, &mut random, |p| p != 2);
            let Choice::Partition(partition) = choice else {
                panic!("keyless is never missing")
            };
            counts[partition as usize] += 1;
            sticky.on_appended(100, 300);
        }
        assert_eq!(counts[2], 0);
        assert!(
            counts
                .iter()
                .enumerate()
                .all(|(p, n)| p == 2 || (600..2600).contains(n))
        );
        assert!(
            counts.iter().all(|n| n % 3 == 0),
            "moves only after three records: {counts:?}"
        );
    }
}
