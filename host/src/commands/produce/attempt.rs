//! The calls of one transaction, and what the producer says of its records.

use super::intake::borrow;
use super::outcomes::describe;
use crate::commands::connect::is_unreached;
use odradek::cli::course::{CLOSE_TIMEOUT, Course};
use odradek::cli::input::Defaults;
use odradek::cli::retained::{Place, Retained, Settling};
use odradek::cli::transactions::{Call, Ending, Failure};
use odradek_host::{
    BatchDelivery, Cause, Outcome, Producer, Record, Report, ReportCause, SendError,
    TransactionError,
};
use std::time::Duration;

/// A transaction on its way.
pub(super) struct Attempt<'a> {
    producer: &'a Producer,
    defaults: &'a Defaults,
    retained: Retained,
    /// Records that were handed over, by their positions, and whose reports were not taken yet.
    sent: Vec<(Vec<usize>, BatchDelivery)>,
    /// What was reported, by the positions of the records.
    places: Vec<Option<Place>>,
}

/// How many records are handed over in one call.
const GROUP_RECORDS: usize = 1000;

impl<'a> Attempt<'a> {
    pub(super) const fn new(
        producer: &'a Producer,
        defaults: &'a Defaults,
        retained: Retained,
    ) -> Self {
        Self {
            producer,
            defaults,
            retained,
            sent: Vec::new(),
            places: Vec::new(),
        }
    }

    /// Whether there is nothing to be sent.
    pub(super) const fn is_empty(&self) -> bool {
        self.retained.is_empty()
    }

    /// With the end of the transaction.
    pub(super) fn settle(self, ending: Ending) -> Settling {
        self.retained.settle(ending, self.places)
    }

    /// Makes a call and waits for its end.
    pub(super) async fn call(&mut self, call: Call) -> Result<(), Failure> {
        let result = match call {
            Call::Init => self.producer.init_transactions().await.map_err(failure),
            Call::Begin => {
                self.sent.clear();
                self.places = vec![None; self.retained.len()];
                self.producer.begin_transaction().await.map_err(failure)
            }
            Call::Send => self.send().await,
            Call::Commit => self.producer.commit_transaction().await.map_err(failure),
            Call::Abort => self.producer.abort_transaction().await.map_err(failure),
        };
        match result {
            Err(Failure::TimedOut) if call == Call::Init && is_unreached(self.producer) => {
                let why = Course::GiveUp.why_not().unwrap_or_default();
                Err(Failure::fatal(why.to_owned()))
            }
            Err(Failure::Fatal { why, .. }) => {
                self.collect(CLOSE_TIMEOUT).await;
                let is_written = self.is_written();
                Err(Failure::Fatal { why, is_written })
            }
            result => {
                if matches!(call, Call::Commit | Call::Abort) {
                    // When the call has come to its end, everything is reported.
                    self.collect(Duration::ZERO).await;
                }
                result
            }
        }
    }

    /// Hands over all records. One that can never be sent is left out.
    async fn send(&mut self) -> Result<(), Failure> {
        let positions: Vec<usize> = self.retained.to_send().collect();
        let mut rest = &positions[..];
        while !rest.is_empty() {
            let group = &rest[..rest.len().min(GROUP_RECORDS)];
            let delivery = {
                let records = group.iter().filter_map(|at| self.retained.record(*at));
                let records: Vec<Record<'_>> = records
                    .map(|record| borrow(self.defaults, record))
                    .collect();
                self.producer.send_batch(&records).await
            };
            let (accepted, refused) = (delivery.accepted(), delivery.refused());
            self.sent.push((group[..accepted].to_vec(), delivery));
            rest = &rest[accepted..];
            if let Some(error) = refused
                && let Some((first, others)) = rest.split_first()
            {
                match refusal(error) {
                    Some(failure) => return Err(failure),
                    None => self.retained.refuse(*first, error.to_string()),
                }
                rest = others;
            }
        }
        Ok(())
    }

    /// Takes the reports that have come, or come within `limit`; the others may come later.
    async fn collect(&mut self, limit: Duration) {
        for (positions, mut delivery) in std::mem::take(&mut self.sent) {
            let Ok(report) = tokio::time::timeout(limit, &mut delivery).await else {
                self.sent.push((positions, delivery));
                continue;
            };
            for (at, report) in positions.into_iter().zip(report.reports()) {
                self.note(at, &report);
            }
        }
    }

    fn note(&mut self, at: usize, report: &Report) {
        let text = |cause| describe(&report.topic, cause, report.message.as_deref());
        let error = match report.cause {
            Some(cause) if is_refused_alone(cause) => {
                return self.retained.refuse(at, text(cause));
            }
            // The transaction has a reason of its own.
            None
            | Some(ReportCause::Refused(_) | ReportCause::Delivery(Cause::TransactionAborted)) => {
                None
            }
            Some(cause) => Some(text(cause)),
        };
        if let Some(place) = self.places.get_mut(at) {
            *place = Some(Place {
                ticket: report.ticket.map(|ticket| ticket.0),
                partition: report.partition,
                offset: report.offset,
                timestamp: report.timestamp,
                outcome: report.outcome,
                error,
            });
        }
    }

    /// Whether every record is reported as written.
    fn is_written(&self) -> bool {
        let is_written = |place: &Place| place.outcome == Outcome::Written;
        self.retained.to_send().all(|at| {
            let place = self.places.get(at).and_then(Option::as_ref);
            place.is_some_and(is_written)
        })
    }
}

/// Whether the machine refused a record that it would never take.
fn is_refused_alone(cause: ReportCause) -> bool {
    match cause {
        ReportCause::Topic(_) => true,
        ReportCause::Refused(error) => Failure::of_send(error).is_none(),
        ReportCause::Delivery(_) => false,
    }
}

/// What a refusal means for the transaction; `None` where it concerns the record alone.
fn refusal(error: SendError) -> Option<Failure> {
    match error {
        SendError::BufferFull { .. }
        | SendError::NoPartitions { .. }
        | SendError::NoTransaction { .. } => Some(Failure::AbortRequired(error.to_string())),
        SendError::Closed => Some(Failure::fatal(INTERRUPTED.to_owned())),
        SendError::Failed(error) => Some(Failure::fatal(error.to_string())),
        SendError::TooLarge { .. }
        | SendError::InvalidTimestamp { .. }
        | SendError::InvalidPartition { .. }
        | SendError::Topic(_) => None,
    }
}

fn failure(error: TransactionError) -> Failure {
    match error {
        TransactionError::TimedOut => Failure::TimedOut,
        TransactionError::AbortRequired(fault) => Failure::AbortRequired(fault.to_string()),
        TransactionError::RecordRefused(cause) => {
            Failure::AbortRequired(format!("a record of it was refused: {cause}"))
        }
        TransactionError::Closed => Failure::fatal(INTERRUPTED.to_owned()),
        TransactionError::Failed { error, .. } => Failure::fatal(error.to_string()),
        TransactionError::NotTransactional
        | TransactionError::NotTwoPhase
        | TransactionError::IllegalState { .. }
        | TransactionError::InvalidGroup
        | TransactionError::InvalidOffset { .. }
        | TransactionError::BufferFull { .. }
        | TransactionError::Refused(_) => Failure::fatal(error.to_string()),
    }
}

/// Only a signal closes the producer before the end.
const INTERRUPTED: &str = "the run was interrupted";
