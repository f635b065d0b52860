//! One partition's queue: its open batch, its batches in order, and what may be drained next.

use super::batch::{OpenBatch, ProducerBatch};
use super::identity::{IdAndEpoch, Identity};
use super::memory::Memory;
use super::sequence::{PartitionSequence, Run, Stamp};
use crate::ids::{BrokerId, Ticket, TopicHandle, TopicUuid};
use crate::record::Record;
use crate::time::{Instant, earliest};
use core::time::Duration;
use std::collections::VecDeque;

/// How many batches of one producer a broker remembers for each partition. A batch whose answer got
/// lost is recognised as a duplicate only as long as no more than this have been appended from it on.
const REMEMBERED_BATCHES: u64 = 5;

/// The queue of one partition. Batches stay in it, in order, from being sealed until they are
/// reported; one that is in flight is only marked so. A retry therefore never has to be put back in
/// its place.
#[derive(Debug)]
pub(super) struct PartitionQueue {
    pub(super) topic: TopicHandle,
    pub(super) index: i32,
    pub(super) leader: Option<BrokerId>,
    pub(super) open: Option<OpenBatch>,
    batches: VecDeque<ProducerBatch>,
    next_ordinal: u64,
    /// Requests out that carry a batch of this partition. Not the same as the batches marked in flight:
    /// one that expired is gone from the queue while its request is still out.
    pub(super) in_flight: u32,
    /// Where those requests went. Another leader gets nothing before they are answered, or it could
    /// append what comes later first.
    pub(super) in_flight_at: Option<BrokerId>,
    /// Where the last request went that is over.
    pub(super) tried_at: Option<BrokerId>,
    /// Nothing is drained before this instant (`retry.backoff.ms`).
    pub(super) retry_at: Instant,
    pub(super) sequence: PartitionSequence,
    /// The number of the last transaction that a record for it belongs to.
    pub(super) enlisted_in: u64,
    /// The coordinator has to hear of it before anything is written to it.
    pub(super) is_unregistered: bool,
    /// The id of the topic whose log took the last batch; zero before that, and where brokers tell none.
    log: TopicUuid,
    /// Length of the last batch: what the next one asks memory for at once.
    pub(super) usual_len: usize,
    /// Bytes of the tickets of the last batch.
    pub(super) usual_ticket_bytes: usize,
    /// On which broker's list of ready partitions it stands.
    pub(super) listed_at: Option<BrokerId>,
    /// The entry of this partition in the accumulator's timers.
    pub(super) timer: Option<Instant>,
}

impl PartitionQueue {
    /// Takes the id of the topic as the view has it. A topic that was created again has an empty log:
    /// sequences start there at 0 under a higher epoch, which no attempt of before can get in the way
    /// of. What is in doubt is sent once more as it was stamped if a request named the topic, for that
    /// one may have reached the new log already, which then knows it again.
    pub(super) fn enter_log(&mut self, log: TopicUuid) {
        if log == TopicUuid::ZERO {
            return;
        }
        if self.log != TopicUuid::ZERO && self.log != log {
            self.sequence.leave_log();
            self.forget_doubts_of_old_log();
        }
        self.log = log;
    }

    /// Requests by topic id that were lost did not reach the log that the partition has now: what is in
    /// doubt because of them alone need not be looked for there, which could only change the order.
    pub(super) fn forget_doubts_of_old_log(&mut self) {
        let queued = self.batches.iter_mut().filter(|one| !one.is_in_flight);
        for batch in queued.filter(|one| !one.was_sent_by_name) {
            batch.is_lost_with_old_log = true;
        }
    }

    /// Whether a request bore another topic id than that of the log that the partition has now.
    pub(super) fn has_left_log(&self, log: TopicUuid) -> bool {
        log != TopicUuid::ZERO && log != self.log
    }

    pub(super) fn new(topic: TopicHandle, index: i32) -> Self {
        Self {
            topic,
            index,
            leader: None,
            open: None,
            batches: VecDeque::new(),
            next_ordinal: 0,
            in_flight: 0,
            in_flight_at: None,
            tried_at: None,
            retry_at: Instant::ZERO,
            log: TopicUuid::ZERO,
            sequence: PartitionSequence::default(),
            enlisted_in: 0,
            is_unregistered: false,
            usual_len: 0,
            usual_ticket_bytes: 0,
            listed_at: None,
            timer: None,
        }
    }

