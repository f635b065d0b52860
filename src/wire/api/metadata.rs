//! Metadata, api key 3, versions 4 to 13: brokers, topics, partitions and their leaders.
//!
//! - v4: the request says whether topics may be created.
//! - v5: offline replicas.
//! - v6: the client throttles itself, not the broker.
//! - v7: leader epochs (unreliable below v9, KAFKA-9212).
//! - v8: authorized operations, of the cluster until v10 and of topics.
//! - v9: flexible.
//! - v10: topic ids (KIP-516).
//! - v12: a topic can be asked for by id, so its name can be null.
//! - v13: an error of the whole answer (KIP-1102).

use crate::error_code::ErrorCode;
use crate::ids::{BrokerId, TopicUuid};
use crate::wire::{ApiKey, Reader, RequestHeader, WireError, begin_request, finish_request};

/// The leader epoch of a partition for which the broker tells none.
pub const NO_LEADER_EPOCH: i32 = -1;

/// The first version with leader epochs.
const FIRST_WITH_LEADER_EPOCH: i16 = 7;
/// The first version with offline replicas.
const FIRST_WITH_OFFLINE_REPLICAS: i16 = 5;
/// The first version with authorized operations of topics.
const FIRST_WITH_TOPIC_OPERATIONS: i16 = 8;
/// The first version with topic ids.
const FIRST_WITH_TOPIC_UUID: i16 = 10;
/// The first version where a topic's name can be null.
const FIRST_WITH_NULL_NAME: i16 = 12;
/// The first version with an error of the whole answer.
const FIRST_WITH_ERROR: i16 = 13;

/// The request, topics by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetadataRequest<'a> {
    /// The topics to tell about; `None` is all of them, an empty slice none.
    pub topics: Option<&'a [&'a str]>,
    /// `allow.auto.create.topics`: whether the broker may create the topics that do not exist. It
    /// creates them only if its own configuration says so too.
    pub allow_auto_topic_creation: bool,
}

impl MetadataRequest<'_> {
    /// Appends the whole frame, its length included, to `out`.
    ///
    /// # Panics
    ///
    /// When a string is longer than 32767 bytes.
    pub fn encode(&self, out: &mut Vec<u8>, header: &RequestHeader<'_>) {
        let version = header.version;
        let (mut writer, length_at) = begin_request(out, ApiKey::Metadata, header);
        writer.nullable_array_len(self.topics.map(<[&str]>::len));
        for name in self.topics.unwrap_or_default() {
            if version >= FIRST_WITH_TOPIC_UUID {
                writer.uuid(TopicUuid::ZERO);
            }
            writer.string(name);
            writer.no_tagged_fields();
        }
        writer.bool(self.allow_auto_topic_creation);
        if has_cluster_operations(version) {
            writer.bool(false);
        }
        if version >= FIRST_WITH_TOPIC_OPERATIONS {
            writer.bool(false);
        }
        writer.no_tagged_fields();
        finish_request(writer, length_at, 0);
    }
}

/// The response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataResponse {
    /// How long the client should send nothing, in ms.
    pub throttle_time_ms: i32,
    /// The brokers that are alive.
    pub brokers: Vec<MetadataBroker>,
    /// The id of the cluster, if the broker tells it.
    pub cluster_id: Option<String>,
    /// The controller, -1 for none.
    pub controller: BrokerId,
    /// The topics asked for.
    pub topics: Vec<MetadataTopic>,
    /// The error of the whole answer (v13): REBOOTSTRAP_REQUIRED.
    pub error: ErrorCode,
}

/// A broker, as the cluster advertises it to clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataBroker {
    /// Its node id.
    pub id: BrokerId,
    /// Its host name or address.
    pub host: String,
    /// Its port, as sent: not checked to be one.
    pub port: i32,
    /// Its rack, if it has one.
    pub rack: Option<String>,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataTopic {
    /// The error of this topic.
    pub error: ErrorCode,
    /// The name; `None` only from v12 on, for a topic asked for by an unknown id.
    pub name: Option<String>,
    /// The topic id, zero below v10.
    pub uuid: TopicUuid,
    /// The partitions in the order sent, which need not be that of their indexes. None with an
    /// error.
    pub partitions: Vec<MetadataPartition>,
}

