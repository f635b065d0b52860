//! Conversions of the metrics from the types of the component's interface.

use super::bindings::exports::odradek::kafka::types;
use odradek::metrics::{
    BrokerCounts, BrokerMetrics, Histogram, Metrics, RecordCounts, TopicMetrics,
};
use odradek::{BrokerId, ErrorCode, Instant, TopicHandle};

/// A structure from one whose fields have the same names.
macro_rules! same_fields {
    ($name:ident: $($field:ident),+ $(,)?) => {
        impl From<types::$name> for $name {
            fn from(value: types::$name) -> Self {
                let types::$name { $($field),+ } = value;
                Self { $($field),+ }
            }
        }
    };
}

same_fields!(
    RecordCounts: sent, batches_sent, bytes_sent, uncompressed_bytes_sent, compression_ppm_sum,
    retried, failed, written, not_written, possibly_written,
);
same_fields!(
    BrokerCounts: connections_created, connections_closed, connections_failed, requests,
    request_bytes, request_bytes_max, responses, outgoing_bytes, incoming_bytes, latency_count,
    latency_us_sum, latency_us_max,
);

impl From<types::TopicMetrics> for TopicMetrics {
    fn from(topic: types::TopicMetrics) -> Self {
        Self {
            topic: TopicHandle(topic.topic),
            name: topic.name,
            counts: topic.counts.into(),
        }
    }
}

impl From<types::BrokerMetrics> for BrokerMetrics {
    fn from(broker: types::BrokerMetrics) -> Self {
        Self {
            broker: BrokerId(broker.broker),
            counts: broker.counts.into(),
        }
    }
}

impl From<types::Histogram> for Histogram {
    fn from(histogram: types::Histogram) -> Self {
        Self::from_buckets(
            histogram.buckets,
            histogram.sum,
            histogram.min,
            histogram.max,
        )
    }
}

impl From<types::Metrics> for Metrics {
    fn from(metrics: types::Metrics) -> Self {
        let errors = metrics.errors.into_iter();
        Self {
            taken_at: Instant::from_nanos(metrics.taken_at),
            client_id: metrics.client_id,
            records: metrics.records.into(),
            topics: metrics.topics.into_iter().map(Into::into).collect(),
            traffic: metrics.traffic.into(),
            brokers: metrics.brokers.into_iter().map(Into::into).collect(),
            errors: errors
                .map(|(code, count)| (ErrorCode(code), count))
                .collect(),
            records_accepted: metrics.records_accepted,
            buffer_refusals: metrics.buffer_refusals,
            record_bytes_max: metrics.record_bytes_max,
            batch_splits: metrics.batch_splits,
            buffer_total_bytes: metrics.buffer_total_bytes,
            buffer_free_bytes: metrics.buffer_free_bytes,
            requests_in_flight: metrics.requests_in_flight,
            metadata_at: metrics.metadata_at.map(Instant::from_nanos),
            batch_bytes: metrics.batch_bytes.into(),
            queue_time_us: metrics.queue_time_us.into(),
            records_per_request: metrics.records_per_request.into(),
            request_latency_us: metrics.request_latency_us.into(),
            throttle_time_ms: metrics.throttle_time_ms.into(),
        }
    }
}