    pub(super) const fn next_ordinal(&self) -> u64 {
        self.next_ordinal
    }

    pub(super) fn push(&mut self, batch: ProducerBatch) {
        debug_assert_eq!(
            batch.ordinal, self.next_ordinal,
            "batches are pushed in order"
        );
        self.next_ordinal += 1;
        self.batches.push_back(batch);
    }

    /// Appends to the open batch, if there is one and all its records then take at most `limit`
    /// bytes. Returns the bytes that the record is expected to take on the wire.
    pub(super) fn append_within(
        &mut self,
        record: &Record<'_>,
        ticket: Ticket,
        limit: usize,
        memory: &mut Memory,
    ) -> Option<u64> {
        let open = self.open.as_mut()?;
        let before = open.builder.len();
        if !open.builder.append_within(record, limit) {
            return None;
        }
        let charged = open.tickets.charged_bytes();
        open.tickets.push(ticket);
        let growth = open.tickets.charged_bytes() - charged;
        open.charge += growth;
        memory.charge(growth);
        Some(
            open.estimate
                .compressed((open.builder.len() - before) as u64),
        )
    }

    /// Whether there is a batch that could leave: one that waits to be sent, or an open one that need
    /// not wait for company.
    pub(super) fn has_ready(&self, now: Instant) -> bool {
        self.batches.iter().any(|batch| !batch.is_in_flight) || self.is_open_ready(now)
    }

    /// How many batches wait to be sent, the open one included.
    pub(super) fn waiting_batches(&self) -> u64 {
        // A request carries one batch of a partition; of those out, some may have expired meanwhile.
        let queued = self.batches.len() as u64;
        queued.saturating_sub(u64::from(self.in_flight)) + u64::from(self.open.is_some())
    }

    /// Whether the open batch need not wait for company any longer.
    pub(super) fn is_open_ready(&self, now: Instant) -> bool {
        self.open.as_ref().is_some_and(|open| open.ready_at <= now)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty() && self.open.is_none()
    }

    pub(super) const fn batches(&self) -> &VecDeque<ProducerBatch> {
        &self.batches
    }

    /// A request that carried a batch of this partition is over.
    pub(super) const fn end_attempt(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.tried_at = self.in_flight_at;
        if self.in_flight == 0 {
            self.in_flight_at = None;
        }
    }

    /// The position of a batch that is still in the queue.
    pub(super) fn position(&self, ordinal: u64) -> Option<usize> {
        self.batches
            .binary_search_by_key(&ordinal, |batch| batch.ordinal)
            .ok()
    }

    pub(super) fn batch_mut(&mut self, position: usize) -> Option<&mut ProducerBatch> {
        self.batches.get_mut(position)
    }

    pub(super) fn remove(&mut self, position: usize) -> Option<ProducerBatch> {
        self.batches.remove(position)
    }

    /// Puts parts in the place of the batch at `position`, which is taken out. What is behind it moves
    /// back; returns by how much.
    pub(super) fn replace(&mut self, position: usize, parts: Vec<ProducerBatch>) -> u64 {
        let mut behind = self.batches.split_off(position);
        let Some(first) = behind.pop_front().map(|batch| batch.ordinal) else {
            return 0;
        };
        let by = (parts.len() as u64).saturating_sub(1);
        for (ordinal, part) in (first..).zip(parts) {
            self.batches.push_back(ProducerBatch { ordinal, ..part });
        }
        for mut batch in behind {
            batch.ordinal += by;
            self.batches.push_back(batch);
        }
        self.next_ordinal += by;
        by
    }

