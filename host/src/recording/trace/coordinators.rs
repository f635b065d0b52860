//! What coordinators are asked for, and what they answer.

use super::words::{code, throttled};
use crate::recording::request::body;
use odradek::ErrorCode;
use odradek::wire::api::add_offsets_to_txn::AddOffsetsToTxnResponse;
use odradek::wire::api::add_partitions_to_txn::AddPartitionsToTxnResponse;
use odradek::wire::api::end_txn::EndTxnResponse;
use odradek::wire::api::find_coordinator::FindCoordinatorResponse;
use odradek::wire::api::init_producer_id::InitProducerIdResponse;
use odradek::wire::api::txn_offset_commit::TxnOffsetCommitResponse;
use odradek::wire::{ApiKey, Reader, WireError};

/// The first version of FindCoordinator with several keys.
const FIRST_WITH_KEYS: i16 = 4;

/// The first version of FindCoordinator that says what the key names.
const FIRST_WITH_KEY_TYPE: i16 = 1;

/// The first version of InitProducerId that bears an identity.
const FIRST_WITH_IDENTITY: i16 = 3;

/// The first version of TxnOffsetCommit that bears the member.
const FIRST_WITH_MEMBER: i16 = 3;

/// The first version of TxnOffsetCommit with leader epochs.
const FIRST_WITH_LEADER_EPOCH: i16 = 2;

/// What a request asks a coordinator for, given its whole frame; nothing where it asks no coordinator.
pub(super) fn asked(key: ApiKey, version: i16, frame: &[u8]) -> Result<Option<String>, WireError> {
    // An `if` for each, as for answers.
    if key == ApiKey::FindCoordinator {
        return find(version, body(frame)?).map(Some);
    }
    if key == ApiKey::InitProducerId {
        return init(version, body(frame)?).map(Some);
    }
    if key == ApiKey::AddPartitionsToTxn {
        return add_partitions(body(frame)?).map(Some);
    }
    if key == ApiKey::AddOffsetsToTxn {
        return add_offsets(body(frame)?).map(Some);
    }
    if key == ApiKey::TxnOffsetCommit {
        return commit_offsets(version, body(frame)?).map(Some);
    }
    if key == ApiKey::EndTxn {
        return end(body(frame)?).map(Some);
    }
    Ok(None)
}

fn find(version: i16, mut reader: Reader<'_>) -> Result<String, WireError> {
    let name = |key_type| {
        if key_type == 0 {
            "group"
        } else {
            "transaction"
        }
    };
    if version >= FIRST_WITH_KEYS {
        let of = name(reader.i8()?);
        let mut keys = Vec::new();
        for _ in 0..reader.array_len()? {
            keys.push(reader.string()?);
        }
        return Ok(format!("of the {of} {}", keys.join(" ")));
    }
    let key = reader.string()?;
    let of = name(if version >= FIRST_WITH_KEY_TYPE {
        reader.i8()?
    } else {
        0
    });
    Ok(format!("of the {of} {key}"))
}

fn init(version: i16, mut reader: Reader<'_>) -> Result<String, WireError> {
    let id = reader.nullable_string()?;
    // The time-out.
    reader.i32()?;
    let mut said = id.map_or_else(
        || "no transactional.id".to_owned(),
        |id| format!("transactional.id {id}"),
    );
    if version >= FIRST_WITH_IDENTITY {
        said.push_str(&format!(", {}", identity(&mut reader)?));
    }
    Ok(said)
}

fn add_partitions(mut reader: Reader<'_>) -> Result<String, WireError> {
    let id = reader.string()?;
    let mut said = format!("transactional.id {id}, {}", identity(&mut reader)?);
    for _ in 0..reader.array_len()? {
        let topic = reader.string()?;
        for _ in 0..reader.array_len()? {
            said.push_str(&format!(", {topic}-{}", reader.i32()?));
        }
        reader.skip_tagged_fields()?;
    }
    Ok(said)
}

fn add_offsets(mut reader: Reader<'_>) -> Result<String, WireError> {
    let id = reader.string()?;
    let identity = identity(&mut reader)?;
    let group = reader.string()?;
    Ok(format!("transactional.id {id}, {identity}, group {group}"))
}

