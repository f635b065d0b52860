//! Produce, api key 0, versions 3 to 13: record batches for partitions, and what became of them.
//!
//! - v3: record batches of format 2, transactional id.
//! - v5: log start offset.
//! - v6: the client throttles itself, not the broker.
//! - v7: batches may be compressed with zstd.
//! - v8: which records of a batch are refused and why (KIP-467).
//! - v9: flexible.
//! - v10: the current leader and its address, as tagged fields (KIP-951).
//! - v11: TRANSACTION_ABORTABLE may be answered (KIP-890).
//! - v12: a partition joins the transaction implicitly (KIP-890).
//! - v13: topics by id (KIP-516).

use crate::error_code::ErrorCode;
use crate::ids::{BrokerId, TopicUuid};
use crate::wire::{
    ApiKey, Reader, RequestHeader, WireError, Writer, begin_request, finish_request,
};

/// The first version with the log start offset.
const FIRST_WITH_LOG_START_OFFSET: i16 = 5;
/// The first version that tells which records are refused.
const FIRST_WITH_RECORD_ERRORS: i16 = 8;
/// The first version with the current leader.
const FIRST_WITH_CURRENT_LEADER: i16 = 10;
/// The first version where topics go by id.
const FIRST_WITH_TOPIC_UUID: i16 = 13;

/// The tag of the current leader, at the end of a partition.
const CURRENT_LEADER_TAG: u32 = 0;
/// The tag of the node endpoints, at the end of the response.
const NODE_ENDPOINTS_TAG: u32 = 0;

/// The request without the records: their bytes are shared memory and go out as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProduceRequest<'a> {
    /// `transactional.id`, `None` outside of transactions.
    pub transactional_id: Option<&'a str>,
    /// How many replicas must have the records: 0 (no answer comes), 1, or -1 for all in sync.
    pub acks: i16,
    /// How long in ms the broker may wait for the replicas.
    pub timeout_ms: i32,
    /// The topics.
    pub topics: &'a [TopicData<'a>],
}

/// A topic in the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicData<'a> {
    /// The name, sent up to v12.
    pub name: &'a str,
    /// The topic id, sent from v13 on.
    pub uuid: TopicUuid,
    /// The partitions, each at most once.
    pub partitions: &'a [PartitionData],
}

/// A partition in the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionData {
    /// The partition index.
    pub index: i32,
    /// The size in bytes of the record batch.
    pub records_len: usize,
}

impl ProduceRequest<'_> {
    /// Appends the whole frame, its length included, but the records to `out`.
    ///
    /// One cut is appended to `cuts` per partition, in the order of the request: the position in
    /// `out` after which that partition's records go. The frame's length counts them.
    ///
    /// # Panics
    ///
    /// When a string is longer than 32767 bytes, or the frame has 2 GiB or more.
    pub fn encode(&self, out: &mut Vec<u8>, cuts: &mut Vec<usize>, header: &RequestHeader<'_>) {
        let (mut writer, length_at) = begin_request(out, ApiKey::Produce, header);
        writer.nullable_string(self.transactional_id);
        writer.i16(self.acks);
        writer.i32(self.timeout_ms);
        writer.array_len(self.topics.len());
        let mut records_len = 0usize;
        for topic in self.topics {
            if header.version >= FIRST_WITH_TOPIC_UUID {
                writer.uuid(topic.uuid);
            } else {
                writer.string(topic.name);
            }
            writer.array_len(topic.partitions.len());
            for partition in topic.partitions {
                encode_partition(&mut writer, cuts, *partition);
                // Saturated, the length of the frame is refused below.
                records_len = records_len.saturating_add(partition.records_len);
            }
            writer.no_tagged_fields();
        }
        writer.no_tagged_fields();
        finish_request(writer, length_at, records_len);
    }
}

fn encode_partition(writer: &mut Writer<'_>, cuts: &mut Vec<usize>, partition: PartitionData) {
    writer.i32(partition.index);
    writer.array_len(partition.records_len);
    cuts.push(writer.at());
    writer.no_tagged_fields();
}

/// The response. It borrows from the frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProduceResponse<'a> {
    /// What became of each partition, topic after topic in the order sent.
    pub partitions: Vec<PartitionResponse<'a>>,
    /// How long the client should send nothing, in ms.
    pub throttle_time_ms: i32,
    /// The addresses of the current leaders that partitions name (v10+).
    pub node_endpoints: Vec<NodeEndpoint<'a>>,
}

/// What became of one partition of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionResponse<'a> {
    /// Its topic.
    pub topic: TopicRef<'a>,
    /// The partition index.
    pub index: i32,
    /// The error of this partition.
    pub error: ErrorCode,
    /// The offset of the first record, -1 when it is not known.
    pub base_offset: i64,
    /// The time in ms since 1970 at which the broker appended, -1 when the topic keeps the time of
    /// creation.
    pub log_append_time_ms: i64,
    /// The offset of the first record still in the log, -1 below v5.
    pub log_start_offset: i64,
    /// The records that made the broker refuse the batch (v8+).
    pub record_errors: Vec<RecordError<'a>>,
    /// Why the batch is refused (v8+).
    pub error_message: Option<&'a str>,
    /// The leader where the records belong, told with NOT_LEADER_OR_FOLLOWER and
    /// FENCED_LEADER_EPOCH (v10+).
    pub current_leader: Option<CurrentLeader>,
}

