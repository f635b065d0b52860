//! Which verdict each accepted record got: reports come per partition, the user thinks in groups.

use crate::error::Cause;
use crate::event::{DeliveryReport, Outcome};
use crate::ids::{Ticket, TopicHandle};
use std::collections::VecDeque;

/// Groups of records with contiguous tickets, in the order of acceptance, and the verdicts that have
/// come for them. `P` is what belongs to a group.
#[derive(Clone, Debug)]
pub struct Tickets<P> {
    groups: VecDeque<Group<P>>,
}

/// Records that were accepted together.
#[derive(Clone, Debug)]
pub struct Group<P> {
    /// What belongs to the group.
    pub payload: P,
    /// The first record's ticket; the others follow.
    first: u64,
    count: u64,
    unsettled: u64,
    parts: Vec<Part>,
    verdicts: Vec<Shared>,
}

/// Neighbouring records with one verdict.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// The position in the group of the first record.
    first: u32,
    count: u32,
    /// The first record's position under its verdict, which is added to the base offset.
    position: u32,
    verdict: u32,
}

/// What the records of one report have in common.
#[derive(Clone, Debug)]
struct Shared {
    topic: TopicHandle,
    partition: Option<i32>,
    base_offset: Option<i64>,
    log_append_time: Option<i64>,
    outcome: Outcome,
    cause: Option<Cause>,
    message: Option<Box<str>>,
}

/// What became of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict<'a> {
    /// The record's ticket.
    pub ticket: Ticket,
    /// Its topic.
    pub topic: TopicHandle,
    /// Its partition, or `None` if it was never given one.
    pub partition: Option<i32>,
    /// Its offset, where the broker told it.
    pub offset: Option<i64>,
    /// The broker's timestamp in ms since 1970, where it replaces the record's own.
    pub log_append_time: Option<i64>,
    /// Whether the record is in the log.
    pub outcome: Outcome,
    /// Why the outcome is not a plain "written with its offset".
    pub cause: Option<Cause>,
    /// What the broker said about it in its own words.
    pub message: Option<&'a str>,
}

impl<P> Default for Tickets<P> {
    fn default() -> Self {
        Self {
            groups: VecDeque::new(),
        }
    }
}

impl<P> Tickets<P> {
    /// Notes a group of `count` records that were accepted under contiguous tickets. Tickets never go
    /// back. A group may be empty.
    pub fn accept(&mut self, first: Ticket, count: usize, payload: P) {
        self.groups.push_back(Group {
            payload,
            first: first.0,
            count: count as u64,
            unsettled: count as u64,
            parts: Vec::new(),
            verdicts: Vec::new(),
        });
    }

    /// Whether every group was taken.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Notes the verdict on the records of one report.
    pub fn settle(&mut self, report: &DeliveryReport) {
        let mut position = 0;
        for (first, count) in report.tickets.iter() {
            self.settle_run(first.0, count, position, report);
            position += count;
        }
    }

    /// Whether there is a [next settled](Self::next_settled) group.
    pub fn has_settled(&self) -> bool {
        self.groups
            .front()
            .is_some_and(|group| group.unsettled == 0)
    }

    /// The oldest group, once all of its records have a verdict.
    pub fn next_settled(&mut self) -> Option<Group<P>> {
        match self.groups.front_mut() {
            Some(group) if group.unsettled == 0 => {
                group.parts.sort_unstable_by_key(|part| part.first);
                self.groups.pop_front()
            }
            Some(_) | None => None,
        }
    }

    /// A run of tickets may go over several groups.
    fn settle_run(&mut self, first: u64, count: u64, position: u64, report: &DeliveryReport) {
        let after = |group: &Group<P>| group.first <= first;
        let start = self.groups.partition_point(after).saturating_sub(1);
        for group in self.groups.range_mut(start..) {
            if group.first >= first + count {
                break;
            }
            let from = first.max(group.first);
            let to = (first + count).min(group.first + group.count);
            if from < to {
                group.add(from, to, position + (from - first), report);
            }
        }
    }
}