fn commit_offsets(version: i16, mut reader: Reader<'_>) -> Result<String, WireError> {
    let (id, group) = (reader.string()?, reader.string()?);
    let identity = identity(&mut reader)?;
    let mut said = format!("transactional.id {id}, {identity}, group {group}");
    if version >= FIRST_WITH_MEMBER {
        let (generation, member) = (reader.i32()?, reader.string()?);
        reader.nullable_string()?;
        if generation >= 0 {
            said.push_str(&format!(", generation {generation}, member {member}"));
        }
    }
    for _ in 0..reader.array_len()? {
        let topic = reader.string()?;
        for _ in 0..reader.array_len()? {
            let (index, offset) = (reader.i32()?, reader.i64()?);
            if version >= FIRST_WITH_LEADER_EPOCH {
                reader.i32()?;
            }
            reader.nullable_string()?;
            reader.skip_tagged_fields()?;
            said.push_str(&format!(", {topic}-{index} at {offset}"));
        }
        reader.skip_tagged_fields()?;
    }
    Ok(said)
}

fn end(mut reader: Reader<'_>) -> Result<String, WireError> {
    let id = reader.string()?;
    let identity = identity(&mut reader)?;
    let end = if reader.bool()? { "commit" } else { "abort" };
    Ok(format!("{end}, transactional.id {id}, {identity}"))
}

fn identity(reader: &mut Reader<'_>) -> Result<String, WireError> {
    let (id, epoch) = (reader.i64()?, reader.i16()?);
    Ok(named(id, epoch))
}

fn named(id: i64, epoch: i16) -> String {
    if id < 0 {
        return "no producer id".to_owned();
    }
    format!("producer id {id}, epoch {epoch}")
}

/// What a coordinator answers; nothing where none does.
pub(super) fn answered(
    key: ApiKey,
    body: Reader<'_>,
    version: i16,
) -> Result<Option<String>, WireError> {
    let (said, throttle) = if key == ApiKey::FindCoordinator {
        let response = FindCoordinatorResponse::decode(body, version)?;
        let each = response.coordinators.iter().map(|found| {
            if found.error == ErrorCode::NONE {
                format!("broker {} at {}:{}", found.node.0, found.host, found.port)
            } else {
                code(found.error)
            }
        });
        let each: Vec<String> = each.collect();
        (each.join(", "), response.throttle_time_ms)
    } else if key == ApiKey::InitProducerId {
        let response = InitProducerIdResponse::decode(body, version)?;
        let said = granted(
            response.error,
            response.producer_id,
            response.producer_epoch,
        );
        (said, response.throttle_time_ms)
    } else if key == ApiKey::AddPartitionsToTxn {
        let response = AddPartitionsToTxnResponse::decode(body, version)?;
        let errors = response.partitions.iter();
        let errors = errors.map(|one| (one.topic, one.index, one.error));
        (of_partitions(errors), response.throttle_time_ms)
    } else if key == ApiKey::AddOffsetsToTxn {
        let response = AddOffsetsToTxnResponse::decode(body, version)?;
        (code(response.error), response.throttle_time_ms)
    } else if key == ApiKey::TxnOffsetCommit {
        let response = TxnOffsetCommitResponse::decode(body, version)?;
        let errors = response.partitions.iter();
        let errors = errors.map(|one| (one.topic, one.index, one.error));
        (of_partitions(errors), response.throttle_time_ms)
    } else if key == ApiKey::EndTxn {
        let response = EndTxnResponse::decode(body, version)?;
        let said = granted(
            response.error,
            response.producer_id,
            response.producer_epoch,
        );
        (said, response.throttle_time_ms)
    } else {
        return Ok(None);
    };
    Ok(Some(format!("{said}{}", throttled(throttle))))
}

/// An answer that may bring an identity.
fn granted(error: ErrorCode, id: i64, epoch: i16) -> String {
    if id < 0 {
        return code(error);
    }
    format!("{}, {}", code(error), named(id, epoch))
}

