//! Which partition a record goes to: the one asked for, the one of its key, the sticky one, or the
//! next one.
//!
//! This file holds the choice. `sticky` and `weights` spread what has no key (KIP-794), `round_robin`
//! takes turns, the others are hashes of keys.

mod crc32;
mod fnv1a;
mod murmur2;
mod round_robin;
mod stalls;
mod sticky;
mod weights;

use crate::config::{Config, KeyHash, Partitioning};
use crate::ids::BrokerId;
use crate::random::Random;
use crate::record::Record;
use crate::time::Instant;
use core::time::Duration;
use round_robin::RoundRobin;
use stalls::Stalls;
use sticky::{Stay, Sticky};
use weights::Load;

/// Chooses for all topics.
#[derive(Debug)]
pub(super) struct Partitioner {
    partitioning: Partitioning,
    /// `partitioner.adaptive.partitioning.enable`.
    is_adaptive: bool,
    batch_size: u64,
    stalls: Stalls,
    /// By topic handle.
    topics: Vec<TopicTurns>,
}

/// Whose turn it is in one topic.
#[derive(Debug, Default)]
struct TopicTurns {
    sticky: Sticky,
    round_robin: RoundRobin,
}

/// What the choice has to know about the partitions of a topic.
pub(super) trait Partitions {
    /// How many there are, at least one.
    fn count(&self) -> i32;
    /// The broker that a partition's records go to.
    fn leader(&self, partition: i32) -> Option<BrokerId>;
    /// How many batches wait to be sent, the open one included.
    fn waiting(&self, partition: i32) -> u64;
    /// Whether an open batch takes the record.
    fn takes(&self, partition: i32, record: &Record<'_>) -> bool;
}

/// What the partitioner says about a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// This one.
    Partition {
        /// The partition.
        partition: i32,
        /// The sticky partition until now, if another one takes its place with this record.
        left: Option<i32>,
    },
    /// The record asks for a partition that the topic does not have.
    Missing {
        /// The partition asked for.
        partition: i32,
    },
}

impl Choice {
    const fn of(partition: i32) -> Self {
        Self::Partition {
            partition,
            left: None,
        }
    }
}

impl Partitioner {
    pub(super) const fn new(config: &Config) -> Self {
        Self {
            partitioning: config.partitioning,
            is_adaptive: config.adaptive_partitioning,
            batch_size: config.batch_size,
            // Nothing but the adaptive weights looks at it.
            stalls: Stalls::new(if config.adaptive_partitioning {
                config.partitioner_availability_timeout
            } else {
                Duration::ZERO
            }),
            topics: Vec::new(),
        }
    }

    /// Chooses for a record, which takes `size` bytes as the first of a batch. Keyless records avoid
    /// partitions without a leader; a key's partition is its partition whoever leads it.
    pub(super) fn choose(
        &mut self,
        record: &Record<'_>,
        size: u64,
        partitions: &impl Partitions,
        random: &mut Random,
        now: Instant,
    ) -> Choice {
        let count = partitions.count();
        if let Some(partition) = record.partition {
            return if (0..count).contains(&partition) {
                Choice::of(partition)
            } else {
                Choice::Missing { partition }
            };
        }
        if let Some(partition) = partition_of_key(self.partitioning, record.key, count) {
            return Choice::of(partition);
        }
        let topic = record.topic.0 as usize;
        if self.topics.len() <= topic {
            self.topics.resize_with(topic + 1, TopicTurns::default);
        }
        let turns = &mut self.topics[topic];
        let is_led = |partition| partitions.leader(partition).is_some();
        if self.partitioning == Partitioning::RoundRobin {
            return Choice::of(turns.round_robin.choose(count, is_led));
        }
        let about = Stay {
            size,
            batch_size: self.batch_size,
            count,
        };
        let takes = |partition| partitions.takes(partition, record);
        if let Some(partition) = turns.sticky.stay(about, is_led, takes) {
            return Choice::of(partition);
        }
        let (is_adaptive, stalls) = (self.is_adaptive, &self.stalls);
        let load = |partition| match partitions.leader(partition) {
            None => Load::Leaderless,
            Some(_) if !is_adaptive => Load::Waiting(0),
            Some(leader) => match partitions.waiting(partition) {
                // Where nothing waits the next batch finds out whether the broker is back.
                1.. if stalls.is_stalled(leader, now) => Load::Stalled,
                batches => Load::Waiting(batches),
            },
        };
        let partition = turns.sticky.weights.draw(count, load, random, now);
        let left = turns.sticky.move_to(partition, is_led(partition));
        Choice::Partition { partition, left }
    }

    /// A record for which `partition` was chosen is in a batch and takes `bytes` there.
    pub(super) fn on_appended(&mut self, record: &Record<'_>, partition: i32, bytes: u64) {
        if record.partition.is_some() || hashed_key(self.partitioning, record.key).is_some() {
            return;
        }
        if let Some(turns) = self.topics.get_mut(record.topic.0 as usize) {
            match self.partitioning {
                Partitioning::RoundRobin => turns.round_robin.on_appended(partition),
                Partitioning::Keys { .. } | Partitioning::Sticky => turns.sticky.on_appended(bytes),
            }
        }
    }

    /// Something is ready for a broker; `takes` says whether it could be handed out now.
    pub(super) fn observe(&mut self, broker: BrokerId, takes: bool, now: Instant) {
        self.stalls.observe(broker, takes, now);
    }
}

/// The partition that a key has among `count` partitions, numbered from 0; `None` where the key does not
/// decide. What the producer itself does with a record that names no partition, for drivers that have to
/// know it before.
pub fn partition_of_key(partitioning: Partitioning, key: Option<&[u8]>, count: i32) -> Option<i32> {
    let (hash, key) = hashed_key(partitioning, key)?;
    Some(partition_for_key(hash, key, count))
}

/// The bytes that decide about a record, and how they are hashed. `None` when its key does not count.
fn hashed_key(partitioning: Partitioning, key: Option<&[u8]>) -> Option<(KeyHash, &[u8])> {
    let Partitioning::Keys {
        hash,
        spreads_null,
        spreads_empty,
    } = partitioning
    else {
        return None;
    };
    match key {
        None if spreads_null => None,
        Some([]) if spreads_empty => None,
        key => Some((hash, key.unwrap_or_default())),
    }
}

/// The partition of a key among `count` partitions, numbered from 0. Without partitions (`count` below
/// 1) the answer is 0.
fn partition_for_key(hash: KeyHash, key: &[u8], count: i32) -> i32 {
    let hash = match hash {
        // The sign bit is masked off; the absolute value, which some clients take, would move keys.
        KeyHash::Murmur2 => murmur2::murmur2(key) & 0x7fff_ffff,
        KeyHash::Crc32 => crc32::crc32(key),
        KeyHash::Fnv1a => fnv1a::fnv1a(key),
    };
    i32::try_from(hash % count.max(1).unsigned_abs()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
