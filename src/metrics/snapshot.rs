//! The snapshot: every counter at one instant, as plain data.

use super::Histogram;
use crate::error_code::ErrorCode;
use crate::ids::{BrokerId, TopicHandle};
use crate::time::Instant;

/// Everything that the machine counts, at one instant. Counters begin with the producer and never go
/// back; what moves both ways is said to be a gauge.
///
/// There are no averages and no rates: they need two snapshots. An average is the difference of a sum
/// divided by the difference of its count ([`Histogram::since`]), a rate the difference of a counter divided
/// by that of [`taken_at`](Self::taken_at).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// When the snapshot was taken.
    pub taken_at: Instant,
    /// `client.id`.
    pub client_id: String,
    /// Records and batches of all topics together.
    pub records: RecordCounts,
    /// Records and batches of each topic, in the order of the handles.
    pub topics: Vec<TopicMetrics>,
    /// Connections and requests of all brokers together.
    pub traffic: BrokerCounts,
    /// Connections and requests of each broker, in the order of their ids. At most 1 024.
    pub brokers: Vec<BrokerMetrics>,
    /// Error codes in answers to Produce (once for each batch that the answer refuses) and to
    /// InitProducerId, in the order of the codes. At most 257; others count as
    /// [`ErrorCode::UNKNOWN_SERVER_ERROR`].
    pub errors: Vec<(ErrorCode, u64)>,
    /// Records that were accepted.
    pub records_accepted: u64,
    /// Times that a record was refused because the buffer was full.
    pub buffer_refusals: u64,
    /// Bytes of the largest record in its batch, uncompressed; 0 before the first.
    pub record_bytes_max: u64,
    /// Batches that were split because they were too large for the broker.
    pub batch_splits: u64,
    /// `buffer.memory`.
    pub buffer_total_bytes: u64,
    /// Bytes of `buffer.memory` that are free. A gauge.
    pub buffer_free_bytes: u64,
    /// Requests handed out that are not answered, or, with acks=0, not taken by the transport. A gauge.
    pub requests_in_flight: u64,
    /// When the cluster's metadata was last told; `None` before the first time.
    pub metadata_at: Option<Instant>,
    /// Bytes on the wire of each batch that was handed out, retries included.
    pub batch_bytes: Histogram,
    /// From the first record of a batch to each time that it was handed out, in us.
    pub queue_time_us: Histogram,
    /// Records of each Produce request.
    pub records_per_request: Histogram,
    /// From each Produce request to its answer, in us.
    pub request_latency_us: Histogram,
    /// The throttle time of each answer to Produce, Metadata and InitProducerId, in ms; mostly 0.
    pub throttle_time_ms: Histogram,
}

/// Counters of records and batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordCounts {
    /// Records handed out; one that is sent again counts again, as in Java.
    pub sent: u64,
    /// Batches handed out, likewise.
    pub batches_sent: u64,
    /// Their bytes on the wire, with the batch headers.
    pub bytes_sent: u64,
    /// The bytes of their records before compression, without the headers.
    pub uncompressed_bytes_sent: u64,
    /// The sum over those batches of compressed size divided by uncompressed size, in millionths; divided
    /// by [`batches_sent`](Self::batches_sent) it is Java's average compression rate.
    pub compression_ppm_sum: u64,
    /// Records that had to be sent again, counted each time.
    pub retried: u64,
    /// Records reported as *not written*, or, unless that is what acks=0 means, as *possibly written*.
    pub failed: u64,
    /// Records reported as *written*.
    pub written: u64,
    /// Records reported as *not written*.
    pub not_written: u64,
    /// Records reported as *possibly written*.
    pub possibly_written: u64,
}

impl RecordCounts {
    pub(crate) const fn add(&mut self, other: &Self) {
        let Self {
            sent,
            batches_sent,
            bytes_sent,
            uncompressed_bytes_sent,
            compression_ppm_sum,
            retried,
            failed,
            written,
            not_written,
            possibly_written,
        } = self;
        *sent += other.sent;
        *batches_sent += other.batches_sent;
        *bytes_sent += other.bytes_sent;
        *uncompressed_bytes_sent += other.uncompressed_bytes_sent;
        *compression_ppm_sum += other.compression_ppm_sum;
        *retried += other.retried;
        *failed += other.failed;
        *written += other.written;
        *not_written += other.not_written;
        *possibly_written += other.possibly_written;
    }
}

/// What was counted for one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicMetrics {
    /// Its handle.
    pub topic: TopicHandle,
    /// Its name.
    pub name: String,
    /// The counters.
    pub counts: RecordCounts,
}

/// Counters of connections, requests and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BrokerCounts {
    /// Connections that were made.
    pub connections_created: u64,
    /// Of those, the ones that are gone.
    pub connections_closed: u64,
    /// Attempts that led to no connection; names that could not be resolved do not count.
    pub connections_failed: u64,
    /// Requests handed out, of every API.
    pub requests: u64,
    /// Their bytes.
    pub request_bytes: u64,
    /// The bytes of the largest.
    pub request_bytes_max: u64,
    /// Answers received, of every API.
    pub responses: u64,
    /// Bytes that the transport took.
    pub outgoing_bytes: u64,
    /// Bytes that the transport gave.
    pub incoming_bytes: u64,
    /// Answers to Produce.
    pub latency_count: u64,
    /// The sum of the times that they took, in us.
    pub latency_us_sum: u64,
    /// The longest time that one took, in us.
    pub latency_us_max: u64,
}

impl BrokerCounts {
    /// Connections that are there: of all brokers together. A gauge.
    pub const fn connections(&self) -> u64 {
        self.connections_created
            .saturating_sub(self.connections_closed)
    }

    pub(crate) fn add(&mut self, other: &Self) {
        let Self {
            connections_created,
            connections_closed,
            connections_failed,
            requests,
            request_bytes,
            request_bytes_max,
            responses,
            outgoing_bytes,
            incoming_bytes,
            latency_count,
            latency_us_sum,
            latency_us_max,
        } = self;
        *connections_created += other.connections_created;
        *connections_closed += other.connections_closed;
        *connections_failed += other.connections_failed;
        *requests += other.requests;
        *request_bytes += other.request_bytes;
        *request_bytes_max = other.request_bytes_max.max(*request_bytes_max);
        *responses += other.responses;
        *outgoing_bytes = outgoing_bytes.saturating_add(other.outgoing_bytes);
        *incoming_bytes += other.incoming_bytes;
        *latency_count += other.latency_count;
        *latency_us_sum = latency_us_sum.saturating_add(other.latency_us_sum);
        *latency_us_max = other.latency_us_max.max(*latency_us_max);
    }
}

/// What was counted for one broker.
///
/// The connection to a bootstrap address becomes that of the broker behind it, as soon as that is known:
/// it was created for the one, and is closed for the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerMetrics {
    /// Its id; bootstrap addresses have negative ones, -1 for the first.
    pub broker: BrokerId,
    /// The counters.
    pub counts: BrokerCounts,
}
