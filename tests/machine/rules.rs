//! What a topic of the fake cluster takes, and the words with which it refuses the rest.

use crate::partition_log::{LogRecord, ReceivedBatch};
use kafka_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse,
};
use kafka_protocol::protocol::StrBytes;
use odradek::ErrorCode;

/// Says why a record is refused, if it is.
pub(crate) type Refuses = fn(&LogRecord) -> Option<&'static str>;

/// The rules of a topic, checked in a real broker's order: before the sequence.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// `max.message.bytes`: how long a batch may be, its header included.
    pub(crate) max_message_bytes: Option<usize>,
    /// `segment.bytes`, in the same way.
    pub(crate) segment_bytes: Option<usize>,
    /// Says why a record is refused, if it is.
    pub(crate) refuses: Option<Refuses>,
    /// What is answered with it, INVALID_RECORD otherwise.
    pub(crate) refusal: Option<ErrorCode>,
    /// What is said about the batch as a whole.
    pub(crate) message: Option<String>,
    /// Positions that are named besides, whatever they are.
    pub(crate) also_named: Vec<i32>,
    /// No record is named.
    pub(crate) is_vague: bool,
}

/// Why a batch was not appended.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) error: ErrorCode,
    message: Option<String>,
    records: Vec<(i32, &'static str)>,
}

impl From<ErrorCode> for Refused {
    fn from(error: ErrorCode) -> Self {
        Self {
            error,
            message: None,
            records: Vec::new(),
        }
    }
}

impl Rules {
    pub(crate) fn check(&self, batch: &ReceivedBatch) -> Result<(), Refused> {
        let is_over = |limit: Option<usize>| limit.is_some_and(|limit| batch.raw.len() > limit);
        if is_over(self.max_message_bytes) {
            return Err(ErrorCode::MESSAGE_TOO_LARGE.into());
        }
        if is_over(self.segment_bytes) {
            return Err(ErrorCode::RECORD_LIST_TOO_LARGE.into());
        }
        let Some(refuses) = self.refuses else {
            return Ok(());
        };
        let mut records: Vec<(i32, &str)> = (0..)
            .zip(&batch.records)
            .filter_map(|(position, record)| Some((position, refuses(record)?)))
            .collect();
        if records.is_empty() {
            return Ok(());
        }
        if self.is_vague {
            records.clear();
        }
        records.extend(self.also_named.iter().map(|position| (*position, "?")));
        Err(Refused {
            error: self.refusal.unwrap_or(ErrorCode::INVALID_RECORD),
            message: self.message.clone(),
            records,
        })
    }
}

impl Refused {
    /// Writes it into a response, as far as the version tells more than the code.
    pub(crate) fn tell(self, response: &mut PartitionProduceResponse, version: i16) {
        response.error_code = self.error.0;
        if version < 8 {
            return;
        }
        response.error_message = self.message.map(StrBytes::from_string);
        // An empty message stands for none.
        let records = self.records.iter().map(|(position, message)| {
            BatchIndexAndErrorMessage::default()
                .with_batch_index(*position)
                .with_batch_index_error_message(
                    (!message.is_empty()).then(|| StrBytes::from_static_str(message)),
                )
        });
        response.record_errors = records.collect();
    }
}