/// The errors of single partitions, if there are any.
fn of_partitions<'a>(all: impl Iterator<Item = (&'a str, i32, ErrorCode)>) -> String {
    let bad = all.filter(|(.., error)| *error != ErrorCode::NONE);
    let bad = bad.map(|(topic, index, error)| format!("{topic}-{index} {}", code(error)));
    let bad: Vec<String> = bad.collect();
    if bad.is_empty() {
        code(ErrorCode::NONE)
    } else {
        bad.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::request::Head;
    use odradek::wire::RequestHeader;
    use odradek::wire::api::add_offsets_to_txn::AddOffsetsToTxnRequest;
    use odradek::wire::api::add_partitions_to_txn::{AddPartitionsToTxnRequest, TopicToAdd};
    use odradek::wire::api::end_txn::EndTxnRequest;
    use odradek::wire::api::find_coordinator::{CoordinatorType, FindCoordinatorRequest};
    use odradek::wire::api::init_producer_id::InitProducerIdRequest;
    use odradek::wire::api::txn_offset_commit::{
        PartitionOffset, TopicOffsets, TxnOffsetCommitRequest,
    };

    /// What is told about a request in each of its versions.
    fn told(key: ApiKey, encode: impl Fn(&mut Vec<u8>, &RequestHeader<'_>)) -> Vec<String> {
        let versions = key.supported();
        let each = (versions.min..=versions.max).map(|version| {
            let header = RequestHeader {
                version,
                correlation_id: 7,
                client_id: Some("c"),
            };
            let mut frame = Vec::new();
            encode(&mut frame, &header);
            assert_eq!(Head::read(&frame).key(), Some(key));
            let said = asked(key, version, &frame).expect("the core's own request");
            said.expect("it asks a coordinator")
        });
        each.collect()
    }

    /// The same in the first version, and in the last one.
    fn assert_told(told: &[String], first: &str, last: &str) {
        assert_eq!(told.first().map(String::as_str), Some(first));
        assert_eq!(told.last().map(String::as_str), Some(last));
    }

    #[test]
    fn requests_of_every_transaction_are_told_in_every_version() {
        let find = FindCoordinatorRequest {
            key: "me",
            key_type: CoordinatorType::Group,
        };
        let said = told(ApiKey::FindCoordinator, |out, header| {
            find.encode(out, header)
        });
        assert_told(&said, "of the group me", "of the group me");

        let init = InitProducerIdRequest {
            transactional_id: Some("me"),
            transaction_timeout_ms: 9,
            producer_id: 4,
            producer_epoch: 2,
            enable_2pc: false,
            keep_prepared_txn: false,
        };
        let said = told(ApiKey::InitProducerId, |out, header| {
            init.encode(out, header)
        });
        let last = "transactional.id me, producer id 4, epoch 2";
        assert_told(&said, "transactional.id me", last);

        let add = AddPartitionsToTxnRequest {
            transactional_id: "me",
            producer_id: 4,
            producer_epoch: 2,
            topics: &[TopicToAdd {
                name: "t",
                partitions: &[0, 3],
            }],
        };
        let said = told(ApiKey::AddPartitionsToTxn, |out, header| {
            add.encode(out, header)
        });
        let both = "transactional.id me, producer id 4, epoch 2, t-0, t-3";
        assert_told(&said, both, both);

        let end = EndTxnRequest {
            transactional_id: "me",
            producer_id: -1,
            producer_epoch: -1,
            committed: true,
        };
        let said = told(ApiKey::EndTxn, |out, header| end.encode(out, header));
        let both = "commit, transactional.id me, no producer id";
        assert_told(&said, both, both);
    }

    #[test]
    fn requests_with_offsets_are_told_in_every_version() {
        let add = AddOffsetsToTxnRequest {
            transactional_id: "me",
            producer_id: 4,
            producer_epoch: 2,
            group_id: "g",
        };
        let said = told(ApiKey::AddOffsetsToTxn, |out, header| {
            add.encode(out, header)
        });
        let both = "transactional.id me, producer id 4, epoch 2, group g";
        assert_told(&said, both, both);

        let offset = PartitionOffset {
            index: 1,
            offset: 50,
            leader_epoch: 2,
            metadata: Some("m"),
        };
        let commit = TxnOffsetCommitRequest {
            transactional_id: "me",
            group_id: "g",
            producer_id: 4,
            producer_epoch: 2,
            generation_id: 8,
            member_id: "m",
            group_instance_id: None,
            topics: &[TopicOffsets {
                name: "t",
                partitions: &[offset],
            }],
        };
        let said = told(ApiKey::TxnOffsetCommit, |out, header| {
            commit.encode(out, header)
        });
        let identity = "transactional.id me, producer id 4, epoch 2, group g";
        assert_told(
            &said,
            &format!("{identity}, t-1 at 50"),
            &format!("{identity}, generation 8, member m, t-1 at 50"),
        );
    }
}
