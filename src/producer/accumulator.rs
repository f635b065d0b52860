//! The partitions' queues: records become open batches, open batches become ready, ready batches wait
//! to be drained.

mod stickiness;

use super::batch::{
    BATCH_OVERHEAD_BYTES, OpenBatch, ProducerBatch, TICKET_BYTES_MAX, batch_charge,
};
use super::compression::{Ratios, compressor};
use super::memory::Memory;
use super::partition::PartitionQueue;
use crate::config::Config;
use crate::driver::WaitReason;
use crate::event::TicketRuns;
use crate::ids::{BrokerId, Ticket, TopicHandle};
use crate::record::{
    BATCH_HEADER_BYTES, BatchBuilder, Codec, Compressor, Record, SealedBatch, first_record_size,
};
use crate::time::Instant;
use core::ops::Bound;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Room for records that the first batch of a partition asks for; later batches ask for what the one
/// before them needed.
const FIRST_CAPACITY_BYTES: usize = 1024;

/// An open batch that is expected to compress well takes at most this part of `buffer.memory`.
const OPEN_BATCH_SHARE: u64 = 16;

/// A partition's place in the accumulator, dense from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot(u32);

/// All partitions' queues, and which of them are due.
#[derive(Debug)]
pub(super) struct Accumulator {
    partitions: Vec<PartitionQueue>,
    /// Slots by topic, then by partition index.
    by_topic: Vec<Vec<Slot>>,
    /// Partitions that may have something to drain, by leader, in the order of becoming ready.
    ready: BTreeMap<BrokerId, VecDeque<Slot>>,
    /// One entry per partition that waits for a time: linger, back-off, expiry.
    timers: BTreeSet<(Instant, Slot)>,
    /// Partitions whose open batch waits for company.
    lingering: BTreeSet<Slot>,
    /// No open batch waits any longer (flush, close, or a buffer that is nearly full).
    is_expediting: bool,
    /// Bytes that the records of a batch take at most on the wire, as far as that can be told before.
    batch_limit: usize,
    /// Bytes that the records of a batch take at most before compression.
    open_limit: usize,
    linger: Duration,
    delivery_timeout: Duration,
    compressor: Compressor,
    ratios: Ratios,
}

/// The buffer has no room for the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoRoom {
    /// Bytes that the record needs.
    pub(super) needed: u64,
}

impl Accumulator {
    pub(super) fn new(config: &Config) -> Self {
        let records = |bytes: u64| {
            let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
            bytes.saturating_sub(BATCH_HEADER_BYTES)
        };
        // A batch size of 0 makes a batch of each record. A batch larger than a request could only be
        // refused.
        let batch_limit = config
            .batch_size
            .min(config.buffer_memory)
            .min(config.max_request_size);
        // The expectation may be wrong, and then records go out as they are: a request has to hold them
        // all the same. A few partitions must not take the whole buffer.
        let open_limit = config
            .max_request_size
            .min(config.buffer_memory / OPEN_BATCH_SHARE)
            .max(batch_limit);
        Self {
            partitions: Vec::new(),
            by_topic: Vec::new(),
            ready: BTreeMap::new(),
            timers: BTreeSet::new(),
            lingering: BTreeSet::new(),
            is_expediting: false,
            batch_limit: records(batch_limit),
            open_limit: records(open_limit),
            linger: config.linger,
            delivery_timeout: config.delivery_timeout,
            compressor: compressor(config),
            ratios: Ratios::default(),
        }
    }

    /// The slot of a partition that exists; queues are made as far as the partition's index. `leader`
    /// is taken over when the queue is new.
    pub(super) fn slot_led_by(
        &mut self,
        topic: TopicHandle,
        partition: i32,
        leader: Option<BrokerId>,
    ) -> Slot {
        let (topic_index, index) = (topic.0 as usize, usize::try_from(partition).unwrap_or(0));
        if self.by_topic.len() <= topic_index {
            self.by_topic.resize_with(topic_index + 1, Vec::new);
        }
        let slots = &mut self.by_topic[topic_index];
        while slots.len() <= index {
            let slot = Slot(u32::try_from(self.partitions.len()).unwrap_or(u32::MAX));
            let next = i32::try_from(slots.len()).unwrap_or(i32::MAX);
            self.partitions.push(PartitionQueue::new(topic, next));
            slots.push(slot);
        }
        let slot = slots[index];
        let queue = &mut self.partitions[slot.0 as usize];
        if queue.is_empty() && queue.in_flight == 0 {
            queue.leader = leader;
        }
        slot
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        (0..u32::try_from(self.partitions.len()).unwrap_or(u32::MAX)).map(Slot)
    }

