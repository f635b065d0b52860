//! The snapshot as one list of named numbers, under Java's names.

use super::{BrokerCounts, Metrics, RecordCounts};
use crate::error_code::ErrorCode;

const PRODUCER: &str = "producer-metrics";
const TOPIC: &str = "producer-topic-metrics";
const NODE: &str = "producer-node-metrics";
/// What Java does not count.
const OWN: &str = "odradek-metrics";
const OWN_TOPIC: &str = "odradek-topic-metrics";
const OWN_NODE: &str = "odradek-node-metrics";

/// One named number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Java's group, or one that begins with `odradek` for what Java does not count.
    pub group: &'static str,
    /// The name in its group.
    pub name: &'static str,
    /// Names and values that tell entries of one name apart: `client-id`, then `topic`, `node-id` or
    /// `error`.
    pub tags: Vec<(&'static str, String)>,
    /// The value: a number, bytes, ms or s, as in Java, rounded down.
    pub value: u64,
}

impl Metrics {
    /// Every number that can be told without a second snapshot: Java's `-total` counters, its gauges,
    /// and its `-max`, which here is that of the producer's whole life. What has no value yet is left
    /// out.
    pub fn entries(&self) -> Vec<Entry> {
        let mut list = List {
            client_id: &self.client_id,
            entries: Vec::new(),
        };
        self.list_producer(&mut list);
        for topic in &self.topics {
            list_topic(&mut list, &topic.name, &topic.counts);
        }
        for broker in &self.brokers {
            let id = format!("node-{}", broker.broker.0);
            list_broker(&mut list, &id, &broker.counts);
        }
        for (error, count) in &self.errors {
            let name = error_name(*error);
            list.push(
                OWN,
                "error-total",
                Some(("error", name.as_str())),
                Some(*count),
            );
        }
        list.entries
    }

    fn list_producer(&self, list: &mut List<'_>) {
        let (records, traffic) = (&self.records, &self.traffic);
        let in_ms = |us: u64| us / 1000;
        let has_records = self.record_bytes_max > 0;
        let age = self.metadata_at.map(|at| self.taken_at.since(at).as_secs());
        let java = [
            ("batch-size-max", self.batch_bytes.max()),
            ("batch-split-total", Some(self.batch_splits)),
            ("buffer-available-bytes", Some(self.buffer_free_bytes)),
            ("buffer-total-bytes", Some(self.buffer_total_bytes)),
            ("connection-close-total", Some(traffic.connections_closed)),
            ("connection-count", Some(traffic.connections())),
            (
                "connection-creation-total",
                Some(traffic.connections_created),
            ),
            ("incoming-byte-total", Some(traffic.incoming_bytes)),
            ("metadata-age", age),
            ("outgoing-byte-total", Some(traffic.outgoing_bytes)),
            ("produce-throttle-time-max", self.throttle_time_ms.max()),
            ("record-error-total", Some(records.failed)),
            ("record-queue-time-max", self.queue_time_us.max().map(in_ms)),
            ("record-retry-total", Some(records.retried)),
            ("record-send-total", Some(records.sent)),
            (
                "record-size-max",
                has_records.then_some(self.record_bytes_max),
            ),
            (
                "request-latency-max",
                self.request_latency_us.max().map(in_ms),
            ),
            ("request-size-max", request_size_max(traffic)),
            ("request-total", Some(traffic.requests)),
            ("requests-in-flight", Some(self.requests_in_flight)),
            ("response-total", Some(traffic.responses)),
        ];
        for (name, value) in java {
            list.push(PRODUCER, name, None, value);
        }
        let own = [
            ("batch-send-total", records.batches_sent),
            ("buffer-refusal-total", self.buffer_refusals),
            ("connection-failed-total", traffic.connections_failed),
            ("record-accepted-total", self.records_accepted),
            ("record-not-written-total", records.not_written),
            ("record-possibly-written-total", records.possibly_written),
            ("record-written-total", records.written),
            ("sent-byte-total", records.bytes_sent),
            (
                "sent-uncompressed-byte-total",
                records.uncompressed_bytes_sent,
            ),
        ];
        for (name, value) in own {
            list.push(OWN, name, None, Some(value));
        }
    }
}

fn list_topic(list: &mut List<'_>, topic: &str, counts: &RecordCounts) {
    let tag = Some(("topic", topic));
    for (name, value) in [
        ("byte-total", counts.bytes_sent),
        ("record-error-total", counts.failed),
        ("record-retry-total", counts.retried),
        ("record-send-total", counts.sent),
    ] {
        list.push(TOPIC, name, tag, Some(value));
    }
    for (name, value) in [
        ("batch-send-total", counts.batches_sent),
        ("record-not-written-total", counts.not_written),
        ("record-possibly-written-total", counts.possibly_written),
        ("record-written-total", counts.written),
        (
            "sent-uncompressed-byte-total",
            counts.uncompressed_bytes_sent,
        ),
    ] {
        list.push(OWN_TOPIC, name, tag, Some(value));
    }
}

fn list_broker(list: &mut List<'_>, id: &str, counts: &BrokerCounts) {
    let tag = Some(("node-id", id));
    let latency_max = (counts.latency_count > 0).then_some(counts.latency_us_max / 1000);
    for (name, value) in [
        ("incoming-byte-total", Some(counts.incoming_bytes)),
        ("outgoing-byte-total", Some(counts.outgoing_bytes)),
        ("request-latency-max", latency_max),
        ("request-size-max", request_size_max(counts)),
        ("request-total", Some(counts.requests)),
        ("response-total", Some(counts.responses)),
    ] {
        list.push(NODE, name, tag, value);
    }
    for (name, value) in [
        ("connection-close-total", counts.connections_closed),
        ("connection-creation-total", counts.connections_created),
        ("connection-failed-total", counts.connections_failed),
    ] {
        list.push(OWN_NODE, name, tag, Some(value));
    }
}

fn request_size_max(counts: &BrokerCounts) -> Option<u64> {
    (counts.requests > 0).then_some(counts.request_bytes_max)
}

/// The name of a code; the number of one without a name.
fn error_name(error: ErrorCode) -> String {
    error
        .name()
        .map_or_else(|| error.0.to_string(), str::to_owned)
}

struct List<'a> {
    client_id: &'a str,
    entries: Vec<Entry>,
}

impl List<'_> {
    fn push(
        &mut self,
        group: &'static str,
        name: &'static str,
        tag: Option<(&'static str, &str)>,
        value: Option<u64>,
    ) {
        let Some(value) = value else {
            return;
        };
        let client = ("client-id", self.client_id.to_owned());
        let own = tag.map(|(key, value)| (key, value.to_owned()));
        self.entries.push(Entry {
            group,
            name,
            tags: core::iter::once(client).chain(own).collect(),
            value,
        });
    }
}