/// A partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetadataPartition {
    /// The error of this partition. LEADER_NOT_AVAILABLE leaves the rest valid.
    pub error: ErrorCode,
    /// The partition index, as sent: may be negative or far away when the peer is broken.
    pub index: i32,
    /// The leader, -1 for none.
    pub leader: BrokerId,
    /// The leader epoch, [`NO_LEADER_EPOCH`] below v7.
    pub leader_epoch: i32,
}

impl MetadataResponse {
    /// Decodes the body of a response of `version`. Lists of replicas are skipped.
    ///
    /// # Errors
    ///
    /// [`WireError`] when the bytes are no such response.
    pub fn decode(body: Reader<'_>, version: i16) -> Result<Self, WireError> {
        let mut reader = body.flexible(ApiKey::Metadata.is_flexible(version));
        let throttle_time_ms = reader.i32()?;
        let mut brokers = Vec::new();
        for _ in 0..reader.array_len()? {
            brokers.push(decode_broker(&mut reader)?);
        }
        let cluster_id = reader.nullable_string()?.map(str::to_owned);
        let controller = BrokerId(reader.i32()?);
        let mut topics = Vec::new();
        for _ in 0..reader.array_len()? {
            topics.push(decode_topic(&mut reader, version)?);
        }
        if has_cluster_operations(version) {
            reader.i32()?;
        }
        let error = if version >= FIRST_WITH_ERROR {
            reader.i16()?
        } else {
            0
        };
        reader.skip_tagged_fields()?;
        reader.finish()?;
        let error = ErrorCode(error);
        Ok(Self {
            throttle_time_ms,
            brokers,
            cluster_id,
            controller,
            topics,
            error,
        })
    }
}

/// Whether the request asks for, and the response tells, what the client may do in the cluster.
fn has_cluster_operations(version: i16) -> bool {
    (8..=10).contains(&version)
}

fn decode_broker(reader: &mut Reader<'_>) -> Result<MetadataBroker, WireError> {
    let broker = MetadataBroker {
        id: BrokerId(reader.i32()?),
        host: reader.string()?.to_owned(),
        port: reader.i32()?,
        rack: reader.nullable_string()?.map(str::to_owned),
    };
    reader.skip_tagged_fields()?;
    Ok(broker)
}

fn decode_topic(reader: &mut Reader<'_>, version: i16) -> Result<MetadataTopic, WireError> {
    let error = ErrorCode(reader.i16()?);
    let name = if version >= FIRST_WITH_NULL_NAME {
        reader.nullable_string()?
    } else {
        Some(reader.string()?)
    };
    let name = name.map(str::to_owned);
    let has_uuid = version >= FIRST_WITH_TOPIC_UUID;
    let uuid = if has_uuid {
        reader.uuid()?
    } else {
        TopicUuid::ZERO
    };
    let _is_internal = reader.bool()?;
    let mut partitions = Vec::new();
    for _ in 0..reader.array_len()? {
        partitions.push(decode_partition(reader, version)?);
    }
    if version >= FIRST_WITH_TOPIC_OPERATIONS {
        reader.i32()?;
    }
    reader.skip_tagged_fields()?;
    Ok(MetadataTopic {
        error,
        name,
        uuid,
        partitions,
    })
}

fn decode_partition(reader: &mut Reader<'_>, version: i16) -> Result<MetadataPartition, WireError> {
    let error = ErrorCode(reader.i16()?);
    let index = reader.i32()?;
    let leader = BrokerId(reader.i32()?);
    let has_leader_epoch = version >= FIRST_WITH_LEADER_EPOCH;
    let leader_epoch = if has_leader_epoch {
        reader.i32()?
    } else {
        NO_LEADER_EPOCH
    };
    // Replicas, then those in sync.
    reader.skip_i32_array()?;
    reader.skip_i32_array()?;
    if version >= FIRST_WITH_OFFLINE_REPLICAS {
        reader.skip_i32_array()?;
    }
    reader.skip_tagged_fields()?;
    Ok(MetadataPartition {
        error,
        index,
        leader,
        leader_epoch,
    })
}
