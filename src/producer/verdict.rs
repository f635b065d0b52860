//! The decision about one batch after one attempt: done, sent again, or given up.
//!
//! This is the one place that decides whether a batch is sent again.

use super::batch::ProducerBatch;
use crate::error::Cause;
use crate::error_code::{ErrorCode, Recovery};
use crate::event::Outcome;
use crate::wire::ApiKey;

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// The broker answered.
    Answered {
        /// Its error code.
        error: ErrorCode,
        /// The offset of the first record; -1 if unknown.
        base_offset: i64,
        /// The broker's time in ms; -1 if the topic uses the producer's.
        log_append_time: i64,
        /// Where the log begins; -1 if unknown.
        log_start_offset: i64,
    },
    /// The connection was lost before an answer came, or the answer left the batch out.
    Unanswered,
}

impl Attempt {
    /// The error that the broker answered, if it did.
    pub(super) fn error(self) -> Option<ErrorCode> {
        match self {
            Self::Answered { error, .. } if error != ErrorCode::NONE => Some(error),
            Self::Answered { .. } | Self::Unanswered => None,
        }
    }

    /// Whether the broker says that it has the batch.
    pub(super) fn is_success(self) -> bool {
        matches!(
            self,
            Self::Answered {
                error: ErrorCode::NONE | ErrorCode::DUPLICATE_SEQUENCE_NUMBER,
                ..
            }
        )
    }

    /// The offset of the last record of a batch of `count`, where the broker tells it.
    pub(super) fn last_offset(self, count: u32) -> Option<i64> {
        match self {
            Self::Answered {
                error: ErrorCode::NONE,
                base_offset,
                ..
            } if base_offset >= 0 => {
                Some(base_offset.saturating_add(i64::from(count.saturating_sub(1))))
            }
            Self::Answered { .. } | Self::Unanswered => None,
        }
    }
}

/// What the decision depends on besides the batch and its attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    pub(super) is_idempotent: bool,
    /// No batch before this one in its partition is unsettled.
    pub(super) is_head: bool,
    /// A stamped batch before this one was given up: the broker cannot take this one.
    pub(super) has_gap: bool,
    /// Whether the partition may start again at sequence 0 under an identity that the producer chooses.
    /// In a transaction it may not: its records would be spread over two identities.
    pub(super) may_restamp: bool,
    /// The last offset of the partition that was acknowledged.
    pub(super) last_offset: Option<i64>,
    /// `retries`.
    pub(super) retries: u32,
    /// How many records of the batch the answer names as those at fault (KIP-467).
    pub(super) refused: u32,
}

/// What becomes of the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is in the log.
    Complete {
        /// The offset of the first record, where the broker told it.
        base_offset: Option<i64>,
        /// The broker's time in ms, where it replaces the producer's.
        log_append_time: Option<i64>,
        /// Set when the broker only says that it had the batch already.
        cause: Option<Cause>,
    },
    /// Send the same bytes again, after the back-off.
    Retry {
        /// The attempt may have been appended.
        adds_doubt: bool,
        /// The view of the cluster is out of date.
        refresh: bool,
    },
    /// It is not in the log and cannot get there with this stamp: send it with another one, once
    /// everything that is stamped in the partition is settled.
    Restamp {
        /// The broker forgot the producer because it deleted the records that it had of it.
        is_forgotten: bool,
    },
    /// It is too large and not in the log: send its records in smaller batches, in the sequences that it
    /// was given.
    Split {
        /// Whether it is in the log, should that not be possible.
        outcome: Outcome,
        /// Why.
        cause: Cause,
    },
    /// It is not in the log, because of some of its records: those are given up, the others are sent
    /// again.
    LeaveOut {
        /// Whether those records are in the log.
        outcome: Outcome,
        /// Why.
        cause: Cause,
    },
    /// It will not be sent again.
    GiveUp {
        /// Whether it is in the log.
        outcome: Outcome,
        /// Why.
        cause: Cause,
    },
}

