//! What sticking to a partition depends on: how its queue and its open batch are.

use super::{Accumulator, Slot};
use crate::ids::TopicHandle;
use crate::producer::memory::Memory;
use crate::producer::partition::PartitionQueue;
use crate::record::Record;
use crate::time::Instant;

impl Accumulator {
    /// The slot of a partition; `None` as long as nothing was sent to it or one after it.
    fn slot_of(&self, topic: TopicHandle, partition: i32) -> Option<Slot> {
        let slots = self.by_topic.get(topic.0 as usize)?;
        slots.get(usize::try_from(partition).ok()?).copied()
    }

    /// The queue of a partition; `None` as for its slot.
    pub(in crate::producer) fn queue_of(
        &self,
        topic: TopicHandle,
        partition: i32,
    ) -> Option<&PartitionQueue> {
        self.slot_of(topic, partition)
            .map(|slot| self.partition(slot))
    }

    /// Whether the partition has an open batch that takes the record.
    pub(in crate::producer) fn takes(
        &self,
        topic: TopicHandle,
        partition: i32,
        record: &Record<'_>,
    ) -> bool {
        let open = self
            .queue_of(topic, partition)
            .and_then(|queue| queue.open.as_ref());
        open.is_some_and(|open| {
            let size = open.builder.encoded_size(record) as usize;
            open.builder.len() + size <= open.limit
        })
    }

    /// Closes the open batch of a partition if it has no room for a record that goes elsewhere instead:
    /// there is nothing left to wait for.
    pub(in crate::producer) fn end_full(
        &mut self,
        record: &Record<'_>,
        partition: i32,
        memory: &mut Memory,
        now: Instant,
    ) {
        let is_open = |queue: &PartitionQueue| queue.open.is_some();
        if self.queue_of(record.topic, partition).is_some_and(is_open)
            && !self.takes(record.topic, partition, record)
            && let Some(slot) = self.slot_of(record.topic, partition)
        {
            self.seal(slot, memory, now);
            self.list(slot, now);
        }
    }
}