impl<P> Group<P> {
    /// How many records there are.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Each different verdict: its outcome, its cause, and how many records it is on.
    pub fn sums(&self) -> impl Iterator<Item = (Outcome, Option<Cause>, u64)> + '_ {
        self.parts.iter().map(|part| {
            let shared = &self.verdicts[part.verdict as usize];
            (shared.outcome, shared.cause, u64::from(part.count))
        })
    }

    /// The verdict on each record, in the order of the records.
    pub fn verdicts(&self) -> impl Iterator<Item = Verdict<'_>> + '_ {
        self.parts.iter().flat_map(move |part| {
            let shared = &self.verdicts[part.verdict as usize];
            let verdict = move |step: u32| Verdict {
                ticket: Ticket(self.first + u64::from(part.first + step)),
                topic: shared.topic,
                partition: shared.partition,
                offset: shared
                    .base_offset
                    .map(|base| base + i64::from(part.position) + i64::from(step)),
                log_append_time: shared.log_append_time,
                outcome: shared.outcome,
                cause: shared.cause,
                message: shared.message.as_deref(),
            };
            (0..part.count).map(verdict)
        })
    }

    fn add(&mut self, from: u64, to: u64, position: u64, report: &DeliveryReport) {
        let shared = Shared {
            topic: report.topic,
            partition: report.partition,
            base_offset: report.base_offset,
            log_append_time: report.log_append_time,
            outcome: report.outcome,
            cause: report.cause,
            message: report.message.clone(),
        };
        let is_same = |last: &Shared| {
            (last.topic, last.partition, last.base_offset)
                == (shared.topic, shared.partition, shared.base_offset)
                && (last.outcome, last.cause) == (shared.outcome, shared.cause)
                && last.log_append_time == shared.log_append_time
                && last.message == shared.message
        };
        // The runs of one report follow one another.
        if !self.verdicts.last().is_some_and(is_same) {
            self.verdicts.push(shared);
        }
        self.unsettled = self.unsettled.saturating_sub(to - from);
        self.parts.push(Part {
            first: (from - self.first) as u32,
            count: (to - from) as u32,
            position: position as u32,
            verdict: (self.verdicts.len() - 1) as u32,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::TicketRuns;

    fn report(partition: i32, base: i64, tickets: &[u64]) -> DeliveryReport {
        let mut runs = TicketRuns::new();
        for ticket in tickets {
            runs.push(Ticket(*ticket));
        }
        DeliveryReport {
            topic: TopicHandle(0),
            partition: Some(partition),
            base_offset: Some(base),
            log_append_time: None,
            outcome: Outcome::Written,
            cause: None,
            message: None,
            tickets: runs,
        }
    }

    fn offsets<P>(group: &Group<P>) -> Vec<(u64, Option<i32>, Option<i64>)> {
        let verdicts = group.verdicts();
        verdicts
            .map(|verdict| (verdict.ticket.0, verdict.partition, verdict.offset))
            .collect()
    }

    #[test]
    fn interleaved_reports_become_verdicts_in_the_order_of_the_records() {
        let mut tickets = Tickets::default();
        tickets.accept(Ticket(10), 4, "a");
        tickets.accept(Ticket(14), 0, "nothing");
        tickets.accept(Ticket(14), 3, "b");
        tickets.settle(&report(1, 100, &[11, 13, 14, 16]));
        assert!(tickets.next_settled().is_none());
        tickets.settle(&report(0, 7, &[10, 12, 15]));
        let group = tickets.next_settled().expect("all four have a verdict");
        assert_eq!((group.payload, group.count()), ("a", 4));
        let expected = [
            (10, Some(0), Some(7)),
            (11, Some(1), Some(100)),
            (12, Some(0), Some(8)),
            (13, Some(1), Some(101)),
        ];
        assert_eq!(offsets(&group), expected);
        assert_eq!(tickets.next_settled().map(|group| group.count()), Some(0));
        let group = tickets.next_settled().expect("all three have a verdict");
        let expected = [
            (14, Some(1), Some(102)),
            (15, Some(0), Some(9)),
            (16, Some(1), Some(103)),
        ];
        assert_eq!(offsets(&group), expected);
        assert!(tickets.is_empty());
    }

    #[test]
    fn a_group_that_is_settled_waits_for_those_before_it() {
        let mut tickets = Tickets::default();
        tickets.accept(Ticket(0), 1, 0);
        tickets.accept(Ticket(1), 1, 1);
        tickets.settle(&report(0, 0, &[1]));
        assert!(tickets.next_settled().is_none());
        tickets.settle(&report(1, 0, &[0]));
        let order: Vec<i32> = core::iter::from_fn(|| tickets.next_settled())
            .map(|group| group.payload)
            .collect();
        assert_eq!(order, [0, 1]);
    }

    #[test]
    fn sums_name_each_outcome_with_its_cause() {
        let mut tickets = Tickets::default();
        tickets.accept(Ticket(0), 3, ());
        tickets.settle(&report(0, 0, &[0, 2]));
        let failed = DeliveryReport {
            outcome: Outcome::NotWritten,
            cause: Some(Cause::Purged),
            ..report(0, 0, &[1])
        };
        tickets.settle(&failed);
        let group = tickets.next_settled().expect("all have a verdict");
        let written: u64 = group
            .sums()
            .filter(|(outcome, ..)| *outcome == Outcome::Written)
            .map(|(.., count)| count)
            .sum();
        assert_eq!(written, 2);
        let lost = (Outcome::NotWritten, Some(Cause::Purged), 1);
        assert!(group.sums().any(|sum| sum == lost));
    }
}