    /// The position of the batch that may be handed to `broker` at `now`, if any may. One past the
    /// last batch stands for the open one, which has to be sealed first.
    pub(super) fn drainable(
        &self,
        broker: BrokerId,
        identity: &Identity,
        now: Instant,
    ) -> Option<usize> {
        if self.leader != Some(broker) || self.retry_at > now || self.is_unregistered {
            return None;
        }
        if self.in_flight > 0 && self.in_flight_at != Some(broker) {
            return None;
        }
        let is_alone = self.in_flight == 0;
        if identity.is_enabled() && self.sequence.run() != Run::Whole {
            return self.settleable().filter(|_| is_alone);
        }
        let queued = self.batches.iter().position(|batch| !batch.is_in_flight);
        let position = match queued {
            Some(position) => position,
            None if self.is_open_ready(now) => self.batches.len(),
            None => return None,
        };
        let batch = self.batches.get(position);
        if !identity.is_enabled() {
            // A retry waits for what is out, so that at most the order of what was out is lost.
            let is_retry = batch.is_some_and(|batch| batch.attempts > 0);
            return (is_alone || !is_retry).then_some(position);
        }
        self.sequence.under()?;
        let ordinal = batch.map_or(self.next_ordinal, |batch| batch.ordinal);
        let oldest = self.batches.front().map_or(ordinal, |one| one.ordinal);
        let may_join = !batch.is_some_and(ProducerBatch::is_stamped)
            && self.sequence.is_confirmed()
            && ordinal - oldest < REMEMBERED_BATCHES;
        (is_alone || may_join).then_some(position)
    }

    /// Brings the sequences in order before a batch is taken. Behind a gap nothing goes on before every
    /// stamped batch is settled; what is then left is not in the log and gets another stamp.
    pub(super) fn mend(&mut self, identity: &mut Identity) {
        // A batch that expired while it was out counts here as well: its answer is still to come.
        if self.in_flight > 0 {
            return;
        }
        if self.sequence.run() == Run::Suspect && self.sequence.is_joined_by(self.stamped()) {
            self.sequence.make_whole();
        }
        match self.sequence.run() {
            Run::Whole => {
                if self.batches.front().is_none_or(|one| !one.is_stamped()) {
                    self.take_up_newest(identity);
                }
                return;
            }
            Run::Suspect => {
                if self.stamped().next().is_none() {
                    self.sequence.end();
                }
            }
            Run::Forgotten | Run::Broken => {
                if self.settleable().is_some() {
                    return;
                }
                for batch in &mut self.batches {
                    batch.stamp = None;
                }
                if self.sequence.run() == Run::Forgotten && !identity.raises_epochs() {
                    self.start_again(self.sequence.under());
                } else {
                    self.sequence.end();
                }
            }
            Run::Over => {}
        }
        if self.sequence.run() == Run::Over {
            let ended = self.sequence.under();
            self.start_again(ended.and_then(|ended| identity.successor(ended)));
        }
    }

    fn start_again(&mut self, under: Option<IdAndEpoch>) {
        if let Some(under) = under {
            self.sequence.start(under, 0);
        }
    }

    /// Nothing is stamped: whatever comes next may bear the newest identity.
    fn take_up_newest(&mut self, identity: &Identity) {
        let Some(newest) = identity.newest() else {
            return;
        };
        match self.sequence.under() {
            None => self.sequence.start(newest, identity.first_sequence()),
            Some(old) if old != newest => self.sequence.start(newest, 0),
            Some(_) => {}
        }
    }

    /// The stamped batches, in order. Only where the sequences are broken may others stand among them.
    fn stamped(&self) -> impl Iterator<Item = (Stamp, u32)> {
        let stamped = self.batches.iter();
        // Batches that were never stamped, of which there may be many, come behind them.
        stamped.map_while(|batch| Some((batch.stamp?, batch.sealed.count())))
    }

    /// Whether the stamped batches follow one another as brokers want them, which they must in the state
    /// [`Run::Whole`].
    pub(super) fn is_in_sequence(&self) -> bool {
        self.sequence.run() != Run::Whole || self.sequence.is_joined_by(self.stamped())
    }

