//! Kafka's error codes: one table of code, name and meaning, and what a producer does about each.
//!
//! The names and codes are those of Kafka's protocol guide, up to Kafka 4.4.

use crate::wire::ApiKey;
use core::fmt;

/// An error code as a broker sends it. Unknown codes are kept as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorCode(pub i16);

/// What is to be done about an error. The classes are those of Kafka's own clients (KIP-1050).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Nothing: the answer says that it is done.
    Done,
    /// Send the same request again after the back-off.
    Retry,
    /// Bring the view of the cluster up to date, then send again: the leader or coordinator is
    /// another.
    RefreshAndRetry,
    /// Divide the batch and send the parts; a record that is alone fails.
    Split,
    /// The transaction is lost, the producer is not: abort and begin another.
    AbortTransaction,
    /// The identity is spent: go on under another producer id or epoch, with sequences from 0. In a
    /// transaction only the application can do that.
    RestartProducer,
    /// Useless until somebody changes the configuration of the client, the topic or the cluster.
    FixConfiguration,
    /// Useless to try again.
    Fail,
}

impl ErrorCode {
    /// Kafka's name; `None` for a code that is not in the table.
    pub fn name(self) -> Option<&'static str> {
        self.row().map(|row| row.name)
    }

    /// What the code means, in half a sentence; `None` for a code that is not in the table.
    pub fn meaning(self) -> Option<&'static str> {
        self.row().map(|row| row.meaning)
    }

    /// What is to be done when `api` answers with this error.
    ///
    /// This is the whole table of code and API: the class of the Java client's exception, and above it
    /// what an API means in particular. A code that is not known fails. What Produce answers about a
    /// sequence depends on the batches before as well, and what it answers about a batch on its records
    /// and on earlier attempts: `producer/verdict.rs` looks at those.
    ///
    /// From the APIs that speak to coordinators:
    /// - [`Recovery::Retry`]: the same coordinator again after the back-off.
    /// - [`Recovery::RefreshAndRetry`]: look the coordinator up again, then send again.
    /// - [`Recovery::AbortTransaction`]: the transaction can only be aborted.
    /// - [`Recovery::RestartProducer`], [`Recovery::FixConfiguration`] and [`Recovery::Fail`] are fatal
    ///   to the transactional producer. The first of them is for an identity that is spent: fenced by
    ///   another producer, or unknown. InitProducerId alone may be asked again by the application
    ///   when it is not authorized: nothing is lost before the first transaction.
    ///
    /// What a code alone does not tell: TRANSACTION_ABORTABLE is fatal when EndTxn was to abort, and
    /// UNKNOWN_PRODUCER_ID where the producer cannot get another epoch.
    pub fn recovery(self, api: ApiKey) -> Recovery {
        let general = self.row().map_or(Recovery::Fail, |row| row.recovery);
        match (api, self) {
            (_, Self::NONE) => Recovery::Done,
            // The broker names its range in the answer, or does not understand the question: the
            // same request in a lower version.
            (ApiKey::ApiVersions, Self::UNSUPPORTED_VERSION | Self::INVALID_REQUEST) => {
                Recovery::Retry
            }
            // These say that the broker cannot take this sequence under this identity.
            (ApiKey::Produce, Self::OUT_OF_ORDER_SEQUENCE_NUMBER | Self::UNKNOWN_PRODUCER_ID) => {
                Recovery::RestartProducer
            }
            // The broker has the batch already, it only forgot the offset.
            (ApiKey::Produce, Self::DUPLICATE_SEQUENCE_NUMBER) => Recovery::Done,
            // Larger than the topic's max.message.bytes, or than a segment. Java splits for the first
            // alone; the same helps against both.
            (ApiKey::Produce, Self::MESSAGE_TOO_LARGE | Self::RECORD_LIST_TOO_LARGE) => {
                Recovery::Split
            }
            // Produce answers it when the transaction has been ended behind the producer's back.
            (ApiKey::Produce, Self::INVALID_TXN_STATE) => Recovery::AbortTransaction,
            // What is wrong with a topic for good. Everything else may pass: asking changes nothing,
            // and whoever waits for metadata has a limit of its own.
            (
                ApiKey::Metadata,
                Self::INVALID_TOPIC_EXCEPTION | Self::TOPIC_AUTHORIZATION_FAILED,
            ) => Recovery::FixConfiguration,
            (ApiKey::Metadata, _) => Recovery::RefreshAndRetry,
            (ApiKey::ApiVersions | ApiKey::Produce, _) => general,
            (
                ApiKey::InitProducerId
                | ApiKey::FindCoordinator
                | ApiKey::AddPartitionsToTxn
                | ApiKey::AddOffsetsToTxn
                | ApiKey::EndTxn
                | ApiKey::TxnOffsetCommit,
                _,
            ) => self.recovery_from_coordinator(api, general),
        }
    }

    /// As [`recovery`](Self::recovery) for the APIs that look a coordinator up or speak to one.
    fn recovery_from_coordinator(self, api: ApiKey, general: Recovery) -> Recovery {
        match general {
            Recovery::Retry | Recovery::RefreshAndRetry if self.tells_to_look_up(api) => {
                Recovery::RefreshAndRetry
            }
            // Leaders and topics are nothing to a coordinator: whatever passes, passes there.
            Recovery::Retry | Recovery::RefreshAndRetry => Recovery::Retry,
            Recovery::Done
            | Recovery::Split
            | Recovery::AbortTransaction
            | Recovery::RestartProducer
            | Recovery::FixConfiguration
            | Recovery::Fail
                if self.costs_the_transaction_alone(api) =>
            {
                Recovery::AbortTransaction
            }
            Recovery::Done
            | Recovery::Split
            | Recovery::AbortTransaction
            | Recovery::RestartProducer
            | Recovery::FixConfiguration
            | Recovery::Fail => general,
        }
    }

    /// Whether the coordinator that `api` was sent to may be another by now.
    fn tells_to_look_up(self, api: ApiKey) -> bool {
        match self {
            // The look-up itself has no coordinator to look up.
            Self::COORDINATOR_NOT_AVAILABLE | Self::NOT_COORDINATOR => {
                api != ApiKey::FindCoordinator
            }
            // The group coordinator could not write the offsets to its own log in time.
            Self::REQUEST_TIMED_OUT => api == ApiKey::TxnOffsetCommit,
            _ => false,
        }
    }

    /// Whether this answer to `api`, which is no invitation to retry, leaves the producer able to begin
    /// another transaction.
    fn costs_the_transaction_alone(self, api: ApiKey) -> bool {
        match (api, self) {
            (_, Self::TRANSACTION_ABORTABLE) => true,
            // The coordinator answers by partition: whatever is wrong with one may be right for the
            // next transaction. These are about the transaction or its owner.
            (ApiKey::AddPartitionsToTxn, _) => !matches!(
                self,
                Self::INVALID_PRODUCER_EPOCH
                    | Self::PRODUCER_FENCED
                    | Self::INVALID_TXN_STATE
                    | Self::INVALID_PRODUCER_ID_MAPPING
                    | Self::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
            ),
            (
                ApiKey::FindCoordinator | ApiKey::AddOffsetsToTxn | ApiKey::TxnOffsetCommit,
                Self::GROUP_AUTHORIZATION_FAILED,
            )
            | (ApiKey::AddOffsetsToTxn | ApiKey::EndTxn, Self::UNKNOWN_PRODUCER_ID)
            // The group has moved on without the member that consumed.
            | (
                ApiKey::TxnOffsetCommit,
                Self::ILLEGAL_GENERATION
                | Self::UNKNOWN_MEMBER_ID
                | Self::GROUP_ID_NOT_FOUND
                | Self::STALE_MEMBER_EPOCH
                | Self::FENCED_INSTANCE_ID,
            ) => true,
            (
                ApiKey::Produce
                | ApiKey::Metadata
                | ApiKey::ApiVersions
                | ApiKey::InitProducerId
                | ApiKey::FindCoordinator
                | ApiKey::AddOffsetsToTxn
                | ApiKey::EndTxn
                | ApiKey::TxnOffsetCommit,
                _,
            ) => false,
        }
    }

    /// Whether this answer to Produce proves that the batch was not appended, whatever `acks` is.
    ///
    /// An allow-list: the broker answers these before it appends, and for no other reason.
    /// Left out on purpose:
    /// - NOT_LEADER_OR_FOLLOWER, UNKNOWN_TOPIC_OR_PARTITION and KAFKA_STORAGE_ERROR. With acks=all
    ///   a broker also answers them for a batch that it has appended and whose followers it waited
    ///   for, when it loses the leadership or the partition meanwhile
    ///   (`DelayedProduce.tryComplete`). The next leader may have the batch.
    /// - REQUEST_TIMED_OUT and NOT_ENOUGH_REPLICAS_AFTER_APPEND, which follow an append.
    /// - UNKNOWN_SERVER_ERROR, which may (KAFKA-14034).
    /// - The answers about sequences, epochs and transactions (45 to 49, 59, 90, 120): what they
    ///   prove depends on the batches before.
    /// - LEADER_NOT_AVAILABLE, REPLICA_NOT_AVAILABLE, INCONSISTENT_TOPIC_ID and the rest, which
    ///   Produce has no fixed meaning for.
    pub const fn proves_no_append(self) -> bool {
        matches!(
            self,
            // The records themselves are refused.
            Self::CORRUPT_MESSAGE
                | Self::MESSAGE_TOO_LARGE
                | Self::RECORD_LIST_TOO_LARGE
                | Self::INVALID_TIMESTAMP
                | Self::UNSUPPORTED_COMPRESSION_TYPE
                | Self::INVALID_RECORD
                // The request or its topic is refused.
                | Self::INVALID_TOPIC_EXCEPTION
                | Self::INVALID_REQUIRED_ACKS
                | Self::TOPIC_AUTHORIZATION_FAILED
                | Self::CLUSTER_AUTHORIZATION_FAILED
                | Self::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
                | Self::UNSUPPORTED_VERSION
                // The partition cannot take anything. An id or epoch is compared before all else.
                | Self::NOT_ENOUGH_REPLICAS
                | Self::FENCED_LEADER_EPOCH
                | Self::UNKNOWN_LEADER_EPOCH
                | Self::UNKNOWN_TOPIC_ID
        )
    }

    fn row(self) -> Option<&'static Row> {
        // The first row is that of code -1.
        let index = usize::try_from(i32::from(self.0) + 1).ok()?;
        TABLE.get(index)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row() {
            Some(row) => write!(f, "{} ({}): {}", row.name, self.0, row.meaning),
            None => write!(f, "error code {}", self.0),
        }
    }
}

