//! The example of transactions against Apache Kafka, with librdkafka as the consumer.

#[path = "../../../host/examples/transactional.rs"]
#[allow(
    dead_code,
    reason = "the test calls the example's functions, not its `main`"
)]
mod transactional;

use odradek_host::{GroupMetadata, Producer, Record, block_on};
use odradek_tests_interop::jars::Release;
use odradek_tests_interop::kafka::KafkaNode;
use odradek_tests_interop::topics;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Message, Offset, TopicPartitionList};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(60);
const GROUP: &str = "billing";

fn consumer(bootstrap: &str) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("broker.address.family", "v4")
        .set("group.id", GROUP)
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed");
    config.create().expect("a consumer")
}

fn partition(topic: &str, offset: Offset) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, offset)
        .expect("a partition");
    list
}

/// The committed records of a topic from an offset on, and theirs.
fn committed(bootstrap: &str, topic: &str, from: i64) -> Vec<(i64, String)> {
    let consumer = consumer(bootstrap);
    let assignment = partition(topic, Offset::Offset(from));
    consumer.assign(&assignment).expect("assigned");
    let (mut found, started) = (Vec::new(), Instant::now());
    while started.elapsed() < LIMIT {
        match consumer.poll(Duration::from_millis(200)) {
            None => {}
            Some(Err(KafkaError::PartitionEOF(_))) => return found,
            Some(Err(error)) => panic!("{topic}: {error}"),
            Some(Ok(message)) => {
                let value = message.payload().unwrap_or_default();
                let value = String::from_utf8(value.to_vec()).expect("a text");
                found.push((message.offset(), value));
            }
        }
    }
    panic!("{topic} has no end within {LIMIT:?}");
}

/// What the group has committed for the orders.
fn position(bootstrap: &str) -> Offset {
    let asked = partition("orders", Offset::Invalid);
    let answer = consumer(bootstrap).committed_offsets(asked, LIMIT);
    let answer = answer.expect("the group has a coordinator");
    answer
        .find_partition("orders", 0)
        .expect("it was asked for")
        .offset()
}

fn values(bootstrap: &str, topic: &str) -> Vec<String> {
    let found = committed(bootstrap, topic, 0);
    found.into_iter().map(|(_, value)| value).collect()
}

#[test]
fn the_example_commits_aborts_and_bills() {
    let test = "the_example_commits_aborts_and_bills";
    let Some(node) = KafkaNode::shared(Release::V4_3_0, test) else {
        return;
    };
    let bootstrap = node.bootstrap();
    for topic in ["orders", "payments", "invoices"] {
        topics::create(bootstrap, topic, 1, &[]);
    }
    block_on(transactional::run(bootstrap)).expect("it runs");
    assert_eq!(values(bootstrap, "orders"), ["3 spools"]);
    assert_eq!(values(bootstrap, "payments"), ["12 euros"]);
    assert_eq!(values(bootstrap, "invoices"), ["invoice for 3 spools"]);
    assert_eq!(position(bootstrap), Offset::Offset(1));

    // The next orders, consumed where the group stands.
    let producer = Producer::builder()
        .set("bootstrap.servers", bootstrap)
        .set("transactional.id", "shop-1")
        .build()
        .expect("it starts");
    block_on(producer.init_transactions()).expect("taken over");
    block_on(producer.begin_transaction()).expect("open");
    for order in ["5 spools", "7 spools"] {
        let record = Record::to("orders").value(order);
        drop(block_on(producer.send(&record)).expect("open"));
    }
    block_on(producer.commit_transaction()).expect("committed");
    let next = committed(bootstrap, "orders", 1);
    assert_eq!(next.len(), 2, "{next:?}");
    for (offset, order) in &next {
        let group = GroupMetadata::of_group(GROUP);
        block_on(transactional::bill(&producer, order, *offset, &group)).expect("billed");
        assert_eq!(position(bootstrap), Offset::Offset(offset + 1));
    }
    block_on(producer.close(LIMIT));
    let invoices = [
        "invoice for 3 spools",
        "invoice for 5 spools",
        "invoice for 7 spools",
    ];
    assert_eq!(values(bootstrap, "invoices"), invoices);
}