/// Decides about a batch that was out.
pub(super) fn judge(batch: &ProducerBatch, attempt: Attempt, about: Circumstances) -> Verdict {
    let Attempt::Answered {
        error,
        base_offset,
        log_append_time,
        log_start_offset,
    } = attempt
    else {
        return retry_or(batch, about, true, true, Cause::ConnectionLost);
    };
    if error == ErrorCode::NONE {
        return Verdict::Complete {
            base_offset: (base_offset >= 0).then_some(base_offset),
            log_append_time: append_time(batch, log_append_time),
            cause: None,
        };
    }
    if about.is_idempotent
        && let Some(verdict) = judge_sequence(batch, error, log_start_offset, about)
    {
        return verdict;
    }
    let cause = Cause::Broker(error);
    let adds_doubt = !error.proves_no_append();
    let outcome = outcome_of(batch, adds_doubt);
    match error.recovery(ApiKey::Produce) {
        Recovery::Retry => retry_or(batch, about, adds_doubt, false, cause),
        Recovery::RefreshAndRetry => retry_or(batch, about, adds_doubt, true, cause),
        // The broker has it and forgot the offset: success (not an error to be retried).
        Recovery::Done => Verdict::Complete {
            base_offset: None,
            log_append_time: None,
            cause: Some(Cause::Duplicate),
        },
        Recovery::Split if batch.sealed.count() > 1 => Verdict::Split { outcome, cause },
        Recovery::AbortTransaction
        | Recovery::RestartProducer
        | Recovery::FixConfiguration
        | Recovery::Fail
            if !adds_doubt && may_leave_out(batch, about) =>
        {
            Verdict::LeaveOut { outcome, cause }
        }
        Recovery::Split
        | Recovery::AbortTransaction
        | Recovery::RestartProducer
        | Recovery::FixConfiguration
        | Recovery::Fail => Verdict::GiveUp { outcome, cause },
    }
}

/// The broker's time, where it replaces the producer's.
///
/// A broker that has the batch already answers with the largest time of the stored one, also where the
/// topic keeps the producer's times (`UnifiedLog.append` of Apache Kafka 4.3): that is no other time.
fn append_time(batch: &ProducerBatch, answered: i64) -> Option<i64> {
    let is_own = batch.is_in_doubt && answered == batch.sealed.max_timestamp();
    (answered >= 0 && !is_own).then_some(answered)
}

/// The answers that concern the sequence; `None` for all others. None of these attempts was appended.
fn judge_sequence(
    batch: &ProducerBatch,
    error: ErrorCode,
    log_start_offset: i64,
    about: Circumstances,
) -> Option<Verdict> {
    let is_forgotten = match error {
        ErrorCode::UNKNOWN_PRODUCER_ID if log_start_offset < 0 => {
            // The broker lost the partition while it answered; another one will know more.
            let cause = Cause::Broker(error);
            return Some(retry_or(batch, about, false, false, cause));
        }
        // The log begins behind all that is acknowledged: it was deleted, as `retention.ms` wants it,
        // and with it what the broker knew of the producer. Nothing is lost.
        ErrorCode::UNKNOWN_PRODUCER_ID => about.last_offset.unwrap_or(-1) < log_start_offset,
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER | ErrorCode::INVALID_PRODUCER_EPOCH => false,
        _ => return None,
    };
    if !about.is_head && !about.has_gap {
        // An earlier batch is still to be settled; its retry comes first.
        return Some(Verdict::Retry {
            adds_doubt: false,
            refresh: false,
        });
    }
    // Nothing that could come before it is missing, or will never come: the broker will not take this
    // sequence.
    Some(if batch.is_in_doubt {
        Verdict::GiveUp {
            outcome: Outcome::PossiblyWritten,
            cause: Cause::InDoubt,
        }
    } else if about.may_restamp || is_forgotten {
        Verdict::Restamp { is_forgotten }
    } else {
        Verdict::GiveUp {
            outcome: Outcome::NotWritten,
            cause: Cause::Broker(error),
        }
    })
}

