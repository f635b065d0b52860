//! Reads a topic from beginning to end with librdkafka, which checks every CRC.

use crate::process::wait_until;
use crate::topics::client;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message, Timestamp};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use std::fmt;
use std::time::{Duration, Instant};

/// How long records that were not acknowledged may take to arrive, and a reader may hear nothing.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(30);

/// How long one question or poll may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// A record as a broker stored it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredRecord {
    /// Where it is in its partition.
    pub offset: i64,
    /// Bytes of the key; none is the null key.
    pub key: Option<Vec<u8>>,
    /// Bytes of the value; none is the null value.
    pub value: Option<Vec<u8>>,
    /// Headers in order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Its time, and who gave it.
    pub stamp: Stamp,
}

/// A record's timestamp in milliseconds since 1970, by its type.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stamp {
    /// There is none.
    Absent,
    /// `CreateTime`: given by the producer.
    Created(i64),
    /// `LogAppendTime`: given by the broker.
    Appended(i64),
}

/// Why a topic could not be read to its end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ReadError {
    /// A batch is damaged: its CRC or its contents.
    Damaged,
    /// The client failed otherwise.
    Client(KafkaError),
    /// Nothing was heard for half a minute.
    Silence {
        /// How many records were read until then.
        read: usize,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged => write!(f, "a batch is damaged"),
            Self::Client(error) => write!(f, "the reading client failed: {error}"),
            Self::Silence { read } => write!(f, "nothing came after {read} records"),
        }
    }
}

impl std::error::Error for ReadError {}

/// Reads all partitions, committed or not, to the end that they have once `expected` records are
/// there, or after half a minute if they never are. The result has one list per partition, in the
/// order of the log.
///
/// # Errors
///
/// If a batch is damaged or the end is not reached.
pub fn read_back(
    bootstrap: &str,
    topic: &str,
    partitions: i32,
    expected: u64,
) -> Result<Vec<Vec<StoredRecord>>, ReadError> {
    let consumer: BaseConsumer = client(bootstrap)
        .set("group.id", "judge")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "error")
        .set("check.crcs", "true")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_uncommitted")
        .create()
        .map_err(ReadError::Client)?;
    let ends = ends(&consumer, topic, partitions, expected)?;
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        assignment
            .add_partition_offset(topic, partition, Offset::Offset(0))
            .map_err(ReadError::Client)?;
    }
    consumer.assign(&assignment).map_err(ReadError::Client)?;
    read_to_ends(&consumer, &ends)
}

/// The high watermark of each partition.
fn ends(
    consumer: &BaseConsumer,
    topic: &str,
    partitions: i32,
    expected: u64,
) -> Result<Vec<i64>, ReadError> {
    let mut ends = Ok(Vec::new());
    let _ = wait_until(ARRIVAL_LIMIT, || {
        let end = |partition| {
            consumer
                .fetch_watermarks(topic, partition, ANSWER_LIMIT)
                .map(|(_low, high)| high)
        };
        ends = (0..partitions)
            .map(end)
            .collect::<Result<Vec<i64>, KafkaError>>();
        ends.as_ref()
            .is_ok_and(|ends| ends.iter().sum::<i64>().unsigned_abs() >= expected)
    });
    ends.map_err(ReadError::Client)
}

fn read_to_ends(
    consumer: &BaseConsumer,
    ends: &[i64],
) -> Result<Vec<Vec<StoredRecord>>, ReadError> {
    let mut stored = vec![Vec::new(); ends.len()];
    let mut open: Vec<bool> = ends.iter().map(|&end| end > 0).collect();
    let mut heard = Instant::now();
    while open.contains(&true) {
        match consumer.poll(ANSWER_LIMIT) {
            Some(Ok(message)) => {
                let partition = index(message.partition());
                stored[partition].push(stored_record(&message));
                if message.offset() + 1 >= ends[partition] {
                    open[partition] = false;
                }
            }
            // The last offset may belong to a control batch, which no client shows.
            Some(Err(KafkaError::PartitionEOF(partition))) => open[index(partition)] = false,
            Some(Err(KafkaError::MessageConsumption(RDKafkaErrorCode::BadMessage))) => {
                return Err(ReadError::Damaged);
            }
            Some(Err(error)) => return Err(ReadError::Client(error)),
            None if heard.elapsed() > ARRIVAL_LIMIT => {
                return Err(ReadError::Silence {
                    read: stored.iter().map(Vec::len).sum(),
                });
            }
            None => continue,
        }
        heard = Instant::now();
    }
    Ok(stored)
}

fn stored_record(message: &BorrowedMessage<'_>) -> StoredRecord {
    let headers = message.headers().into_iter().flat_map(Headers::iter);
    StoredRecord {
        offset: message.offset(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers
            .map(|h| (h.key.to_owned(), h.value.map(<[u8]>::to_vec)))
            .collect(),
        stamp: match message.timestamp() {
            Timestamp::NotAvailable => Stamp::Absent,
            Timestamp::CreateTime(ms) => Stamp::Created(ms),
            Timestamp::LogAppendTime(ms) => Stamp::Appended(ms),
        },
    }
}

fn index(partition: i32) -> usize {
    usize::try_from(partition).expect("librdkafka reads only the partitions assigned to it")
}
