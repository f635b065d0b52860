//! Java's metric names, and who serves each: the list that a producer of Java 4.3.0 prints. The host's
//! tests read it, too.

use Service::{Core, Host, Never, Window};

/// Who serves a metric.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Service {
    /// The core, in `Metrics::entries`.
    Core,
    /// The host, out of the difference of two snapshots: a counter over time, or this sum by its count.
    Window(&'static str),
    /// The host alone, for this reason.
    Host(&'static str),
    /// Nobody, for this reason.
    Never(&'static str),
}

const BLOCKING: &str = "the core never blocks: only the host knows who waits, and for how long";
const IO: &str = "sockets are the driver's, and it has no selector whose rounds could be counted";
const METADATA: &str =
    "no thread waits for metadata: records do, and record-queue-time has their time";
const SECURITY: &str = "there is no authentication yet";
const TRANSACTIONS: &str = "there are no transactions yet";

const PRODUCER: &str = "producer-metrics";
pub(crate) const NODE: &str = "producer-node-metrics";
pub(crate) const TOPIC: &str = "producer-topic-metrics";

/// All names of `KafkaProducer.metrics()`, without those that tell about the program (`app-info`) and
/// about the list itself (`kafka-metrics-count`).
pub(crate) const JAVA: [(&str, &str, Service); 94] = [
    (PRODUCER, "batch-size-avg", Window("batch_bytes")),
    (PRODUCER, "batch-size-max", Core),
    (PRODUCER, "batch-split-rate", Window("batch-split-total")),
    (PRODUCER, "batch-split-total", Core),
    (PRODUCER, "buffer-available-bytes", Core),
    (PRODUCER, "buffer-exhausted-rate", Host(BLOCKING)),
    (PRODUCER, "buffer-exhausted-total", Host(BLOCKING)),
    (PRODUCER, "buffer-total-bytes", Core),
    (PRODUCER, "bufferpool-wait-ratio", Host(BLOCKING)),
    (PRODUCER, "bufferpool-wait-time-ns-total", Host(BLOCKING)),
    (
        PRODUCER,
        "compression-rate-avg",
        Window("records: compression_ppm_sum / batches_sent"),
    ),
    (
        PRODUCER,
        "connection-close-rate",
        Window("connection-close-total"),
    ),
    (PRODUCER, "connection-close-total", Core),
    (PRODUCER, "connection-count", Core),
    (
        PRODUCER,
        "connection-creation-rate",
        Window("connection-creation-total"),
    ),
    (PRODUCER, "connection-creation-total", Core),
    (PRODUCER, "failed-authentication-rate", Never(SECURITY)),
    (PRODUCER, "failed-authentication-total", Never(SECURITY)),
    (PRODUCER, "failed-reauthentication-rate", Never(SECURITY)),
    (PRODUCER, "failed-reauthentication-total", Never(SECURITY)),
    (PRODUCER, "flush-time-ns-total", Host(BLOCKING)),
    (
        PRODUCER,
        "incoming-byte-rate",
        Window("incoming-byte-total"),
    ),
    (PRODUCER, "incoming-byte-total", Core),
    (PRODUCER, "io-ratio", Never(IO)),
    (PRODUCER, "io-time-ns-avg", Never(IO)),
    (PRODUCER, "io-time-ns-total", Never(IO)),
    (PRODUCER, "io-wait-ratio", Never(IO)),
    (PRODUCER, "io-wait-time-ns-avg", Never(IO)),
    (PRODUCER, "io-wait-time-ns-total", Never(IO)),
    (PRODUCER, "metadata-age", Core),
    (PRODUCER, "metadata-wait-time-ns-total", Never(METADATA)),
    (PRODUCER, "network-io-rate", Never(IO)),
    (PRODUCER, "network-io-total", Never(IO)),
    (
        PRODUCER,
        "outgoing-byte-rate",
        Window("outgoing-byte-total"),
    ),
    (PRODUCER, "outgoing-byte-total", Core),
    (
        PRODUCER,
        "produce-throttle-time-avg",
        Window("throttle_time_ms"),
    ),
    (PRODUCER, "produce-throttle-time-max", Core),
    (PRODUCER, "reauthentication-latency-avg", Never(SECURITY)),
    (PRODUCER, "reauthentication-latency-max", Never(SECURITY)),
    (PRODUCER, "record-error-rate", Window("record-error-total")),
    (PRODUCER, "record-error-total", Core),
    (PRODUCER, "record-queue-time-avg", Window("queue_time_us")),
    (PRODUCER, "record-queue-time-max", Core),
    (PRODUCER, "record-retry-rate", Window("record-retry-total")),
    (PRODUCER, "record-retry-total", Core),
    (PRODUCER, "record-send-rate", Window("record-send-total")),
    (PRODUCER, "record-send-total", Core),
    (
        PRODUCER,
        "record-size-avg",
        Window("records: uncompressed_bytes_sent / sent"),
    ),
    (PRODUCER, "record-size-max", Core),
    (
        PRODUCER,
        "records-per-request-avg",
        Window("records_per_request"),
    ),
    (
        PRODUCER,
        "request-latency-avg",
        Window("request_latency_us"),
    ),
    (PRODUCER, "request-latency-max", Core),
    (PRODUCER, "request-rate", Window("request-total")),
    (
        PRODUCER,
        "request-size-avg",
        Window("traffic: request_bytes / requests"),
    ),
    (PRODUCER, "request-size-max", Core),
    (PRODUCER, "request-total", Core),
    (PRODUCER, "requests-in-flight", Core),
    (PRODUCER, "response-rate", Window("response-total")),
    (PRODUCER, "response-total", Core),
    (PRODUCER, "select-rate", Never(IO)),
    (PRODUCER, "select-total", Never(IO)),
    (
        PRODUCER,
        "successful-authentication-no-reauth-total",
        Never(SECURITY),
    ),
    (PRODUCER, "successful-authentication-rate", Never(SECURITY)),
    (PRODUCER, "successful-authentication-total", Never(SECURITY)),
    (
        PRODUCER,
        "successful-reauthentication-rate",
        Never(SECURITY),
    ),
    (
        PRODUCER,
        "successful-reauthentication-total",
        Never(SECURITY),
    ),
    (PRODUCER, "txn-abort-time-ns-total", Never(TRANSACTIONS)),
    (PRODUCER, "txn-begin-time-ns-total", Never(TRANSACTIONS)),
    (PRODUCER, "txn-commit-time-ns-total", Never(TRANSACTIONS)),
    (PRODUCER, "txn-init-time-ns-total", Never(TRANSACTIONS)),
    (PRODUCER, "txn-prepare-time-ns-total", Never(TRANSACTIONS)),
    (
        PRODUCER,
        "txn-send-offsets-time-ns-total",
        Never(TRANSACTIONS),
    ),
    (PRODUCER, "waiting-threads", Host(BLOCKING)),
    (NODE, "incoming-byte-rate", Window("incoming-byte-total")),
    (NODE, "incoming-byte-total", Core),
    (NODE, "outgoing-byte-rate", Window("outgoing-byte-total")),
    (NODE, "outgoing-byte-total", Core),
    (
        NODE,
        "request-latency-avg",
        Window("counts: latency_us_sum / latency_count"),
    ),
    (NODE, "request-latency-max", Core),
    (NODE, "request-rate", Window("request-total")),
    (
        NODE,
        "request-size-avg",
        Window("counts: request_bytes / requests"),
    ),
    (NODE, "request-size-max", Core),
    (NODE, "request-total", Core),
    (NODE, "response-rate", Window("response-total")),
    (NODE, "response-total", Core),
    (TOPIC, "byte-rate", Window("byte-total")),
    (TOPIC, "byte-total", Core),
    (
        TOPIC,
        "compression-rate",
        Window("counts: compression_ppm_sum / batches_sent"),
    ),
    (TOPIC, "record-error-rate", Window("record-error-total")),
    (TOPIC, "record-error-total", Core),
    (TOPIC, "record-retry-rate", Window("record-retry-total")),
    (TOPIC, "record-retry-total", Core),
    (TOPIC, "record-send-rate", Window("record-send-total")),
    (TOPIC, "record-send-total", Core),
];