/// A topic as the response names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicRef<'a> {
    /// Up to v12.
    Name(&'a str),
    /// From v13 on.
    Uuid(TopicUuid),
}

/// A record that the broker refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordError<'a> {
    /// The place of the record in the batch, from 0; as sent, not checked against the batch.
    pub batch_index: i32,
    /// Why it is refused.
    pub message: Option<&'a str>,
}

/// The leader of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrentLeader {
    /// The leader, -1 when the broker does not know it.
    pub leader: BrokerId,
    /// Its leader epoch, -1 when the broker does not know it.
    pub leader_epoch: i32,
}

/// The address of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeEndpoint<'a> {
    /// Its node id.
    pub id: BrokerId,
    /// Its host name or address.
    pub host: &'a str,
    /// Its port, as sent: not checked to be one.
    pub port: i32,
    /// Its rack, if it has one.
    pub rack: Option<&'a str>,
}

impl<'a> ProduceResponse<'a> {
    /// Decodes the body of a response of `version`.
    ///
    /// # Errors
    ///
    /// [`WireError`] when the bytes are no such response.
    pub fn decode(body: Reader<'a>, version: i16) -> Result<Self, WireError> {
        let mut reader = body.flexible(ApiKey::Produce.is_flexible(version));
        let mut partitions = Vec::new();
        for _ in 0..reader.array_len()? {
            let topic = if version >= FIRST_WITH_TOPIC_UUID {
                TopicRef::Uuid(reader.uuid()?)
            } else {
                TopicRef::Name(reader.string()?)
            };
            for _ in 0..reader.array_len()? {
                partitions.push(decode_partition(&mut reader, version, topic)?);
            }
            reader.skip_tagged_fields()?;
        }
        let throttle_time_ms = reader.i32()?;
        let mut node_endpoints = Vec::new();
        reader.tagged_fields(|tag, field| {
            if version >= FIRST_WITH_CURRENT_LEADER && tag == NODE_ENDPOINTS_TAG {
                node_endpoints = decode_node_endpoints(field)?;
            }
            Ok(())
        })?;
        reader.finish()?;
        Ok(Self {
            partitions,
            throttle_time_ms,
            node_endpoints,
        })
    }
}

fn decode_partition<'a>(
    reader: &mut Reader<'a>,
    version: i16,
    topic: TopicRef<'a>,
) -> Result<PartitionResponse<'a>, WireError> {
    let index = reader.i32()?;
    let error = ErrorCode(reader.i16()?);
    let base_offset = reader.i64()?;
    let log_append_time_ms = reader.i64()?;
    let has_log_start_offset = version >= FIRST_WITH_LOG_START_OFFSET;
    let log_start_offset = if has_log_start_offset {
        reader.i64()?
    } else {
        -1
    };
    let mut record_errors = Vec::new();
    let mut error_message = None;
    if version >= FIRST_WITH_RECORD_ERRORS {
        for _ in 0..reader.array_len()? {
            let batch_index = reader.i32()?;
            record_errors.push(RecordError {
                batch_index,
                message: reader.nullable_string()?,
            });
            reader.skip_tagged_fields()?;
        }
        error_message = reader.nullable_string()?;
    }
    let mut current_leader = None;
    reader.tagged_fields(|tag, field| {
        if version >= FIRST_WITH_CURRENT_LEADER && tag == CURRENT_LEADER_TAG {
            current_leader = Some(decode_current_leader(field)?);
        }
        Ok(())
    })?;
    Ok(PartitionResponse {
        topic,
        index,
        error,
        base_offset,
        log_append_time_ms,
        log_start_offset,
        record_errors,
        error_message,
        current_leader,
    })
}

fn decode_current_leader(mut field: Reader<'_>) -> Result<CurrentLeader, WireError> {
    let leader = BrokerId(field.i32()?);
    let leader_epoch = field.i32()?;
    field.skip_tagged_fields()?;
    field.finish()?;
    Ok(CurrentLeader {
        leader,
        leader_epoch,
    })
}

fn decode_node_endpoints(mut field: Reader<'_>) -> Result<Vec<NodeEndpoint<'_>>, WireError> {
    let mut node_endpoints = Vec::new();
    for _ in 0..field.array_len()? {
        node_endpoints.push(NodeEndpoint {
            id: BrokerId(field.i32()?),
            host: field.string()?,
            port: field.i32()?,
            rack: field.nullable_string()?,
        });
        field.skip_tagged_fields()?;
    }
    field.finish()?;
    Ok(node_endpoints)
}