    pub(super) fn partition(&self, slot: Slot) -> &PartitionQueue {
        &self.partitions[slot.0 as usize]
    }

    pub(super) fn partition_mut(&mut self, slot: Slot) -> &mut PartitionQueue {
        &mut self.partitions[slot.0 as usize]
    }

    // --- appending ---

    /// Appends a record to the open batch of a partition; allocates only where a batch begins or
    /// grows. Returns the bytes that the record is expected to take on the wire.
    pub(super) fn append(
        &mut self,
        slot: Slot,
        record: &Record<'_>,
        ticket: Ticket,
        memory: &mut Memory,
        now: Instant,
    ) -> Result<u64, NoRoom> {
        if let Some(bytes) = self.append_fast(slot, record, ticket, memory) {
            return Ok(bytes);
        }
        if let Some(open) = &self.partitions[slot.0 as usize].open {
            let size = open.builder.encoded_size(record) as usize;
            if open.builder.len() + size > open.limit {
                self.seal(slot, memory, now);
                self.list(slot, now);
            }
        }
        self.make_room(slot, record, memory, now)?;
        let bytes = self.partitions[slot.0 as usize]
            .append_within(record, ticket, usize::MAX, memory)
            .unwrap_or(0);
        let open = self.partitions[slot.0 as usize].open.as_ref();
        if open.is_some_and(|open| open.builder.len() >= open.limit) {
            self.seal(slot, memory, now);
            self.list(slot, now);
        }
        Ok(bytes)
    }

    /// Appends where the open batch has room that is paid for: nothing but the record is touched.
    fn append_fast(
        &mut self,
        slot: Slot,
        record: &Record<'_>,
        ticket: Ticket,
        memory: &mut Memory,
    ) -> Option<u64> {
        let partition = &mut self.partitions[slot.0 as usize];
        let open = partition.open.as_ref()?;
        // One byte less than the limit: a batch that becomes full has to be sealed as well.
        let limit = open.builder.capacity().min(open.limit.saturating_sub(1));
        if !memory.has_room(TICKET_BYTES_MAX) {
            return None;
        }
        partition.append_within(record, ticket, limit, memory)
    }

    /// Appends a record that was accepted earlier and waited for its topic: it must not be refused, so
    /// it may go past the limit by what a batch takes around its records.
    pub(super) fn admit(
        &mut self,
        slot: Slot,
        record: &Record<'_>,
        ticket: Ticket,
        memory: &mut Memory,
        now: Instant,
    ) -> u64 {
        if let Ok(bytes) = self.append(slot, record, ticket, memory, now) {
            return bytes;
        }
        memory.set_lending(true);
        let appended = self.append(slot, record, ticket, memory, now);
        memory.set_lending(false);
        debug_assert!(appended.is_ok(), "lending has no limit");
        appended.unwrap_or(0)
    }

    /// Makes sure that the partition has an open batch with room for the record.
    fn make_room(
        &mut self,
        slot: Slot,
        record: &Record<'_>,
        memory: &mut Memory,
        now: Instant,
    ) -> Result<(), NoRoom> {
        let partition = &mut self.partitions[slot.0 as usize];
        let Some(open) = &mut partition.open else {
            return self.open_batch(slot, record, memory, now);
        };
        let size = open.builder.encoded_size(record) as usize;
        let needed = open.builder.len() + size;
        let capacity = open.builder.capacity();
        if needed <= capacity {
            let is_free = memory.has_room(TICKET_BYTES_MAX);
            return if is_free {
                Ok(())
            } else {
                Err(NoRoom {
                    needed: TICKET_BYTES_MAX,
                })
            };
        }
        let generous = needed.max(capacity * 2).min(open.limit.max(needed));
        let first = if memory.is_lending() {
            needed
        } else {
            generous
        };
        for target in [first, needed] {
            let growth = (target - capacity) as u64;
            if memory.has_room(growth + TICKET_BYTES_MAX) && memory.try_charge(growth) {
                open.builder.grow(target);
                open.charge += growth;
                return Ok(());
            }
        }
        Err(NoRoom {
            needed: (needed - capacity) as u64 + TICKET_BYTES_MAX,
        })
    }

