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
    /// Those among them whose fate is known: their records may go on. With thousands of topics that
    /// wait, nobody looks through all of them for each record.
    called_up: BTreeSet<TopicHandle>,
    /// When the first record of each of them was accepted.
    fronts: BTreeSet<(Instant, TopicHandle)>,
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
            called_up: BTreeSet::new(),
            fronts: BTreeSet::new(),
        }
    }

    pub(super) fn push(&mut self, record: &Record<'_>, ticket: Ticket, now: Instant) {
        let index = record.topic.0 as usize;
        if self.queues.len() <= index {
            self.queues.resize_with(index + 1, VecDeque::new);
        }
        let queue = &mut self.queues[index];
        if queue.is_empty() {
            self.occupied.insert(record.topic);
            self.fronts.insert((now, record.topic));
        }
        queue.push_back(WaitingRecord::new(record, ticket, now));
    }

    /// The records of a topic may go on, if it has any.
    pub(super) fn call_up(&mut self, topic: TopicHandle) {
        if self.has_records(topic) {
            self.called_up.insert(topic);
        }
    }

    /// The records of a topic have to wait after all.
    pub(super) fn call_off(&mut self, topic: TopicHandle) {
        self.called_up.remove(&topic);
    }

    /// The first topic whose records may go on.
    pub(super) fn first_called_up(&self) -> Option<TopicHandle> {
        self.called_up.first().copied()
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
        let record = queue.pop_front()?;
        let next = queue.front().map(|next| next.accepted);
        if next != Some(record.accepted) {
            self.fronts.remove(&(record.accepted, topic));
            self.fronts.extend(next.map(|next| (next, topic)));
        }
        if next.is_none() {
            self.occupied.remove(&topic);
            self.called_up.remove(&topic);
        }
        Some(record)
    }

    /// When the first record of any topic has waited `max.block.ms`.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let (accepted, _) = self.fronts.first()?;
        Some(accepted.after(self.max_block))
    }

    /// A topic whose first record has waited `max.block.ms`.
    pub(super) fn first_due(&self, now: Instant) -> Option<TopicHandle> {
        let (accepted, topic) = *self.fronts.first()?;
        (accepted.after(self.max_block) <= now).then_some(topic)
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
