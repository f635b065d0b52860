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
    /// A transaction was still open after half a minute.
    Open {
        /// Where each partition ends for who reads what is committed.
        stable: Vec<i64>,
        /// Where it ends.
        ends: Vec<i64>,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged => write!(f, "a batch is damaged"),
            Self::Client(error) => write!(f, "the reading client failed: {error}"),
            Self::Silence { read } => write!(f, "nothing came after {read} records"),
            Self::Open { stable, ends } => {
                write!(
                    f,
                    "a transaction is open: {stable:?} of {ends:?} are stable"
                )
            }
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
    let consumer = reader(bootstrap, "read_uncommitted")?;
    let ends = ends(&consumer, topic, partitions, expected)?;
    read_partitions(&consumer, topic, &ends)
}

/// Reads what is committed of all partitions, once no transaction is open on any of them; at least
/// `expected` records, or what is there after half a minute. The result is as that of [`read_back`].
///
/// # Errors
///
/// If a batch is damaged, a transaction stays open, or the end is not reached.
pub fn read_committed(
    bootstrap: &str,
    topic: &str,
    partitions: i32,
    expected: u64,
) -> Result<Vec<Vec<StoredRecord>>, ReadError> {
    let consumer = reader(bootstrap, "read_committed")?;
    let everything = reader(bootstrap, "read_uncommitted")?;
    let mut seen = (Vec::new(), Vec::new());
    let settled = wait_until(ARRIVAL_LIMIT, || {
        // For a consumer of what is committed, a partition ends where a transaction is open.
        let stable = watermarks(&consumer, topic, partitions);
        let ends = watermarks(&everything, topic, partitions);
        if let (Ok(stable), Ok(ends)) = (stable, ends) {
            seen = (stable, ends);
        }
        let enough = seen.1.iter().sum::<i64>().unsigned_abs() >= expected;
        !seen.1.is_empty() && seen.0 == seen.1 && enough
    });
    match settled {
        Some(_) => read_partitions(&consumer, topic, &seen.1),
        None => Err(ReadError::Open {
            stable: seen.0,
            ends: seen.1,
        }),
    }
}

/// Whether a transaction is open on some partition of a topic.
///
/// # Errors
///
/// If the brokers do not say where the partitions end.
pub fn is_open(bootstrap: &str, topic: &str, partitions: i32) -> Result<bool, ReadError> {
    let ends = |isolation| {
        let reader = reader(bootstrap, isolation)?;
        watermarks(&reader, topic, partitions).map_err(ReadError::Client)
    };
    Ok(ends("read_committed")? != ends("read_uncommitted")?)
}

/// A consumer that reads what is committed of a topic from its beginning, and goes on as it grows.
pub struct Follower(BaseConsumer);

impl Follower {
    /// Begins at the beginning of all partitions.
    ///
    /// # Errors
    ///
    /// If librdkafka refuses it.
    pub fn new(bootstrap: &str, topic: &str, partitions: usize) -> Result<Self, ReadError> {
        let consumer = reader(bootstrap, "read_committed")?;
        assign(&consumer, topic, partitions).map_err(ReadError::Client)?;
        Ok(Self(consumer))
    }

    /// The partition and offset of the next record, if there is one in time. Errors pass: the consumer
    /// goes on by itself.
    #[must_use]
    pub fn next(&self, limit: Duration) -> Option<(usize, i64)> {
        let message = self.0.poll(limit)?.ok()?;
        Some((index(message.partition()), message.offset()))
    }
}

/// What a group has committed for the partitions of a topic, once no transaction with offsets of it is
/// open; none where there is nothing.
///
/// # Errors
///
/// If the coordinator does not say so in half a minute.
pub fn committed_offsets(
    bootstrap: &str,
    group: &str,
    topic: &str,
    partitions: i32,
) -> Result<Vec<Option<i64>>, KafkaError> {
    let consumer: BaseConsumer = client(bootstrap)
        .set("group.id", group)
        // Asks the coordinator for offsets that no transaction can change any more.
        .set("isolation.level", "read_committed")
        .create()?;
    let mut asked = TopicPartitionList::new();
    for partition in 0..partitions {
        let _ = asked.add_partition(topic, partition);
    }
    let committed = consumer.committed_offsets(asked, ARRIVAL_LIMIT)?;
    let offset = |partition| match committed.find_partition(topic, partition)?.offset() {
        Offset::Offset(offset) => Some(offset),
        Offset::Beginning
        | Offset::End
        | Offset::Stored
        | Offset::Invalid
        | Offset::OffsetTail(_) => None,
    };
    Ok((0..partitions).map(offset).collect())
}

/// A consumer without a group that says where partitions end.
fn reader(bootstrap: &str, isolation: &str) -> Result<BaseConsumer, ReadError> {
    client(bootstrap)
        .set("group.id", "judge")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "error")
        .set("check.crcs", "true")
        .set("enable.partition.eof", "true")
        .set("isolation.level", isolation)
        .create()
        .map_err(ReadError::Client)
}

/// Reads all partitions from their beginnings to these ends.
fn read_partitions(
    consumer: &BaseConsumer,
    topic: &str,
    ends: &[i64],
) -> Result<Vec<Vec<StoredRecord>>, ReadError> {
    assign(consumer, topic, ends.len()).map_err(ReadError::Client)?;
    read_to_ends(consumer, ends)
}

/// Has a consumer read all partitions from their beginnings.
fn assign(consumer: &BaseConsumer, topic: &str, partitions: usize) -> Result<(), KafkaError> {
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        let partition = i32::try_from(partition).expect("there are few");
        assignment.add_partition_offset(topic, partition, Offset::Offset(0))?;
    }
    consumer.assign(&assignment)
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
        ends = watermarks(consumer, topic, partitions);
        ends.as_ref()
            .is_ok_and(|ends| ends.iter().sum::<i64>().unsigned_abs() >= expected)
    });
    ends.map_err(ReadError::Client)
}

/// Where the partitions end now, as this consumer sees it.
fn watermarks(
    consumer: &BaseConsumer,
    topic: &str,
    partitions: i32,
) -> Result<Vec<i64>, KafkaError> {
    let end = |partition| consumer.fetch_watermarks(topic, partition, ANSWER_LIMIT);
    let ends = (0..partitions).map(|partition| end(partition).map(|(_low, high)| high));
    ends.collect()
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