    fn open_batch(
        &mut self,
        slot: Slot,
        record: &Record<'_>,
        memory: &mut Memory,
        now: Instant,
    ) -> Result<(), NoRoom> {
        let partition = &mut self.partitions[slot.0 as usize];
        let size = (first_record_size(record) as usize).saturating_sub(BATCH_HEADER_BYTES);
        let estimate = self.ratios.estimate(partition.topic);
        let limit = usize::try_from(estimate.uncompressed(self.batch_limit))
            .unwrap_or(usize::MAX)
            .min(self.open_limit);
        let usual = partition.usual_len.max(FIRST_CAPACITY_BYTES).min(limit);
        let needed = size as u64 + BATCH_OVERHEAD_BYTES + TICKET_BYTES_MAX;
        let first = if memory.is_lending() {
            size
        } else {
            usual.max(size)
        };
        for capacity in [first, size] {
            let charge = capacity as u64 + BATCH_OVERHEAD_BYTES;
            if !memory.has_room(charge + TICKET_BYTES_MAX) || !memory.try_charge(charge) {
                continue;
            }
            let is_ready = self.is_expediting || self.linger.is_zero();
            let linger = if is_ready {
                Duration::ZERO
            } else {
                self.linger
            };
            partition.open = Some(OpenBatch {
                builder: BatchBuilder::with_capacity(capacity),
                tickets: TicketRuns::with_capacity(partition.usual_ticket_bytes),
                limit,
                estimate,
                charge,
                created: now,
                ready_at: now.after(linger),
            });
            if is_ready {
                self.list(slot, now);
            } else {
                self.lingering.insert(slot);
            }
            self.retime(slot, now);
            return Ok(());
        }
        Err(NoRoom { needed })
    }

    /// Closes the open batch of a partition: it is compressed and queued. The partition is to be
    /// listed afterwards.
    pub(super) fn seal(&mut self, slot: Slot, memory: &mut Memory, now: Instant) {
        self.end_batch(slot, true, memory, now);
    }

    /// The same for an open batch that is given up next, which is not worth the time to compress it.
    pub(super) fn seal_unsent(&mut self, slot: Slot, memory: &mut Memory, now: Instant) {
        self.end_batch(slot, false, memory, now);
    }

    fn end_batch(&mut self, slot: Slot, is_to_be_sent: bool, memory: &mut Memory, now: Instant) {
        let partition = &mut self.partitions[slot.0 as usize];
        let Some(open) = partition.open.take() else {
            return;
        };
        self.lingering.remove(&slot);
        partition.usual_len = open.builder.len();
        partition.usual_ticket_bytes = open.tickets.bytes();
        let sealed = if is_to_be_sent {
            let sealed = open.builder.seal(&mut self.compressor);
            let (before, after) = (sealed.uncompressed_len(), sealed.records().len());
            self.ratios.observe(partition.topic, before, after);
            sealed
        } else {
            open.builder.seal(&mut Compressor::new(Codec::None))
        };
        let charge = batch_charge(&sealed, &open.tickets);
        memory.release(open.charge);
        memory.charge(charge);
        partition.push(ProducerBatch {
            sealed,
            tickets: open.tickets,
            charge,
            created: open.created,
            ordinal: partition.next_ordinal(),
            attempts: 0,
            stamp: None,
            is_in_flight: false,
            is_in_doubt: false,
            was_sent_by_name: false,
            is_lost_with_old_log: false,
            last_error: None,
        });
        self.retime(slot, now);
    }

    /// Compresses the records of a batch that was made of another one.
    pub(super) fn seal_part(&mut self, part: BatchBuilder) -> SealedBatch {
        part.seal(&mut self.compressor)
    }

    /// Bytes that the records of a batch take at most on the wire, as far as that can be told before.
    pub(super) const fn batch_limit(&self) -> usize {
        self.batch_limit
    }

    /// A broker found a batch of the topic too large: what compression promises is not relied on until
    /// it has been shown anew.
    pub(super) fn forget_ratio(&mut self, topic: TopicHandle) {
        self.ratios.forget(topic);
    }

