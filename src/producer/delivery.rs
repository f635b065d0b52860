//! Reports on their way to the application, and the flushes that wait for them.

use crate::event::DeliveryReport;
use crate::ids::FlushId;
use crate::metrics::Outcomes;
use std::collections::VecDeque;

/// Reports not yet taken, and what has been reported so far.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    /// Each with the memory that its tickets and its batch still hold.
    reports: VecDeque<(DeliveryReport, u64)>,
    accepted: u64,
    reported: u64,
    flushes: VecDeque<Flush>,
    next_flush: u32,
    pub(super) outcomes: Outcomes,
}

/// A flush that waits for the reports of everything accepted before it.
#[derive(Debug)]
struct Flush {
    id: FlushId,
    /// The first ticket that it does not wait for.
    before: u64,
    missing: u64,
}

impl Delivery {
    /// The next ticket number; counts the record as accepted.
    pub(super) const fn accept(&mut self) -> u64 {
        let ticket = self.accepted;
        self.accepted += 1;
        ticket
    }

    /// The ticket that the next accepted record will get.
    pub(super) const fn next_ticket(&self) -> u64 {
        self.accepted
    }

    pub(super) fn push(&mut self, report: DeliveryReport, charge: u64) {
        self.outcomes.on_report(&report);
        if !report.tickets.is_empty() {
            self.reports.push_back((report, charge));
        }
    }

    /// The next report and the memory that becomes free with it.
    pub(super) fn take(&mut self) -> Option<(DeliveryReport, u64)> {
        let (report, charge) = self.reports.pop_front()?;
        self.reported += report.tickets.count();
        for flush in &mut self.flushes {
            let covered: u64 = report
                .tickets
                .iter()
                .map(|(first, count)| flush.before.saturating_sub(first.0).min(count))
                .sum();
            flush.missing = flush.missing.saturating_sub(covered);
        }
        Some((report, charge))
    }

    /// Starts a flush over everything accepted so far; where nothing was since the last one, and that is
    /// not complete, it is the same.
    pub(super) fn flush(&mut self) -> FlushId {
        if let Some(last) = self.flushes.back()
            && last.before == self.accepted
        {
            return last.id;
        }
        let id = FlushId(self.next_flush);
        self.next_flush = self.next_flush.wrapping_add(1);
        let missing = self.accepted - self.reported;
        self.flushes.push_back(Flush {
            id,
            before: self.accepted,
            missing,
        });
        id
    }

    /// The oldest flush, if it is complete.
    pub(super) fn take_flushed(&mut self) -> Option<FlushId> {
        if self.flushes.front()?.missing > 0 {
            return None;
        }
        self.flushes.pop_front().map(|flush| flush.id)
    }

    pub(super) fn is_flushing(&self) -> bool {
        self.flushes.iter().any(|flush| flush.missing > 0)
    }

    /// Whether every accepted record has been reported and taken.
    pub(super) const fn is_settled(&self) -> bool {
        self.accepted == self.reported
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Outcome, TicketRuns};
    use crate::ids::{Ticket, TopicHandle};

    fn report(tickets: &[u64]) -> DeliveryReport {
        let mut runs = TicketRuns::new();
        for ticket in tickets {
            runs.push(Ticket(*ticket));
        }
        DeliveryReport {
            topic: TopicHandle(0),
            partition: Some(0),
            base_offset: Some(0),
            log_append_time: None,
            outcome: Outcome::Written,
            cause: None,
            message: None,
            tickets: runs,
        }
    }

    #[test]
    fn a_flush_waits_for_what_came_before_it_and_nothing_else() {
        let mut delivery = Delivery::default();
        for _ in 0..4 {
            delivery.accept();
        }
        let flush = delivery.flush();
        delivery.accept();
        delivery.push(report(&[0, 3, 4]), 0);
        assert!(delivery.take().is_some());
        assert_eq!(delivery.take_flushed(), None);
        delivery.push(report(&[1, 2]), 0);
        assert!(delivery.take().is_some());
        assert_eq!(delivery.take_flushed(), Some(flush));
        assert!(delivery.is_settled());
    }
}