    /// Behind a gap: the position of the first batch that is sent once more as it was stamped. While
    /// the gap is suspected this is any, in order; where it is certain the broker takes nothing new, so
    /// only a batch in doubt can still be found there. Batches before it that have to wait for another
    /// stamp do not hold it up, or the gap would wait for itself.
    fn settleable(&self) -> Option<usize> {
        let is_suspect = self.sequence.run() == Run::Suspect;
        self.batches.iter().position(|batch| {
            let may_be_found = batch.is_in_doubt && !batch.is_lost_with_old_log;
            batch.is_stamped() && !batch.is_in_flight && (is_suspect || may_be_found)
        })
    }

    /// When time alone changes something: an open batch becomes ready, the oldest batch expires, or a
    /// back-off ends.
    pub(super) fn next_deadline(
        &self,
        delivery_timeout: Duration,
        now: Instant,
    ) -> Option<Instant> {
        let open = self.open.as_ref();
        let oldest = self.batches.front().map(|batch| batch.created);
        let oldest = oldest.or_else(|| open.map(|open| open.created));
        let expiry = oldest.map(|created| created.after(delivery_timeout));
        let linger = open.map(|open| open.ready_at).filter(|at| *at > now);
        let backoff = (self.retry_at > now && self.has_ready(now)).then_some(self.retry_at);
        earliest(earliest(expiry, linger), backoff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backoff::Backoff;
    use crate::producer::identity::Kind;

    /// A partition whose sequences are in use up to 10, under epoch 3.
    fn used(kind: Kind) -> (PartitionQueue, Identity) {
        let wait = Duration::from_millis(100);
        let backoff = Backoff {
            base: wait,
            max: wait,
        };
        let mut identity = Identity::new(kind, backoff);
        let mut partition = PartitionQueue::new(TopicHandle(0), 0);
        partition.mend(&mut identity);
        assert_eq!(partition.sequence.stamp(1), None, "nothing is granted");
        identity.grant(7, 3);
        partition.mend(&mut identity);
        let stamp = partition.sequence.stamp(10).expect("granted");
        partition.sequence.acknowledge(stamp.behind(10), Some(9));
        (partition, identity)
    }

    fn next(partition: &mut PartitionQueue, identity: &mut Identity) -> Option<(i16, i32)> {
        partition.mend(identity);
        let stamp = partition.sequence.stamp(1)?;
        partition.sequence.acknowledge(stamp.behind(1), None);
        Some((stamp.by.producer_epoch, stamp.base_sequence))
    }

    /// Sequences go on from one transaction to the next, for their epoch does.
    #[test]
    fn sequences_go_on_until_another_epoch_is_granted() {
        let (mut partition, mut identity) = used(Kind::Transactional);
        identity.grant(7, 3);
        assert_eq!(next(&mut partition, &mut identity), Some((3, 10)));
        identity.grant(7, 4);
        assert_eq!(next(&mut partition, &mut identity), Some((4, 0)));
        identity.grant(8, 0);
        assert_eq!(next(&mut partition, &mut identity), Some((0, 0)));
    }

    #[test]
    fn behind_a_gap_in_a_transaction_nothing_is_stamped_before_the_coordinator_grants_an_epoch() {
        let (mut partition, mut identity) = used(Kind::Transactional);
        partition.sequence.break_off(false);
        assert_eq!(next(&mut partition, &mut identity), None);
        assert_eq!(identity.request_due_at(), None);
        identity.grant(7, 4);
        assert_eq!(next(&mut partition, &mut identity), Some((4, 0)));
        // Where retention deleted what the broker knew, the transaction can go on.
        partition.sequence.break_off(true);
        assert_eq!(next(&mut partition, &mut identity), Some((4, 0)));
    }

    #[test]
    fn nothing_is_mended_while_a_batch_is_out_even_one_that_expired() {
        let (mut partition, mut identity) = used(Kind::Idempotent);
        let stamp = partition.sequence.stamp(5).expect("granted");
        partition.in_flight = 1;
        partition.sequence.give_up(stamp, 5, false);
        assert_eq!(next(&mut partition, &mut identity), None);
        partition.sequence.acknowledge(stamp.behind(5), None);
        assert_eq!(next(&mut partition, &mut identity), None);
        partition.in_flight = 0;
        assert_eq!(next(&mut partition, &mut identity), Some((3, 15)));
    }
}
