//! Conversions of the metrics to the types of the interface `types`.

use super::bindings::exports::odradek::kafka::types;
use crate::metrics::{BrokerCounts, BrokerMetrics, Histogram, Metrics, RecordCounts, TopicMetrics};
use crate::time::Instant;

/// A structure from one whose fields have the same names.
macro_rules! same_fields {
    ($name:ident: $($field:ident),+ $(,)?) => {
        impl From<$name> for types::$name {
            fn from(value: $name) -> Self {
                let $name { $($field),+ } = value;
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

impl From<TopicMetrics> for types::TopicMetrics {
    fn from(topic: TopicMetrics) -> Self {
        Self {
            topic: topic.topic.0,
            name: topic.name,
            counts: topic.counts.into(),
        }
    }
}

impl From<BrokerMetrics> for types::BrokerMetrics {
    fn from(broker: BrokerMetrics) -> Self {
        Self {
            broker: broker.broker.0,
            counts: broker.counts.into(),
        }
    }
}

impl From<Histogram> for types::Histogram {
    fn from(histogram: Histogram) -> Self {
        Self {
            buckets: histogram.buckets().collect(),
            sum: histogram.sum(),
            min: histogram.min(),
            max: histogram.max(),
        }
    }
}

impl From<Metrics> for types::Metrics {
    fn from(metrics: Metrics) -> Self {
        let errors = metrics.errors.into_iter();
        Self {
            taken_at: metrics.taken_at.as_nanos(),
            client_id: metrics.client_id,
            records: metrics.records.into(),
            topics: metrics.topics.into_iter().map(Into::into).collect(),
            traffic: metrics.traffic.into(),
            brokers: metrics.brokers.into_iter().map(Into::into).collect(),
            errors: errors.map(|(code, count)| (code.0, count)).collect(),
            records_accepted: metrics.records_accepted,
            buffer_refusals: metrics.buffer_refusals,
            record_bytes_max: metrics.record_bytes_max,
            batch_splits: metrics.batch_splits,
            buffer_total_bytes: metrics.buffer_total_bytes,
            buffer_free_bytes: metrics.buffer_free_bytes,
            requests_in_flight: metrics.requests_in_flight,
            metadata_at: metrics.metadata_at.map(Instant::as_nanos),
            batch_bytes: metrics.batch_bytes.into(),
            queue_time_us: metrics.queue_time_us.into(),
            records_per_request: metrics.records_per_request.into(),
            request_latency_us: metrics.request_latency_us.into(),
            throttle_time_ms: metrics.throttle_time_ms.into(),
        }
    }
}