/// One error code.
struct Row {
    #[cfg(test)]
    code: i16,
    name: &'static str,
    /// What is done about it where [`ErrorCode::recovery`] says nothing else: the class of the Java
    /// client's exception.
    recovery: Recovery,
    meaning: &'static str,
}

/// Makes a constant and a row of the table of each code.
macro_rules! error_codes {
    ($($code:literal $recovery:ident $name:ident $meaning:literal;)*) => {
        impl ErrorCode {
            $(
                #[doc = concat!("Code ", $code, ": ", $meaning, ".")]
                pub const $name: Self = Self($code);
            )*
        }

        /// Every error code from -1 on, without gaps.
        static TABLE: &[Row] = &[$(Row {
            #[cfg(test)]
            code: $code,
            name: stringify!($name),
            recovery: Recovery::$recovery,
            meaning: $meaning,
        }),*];
    };
}

error_codes! {
    -1 Fail UNKNOWN_SERVER_ERROR "the broker failed in a way it has no code for";
    0 Fail NONE "no error";
    1 Fail OFFSET_OUT_OF_RANGE "the offset is not in the log";
    2 Retry CORRUPT_MESSAGE "the batch fails its checksum, or its size or fields are wrong";
    3 RefreshAndRetry UNKNOWN_TOPIC_OR_PARTITION "the broker has no such topic or partition";
    4 Fail INVALID_FETCH_SIZE "the fetch size is not valid";
    5 RefreshAndRetry LEADER_NOT_AVAILABLE "the partition has no leader at the moment";
    6 RefreshAndRetry NOT_LEADER_OR_FOLLOWER
        "the broker does not lead the partition or has no replica of it";
    7 Retry REQUEST_TIMED_OUT "the broker could not finish the request in time";
    8 Fail BROKER_NOT_AVAILABLE "the broker is not available";
    9 RefreshAndRetry REPLICA_NOT_AVAILABLE
        "the broker's replica of the partition is not available";
    10 Fail MESSAGE_TOO_LARGE "the batch is larger than the topic or broker allows";
    11 Fail STALE_CONTROLLER_EPOCH "the controller has moved to another broker";
    12 Fail OFFSET_METADATA_TOO_LARGE "the text that goes with an offset is too long";
    13 RefreshAndRetry NETWORK_EXCEPTION "the connection was lost before an answer came";
    14 Retry COORDINATOR_LOAD_IN_PROGRESS "the coordinator is still loading its state";
    15 RefreshAndRetry COORDINATOR_NOT_AVAILABLE "there is no coordinator at the moment";
    16 RefreshAndRetry NOT_COORDINATOR "the broker is not the coordinator asked for";
    17 FixConfiguration INVALID_TOPIC_EXCEPTION
        "the topic name is not valid, or the topic is internal";
    18 FixConfiguration RECORD_LIST_TOO_LARGE "the batch is larger than a log segment";
    19 Retry NOT_ENOUGH_REPLICAS "too few replicas are in sync, nothing was written";
    20 Retry NOT_ENOUGH_REPLICAS_AFTER_APPEND
        "the batch was written, to fewer in-sync replicas than required";
    21 FixConfiguration INVALID_REQUIRED_ACKS "the value of acks is not valid";
    22 RestartProducer ILLEGAL_GENERATION "the consumer group's generation is over";
    23 Fail INCONSISTENT_GROUP_PROTOCOL "the member's protocols do not fit the consumer group's";
    24 Fail INVALID_GROUP_ID "the group id is not valid";
    25 RestartProducer UNKNOWN_MEMBER_ID "the coordinator does not know the group member";
    26 Fail INVALID_SESSION_TIMEOUT "the session timeout is outside the broker's range";
    27 Fail REBALANCE_IN_PROGRESS "the group is rebalancing";
    28 Fail INVALID_COMMIT_OFFSET_SIZE "the offsets to commit are too large";
    29 FixConfiguration TOPIC_AUTHORIZATION_FAILED "the client may not use the topic";
    30 FixConfiguration GROUP_AUTHORIZATION_FAILED "the client may not use the group";
    31 FixConfiguration CLUSTER_AUTHORIZATION_FAILED "the client may not do this on the cluster";
    32 Fail INVALID_TIMESTAMP "a timestamp is further from the broker's time than the topic allows";
    33 FixConfiguration UNSUPPORTED_SASL_MECHANISM "the broker does not support the SASL mechanism";
    34 FixConfiguration ILLEGAL_SASL_STATE
        "the request does not fit the state of the SASL exchange";
    35 FixConfiguration UNSUPPORTED_VERSION "the broker does not support the version of the API";
    36 Fail TOPIC_ALREADY_EXISTS "the topic exists";
    37 Fail INVALID_PARTITIONS "the number of partitions is not valid";
    38 FixConfiguration INVALID_REPLICATION_FACTOR
        "the replication factor is below 1 or above the brokers there are";
    39 Fail INVALID_REPLICA_ASSIGNMENT "the assignment of replicas is not valid";
    40 FixConfiguration INVALID_CONFIG "a configuration value is not valid";
    41 Retry NOT_CONTROLLER "the broker is not the controller";
    42 Fail INVALID_REQUEST "the broker cannot make sense of the request";
    43 FixConfiguration UNSUPPORTED_FOR_MESSAGE_FORMAT
        "the topic's message format is too old for the request";
    44 Fail POLICY_VIOLATION "a policy of the cluster forbids it";
    45 Fail OUT_OF_ORDER_SEQUENCE_NUMBER "a batch before this one is missing in the partition";
    46 Fail DUPLICATE_SEQUENCE_NUMBER "the broker has the batch already";
    47 RestartProducer INVALID_PRODUCER_EPOCH "the producer epoch is older than the broker's";
    48 Fail INVALID_TXN_STATE "the transaction is not in a state that allows it";
    49 RestartProducer INVALID_PRODUCER_ID_MAPPING
        "the producer id does not belong to the transactional id";
    50 Fail INVALID_TRANSACTION_TIMEOUT "the transaction timeout is above the broker's maximum";
    51 Retry CONCURRENT_TRANSACTIONS "an earlier operation on the transaction is still going on";
    52 Fail TRANSACTION_COORDINATOR_FENCED "the transaction coordinator has been replaced";
    53 FixConfiguration TRANSACTIONAL_ID_AUTHORIZATION_FAILED
        "the client may not use the transactional id";
    54 Fail SECURITY_DISABLED "security is off on the cluster";
    55 Fail OPERATION_NOT_ATTEMPTED "left undone because another part of the request failed";
    56 RefreshAndRetry KAFKA_STORAGE_ERROR "the broker's disk failed";
    57 Fail LOG_DIR_NOT_FOUND "the broker has no such log directory";
    58 FixConfiguration SASL_AUTHENTICATION_FAILED "the broker rejected the credentials";
    59 Fail UNKNOWN_PRODUCER_ID "the broker knows nothing of the producer id any more";
    60 Fail REASSIGNMENT_IN_PROGRESS "a reassignment of the partition is going on";
    61 Fail DELEGATION_TOKEN_AUTH_DISABLED "delegation tokens are off";
    62 Fail DELEGATION_TOKEN_NOT_FOUND "there is no such delegation token";
    63 Fail DELEGATION_TOKEN_OWNER_MISMATCH "the delegation token belongs to somebody else";
    64 Fail DELEGATION_TOKEN_REQUEST_NOT_ALLOWED
        "delegation tokens are not given on such a connection";
    65 FixConfiguration DELEGATION_TOKEN_AUTHORIZATION_FAILED
        "the client may not use the delegation token";
    66 Fail DELEGATION_TOKEN_EXPIRED "the delegation token has expired";
    67 Fail INVALID_PRINCIPAL_TYPE "the type of principal is not supported";
    68 Fail NON_EMPTY_GROUP "the group has members";
    69 Fail GROUP_ID_NOT_FOUND "there is no such group";
    70 Retry FETCH_SESSION_ID_NOT_FOUND "there is no such fetch session";
    71 Retry INVALID_FETCH_SESSION_EPOCH "the fetch session is at another epoch";
    72 RefreshAndRetry LISTENER_NOT_FOUND "the leader has no listener like the one that was asked";
    73 Fail TOPIC_DELETION_DISABLED "topics may not be deleted";
    74 RefreshAndRetry FENCED_LEADER_EPOCH "the leader epoch is older than the broker's";
    75 Retry UNKNOWN_LEADER_EPOCH "the leader epoch is newer than the broker's";
    76 Fail UNSUPPORTED_COMPRESSION_TYPE "the codec is not supported for the topic or the version";
    77 Fail STALE_BROKER_EPOCH "the broker's epoch has changed";
    78 Retry OFFSET_NOT_AVAILABLE "a leader that is just elected cannot tell offsets yet";
    79 Fail MEMBER_ID_REQUIRED "the group member needs a member id first";
    80 RefreshAndRetry PREFERRED_LEADER_NOT_AVAILABLE "the preferred leader is not available";
    81 Fail GROUP_MAX_SIZE_REACHED "the group is full";
    82 RestartProducer FENCED_INSTANCE_ID "another member has taken over the group instance id";
    83 RefreshAndRetry ELIGIBLE_LEADERS_NOT_AVAILABLE "no replica that could lead is available";
    84 RefreshAndRetry ELECTION_NOT_NEEDED "the partition has the leader it should have";
    85 Fail NO_REASSIGNMENT_IN_PROGRESS "no reassignment of the partition is going on";
    86 Fail GROUP_SUBSCRIBED_TO_TOPIC "the group is subscribed to the topic";
    87 FixConfiguration INVALID_RECORD
        "a record breaks a rule of the topic, such as a compacted topic's need for keys";
    88 Retry UNSTABLE_OFFSET_COMMIT "offsets of an open transaction are in the way";
    89 Retry THROTTLING_QUOTA_EXCEEDED "the quota is used up";
    90 RestartProducer PRODUCER_FENCED "a newer producer has taken over the transactional id";
    91 Fail RESOURCE_NOT_FOUND "the resource does not exist";
    92 Fail DUPLICATE_RESOURCE "the request names a resource twice";
    93 Fail UNACCEPTABLE_CREDENTIAL "the credential does not meet the rules";
    94 Fail INCONSISTENT_VOTER_SET "the voters of a quorum do not match";
    95 Fail INVALID_UPDATE_VERSION "the version of an update is not valid";
    96 Fail FEATURE_UPDATE_FAILED "features could not be updated";
    97 Fail PRINCIPAL_DESERIALIZATION_FAILURE "brokers could not pass on who the client is";
    98 Fail SNAPSHOT_NOT_FOUND "there is no such snapshot";
    99 Fail POSITION_OUT_OF_RANGE "the position is outside the snapshot";
    100 RefreshAndRetry UNKNOWN_TOPIC_ID "the broker has no topic with this id";
    101 Fail DUPLICATE_BROKER_REGISTRATION "the broker id is in use";
    102 Fail BROKER_ID_NOT_REGISTERED "the broker id is not registered";
    103 RefreshAndRetry INCONSISTENT_TOPIC_ID "the partition belongs to a topic with another id";
    104 Fail INCONSISTENT_CLUSTER_ID "the broker belongs to another cluster";
    105 Fail TRANSACTIONAL_ID_NOT_FOUND "there is no such transactional id";
    106 Retry FETCH_SESSION_TOPIC_ID_ERROR "the fetch session mixes topic ids and names";
    107 Fail INELIGIBLE_REPLICA "a replica may not be in sync";
    108 Fail NEW_LEADER_ELECTED "another leader was elected meanwhile";
    109 Fail OFFSET_MOVED_TO_TIERED_STORAGE "the offset has moved to tiered storage";
    110 Fail FENCED_MEMBER_EPOCH "the coordinator has fenced the member's epoch";
    111 Fail UNRELEASED_INSTANCE_ID "another member still uses the instance id";
    112 Fail UNSUPPORTED_ASSIGNOR "the group does not support the assignor";
    113 Fail STALE_MEMBER_EPOCH "the member epoch is out of date";
    114 Fail MISMATCHED_ENDPOINT_TYPE "the endpoint is of another type than the request";
    115 Fail UNSUPPORTED_ENDPOINT_TYPE "the type of endpoint is not supported";
    116 Fail UNKNOWN_CONTROLLER_ID "there is no controller with this id";
    117 Fail UNKNOWN_SUBSCRIPTION_ID "the telemetry subscription is unknown or out of date";
    118 Fail TELEMETRY_TOO_LARGE "the telemetry is larger than the broker takes";
    119 Fail INVALID_REGISTRATION "the controller rejected a broker's registration";
    120 AbortTransaction TRANSACTION_ABORTABLE "the transaction failed and must be aborted";
    121 Fail INVALID_RECORD_STATE "the record is not in a state that can be acknowledged";
    122 Retry SHARE_SESSION_NOT_FOUND "there is no such share session";
    123 Retry INVALID_SHARE_SESSION_EPOCH "the share session is at another epoch";
    124 Fail FENCED_STATE_EPOCH "the epoch of the share group's state does not match";
    125 Fail INVALID_VOTER_KEY "the voter's key is not the replica's";
    126 Fail DUPLICATE_VOTER "the voter is in the quorum already";
    127 Fail VOTER_NOT_FOUND "the voter is not in the quorum";
    128 Fail INVALID_REGULAR_EXPRESSION "the regular expression is not valid";
    129 Fail REBOOTSTRAP_REQUIRED
        "the client's view is stale, it must start again from the bootstrap servers";
    130 Fail STREAMS_INVALID_TOPOLOGY "the streams topology is not valid";
    131 Fail STREAMS_INVALID_TOPOLOGY_EPOCH "the epoch of the streams topology is not valid";
    132 Fail STREAMS_TOPOLOGY_FENCED "the streams topology is out of date";
    133 Retry SHARE_SESSION_LIMIT_REACHED "there are as many share sessions as allowed";
    134 Fail GROUP_DELETION_FAILED "the group could not be deleted";
    135 Fail STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED
        "the description of the streams topology could not be stored";
    136 Fail CONTROLLER_ID_NOT_REGISTERED "the controller id is not registered";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = ErrorCode> {
        (-1..=136).map(ErrorCode)
    }

    fn codes(is_meant: impl Fn(ErrorCode) -> bool) -> Vec<i16> {
        all()
            .filter(|code| is_meant(*code))
            .map(|code| code.0)
            .collect()
    }

    #[test]
    fn the_table_has_every_code_once_in_order() {
        let codes: Vec<i16> = TABLE.iter().map(|row| row.code).collect();
        assert_eq!(codes, (-1..=136).collect::<Vec<i16>>());
        let names: std::collections::BTreeSet<&str> = TABLE.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), TABLE.len());
        for row in TABLE {
            assert!(
                row.meaning.starts_with(|c: char| c.is_ascii_lowercase()),
                "{}",
                row.name
            );
            assert!(!row.meaning.ends_with('.'), "{}", row.name);
        }
    }

    #[test]
    fn codes_are_shown_with_name_number_and_meaning() {
        assert_eq!(
            ErrorCode::NOT_ENOUGH_REPLICAS.to_string(),
            "NOT_ENOUGH_REPLICAS (19): too few replicas are in sync, nothing was written"
        );
        assert_eq!(ErrorCode(-1).name(), Some("UNKNOWN_SERVER_ERROR"));
        assert_eq!(ErrorCode(0).meaning(), Some("no error"));
        assert_eq!(ErrorCode(136).name(), Some("CONTROLLER_ID_NOT_REGISTERED"));
    }

    #[test]
    fn unknown_codes_are_shown_as_numbers_and_fail() {
        for code in [i16::MIN, -2, 137, i16::MAX] {
            assert_eq!(ErrorCode(code).to_string(), format!("error code {code}"));
            assert_eq!(ErrorCode(code).name(), None);
            assert_eq!(ErrorCode(code).meaning(), None);
            assert_eq!(ErrorCode(code).recovery(ApiKey::Produce), Recovery::Fail);
            assert!(!ErrorCode(code).proves_no_append());
        }
    }

    #[test]
    fn only_refusals_before_the_append_prove_that_nothing_was_appended() {
        let proofs = codes(ErrorCode::proves_no_append);
        assert_eq!(
            proofs,
            [
                2, 10, 17, 18, 19, 21, 29, 31, 32, 35, 53, 74, 75, 76, 87, 100
            ]
        );
    }

    #[test]
    fn answers_that_a_lost_leadership_gives_after_an_append_prove_nothing() {
        for code in [
            ErrorCode::NOT_LEADER_OR_FOLLOWER,
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            ErrorCode::KAFKA_STORAGE_ERROR,
            ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
            ErrorCode::REQUEST_TIMED_OUT,
            ErrorCode::UNKNOWN_SERVER_ERROR,
        ] {
            assert!(!code.proves_no_append(), "{code}");
        }
    }
}
