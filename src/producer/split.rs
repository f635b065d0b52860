//! Batches whose records part ways: divided because they are too large for the broker, or freed of the
//! records that it refuses.

use super::Producer;
use super::accumulator::Slot;
use super::batch::{ProducerBatch, batch_charge};
use super::refusal::Refusal;
use super::sequence::Stamp;
use crate::error::Cause;
use crate::error_code::ErrorCode;
use crate::event::{DeliveryReport, Outcome, TicketRuns};
use crate::ids::{Ticket, TopicHandle};
use crate::record::{BatchBuilder, RecordReader};
use crate::time::Instant;
use std::collections::BTreeMap;

/// Records of one batch that become a batch of their own.
#[derive(Debug)]
struct Part {
    builder: BatchBuilder,
    tickets: TicketRuns,
}

/// What a part has from the batch that it comes from.
#[derive(Debug)]
struct Origin {
    created: Instant,
    ordinal: u64,
    attempts: u32,
    is_in_doubt: bool,
    was_sent_by_name: bool,
    is_lost_with_old_log: bool,
    last_error: Option<ErrorCode>,
}

impl Origin {
    const fn of(batch: &ProducerBatch) -> Self {
        Self {
            created: batch.created,
            ordinal: batch.ordinal,
            attempts: batch.attempts,
            is_in_doubt: batch.is_in_doubt,
            was_sent_by_name: batch.was_sent_by_name,
            is_lost_with_old_log: batch.is_lost_with_old_log,
            last_error: batch.last_error,
        }
    }
}

impl Producer {
    /// Divides a batch that is too large for the broker: into parts of `batch.size` before compression,
    /// or of half its size where that is less, so that every refusal makes batches smaller. The parts
    /// take its place and its sequences. As in Java they keep its age, and dividing is no retry.
    pub(super) fn split_batch(&mut self, slot: Slot, position: usize) -> bool {
        let partition = self.accumulator.partition(slot);
        let Some(batch) = partition.batches().get(position) else {
            return false;
        };
        let limit = (batch.sealed.uncompressed_len() / 2).min(self.accumulator.batch_limit());
        let Some(parts) = encode_again(batch, partition.topic, limit, |_| true) else {
            return false;
        };
        let (origin, whole) = (Origin::of(batch), batch.charge);
        let mut stamp = batch.stamp;
        let mut batches = Vec::with_capacity(parts.len());
        for part in parts {
            let part = self.part_of(&origin, part, stamp);
            stamp = stamp.map(|stamp| stamp.behind(part.sealed.count()));
            batches.push(part);
        }
        let charge: u64 = batches.iter().map(|part| part.charge).sum();
        self.memory.charge(charge);
        self.memory.release(whole);
        let by = self
            .accumulator
            .partition_mut(slot)
            .replace(position, batches);
        self.sender.move_back(slot, origin.ordinal, by);
        self.sender.counters.on_split();
        true
    }

    /// Ends the records that the answer names, and puts the others in the place of the batch. With
    /// idempotence these are fewer than the sequences that the batch was given: what is stamped behind
    /// it needs other stamps, as when a whole batch is given up.
    pub(super) fn leave_out(
        &mut self,
        slot: Slot,
        position: usize,
        outcome: Outcome,
        cause: Cause,
        refusal: &Refusal,
    ) -> bool {
        let partition = self.accumulator.partition(slot);
        let Some(batch) = partition.batches().get(position) else {
            return false;
        };
        let is_kept = |position| !refusal.names(position);
        let Some(rest) = encode_again(batch, partition.topic, usize::MAX, is_kept)
            .and_then(|parts| parts.into_iter().next())
        else {
            return false;
        };
        let origin = Origin::of(batch);
        let rest = self.part_of(&origin, rest, None);
        self.memory.charge(rest.charge);
        let place = self.accumulator.partition_mut(slot).batch_mut(position);
        let Some(batch) = place.map(|place| core::mem::replace(place, rest)) else {
            return false;
        };
        self.give_up_stamp(slot, &batch, outcome);
        self.memory.release(batch.charge);
        let named = (0..).zip(batch.tickets.tickets());
        let named = by_message(
            named.filter(|(position, _)| refusal.names(*position)),
            refusal,
        );
        self.report_refused(slot, named, 0, outcome, cause);
        true
    }

