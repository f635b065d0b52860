//! Records of topics whose partitions are not known yet: kept in order of acceptance until metadata
//! arrives or `max.block.ms` passes.

use crate::bulk::{BulkHeader, BulkReader, BulkRecord};
use crate::event::TicketRuns;
use crate::ids::{Ticket, TopicHandle};
use crate::record::{Header, Record};
use crate::time::Instant;
use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};

/// What a waiting record is charged on top of its bytes.
const WAITING_OVERHEAD_BYTES: u64 = 128;

/// A record that waits, in the form that records have in a bulk.
#[derive(Debug)]
pub(super) struct WaitingRecord {
    pub(super) ticket: Ticket,
    accepted: Instant,
    entry: BulkRecord,
    headers: Box<[BulkHeader]>,
    data: Box<[u8]>,
}

/// The waiting records of all topics.
#[derive(Debug)]
pub(super) struct Waiting {
    max_block: Duration,
    queues: Vec<VecDeque<WaitingRecord>>,
    /// Topics with waiting records.
    occupied: BTreeSet<TopicHandle>,
}

/// Bytes of `buffer.memory` that a record takes while it waits.
pub(super) fn waiting_charge(record: &Record<'_>) -> u64 {
    // Headers may borrow the same bytes many times, so that a sum of 32 bits could overflow.
    let len = |bytes: Option<&[u8]>| bytes.map_or(0, |bytes| bytes.len() as u64);
    let header_len = |header: &Header<'_>| header.name.len() as u64 + len(header.value);
    let headers: u64 = record.headers.iter().map(header_len).sum();
    charge(
        len(record.key) + len(record.value) + headers,
        record.headers.len(),
    )
}

/// The same for a record of which only the lengths are known; `None` as for
/// [`BulkRecord::extent`].
pub(super) fn described_waiting_charge(entry: &BulkRecord, headers: &[BulkHeader]) -> Option<u64> {
    let (count, bytes) = entry.extent(headers)?;
    Some(charge(bytes, count))
}

const fn charge(bytes: u64, headers: usize) -> u64 {
    bytes + 16 * headers as u64 + WAITING_OVERHEAD_BYTES
}

impl Waiting {
    pub(super) const fn new(max_block: Duration) -> Self {
        Self {
            max_block,
            queues: Vec::new(),
            occupied: BTreeSet::new(),
        }
    }

    pub(super) fn push(&mut self, record: &Record<'_>, ticket: Ticket, now: Instant) {
        let index = record.topic.0 as usize;
        if self.queues.len() <= index {
            self.queues.resize_with(index + 1, VecDeque::new);
        }
        self.queues[index].push_back(WaitingRecord::new(record, ticket, now));
        self.occupied.insert(record.topic);
    }

    pub(super) fn has_records(&self, topic: TopicHandle) -> bool {
        self.queues
            .get(topic.0 as usize)
            .is_some_and(|queue| !queue.is_empty())
    }

    /// Topics with waiting records.
    pub(super) fn topics(&self) -> impl Iterator<Item = TopicHandle> + '_ {
        self.occupied.iter().copied()
    }

    pub(super) fn pop(&mut self, topic: TopicHandle) -> Option<WaitingRecord> {
        let queue = self.queues.get_mut(topic.0 as usize)?;
        let record = queue.pop_front();
        if queue.is_empty() {
            self.occupied.remove(&topic);
        }
        record
    }

    /// When the first record of any topic has waited `max.block.ms`.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.occupied
            .iter()
            .filter_map(|topic| self.deadline_of(*topic))
            .min()
    }

    fn deadline_of(&self, topic: TopicHandle) -> Option<Instant> {
        let front = self.queues.get(topic.0 as usize)?.front()?;
        Some(front.accepted.after(self.max_block))
    }

    /// Takes the records of a topic that have waited too long; all of them if `everything`. Returns
    /// their tickets and their charge.
    pub(super) fn take_expired(
        &mut self,
        topic: TopicHandle,
        everything: bool,
        now: Instant,
    ) -> (TicketRuns, u64) {
        let (mut tickets, mut charge) = (TicketRuns::new(), 0);
        while everything
            || self
                .deadline_of(topic)
                .is_some_and(|deadline| deadline <= now)
        {
            let Some(record) = self.pop(topic) else { break };
            tickets.push(record.ticket);
            charge += record.charge();
        }
        (tickets, charge)
    }
}

impl WaitingRecord {
    fn new(record: &Record<'_>, ticket: Ticket, now: Instant) -> Self {
        let mut data = Vec::with_capacity(waiting_charge(record) as usize);
        data.extend_from_slice(record.key.unwrap_or_default());
        data.extend_from_slice(record.value.unwrap_or_default());
        for header in record.headers {
            data.extend_from_slice(header.name.as_bytes());
            data.extend_from_slice(header.value.unwrap_or_default());
        }
        Self {
            ticket,
            accepted: now,
            entry: BulkRecord::describe(record),
            headers: record.headers.iter().map(BulkHeader::describe).collect(),
            data: data.into_boxed_slice(),
        }
    }

    /// The record again, borrowed; `scratch` holds its headers. `None` cannot happen: the pieces were
    /// made from a record.
    pub(super) fn record<'a>(&'a self, scratch: &'a mut Vec<Header<'a>>) -> Option<Record<'a>> {
        BulkReader::new(&self.headers, &self.data).next(&self.entry, scratch)
    }

    pub(super) fn charge(&self) -> u64 {
        (self.data.len() + self.headers.len() * 16) as u64 + WAITING_OVERHEAD_BYTES
    }
}
