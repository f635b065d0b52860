//! Batches, and what is noted of the answers to them.

use super::talk::{Identity, Talk, To, error_name, text};
use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::{ProduceRequest, ProduceResponse, TopicName, TransactionalId};
use kafka_protocol::records::{
    Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};

/// When the first record of a batch was made, in milliseconds since 1970.
const MADE_AT: i64 = 1_767_225_600_000;

/// A batch, and how it is sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    identity: Identity,
    sequence: i32,
    records: i32,
    partition: i32,
    version: i16,
    transactional_id: Option<String>,
    is_transactional: bool,
    with_key: bool,
    value_bytes: usize,
    acks: i16,
    damage: Option<(usize, u8)>,
}

/// A batch of this producer, from this sequence on, to partition 0 by Produce 12.
pub(super) fn batch(identity: Identity, sequence: i32, records: i32) -> Sent {
    Sent {
        identity,
        sequence,
        records,
        partition: 0,
        version: 12,
        transactional_id: None,
        is_transactional: false,
        with_key: true,
        value_bytes: 8,
        acks: -1,
        damage: None,
    }
}

impl Sent {
    /// In a transaction.
    #[must_use]
    pub(super) fn within(mut self, transactional_id: &str) -> Self {
        self.transactional_id = Some(transactional_id.to_owned());
        self.is_transactional = true;
        self
    }

    /// In a request of a transactional producer, but not marked as such itself.
    #[must_use]
    pub(super) fn beside(mut self, transactional_id: &str) -> Self {
        self.transactional_id = Some(transactional_id.to_owned());
        self
    }

    /// To this partition.
    #[must_use]
    pub(super) fn to(mut self, partition: i32) -> Self {
        self.partition = partition;
        self
    }

    /// By this version of Produce.
    #[must_use]
    pub(super) fn by(mut self, version: i16) -> Self {
        self.version = version;
        self
    }

    /// With `acks=1`.
    #[must_use]
    pub(super) fn acks_of_leader(mut self) -> Self {
        self.acks = 1;
        self
    }

    /// Without keys.
    #[must_use]
    pub(super) fn without_keys(mut self) -> Self {
        self.with_key = false;
        self
    }

    /// With values of so many bytes.
    #[must_use]
    pub(super) fn values_of(mut self, bytes: usize) -> Self {
        self.value_bytes = bytes;
        self
    }

    /// With these bits of this byte turned over, after the checksum was computed.
    #[must_use]
    pub(super) fn damaged(mut self, at: usize, bits: u8) -> Self {
        self.damage = Some((at, bits));
        self
    }

    fn encode(&self) -> Bytes {
        let records: Vec<Record> = (0..self.records)
            .map(|index| Record {
                transactional: self.is_transactional,
                control: false,
                delete_horizon: false,
                partition_leader_epoch: -1,
                producer_id: self.identity.id,
                producer_epoch: self.identity.epoch,
                timestamp_type: TimestampType::Creation,
                offset: i64::from(index),
                sequence: self.sequence.wrapping_add(index),
                timestamp: MADE_AT + i64::from(index),
                key: self.with_key.then(|| Bytes::from(format!("key {index}"))),
                value: Some(Bytes::from(vec![b'x'; self.value_bytes])),
                headers: Default::default(),
            })
            .collect();
        let options = RecordEncodeOptions {
            version: 2,
            compression: Compression::None,
        };
        let mut bytes = BytesMut::new();
        RecordBatchEncoder::encode(&mut bytes, &records, &options).expect("a batch encodes");
        if let Some((at, bits)) = self.damage {
            bytes[at] ^= bits;
        }
        bytes.freeze()
    }

    fn describe(&self, who: &str) -> String {
        let mut said = format!(
            "produce {} of {who}:{} from {}",
            self.records, self.identity.epoch, self.sequence
        );
        if self.is_transactional {
            said.push_str(" in a transaction");
        }
        if self.partition != 0 {
            said.push_str(&format!(" to partition {}", self.partition));
        }
        if self.version != 12 {
            said.push_str(&format!(" by v{}", self.version));
        }
        if let Some((at, bits)) = self.damage {
            said.push_str(&format!(" damaged at {at} by {bits}"));
        }
        if !self.with_key {
            said.push_str(" without keys");
        }
        said
    }
}

impl Talk<'_> {
    /// Sends a batch, as often as it takes, and notes the answer.
    pub(super) fn produce(&mut self, sent: &Sent) {
        let who = self.call(sent.identity.id);
        let asked = sent.describe(&who);
        let answer = self.settle(
            |talk| talk.send(sent),
            |answer| answer.as_ref().map_or(0, |answer| answer.error_code),
        );
        let answered = match answer {
            None => "closed".to_owned(),
            Some(answer) => {
                let mut said = error_name(answer.error_code);
                if answer.error_code == 0 {
                    said.push_str(&format!(" at {}", answer.base_offset));
                }
                match answer.log_append_time_ms {
                    -1 => {}
                    time if (MADE_AT..MADE_AT + 1000).contains(&time) => {
                        said.push_str(&format!(", time +{}", time - MADE_AT));
                    }
                    _ => said.push_str(", the broker's time"),
                }
                if sent.version >= 5 {
                    said.push_str(&format!(", start {}", answer.log_start_offset));
                }
                for record in &answer.record_errors {
                    said.push_str(&format!(", record {}", record.batch_index));
                }
                said
            }
        };
        self.note(&asked, &answered);
    }

    pub(super) fn send(&mut self, sent: &Sent) -> Option<PartitionProduceResponse> {
        let data = PartitionProduceData::default()
            .with_index(sent.partition)
            .with_records(Some(sent.encode()));
        let mut topic = TopicProduceData::default().with_partition_data(vec![data]);
        if sent.version >= 13 {
            topic.topic_id = self.metadata().topics[0].topic_id;
        } else {
            topic.name = TopicName(text(&self.topic));
        }
        let id = sent.transactional_id.as_deref();
        let request = ProduceRequest::default()
            .with_transactional_id(id.map(|id| TransactionalId(text(id))))
            .with_acks(sent.acks)
            .with_timeout_ms(30_000)
            .with_topic_data(vec![topic]);
        let to = To::Leader(sent.partition);
        let mut answer: ProduceResponse = self.ask(to, 0, sent.version, &request)?;
        answer.responses.pop()?.partition_responses.pop()
    }
}
