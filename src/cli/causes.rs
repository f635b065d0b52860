//! The words for why a record was not delivered.

use crate::error::{Cause, TopicError};

/// The reason, with the topic's name where the topic is the reason, and with the broker's own words in
/// quotation marks, for they come from outside.
pub fn describe_cause(topic: &str, cause: Cause, message: Option<&str>) -> String {
    let reason = describe(topic, cause);
    match message {
        Some(message) => format!("{reason}: {message:?}"),
        None => reason,
    }
}

fn describe(topic: &str, cause: Cause) -> String {
    match cause {
        Cause::NoMetadata { .. } | Cause::UnknownPartition { .. } => {
            format!("topic {topic}: {cause}")
        }
        Cause::AcksZero
        | Cause::Duplicate
        | Cause::Broker(_)
        | Cause::DeliveryTimeout { .. }
        | Cause::ConnectionLost
        | Cause::InDoubt
        | Cause::Purged
        | Cause::TransactionAborted
        | Cause::Closed
        | Cause::Failed(_) => cause.to_string(),
    }
}

/// Why a topic's name is none.
pub fn describe_topic_error(topic: &str, error: TopicError) -> String {
    format!("topic {topic}: {error}")
}

/// Whether the cluster said nothing at all within `max.block.ms`: if it never said anything, it will
/// not take other records either.
pub const fn is_unheard(cause: Cause) -> bool {
    matches!(cause, Cause::NoMetadata { last: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error_code::ErrorCode;

    #[test]
    fn the_topic_is_named_where_it_is_the_reason() {
        let cause = Cause::NoMetadata { last: None };
        assert!(describe_cause("t", cause, None).starts_with("topic t: "));
        assert_eq!(
            describe_cause("t", Cause::Purged, None),
            Cause::Purged.to_string()
        );
        let refused = Cause::Broker(ErrorCode::INVALID_RECORD);
        let told = describe_cause("t", refused, Some("no\nkey"));
        assert_eq!(told, format!("{refused}: \"no\\nkey\""));
        assert!(is_unheard(cause));
        let last = Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
        assert!(!is_unheard(Cause::NoMetadata { last }));
        assert!(!is_unheard(Cause::Closed));
    }
}
