//! The way out: what became of a step of the input, for the ledger.

use super::entry::{Entry, What};
use crate::topics::Topics;
use odradek::cli::causes::{describe_cause, is_unheard};
use odradek::cli::kept::Kept;
use odradek::cli::ledger::{Ledger, Settled};
use odradek::cli::tickets::Group;
use odradek::cli::timestamps::Timestamps;
use odradek::{Cause, Outcome};

/// Enters a step of the input; whether a record of it was given up because nothing was heard.
pub(super) fn settle(ledger: &mut Ledger, topics: &Topics, group: &Group<Entry>) -> bool {
    let source = group.payload.source;
    match &group.payload.what {
        What::Sent { kept, timestamps } => {
            return settle_sent(ledger, topics, group, kept, timestamps);
        }
        What::Rejected {
            kept,
            timestamp,
            error,
        } => {
            let settled = Settled {
                ticket: None,
                topic: None,
                partition: None,
                offset: None,
                timestamp: Some(*timestamp),
                outcome: Outcome::NotWritten,
                error: Some(error),
            };
            ledger.settle(source, kept, 0, &settled);
        }
        What::Refused { record, error } => ledger.refuse(source, record, error),
        What::Bad(line) => ledger.settle_bad(source, line),
        What::Unreadable(error) => ledger.unreadable(error),
    }
    false
}

fn settle_sent(
    ledger: &mut Ledger,
    topics: &Topics,
    group: &Group<Entry>,
    kept: &Kept,
    timestamps: &Timestamps,
) -> bool {
    let is_delivered = |outcome, cause| {
        outcome == Outcome::Written
            || (outcome == Outcome::PossiblyWritten && cause == Some(Cause::AcksZero))
    };
    let mut sums = group.sums();
    if !ledger.reports_each() && sums.all(|(outcome, cause, _)| is_delivered(outcome, cause)) {
        for (outcome, _, count) in group.sums() {
            ledger.count(outcome, count);
        }
        return false;
    }
    let mut was_unheard = false;
    for (index, verdict) in group.verdicts().enumerate() {
        let topic = topics.name(verdict.topic);
        let error = verdict
            .cause
            .map(|cause| describe_cause(topic.unwrap_or_default(), cause, verdict.message));
        let settled = Settled {
            ticket: Some(verdict.ticket.0),
            topic,
            partition: verdict.partition,
            offset: verdict.offset,
            timestamp: Some(
                verdict
                    .log_append_time
                    .unwrap_or_else(|| timestamps.get(index)),
            ),
            outcome: verdict.outcome,
            error: error.as_deref(),
        };
        ledger.settle(group.payload.source, kept, index, &settled);
        was_unheard |= verdict.cause.is_some_and(is_unheard);
    }
    was_unheard
}