/// Whether the records that the answer does not name may be sent again without the others. With
/// idempotence what is left has fewer records than sequences and needs another stamp, under which a
/// batch in doubt could be written twice.
fn may_leave_out(batch: &ProducerBatch, about: Circumstances) -> bool {
    let is_safe = !about.is_idempotent || (about.may_restamp && !batch.is_in_doubt);
    is_safe && (1..batch.sealed.count()).contains(&about.refused)
}

fn retry_or(
    batch: &ProducerBatch,
    about: Circumstances,
    adds_doubt: bool,
    refresh: bool,
    cause: Cause,
) -> Verdict {
    if batch.attempts <= about.retries {
        Verdict::Retry {
            adds_doubt,
            refresh,
        }
    } else {
        Verdict::GiveUp {
            outcome: outcome_of(batch, adds_doubt),
            cause,
        }
    }
}

/// Whether a batch is in the log that is not sent again.
const fn outcome_of(batch: &ProducerBatch, adds_doubt: bool) -> Outcome {
    if batch.is_in_doubt || adds_doubt {
        Outcome::PossiblyWritten
    } else {
        Outcome::NotWritten
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::TicketRuns;
    use crate::ids::TopicHandle;
    use crate::record::{BatchBuilder, Codec, Compressor, Record};
    use crate::time::Instant;

    fn batch() -> ProducerBatch {
        let mut builder = BatchBuilder::with_capacity(64);
        builder.append(&Record {
            topic: TopicHandle(0),
            partition: None,
            timestamp: 0,
            key: None,
            value: Some(b"v"),
            headers: &[],
        });
        ProducerBatch {
            sealed: builder.seal(&mut Compressor::new(Codec::None)),
            tickets: TicketRuns::new(),
            charge: 0,
            created: Instant::ZERO,
            ordinal: 0,
            attempts: 1,
            stamp: None,
            is_in_flight: false,
            is_in_doubt: false,
            was_sent_by_name: false,
            is_lost_with_old_log: false,
            last_error: None,
        }
    }

    /// Of the first batch of its partition, behind offset 9.
    fn verdict(error: ErrorCode, log_start_offset: i64, may_restamp: bool) -> Verdict {
        let attempt = Attempt::Answered {
            error,
            base_offset: -1,
            log_append_time: -1,
            log_start_offset,
        };
        let about = Circumstances {
            is_idempotent: true,
            is_head: true,
            has_gap: false,
            may_restamp,
            last_offset: Some(9),
            retries: 5,
            refused: 0,
        };
        judge(&batch(), attempt, about)
    }

    #[test]
    fn the_producer_is_forgotten_harmlessly_only_past_the_last_acknowledged_offset() {
        let unknown = ErrorCode::UNKNOWN_PRODUCER_ID;
        for (log_start_offset, is_forgotten) in [(0, false), (9, false), (10, true)] {
            let restamp = Verdict::Restamp { is_forgotten };
            assert_eq!(verdict(unknown, log_start_offset, true), restamp);
        }
        let retry = Verdict::Retry {
            adds_doubt: false,
            refresh: false,
        };
        assert_eq!(verdict(unknown, -1, true), retry);
        assert_eq!(verdict(unknown, -1, false), retry);
    }

    #[test]
    fn in_a_transaction_a_missing_sequence_ends_the_batch() {
        let given_up = |error| Verdict::GiveUp {
            outcome: Outcome::NotWritten,
            cause: Cause::Broker(error),
        };
        for error in [
            ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
            ErrorCode::INVALID_PRODUCER_EPOCH,
            ErrorCode::UNKNOWN_PRODUCER_ID,
        ] {
            assert_eq!(verdict(error, 9, false), given_up(error));
        }
        let restamp = Verdict::Restamp { is_forgotten: true };
        let unknown = ErrorCode::UNKNOWN_PRODUCER_ID;
        assert_eq!(verdict(unknown, 10, false), restamp);
    }
}
