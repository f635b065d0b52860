//! What a broker says in words about a batch that it refuses, and about single records of it (KIP-467).
//!
//! Data from outside: it is cut, counted and handed on.

use crate::error_code::ErrorCode;
use crate::wire::api::produce::PartitionResponse;
use std::collections::BTreeMap;

/// How much of a message is kept, in bytes.
const MESSAGE_BYTES_MAX: usize = 1024;

/// The words of one answer.
#[derive(Debug, Default)]
pub(super) struct Refusal {
    message: Option<Box<str>>,
    /// The records that the broker names as those at fault, by their position in the batch; as sent, not
    /// checked against the batch.
    records: BTreeMap<u32, Option<Box<str>>>,
}

impl Refusal {
    /// What an answer says; nothing where there is no error. Of two entries for a record the first
    /// counts.
    pub(super) fn of(answer: &PartitionResponse<'_>) -> Self {
        let mut refusal = Self::default();
        if answer.error == ErrorCode::NONE {
            return refusal;
        }
        refusal.message = cut(answer.error_message);
        for record in &answer.record_errors {
            if let Ok(position) = u32::try_from(record.batch_index) {
                let entry = refusal.records.entry(position);
                entry.or_insert_with(|| cut(record.message));
            }
        }
        refusal
    }

    /// How many records of a batch of `count` are named.
    pub(super) fn named(&self, count: u32) -> u32 {
        u32::try_from(self.records.range(..count).count()).unwrap_or(count)
    }

    pub(super) fn names(&self, position: u32) -> bool {
        self.records.contains_key(&position)
    }

    /// What is said about a record: its own message, or that about the batch.
    pub(super) fn message_of(&self, position: u32) -> Option<&str> {
        let own = self.records.get(&position).and_then(Option::as_deref);
        own.or(self.message.as_deref())
    }
}

fn cut(message: Option<&str>) -> Option<Box<str>> {
    let message = message.filter(|message| !message.is_empty())?;
    Some(message[..message.floor_char_boundary(MESSAGE_BYTES_MAX)].into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::api::produce::{RecordError, TopicRef};

    fn answer<'a>(
        error: ErrorCode,
        message: Option<&'a str>,
        records: &[(i32, Option<&'a str>)],
    ) -> PartitionResponse<'a> {
        let record_errors = records.iter().map(|(batch_index, message)| RecordError {
            batch_index: *batch_index,
            message: *message,
        });
        PartitionResponse {
            topic: TopicRef::Name("t"),
            index: 0,
            error,
            base_offset: -1,
            log_append_time_ms: -1,
            log_start_offset: -1,
            record_errors: record_errors.collect(),
            error_message: message,
            current_leader: None,
        }
    }

    #[test]
    fn records_are_named_by_positions_that_the_batch_has() {
        let records = [
            (-1, None),
            (1, Some("no key")),
            (1, Some("again")),
            (2, None),
            (7, None),
        ];
        let refusal = Refusal::of(&answer(ErrorCode::INVALID_RECORD, Some("all"), &records));
        assert_eq!(refusal.named(3), 2);
        assert_eq!(refusal.named(2), 1);
        assert!(refusal.names(1) && refusal.names(2) && !refusal.names(0));
        let messages = [0, 1, 2].map(|position| refusal.message_of(position));
        assert_eq!(messages, [Some("all"), Some("no key"), Some("all")]);
    }

    #[test]
    fn a_success_refuses_nothing() {
        let refusal = Refusal::of(&answer(ErrorCode::NONE, Some("well"), &[(0, None)]));
        assert_eq!((refusal.named(1), refusal.message_of(0)), (0, None));
    }

    #[test]
    fn long_messages_are_cut_between_characters() {
        let long = "ä".repeat(1000);
        let message = cut(Some(&format!("x{long}"))).expect("a message");
        assert_eq!(message.len(), 1023);
        assert!(message.ends_with('ä'));
        assert_eq!(cut(Some("")), None);
    }
}
