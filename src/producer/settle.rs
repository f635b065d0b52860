//! The end of batches and records: reported, given up, expired, purged, abandoned.

use super::Producer;
use super::accumulator::Slot;
use super::batch::ProducerBatch;
use super::sequence::Run;
use crate::cluster::TopicState;
use crate::error::Cause;
use crate::error_code::ErrorCode;
use crate::event::{DeliveryReport, Outcome, TicketRuns};
use crate::ids::TopicHandle;
use crate::record::first_record_size;
use crate::time::Instant;
use crate::transaction::TransactionFault;

impl Producer {
    /// Queues a report. A record that is not surely written costs its transaction (KIP-98).
    pub(super) fn push_report(&mut self, report: DeliveryReport, charge: u64) {
        if let Some(transactions) = &mut self.transactions
            && report.outcome != Outcome::Written
        {
            let cause = report.cause.unwrap_or(Cause::TransactionAborted);
            transactions.fault(TransactionFault::Record(cause));
        }
        self.delivery.push(report, charge);
    }

    pub(super) fn report_written(
        &mut self,
        slot: Slot,
        batch: ProducerBatch,
        base_offset: Option<i64>,
        log_append_time: Option<i64>,
        cause: Option<Cause>,
    ) {
        let partition = self.accumulator.partition(slot);
        let report = DeliveryReport {
            topic: partition.topic,
            partition: Some(partition.index),
            base_offset,
            log_append_time,
            outcome: Outcome::Written,
            cause,
            message: None,
            tickets: batch.tickets,
        };
        self.push_report(report, batch.charge);
    }

    /// Reports a batch without an offset. Its memory stays held while a request is out that carries it.
    pub(super) fn report_batch(
        &mut self,
        slot: Slot,
        batch: ProducerBatch,
        outcome: Outcome,
        cause: Option<Cause>,
    ) {
        let is_pinned = batch.is_in_flight && self.sender.pin(slot, batch.ordinal, batch.charge);
        let charge = if is_pinned { 0 } else { batch.charge };
        let partition = self.accumulator.partition(slot);
        let report = DeliveryReport {
            topic: partition.topic,
            partition: Some(partition.index),
            base_offset: None,
            log_append_time: None,
            outcome,
            cause,
            message: None,
            tickets: batch.tickets,
        };
        self.push_report(report, charge);
    }

    /// Ends a batch that will not be sent again. If it was stamped, its sequences may be missing from
    /// now on.
    pub(super) fn give_up(
        &mut self,
        slot: Slot,
        batch: ProducerBatch,
        outcome: Outcome,
        cause: Cause,
    ) {
        self.give_up_stamp(slot, &batch, outcome);
        self.end_refused_run(slot, cause);
        self.report_batch(slot, batch, outcome, Some(cause));
    }

    /// A broker that refused the next sequence of a transaction would refuse it in the next one as well,
    /// though nothing is missing: it knows something else of the producer than the producer does.
    pub(super) fn end_refused_run(&mut self, slot: Slot, cause: Cause) {
        let is_about_sequence = matches!(
            cause,
            Cause::Broker(error) | Cause::DeliveryTimeout { last: Some(error) }
                if matches!(
                    error,
                    ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER | ErrorCode::UNKNOWN_PRODUCER_ID
                )
        );
        if let (true, Some(transactions)) = (is_about_sequence, &mut self.transactions) {
            let partition = self.accumulator.partition_mut(slot);
            partition.sequence.break_off(false);
            transactions.on_gap();
        }
    }

    /// A batch is not sent any more as it was stamped, if it was; its partition has to make up for it.
    pub(super) fn give_up_stamp(&mut self, slot: Slot, batch: &ProducerBatch, outcome: Outcome) {
        if let Some(stamp) = batch.stamp {
            let is_absent = outcome == Outcome::NotWritten;
            let partition = self.accumulator.partition_mut(slot);
            partition
                .sequence
                .give_up(stamp, batch.sealed.count(), is_absent);
            let is_whole = partition.sequence.run() == Run::Whole;
            if let (false, Some(transactions)) = (is_whole, &mut self.transactions) {
                transactions.on_gap();
            }
        }
    }

    /// Something about a partition is due: linger, expiry or the end of a back-off.
    pub(super) fn on_partition_due(&mut self, slot: Slot, now: Instant) {
        self.accumulator.end_linger(slot, now);
        let timeout = self.accumulator.delivery_timeout();
        let open = self.accumulator.partition(slot).open.as_ref();
        if open.is_some_and(|open| open.created.after(timeout) <= now) {
            self.accumulator.seal_unsent(slot, &mut self.memory, now);
        }
        let is_expired = |batch: &ProducerBatch| batch.created.after(timeout) <= now;
        while self
            .accumulator
            .partition(slot)
            .batches()
            .front()
            .is_some_and(is_expired)
        {
            let Some(batch) = self.accumulator.partition_mut(slot).remove(0) else {
                break;
            };
            let cause = Cause::DeliveryTimeout {
                last: batch.last_error.or_else(|| self.why_not_sent(slot)),
            };
            self.give_up_unanswered(slot, batch, cause);
        }
        self.accumulator.list(slot, now);
        self.accumulator.retime(slot, now);
    }

    /// Gives up a batch for a reason of our own: what is out or in doubt is possibly written.
    fn give_up_unanswered(&mut self, slot: Slot, batch: ProducerBatch, cause: Cause) {
        let outcome = batch.outcome_unanswered();
        self.give_up(slot, batch, outcome, cause);
    }

