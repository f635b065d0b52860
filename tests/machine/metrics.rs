//! What the machine counts, compared with what the fake brokers saw and what was reported.

use crate::broker::{API_VERSIONS, INIT_PRODUCER_ID, METADATA, PRODUCE};
use crate::faults::{Answer, Fate};
use crate::metric_sums::{check_sums, judged, metrics, value};
use crate::world::World;
use odradek::metrics::{BrokerCounts, RecordCounts};
use odradek::{BrokerId, ErrorCode, Instant, Metrics};

/// Bytes of a batch header.
const HEADER_BYTES: u64 = 61;

fn orders() -> World {
    World::new().topic("orders", 1)
}

#[test]
fn a_new_producer_has_counted_nothing() {
    let mut world = orders().config("buffer.memory", "70000");
    world.handle("orders");
    let metrics = metrics(&mut world);
    assert_eq!(metrics.taken_at, world.now());
    assert_eq!(metrics.client_id, "odradek");
    assert_eq!(metrics.records, RecordCounts::default());
    assert_eq!(metrics.traffic, BrokerCounts::default());
    assert_eq!((metrics.topics.len(), metrics.brokers.len()), (1, 0));
    assert_eq!(metrics.topics[0].name, "orders");
    let memory = (metrics.buffer_total_bytes, metrics.buffer_free_bytes);
    assert_eq!(memory, (70_000, 70_000));
    assert_eq!(metrics.metadata_at, None);
    assert_eq!(metrics.queue_time_us.max(), None);
}

#[test]
fn sends_are_counted_by_topic_and_broker() {
    let mut world = World::new()
        .brokers(2)
        .topic("orders", 2)
        .topic("audit", 1)
        .config("linger.ms", "5");
    // The topics get known first, so that linger alone is the queue time.
    world.send_to("orders", 0, "first");
    world.send_to("orders", 1, "first");
    world.send_to("audit", 0, "first");
    world.run_until_idle();
    let before = judged(&mut world);
    for _ in 0..10 {
        world.send_to("orders", 0, "0123456789");
        world.send_to("orders", 1, "0123456789");
    }
    world.send_to("audit", 0, "01234");
    let held = metrics(&mut world);
    assert_eq!(held.buffer_free_bytes, world.producer().free_bytes());
    assert!(held.buffer_free_bytes < held.buffer_total_bytes);
    world.run_until_idle();
    let after = judged(&mut world);

    assert_eq!(after.records.sent - before.records.sent, 21);
    assert_eq!(after.records.batches_sent - before.records.batches_sent, 3);
    assert_eq!(after.records.written, 24);
    assert_eq!((after.records.failed, after.records.retried), (0, 0));
    let topics: Vec<_> = after
        .topics
        .iter()
        .map(|topic| (topic.name.as_str(), topic.counts.sent, topic.counts.written))
        .collect();
    assert_eq!(topics, [("orders", 22, 22), ("audit", 2, 2)]);

    // Both partitions of broker 1 ride in one request.
    let per_request = after.records_per_request.since(&before.records_per_request);
    assert_eq!((per_request.count(), per_request.sum()), (2, 21));
    assert_eq!((per_request.min(), per_request.max()), (Some(10), Some(11)));
    let queue_time = after.queue_time_us.since(&before.queue_time_us);
    assert_eq!((queue_time.count(), queue_time.sum()), (3, 3 * 5_000));
    // Half a ms to the broker and half a ms back.
    let latency = after.request_latency_us.since(&before.request_latency_us);
    assert_eq!((latency.count(), latency.sum()), (2, 2 * 1_000));
    assert_eq!(value(&after, "producer-metrics", "request-latency-max"), 1);
    let broker = |id| {
        let of = |metrics: &Metrics| {
            let mut brokers = metrics.brokers.iter();
            brokers
                .find(|one| one.broker == BrokerId(id))
                .unwrap()
                .counts
        };
        let (before, after) = (of(&before), of(&after));
        (
            after.requests - before.requests,
            after.responses - before.responses,
            after.latency_us_sum - before.latency_us_sum,
        )
    };
    assert_eq!((broker(1), broker(2)), ((1, 1, 1_000), (1, 1, 1_000)));
    world.finish();
    let end = metrics(&mut world);
    assert_eq!(end.traffic.connections(), 0);
    assert_eq!(end.traffic.responses, end.traffic.requests);
}

