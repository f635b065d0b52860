//! Where a record goes: the partitioner's choice, on what the view and the queues say.

use super::Producer;
use super::accumulator::{Accumulator, Slot};
use super::partition::PartitionQueue;
use super::partitioner::{Choice, Partitions};
use crate::cluster::TopicView;
use crate::error::SendError;
use crate::ids::{BrokerId, Ticket, TopicHandle};
use crate::record::Record;
use crate::time::Instant;

impl Producer {
    /// Puts a record, which takes `size` bytes as the first of a batch, into the open batch of its
    /// partition.
    pub(super) fn place(
        &mut self,
        record: &Record<'_>,
        size: u64,
        now: Instant,
    ) -> Result<Ticket, SendError> {
        let (slot, partition) = self.choose_slot(record, size, now)?;
        let ticket = Ticket(self.delivery.next_ticket());
        let appended = self
            .accumulator
            .append(slot, record, ticket, &mut self.memory, now);
        match appended {
            Ok(bytes) => {
                self.delivery.accept();
                self.sender.counters.on_appended(bytes);
                self.partitioner.on_appended(record, partition, bytes);
                self.enlist(slot);
                if self.memory.is_short() {
                    self.accumulator.expedite();
                }
                Ok(ticket)
            }
            Err(no_room) => Err(self.refuse(no_room.needed)),
        }
    }

    /// The queue that a record goes to, and its partition.
    pub(super) fn choose_slot(
        &mut self,
        record: &Record<'_>,
        size: u64,
        now: Instant,
    ) -> Result<(Slot, i32), SendError> {
        let Some(view) = self.cluster.metadata.topic(record.topic) else {
            return Err(SendError::UnknownTopic);
        };
        let partitions = TopicQueues {
            topic: record.topic,
            view,
            accumulator: &self.accumulator,
        };
        let random = &mut self.random;
        match self
            .partitioner
            .choose(record, size, &partitions, random, now)
        {
            Choice::Partition { partition, left } => {
                let leader = partitions.leader(partition);
                if let Some(left) = left {
                    let memory = &mut self.memory;
                    self.accumulator.end_full(record, left, memory, now);
                }
                let slot = self
                    .accumulator
                    .slot_led_by(record.topic, partition, leader);
                Ok((slot, partition))
            }
            Choice::Missing { partition } => {
                let count = partitions.count();
                // Partitions may have been added since; the next attempt will know.
                self.cluster.metadata.want_refresh();
                Err(SendError::UnknownPartition { partition, count })
            }
        }
    }
}

/// The partitions of a topic as the partitioner sees them.
struct TopicQueues<'a> {
    topic: TopicHandle,
    view: &'a TopicView,
    accumulator: &'a Accumulator,
}

impl Partitions for TopicQueues<'_> {
    fn count(&self) -> i32 {
        i32::try_from(self.view.partitions.len()).unwrap_or(i32::MAX)
    }

    fn leader(&self, partition: i32) -> Option<BrokerId> {
        self.view.leader(partition)
    }

    fn waiting(&self, partition: i32) -> u64 {
        let queue = self.accumulator.queue_of(self.topic, partition);
        queue.map_or(0, PartitionQueue::waiting_batches)
    }

    fn takes(&self, partition: i32, record: &Record<'_>) -> bool {
        self.accumulator.takes(self.topic, partition, record)
    }
}