    /// Ends a batch because of the broker's answer; each record gets the words that concern it.
    pub(super) fn give_up_answered(
        &mut self,
        slot: Slot,
        position: usize,
        outcome: Outcome,
        cause: Cause,
        refusal: &Refusal,
    ) {
        let partition = self.accumulator.partition_mut(slot);
        let Some(batch) = partition.remove(position) else {
            return;
        };
        self.give_up_stamp(slot, &batch, outcome);
        self.end_refused_run(slot, cause);
        let tickets_charge = batch.tickets.charged_bytes();
        self.memory.release(tickets_charge);
        let all = by_message((0..).zip(batch.tickets.tickets()), refusal);
        self.report_refused(slot, all, batch.charge - tickets_charge, outcome, cause);
    }

    /// Reports records that a broker refused, one report per message. The first report holds `charge`,
    /// and each holds its tickets and its message.
    fn report_refused(
        &mut self,
        slot: Slot,
        groups: Vec<(Option<Box<str>>, TicketRuns)>,
        mut charge: u64,
        outcome: Outcome,
        cause: Cause,
    ) {
        for (message, tickets) in groups {
            let words = message.as_ref().map_or(0, |message| message.len() as u64);
            let own = tickets.charged_bytes() + words;
            self.memory.charge(own);
            let partition = self.accumulator.partition(slot);
            let report = DeliveryReport {
                topic: partition.topic,
                partition: Some(partition.index),
                base_offset: None,
                log_append_time: None,
                outcome,
                cause: Some(cause),
                message,
                tickets,
            };
            self.push_report(report, own + core::mem::take(&mut charge));
        }
    }

    /// A batch that is made of another one.
    fn part_of(&mut self, origin: &Origin, part: Part, stamp: Option<Stamp>) -> ProducerBatch {
        let sealed = self.accumulator.seal_part(part.builder);
        ProducerBatch {
            charge: batch_charge(&sealed, &part.tickets),
            sealed,
            tickets: part.tickets,
            created: origin.created,
            ordinal: origin.ordinal,
            attempts: origin.attempts.saturating_sub(1),
            stamp,
            is_in_flight: false,
            is_in_doubt: origin.is_in_doubt,
            was_sent_by_name: origin.was_sent_by_name,
            is_lost_with_old_log: origin.is_lost_with_old_log,
            last_error: origin.last_error,
        }
    }
}

/// Encodes those records of a batch again that are to be kept, a new batch wherever one would take more
/// than `limit` bytes before compression. `None` if the batch cannot be read, which own ones always can.
fn encode_again(
    batch: &ProducerBatch,
    topic: TopicHandle,
    limit: usize,
    is_kept: impl Fn(u32) -> bool,
) -> Option<Vec<Part>> {
    let records = batch.sealed.decompressed()?;
    let mut reader = RecordReader::new(&records, topic, batch.sealed.base_timestamp());
    let (mut parts, mut rest) = (Vec::<Part>::new(), records.len());
    let mut scratch = Vec::new();
    for (position, ticket) in (0..batch.sealed.count()).zip(batch.tickets.tickets()) {
        let (record, len) = reader.next(&mut scratch)?;
        if is_kept(position) {
            let has_room = |part: &Part| {
                part.builder.len() as u64 + part.builder.encoded_size(&record) <= limit as u64
            };
            if !parts.last().is_some_and(has_room) {
                parts.push(Part {
                    builder: BatchBuilder::with_capacity(rest.min(limit)),
                    tickets: TicketRuns::new(),
                });
            }
            let part = parts.last_mut()?;
            // Other deltas may take more bytes than those before.
            let needed = part.builder.len() as u64 + part.builder.encoded_size(&record);
            part.builder.grow(usize::try_from(needed).ok()?);
            part.builder.append(&record);
            part.tickets.push(ticket);
        }
        rest = rest.saturating_sub(len);
    }
    Some(parts)
}

/// Tickets with their positions, sorted by what the broker says about each, in the order in which it
/// first occurs.
fn by_message(
    tickets: impl Iterator<Item = (u32, Ticket)>,
    refusal: &Refusal,
) -> Vec<(Option<Box<str>>, TicketRuns)> {
    let (mut groups, mut indices) = (Vec::new(), BTreeMap::new());
    for (position, ticket) in tickets {
        let message = refusal.message_of(position);
        let index = *indices.entry(message).or_insert(groups.len());
        if index == groups.len() {
            groups.push((message.map(Box::from), TicketRuns::new()));
        }
        groups[index].1.push(ticket);
    }
    groups
}
