//! What coordinators do by themselves: they write markers, and abort what takes too long.

use super::{NO_PRODUCER_ID, Place, Transaction, TransactionState};
use crate::cluster::FakeCluster;
use crate::cluster::coordinators::KeyType;
use crate::cluster::log::Marker;
use std::time::Duration;

impl FakeCluster {
    /// A transaction was decided: says when each of its places learns it.
    pub(super) fn begin_markers(&mut self, transactional_id: &str) {
        let (now, delay) = (self.now, self.options.marker_delay);
        let Some(known) = self.transactions.by_id.get_mut(transactional_id) else {
            return;
        };
        for due in known.places.values_mut() {
            *due = Some(now + self.dice.up_to(delay));
        }
        self.write_markers(transactional_id);
    }

    /// Lets time pass for every transaction.
    pub(in crate::cluster) fn advance_transactions(&mut self) {
        let level = self.transaction_version;
        let transactions = &mut self.transactions;
        transactions.highest_version = transactions.highest_version.max(level);
        let ids: Vec<String> = transactions.by_id.keys().cloned().collect();
        if self.now >= self.transactions.next_check {
            self.transactions.next_check = self.now + self.options.transaction_timeout_check;
            for id in &ids {
                self.abort_if_timed_out(id);
            }
        }
        for id in &ids {
            self.write_markers(id);
        }
    }

    fn abort_if_timed_out(&mut self, transactional_id: &str) {
        let now = self.now;
        let is_over = |known: &Transaction| {
            let deadline = known.timeout.map(|timeout| known.started + timeout);
            known.state == TransactionState::Ongoing
                && deadline.is_some_and(|deadline| deadline < now)
        };
        let known = self.transactions.by_id.get(transactional_id);
        let is_over = known.is_some_and(is_over);
        if is_over && self.works(KeyType::Transaction, transactional_id).is_ok() {
            self.transactions.timed_out += 1;
            self.fence(transactional_id);
        }
    }

    /// Writes the markers whose time has come, as far as the brokers work that they need, and completes
    /// the transaction after the last.
    fn write_markers(&mut self, transactional_id: &str) {
        let Some(known) = self.transactions.by_id.get(transactional_id) else {
            return;
        };
        let marker = match known.state {
            TransactionState::PrepareCommit => Marker::Commit,
            TransactionState::PrepareAbort => Marker::Abort,
            TransactionState::Empty
            | TransactionState::Ongoing
            | TransactionState::CompleteCommit
            | TransactionState::CompleteAbort => return,
        };
        let identity = (known.producer_id, known.epoch);
        let is_due = |due: &Option<Duration>| due.is_none_or(|due| due <= self.now);
        let places = known.places.iter().filter(|(_, due)| is_due(due));
        let places: Vec<Place> = places.map(|(place, _)| place.clone()).collect();
        if self.works(KeyType::Transaction, transactional_id).is_err() {
            return;
        }
        for place in places {
            if self.write_marker(&place, identity, marker)
                && let Some(known) = self.transactions.by_id.get_mut(transactional_id)
            {
                known.places.remove(&place);
            }
        }
        let known = self.transactions.by_id.get_mut(transactional_id);
        if let Some(known) = known.filter(|known| known.places.is_empty()) {
            known.complete(marker);
        }
    }

    /// Writes one marker; answers whether that is done with.
    fn write_marker(&mut self, place: &Place, (id, epoch): (i64, i16), marker: Marker) -> bool {
        let time = self.wall_clock_ms();
        match place {
            Place::Partition(topic, index) => {
                let Some(partition) = self.topics.partition_mut(topic, *index) else {
                    // The topic is gone: nobody needs to know.
                    return true;
                };
                if partition.leader.node.is_none() {
                    return false;
                }
                partition.log.mark(id, epoch, marker, time);
                true
            }
            Place::Offsets(group) => {
                if self.works(KeyType::Group, group).is_err() {
                    return false;
                }
                self.groups.mark(group, id, epoch, marker);
                true
            }
        }
    }
}

impl Transaction {
    fn complete(&mut self, marker: Marker) {
        self.state = match marker {
            Marker::Commit => TransactionState::CompleteCommit,
            Marker::Abort => TransactionState::CompleteAbort,
        };
        self.previous_id = self.producer_id;
        if self.next_id != NO_PRODUCER_ID {
            self.producer_id = self.next_id;
            self.epoch = 0;
            self.next_id = NO_PRODUCER_ID;
        }
    }
}