    /// Gives up the batches that their leader cannot take; true if there was any.
    pub(super) fn drop_refused(&mut self, now: Instant) -> bool {
        let refused = self.sender.take_refused();
        for (slot, ordinal) in &refused {
            let partition = self.accumulator.partition_mut(*slot);
            let position = partition.position(*ordinal);
            if let Some(batch) = position.and_then(|position| partition.remove(position)) {
                // What a broker of a later version answers to such a request.
                let cause = Cause::Broker(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE);
                self.give_up_unanswered(*slot, batch, cause);
            }
            self.accumulator.list(*slot, now);
            self.accumulator.retime(*slot, now);
        }
        !refused.is_empty()
    }

    /// Drops everything that is not in flight.
    pub(super) fn drop_queued(&mut self, cause: Cause, now: Instant) {
        self.fail_all_waiting(cause, now);
        for slot in self.accumulator.slots() {
            self.drop_queued_of(slot, cause, now);
        }
    }

    /// Drops everything of one partition that is not in flight.
    pub(super) fn drop_queued_of(&mut self, slot: Slot, cause: Cause, now: Instant) {
        self.accumulator.seal_unsent(slot, &mut self.memory, now);
        let mut position = 0;
        while let Some(batch) = self.accumulator.partition(slot).batches().get(position) {
            if batch.is_in_flight {
                position += 1;
                continue;
            }
            let Some(batch) = self.accumulator.partition_mut(slot).remove(position) else {
                break;
            };
            self.give_up_unanswered(slot, batch, cause);
        }
        self.accumulator.list(slot, now);
        self.accumulator.retime(slot, now);
    }

    /// Ends everything: the producer is closed, or has failed.
    pub(super) fn abandon(&mut self, cause: Cause, now: Instant) {
        self.fail_all_waiting(cause, now);
        for slot in self.accumulator.slots() {
            self.accumulator.seal_unsent(slot, &mut self.memory, now);
            while let Some(batch) = self.accumulator.partition_mut(slot).remove(0) {
                self.give_up_unanswered(slot, batch, cause);
            }
            self.accumulator.list(slot, now);
            self.accumulator.retime(slot, now);
        }
    }

    // --- records without a partition ---

    /// Moves the next waiting record of a topic into a batch. False when none is left.
    pub(super) fn admit_next(&mut self, topic: TopicHandle, now: Instant) -> bool {
        let Some(waiting) = self.waiting.pop(topic) else {
            return false;
        };
        let charge = waiting.charge();
        let mut headers = Vec::new();
        let Some(record) = waiting.record(&mut headers) else {
            debug_assert!(false, "a waiting record is made of a record");
            return false;
        };
        // The record is already charged; in the batch it takes less than it does waiting.
        self.memory.release(charge);
        match self.choose_slot(&record, first_record_size(&record), now) {
            Ok((slot, partition)) => {
                let Self {
                    accumulator,
                    memory,
                    ..
                } = self;
                let bytes = accumulator.admit(slot, &record, waiting.ticket, memory, now);
                self.enlist(slot);
                self.sender.counters.on_appended(bytes);
                self.partitioner.on_appended(&record, partition, bytes);
            }
            Err(_) => {
                let count = self.partition_count(topic);
                let mut tickets = TicketRuns::new();
                tickets.push(waiting.ticket);
                let cause = Cause::UnknownPartition { count };
                self.report_waiting(topic, tickets, 0, cause);
            }
        }
        true
    }

    /// How many partitions a topic has; 0 while that is not known.
    pub(super) fn partition_count(&self, topic: TopicHandle) -> i32 {
        let view = self.cluster.metadata.topic(topic);
        view.map_or(0, |view| {
            i32::try_from(view.partitions.len()).unwrap_or(i32::MAX)
        })
    }

    /// Reports the records of a topic that waited for `max.block.ms`.
    pub(super) fn expire_waiting(&mut self, topic: TopicHandle, now: Instant) {
        let last = match self.cluster.metadata.topic(topic).map(|view| view.state) {
            Some(TopicState::Unknown(last)) => last,
            Some(TopicState::Refused(code)) => Some(code),
            Some(TopicState::Known) | None => None,
        };
        self.fail_waiting(topic, Cause::NoMetadata { last }, false, now);
    }

    fn fail_all_waiting(&mut self, cause: Cause, now: Instant) {
        let topics: Vec<TopicHandle> = self.waiting.topics().collect();
        for topic in topics {
            self.fail_waiting(topic, cause, true, now);
        }
    }

    /// Reports the waiting records of a topic as not written: all of them, or those that expired.
    pub(super) fn fail_waiting(
        &mut self,
        topic: TopicHandle,
        cause: Cause,
        everything: bool,
        now: Instant,
    ) {
        let (tickets, charge) = self.waiting.take_expired(topic, everything, now);
        self.report_waiting(topic, tickets, charge, cause);
    }

    fn report_waiting(
        &mut self,
        topic: TopicHandle,
        tickets: TicketRuns,
        charge: u64,
        cause: Cause,
    ) {
        let report = DeliveryReport {
            topic,
            partition: None,
            base_offset: None,
            log_append_time: None,
            outcome: Outcome::NotWritten,
            cause: Some(cause),
            message: None,
            tickets,
        };
        self.push_report(report, charge);
    }
}
