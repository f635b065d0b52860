//! Counted where records are reported: what became of them.

use super::RecordCounts;
use super::by_topic::ByTopic;
use crate::error::Cause;
use crate::event::{DeliveryReport, Outcome};
use crate::ids::TopicHandle;

/// What became of the records of each topic.
#[derive(Debug, Default)]
pub(crate) struct Outcomes(ByTopic);

impl Outcomes {
    /// Records are reported.
    pub(crate) fn on_report(&mut self, report: &DeliveryReport) {
        let records = report.tickets.count();
        let counts = self.0.of(report.topic);
        let counter = match report.outcome {
            Outcome::Written => &mut counts.written,
            Outcome::NotWritten => &mut counts.not_written,
            Outcome::PossiblyWritten => &mut counts.possibly_written,
        };
        *counter += records;
        // With acks=0 a record that was sent is a success, as in Java.
        let is_well = report.outcome == Outcome::Written || report.cause == Some(Cause::AcksZero);
        if !is_well {
            counts.failed += records;
        }
    }

    pub(crate) fn of(&self, topic: TopicHandle) -> RecordCounts {
        self.0.get(topic)
    }
}
