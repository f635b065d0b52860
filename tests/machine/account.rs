//! The account of every record: what was accepted, what was reported, and what the logs say to it.

use crate::broker::FakeCluster;
use crate::partition_log::LogRecord;
use odradek::{Cause, DeliveryReport, Outcome, Record, Ticket, TopicHandle};
use std::collections::BTreeMap;

/// A record that was accepted.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) topic: String,
    pub(crate) number: u64,
    record: LogRecord,
    handle: TopicHandle,
}

/// What was reported about one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fortune {
    pub(crate) outcome: Outcome,
    pub(crate) partition: Option<i32>,
    /// The offset of this record.
    pub(crate) offset: Option<i64>,
    pub(crate) cause: Option<Cause>,
    /// When, in virtual ns.
    pub(crate) at: u64,
}

/// All records of one producer.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// By ticket, which counts from 0.
    pub(crate) accepted: Vec<Accepted>,
    pub(crate) fortunes: BTreeMap<u64, Fortune>,
    pub(crate) reports: Vec<DeliveryReport>,
    pub(crate) is_idempotent: bool,
    /// What is reported is not compared with the logs: the brokers lie.
    pub(crate) is_lenient: bool,
    numbers: u64,
}

impl Account {
    /// The next record's number; a refused record leaves a gap.
    pub(crate) const fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(crate) fn accept(
        &mut self,
        ticket: Ticket,
        handle: TopicHandle,
        topic: &str,
        record: &Record<'_>,
    ) {
        assert_eq!(
            ticket.0,
            self.accepted.len() as u64,
            "tickets are contiguous"
        );
        self.accepted.push(Accepted {
            topic: topic.to_owned(),
            number: self.numbers,
            record: LogRecord {
                key: record.key.map(<[u8]>::to_vec),
                value: record.value.map(<[u8]>::to_vec),
                timestamp: record.timestamp,
                number: Some(self.numbers),
            },
            handle,
        });
    }

    pub(crate) fn report(&mut self, report: DeliveryReport, at: u64) {
        assert!(!report.tickets.is_empty());
        for (position, ticket) in (0..).zip(report.tickets.tickets()) {
            let accepted = self
                .accepted
                .get(ticket.0 as usize)
                .expect("a ticket that was given");
            assert_eq!(accepted.handle, report.topic);
            let fortune = Fortune {
                outcome: report.outcome,
                partition: report.partition,
                offset: report.base_offset.map(|base| base + position),
                cause: report.cause,
                at,
            };
            let old = self.fortunes.insert(ticket.0, fortune);
            assert_eq!(old, None, "two outcomes for {ticket}: and now {fortune:?}");
        }
        self.reports.push(report);
    }

    /// How many records have no outcome yet.
    pub(crate) fn open(&self) -> usize {
        self.accepted.len() - self.fortunes.len()
    }

    /// What was reported about a record.
    pub(crate) fn fortune(&self, ticket: Ticket) -> Fortune {
        let fortune = self.fortunes.get(&ticket.0);
        *fortune.unwrap_or_else(|| panic!("{ticket} has no outcome"))
    }

    /// How many records have this outcome.
    pub(crate) fn count(&self, outcome: Outcome) -> usize {
        self.fortunes
            .values()
            .filter(|f| f.outcome == outcome)
            .count()
    }

    /// Compares what was reported with the logs.
    pub(crate) fn check(&self, cluster: &FakeCluster) {
        if self.is_lenient {
            return;
        }
        let mut copies: BTreeMap<u64, usize> = BTreeMap::new();
        for (name, topic) in &cluster.topics {
            for partition in &topic.partitions {
                let numbers = partition.log.numbers();
                for number in &numbers {
                    *copies.entry(*number).or_default() += 1;
                }
                if self.is_idempotent {
                    let in_order = numbers.is_sorted_by(|a, b| a < b);
                    assert!(in_order, "{name} is out of order: {numbers:?}");
                }
            }
        }
        for (ticket, accepted) in (0..).zip(&self.accepted) {
            let count = copies.get(&accepted.number).copied().unwrap_or(0);
            let fortune = self.fortunes.get(&ticket);
            if self.is_idempotent {
                assert!(
                    count <= 1,
                    "ticket {ticket} is {count} times in the log: {fortune:?}"
                );
            }
            let Some(fortune) = fortune else { continue };
            match fortune.outcome {
                Outcome::Written => assert!(count >= 1, "ticket {ticket} is not in the log"),
                Outcome::NotWritten => assert_eq!(count, 0, "ticket {ticket} is in the log"),
                Outcome::PossiblyWritten => assert_eq!(fortune.offset, None),
            }
            if let (Some(offset), Some(partition)) = (fortune.offset, fortune.partition) {
                let topic = &cluster.topics[&accepted.topic];
                let log = &topic.partitions[partition as usize].log;
                assert_eq!(
                    log.records[offset as usize], accepted.record,
                    "ticket {ticket}"
                );
            }
        }
    }
}
