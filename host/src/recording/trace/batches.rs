//! Batches on their way: which went out before, and why they go again.

use super::Line;
use crate::recording::request::{PlacedBatch, TopicOf};
use odradek::TopicUuid;
use std::collections::{BTreeMap, VecDeque};

/// How many batches are remembered. One that was forgotten and goes out again is taken for a new one.
const REMEMBERED: usize = 10_000;

/// What makes a batch the same as an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BatchKey {
    topic: String,
    partition: i32,
    stamp: Stamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stamp {
    /// With idempotence: producer id, epoch and the sequence of its first record.
    Sequence(i64, i16, i32),
    /// Without: the checksum of what it holds.
    Checksum(u32),
}

impl BatchKey {
    /// Whether the batch is for this partition.
    pub(super) fn is_of(&self, topic: &str, partition: i32) -> bool {
        self.topic == topic && self.partition == partition
    }
}

/// A batch that went out and was not acknowledged.
#[derive(Debug)]
struct Attempts {
    count: u32,
    records: i32,
    /// What went wrong last.
    trouble: Option<String>,
}

/// The header of a record batch, as far as it is told.
struct BatchHeader {
    checksum: u32,
    attributes: i16,
    producer_id: i64,
    producer_epoch: i16,
    base_sequence: i32,
    records: i32,
}

impl BatchHeader {
    fn read(batch: &[u8]) -> Option<Self> {
        Some(Self {
            checksum: u32::from_be_bytes(field(batch, 17)?),
            attributes: i16::from_be_bytes(field(batch, 21)?),
            producer_id: i64::from_be_bytes(field(batch, 43)?),
            producer_epoch: i16::from_be_bytes(field(batch, 51)?),
            base_sequence: i32::from_be_bytes(field(batch, 53)?),
            records: i32::from_be_bytes(field(batch, 57)?),
        })
    }

    const fn codec(&self) -> &'static str {
        match self.attributes & 7 {
            0 => "none",
            1 => "gzip",
            2 => "snappy",
            3 => "lz4",
            4 => "zstd",
            _ => "unknown",
        }
    }
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// All batches on their way, and who wrote to each partition last.
#[derive(Debug, Default)]
pub(super) struct Batches {
    attempts: BTreeMap<BatchKey, Attempts>,
    /// The same in the order in which they went out first; some are gone.
    order: VecDeque<BatchKey>,
    identities: BTreeMap<(String, i32), (i64, i16)>,
    /// Topics by id.
    names: BTreeMap<TopicUuid, String>,
}

impl Batches {
    /// A batch goes out in `frame`. Gives what it is known by.
    pub(super) fn sent(
        &mut self,
        placed: &PlacedBatch<'_>,
        frame: &[u8],
        lines: &mut Vec<Line>,
    ) -> Option<BatchKey> {
        let topic = match placed.topic {
            TopicOf::Name(name) => name.to_owned(),
            TopicOf::Uuid(uuid) => self.topic_of(uuid),
        };
        let bytes = placed.range.len();
        let place = format!("{topic}-{}", placed.partition);
        let Some(header) = BatchHeader::read(frame.get(placed.range.clone())?) else {
            lines.push(("batch", format!("{place}: {bytes} bytes, unreadable")));
            return None;
        };
        let key = BatchKey {
            topic,
            partition: placed.partition,
            stamp: match header.base_sequence {
                -1 => Stamp::Checksum(header.checksum),
                first => Stamp::Sequence(header.producer_id, header.producer_epoch, first),
            },
        };
        let (records, codec) = (header.records, header.codec());
        let stamp = match key.stamp {
            Stamp::Sequence(id, epoch, first) => {
                // After 2^31 - 1 comes 0.
                let last = first.wrapping_add(records).wrapping_sub(1) & i32::MAX;
                format!("producer {id} epoch {epoch} sequence {first} to {last}")
            }
            Stamp::Checksum(_) => "no sequence".to_owned(),
        };
        let said = format!("{place}: {records} records, {bytes} bytes, codec {codec}, {stamp}");
        lines.push(("batch", said));
        self.identify(&key, &place, lines);
        self.attempt(&key, &place, records, lines);
        Some(key)
    }

    /// Tells when a partition's batches carry another identity than before.
    fn identify(&mut self, key: &BatchKey, place: &str, lines: &mut Vec<Line>) {
        let Stamp::Sequence(id, epoch, first) = key.stamp else {
            return;
        };
        let partition = (key.topic.clone(), key.partition);
        let before = self.identities.insert(partition, (id, epoch));
        if let Some((old_id, old_epoch)) = before.filter(|before| *before != (id, epoch)) {
            lines.push((
                "identity",
                format!(
                    "{place}: producer {id} epoch {epoch} from sequence {first} on, until now \
                     producer {old_id} epoch {old_epoch}"
                ),
            ));
        }
    }

    /// Tells when a batch went out before.
    fn attempt(&mut self, key: &BatchKey, place: &str, records: i32, lines: &mut Vec<Line>) {
        if let Some(before) = self.attempts.get_mut(key) {
            before.count += 1;
            let trouble = before.trouble.take();
            let trouble = trouble.as_deref().unwrap_or("nothing was heard of it");
            let (count, was) = (before.count, before.records);
            before.records = records;
            lines.push(if records == was {
                (
                    "retry",
                    format!("{place}: attempt {count}, because {trouble}"),
                )
            } else {
                (
                    "split",
                    format!("{place}: {records} of {was} records, because {trouble}"),
                )
            });
            return;
        }
        let first = Attempts {
            count: 1,
            records,
            trouble: None,
        };
        self.attempts.insert(key.clone(), first);
        self.order.push_back(key.clone());
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.attempts.remove(&oldest);
            }
        }
    }

    /// A batch was acknowledged.
    pub(super) fn written(&mut self, key: &BatchKey) {
        self.attempts.remove(key);
    }

    /// Something went wrong with a batch.
    pub(super) fn failed(&mut self, key: &BatchKey, trouble: &str) {
        if let Some(attempts) = self.attempts.get_mut(key) {
            attempts.trouble = Some(trouble.to_owned());
        }
    }

    /// The cluster told a topic's id.
    pub(super) fn learn(&mut self, uuid: TopicUuid, name: String) {
        if uuid != TopicUuid::ZERO {
            self.names.insert(uuid, name);
        }
    }

    /// The name of a topic.
    pub(super) fn topic_of(&self, uuid: TopicUuid) -> String {
        let name = self.names.get(&uuid);
        name.cloned().unwrap_or_else(|| topic_name(uuid))
    }
}

/// What a topic is called whose name is not known.
pub(super) fn topic_name(uuid: TopicUuid) -> String {
    format!("topic id {:032x}", u128::from_be_bytes(uuid.0))
}