#[test]
fn connections_requests_and_errors_of_one_record_are_exact() {
    let mut world = orders();
    world.send("orders", None, "v");
    world.run_until_idle();
    let metrics = judged(&mut world);
    // The connection to the bootstrap address becomes that of the broker behind it.
    assert_eq!(world.connects.len(), 1);
    let made = (
        metrics.traffic.connections_created,
        metrics.traffic.connections(),
    );
    assert_eq!(made, (1, 1));
    let brokers: Vec<_> = metrics.brokers.iter().map(|one| one.broker).collect();
    assert_eq!(brokers, [BrokerId(-1), BrokerId(1)]);
    let mut apis: Vec<i16> = world.cluster.seen.iter().map(|seen| seen.api).collect();
    apis.sort_unstable();
    apis.dedup();
    assert_eq!(apis, [PRODUCE, METADATA, API_VERSIONS, INIT_PRODUCER_ID]);
    assert_eq!(metrics.errors, []);
    // An answer to Produce, one to Metadata, one to InitProducerId.
    assert_eq!(metrics.throttle_time_ms.count(), 3);
    assert_eq!(metrics.throttle_time_ms.sum(), 0);
    let plain = metrics.records.bytes_sent - HEADER_BYTES;
    assert_eq!(metrics.records.uncompressed_bytes_sent, plain);
    assert_eq!(metrics.records.compression_ppm_sum, 1_000_000);
    assert_eq!(metrics.record_bytes_max, plain);
}

#[test]
fn retries_count_records_again_and_the_error_each_time() {
    let mut world = orders().config("retry.backoff.ms", "100");
    let refusal = Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS);
    world
        .cluster
        .faults
        .answer("orders", 0, &[refusal, refusal]);
    for _ in 0..4 {
        world.send("orders", None, "v");
    }
    world.run_until_idle();
    let metrics = judged(&mut world);
    assert_eq!(metrics.records.sent, 12);
    assert_eq!(metrics.records.retried, 8);
    assert_eq!(metrics.records.written, 4);
    assert_eq!(metrics.records.failed, 0);
    assert_eq!(metrics.errors, [(ErrorCode::NOT_ENOUGH_REPLICAS, 2)]);
    let retries = value(&metrics, "producer-topic-metrics", "record-retry-total");
    assert_eq!(retries, 8);
    let entries = metrics.entries();
    let error = entries.iter().find(|entry| entry.name == "error-total");
    let tag = &error.unwrap().tags[1];
    assert_eq!(*tag, ("error", "NOT_ENOUGH_REPLICAS".to_owned()));
}