    // --- readiness ---

    /// Lets every open batch leave without waiting for company. It stays open until it can leave: what
    /// is appended meanwhile rides along.
    pub(super) const fn expedite(&mut self) {
        self.is_expediting = true;
    }

    /// Whether an open batch waits for company.
    pub(super) fn has_lingering(&self) -> bool {
        !self.lingering.is_empty()
    }

    /// Ends the wait of up to `limit` open batches that must leave at once; true if there was any.
    pub(super) fn ready_expedited(&mut self, limit: usize, now: Instant) -> bool {
        if !self.is_expediting {
            return false;
        }
        let slots: Vec<Slot> = self.lingering.iter().take(limit).copied().collect();
        for slot in &slots {
            if let Some(open) = &mut self.partitions[slot.0 as usize].open {
                open.ready_at = open.ready_at.min(now);
            }
            self.end_linger(*slot, now);
        }
        self.is_expediting = !self.lingering.is_empty();
        !slots.is_empty()
    }

    /// Lists a partition whose open batch need not wait any longer, if that is so.
    pub(super) fn end_linger(&mut self, slot: Slot, now: Instant) {
        if self.partitions[slot.0 as usize].is_open_ready(now) {
            self.lingering.remove(&slot);
        }
        self.list(slot, now);
        self.retime(slot, now);
    }

    /// Puts a partition on the list of its leader if it may have something to drain, and off any other.
    pub(super) fn list(&mut self, slot: Slot, now: Instant) {
        let partition = &mut self.partitions[slot.0 as usize];
        let wanted = partition.leader.filter(|_| partition.has_ready(now));
        if partition.listed_at == wanted {
            return;
        }
        if let Some(slots) = partition.listed_at.and_then(|old| self.ready.get_mut(&old)) {
            slots.retain(|listed| *listed != slot);
        }
        partition.listed_at = wanted;
        if let Some(leader) = wanted {
            self.ready.entry(leader).or_default().push_back(slot);
        }
    }

    /// The first broker after `after` that leads partitions with something to drain.
    pub(super) fn next_ready_broker(&self, after: Option<BrokerId>) -> Option<BrokerId> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut brokers = self.ready.range((start, Bound::Unbounded));
        brokers
            .find(|(_, slots)| !slots.is_empty())
            .map(|(broker, _)| *broker)
    }

    /// Takes the next partition off a broker's list.
    pub(super) fn pop_ready(&mut self, broker: BrokerId) -> Option<Slot> {
        let slot = self.ready.get_mut(&broker)?.pop_front()?;
        self.partitions[slot.0 as usize].listed_at = None;
        Some(slot)
    }

    pub(super) fn ready_count(&self, broker: BrokerId) -> usize {
        self.ready.get(&broker).map_or(0, VecDeque::len)
    }

    // --- time ---

    /// Sets the partition's timer to the earliest thing that time alone can bring about.
    pub(super) fn retime(&mut self, slot: Slot, now: Instant) {
        let partition = &mut self.partitions[slot.0 as usize];
        let next = partition.next_deadline(self.delivery_timeout, now);
        if partition.timer == next {
            return;
        }
        if let Some(old) = partition.timer {
            self.timers.remove(&(old, slot));
        }
        partition.timer = next;
        if let Some(next) = next {
            self.timers.insert((next, slot));
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// What the next deadline brings about.
    pub(super) fn next_deadline_reason(&self) -> WaitReason {
        let Some((at, slot)) = self.timers.first() else {
            return WaitReason::Idle;
        };
        let partition = &self.partitions[slot.0 as usize];
        if partition
            .open
            .as_ref()
            .is_some_and(|open| open.ready_at == *at)
        {
            WaitReason::Linger
        } else if partition.retry_at == *at {
            WaitReason::RetryBackoff
        } else {
            WaitReason::DeliveryTimeout
        }
    }

    /// The next partition whose time has come; its timer is cleared until it is set again.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Slot> {
        let (at, slot) = *self.timers.first()?;
        if at > now {
            return None;
        }
        self.timers.pop_first();
        self.partitions[slot.0 as usize].timer = None;
        Some(slot)
    }

    pub(super) const fn delivery_timeout(&self) -> Duration {
        self.delivery_timeout
    }
}