#[test]
fn a_batch_that_gets_a_new_sequence_is_a_retry_too() {
    let mut world = orders();
    let refusal = Answer::Error(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    world.cluster.faults.answer("orders", 0, &[refusal]);
    world.send("orders", None, "v");
    world.send("orders", None, "w");
    world.run_until_idle();
    let metrics = judged(&mut world);
    assert_eq!(world.cluster.identities, 1);
    assert_eq!((metrics.records.sent, metrics.records.retried), (4, 2));
    assert_eq!(metrics.records.written, 2);
    assert_eq!(
        metrics.errors,
        [(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, 1)]
    );
}

#[test]
fn the_largest_record_counts_whether_its_topic_was_known_or_not() {
    let mut world = orders();
    world.send("orders", None, "first");
    world.run_until_idle();
    let waited = judged(&mut world).record_bytes_max;
    world.send("orders", None, &"v".repeat(105));
    world.send("orders", None, "v");
    world.run_until_idle();
    // A hundred bytes more of value; the two lengths need a byte more each.
    assert_eq!(judged(&mut world).record_bytes_max, waited + 100 + 2);
}

#[test]
fn an_error_that_ends_a_batch_counts_its_records_as_failed() {
    let mut world = World::new().topic("orders", 1).topic("secret", 1);
    let denied = Answer::Error(ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    world.cluster.faults.answer("secret", 0, &[denied]);
    world.send("orders", None, "v");
    world.send("secret", None, "v");
    world.send("secret", None, "v");
    world.run_until_idle();
    let metrics = judged(&mut world);
    assert_eq!(
        (metrics.records.failed, metrics.records.not_written),
        (2, 2)
    );
    assert_eq!(metrics.records.retried, 0);
    assert_eq!(metrics.errors, [(ErrorCode::TOPIC_AUTHORIZATION_FAILED, 1)]);
    let failed: Vec<u64> = metrics.topics.iter().map(|one| one.counts.failed).collect();
    assert_eq!(failed, [0, 2]);
}

#[test]
fn a_producer_id_that_is_refused_counts_as_an_error() {
    let mut world = orders();
    let busy = Fate::Error(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
    world.cluster.faults.fate(INIT_PRODUCER_ID, &[busy]);
    world.send("orders", None, "v");
    world.run_until_idle();
    let metrics = judged(&mut world);
    assert_eq!(
        metrics.errors,
        [(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS, 1)]
    );
    assert_eq!(metrics.records.failed, 0);
}

#[test]
fn throttling_is_counted_in_ms() {
    let mut world = orders();
    world.cluster.faults.fate(PRODUCE, &[Fate::Throttle(300)]);
    world.send("orders", None, "v");
    world.run_until_idle();
    let metrics = judged(&mut world);
    assert_eq!(metrics.throttle_time_ms.sum(), 300);
    let max = value(&metrics, "producer-metrics", "produce-throttle-time-max");
    assert_eq!(max, 300);
}

#[test]
fn a_lost_connection_is_closed_and_made_again_and_its_records_retried() {
    let mut world = orders();
    world.send("orders", None, "v");
    world.run_until_idle();
    let before = judged(&mut world);
    world.cluster.faults.fate(PRODUCE, &[Fate::LoseResponse]);
    world.send("orders", None, "v");
    world.send("orders", None, "w");
    world.run_until_idle();
    let after = judged(&mut world);
    let (old, new) = (&before.traffic, &after.traffic);
    assert_eq!(new.connections_closed - old.connections_closed, 1);
    assert_eq!(new.connections_failed, 0);
    assert_eq!(new.connections_created, world.connects.len() as u64);
    // One answer never came.
    assert_eq!(new.requests - new.responses, 1);
    assert_eq!(new.latency_count - old.latency_count, 1);
    assert_eq!(after.records.retried, 2);
    assert_eq!((after.records.sent, after.records.written), (1 + 4, 3));
    assert_eq!(after.errors, []);
}

#[test]
fn attempts_that_led_to_no_connection_are_told_apart() {
    let mut world = orders();
    world.set_listening(1, false);
    world.send("orders", None, "v");
    world.run_for(200);
    let before = metrics(&mut world);
    assert!(before.traffic.connections_failed > 0);
    assert_eq!(
        before.traffic.connections_failed,
        world.failures.len() as u64
    );
    assert_eq!(before.traffic.connections_created, 0);
    assert_eq!(before.traffic.connections_closed, 0);
    world.set_listening(1, true);
    world.run_until_idle();
    let after = judged(&mut world);
    let tried = after.traffic.connections_created + after.traffic.connections_failed;
    assert_eq!(tried, world.connects.len() as u64);
}

#[test]
fn with_acks_0_what_was_sent_is_no_error() {
    let mut world = orders().config("acks", "0");
    world.send("orders", None, "v");
    world.run_until_idle_unchecked();
    world.run_for(10);
    let metrics = judged(&mut world);
    assert_eq!(metrics.records.possibly_written, 1);
    assert_eq!(metrics.records.failed, 0);
    assert_eq!(metrics.request_latency_us.count(), 0);
}

#[test]
fn records_that_never_reach_a_batch_fail_in_their_topic() {
    let mut world = orders().config("max.block.ms", "1000");
    world.send("missing", None, "v");
    world.run_until_idle();
    let metrics = judged(&mut world);
    assert_eq!((metrics.records.sent, metrics.records.failed), (0, 1));
    assert_eq!(metrics.topics[0].counts.not_written, 1);
    assert_eq!(metrics.record_bytes_max, 0);
}

#[test]
fn a_full_buffer_counts_its_refusals() {
    let mut world = orders().config("buffer.memory", "70000");
    let mut refused = 0;
    for _ in 0..13 {
        refused += u64::from(world.try_send("orders", None, None, &[1; 6_000]).is_err());
    }
    assert!(refused > 0);
    let held = metrics(&mut world);
    assert_eq!(held.buffer_refusals, refused);
    assert_eq!(held.buffer_free_bytes, world.producer().free_bytes());
    world.run_until_idle();
    let idle = judged(&mut world);
    assert_eq!(idle.buffer_free_bytes, 70_000);
    assert!(idle.record_bytes_max > 6_000 && idle.record_bytes_max < 6_050);
}

#[test]
fn requests_in_flight_and_the_age_of_metadata_are_told_as_they_are() {
    let mut world = orders().config("request.timeout.ms", "20000");
    world.send("orders", None, "v");
    world.run_until_idle();
    let updated = metrics(&mut world).metadata_at.expect("it was told");
    assert!(updated < world.now());
    world.cluster.faults.fate(PRODUCE, &[Fate::Slow(9_000)]);
    world.send("orders", None, "v");
    world.run_for(8_000);
    let during = metrics(&mut world);
    assert_eq!(during.requests_in_flight, 1);
    assert_eq!(value(&during, "producer-metrics", "metadata-age"), 8);
    world.run_until_idle();
    let after = judged(&mut world);
    assert_eq!(after.request_latency_us.max(), Some(9_001_000));
    let broker = value(&after, "producer-node-metrics", "request-latency-max");
    assert_eq!(
        broker,
        value(&after, "producer-metrics", "request-latency-max")
    );
}

#[test]
fn compression_is_counted_in_sizes_and_as_a_ratio() {
    let mut world = orders().config("compression.type", "lz4");
    world.send("orders", None, &"0123456789".repeat(500));
    world.run_until_idle();
    let metrics = judged(&mut world);
    let compressed = metrics.records.bytes_sent - HEADER_BYTES;
    let uncompressed = metrics.records.uncompressed_bytes_sent;
    assert!(compressed < uncompressed / 10 && uncompressed > 5_000);
    let ppm = compressed * 1_000_000 / uncompressed;
    assert_eq!(metrics.records.compression_ppm_sum, ppm);
}

#[test]
fn time_that_runs_backwards_stands_still_in_a_snapshot() {
    let mut world = orders();
    world.send("orders", None, "v");
    world.run_until_idle();
    let snapshot = world.producer().metrics(Instant::ZERO);
    assert!(snapshot.taken_at > Instant::ZERO);
}

/// Traffic with faults of every kind; the last snapshot.
fn stormy(seed: u64) -> Metrics {
    let mut world = World::new()
        .brokers(3)
        .topic("orders", 6)
        .topic("audit", 2)
        .seed(seed)
        .config("batch.size", "700")
        .config("request.timeout.ms", "1500")
        .config("delivery.timeout.ms", "20000");
    world.cluster.faults.fate(METADATA, &[Fate::LoseResponse]);
    let fates = [Fate::Well, Fate::Slow(30), Fate::LoseResponse];
    world.cluster.faults.fate(PRODUCE, &fates);
    let answers = [
        Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS),
        Answer::LeaveOut,
        Answer::Error(ErrorCode::NOT_LEADER_OR_FOLLOWER),
        Answer::Error(ErrorCode::INVALID_RECORD),
    ];
    world.cluster.faults.answer("orders", 3, &answers);
    for i in 0..1500 {
        let topic = if i % 10 == 0 { "audit" } else { "orders" };
        let _ = world.try_send(topic, None, None, format!("value {i}").as_bytes());
        if i % 5 == 0 {
            world.run_for(3);
        }
        if i == 700 {
            world.cut(2);
        }
    }
    world.run_until_idle();
    let metrics = metrics(&mut world);
    let reported = metrics.records.written + metrics.records.not_written;
    assert_eq!(
        reported + metrics.records.possibly_written,
        metrics.records_accepted
    );
    assert!(metrics.records.retried > 0 && metrics.records.failed > 0);
    assert_eq!(metrics.records.failed, {
        metrics.records.not_written + metrics.records.possibly_written
    });
    check_sums(&metrics);
    metrics
}

#[test]
fn the_same_story_counts_the_same() {
    let first = stormy(7);
    assert_eq!(first, stormy(7));
    assert_ne!(first, stormy(8));
}
