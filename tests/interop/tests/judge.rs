//! The judge is judged: librdkafka's producer passes, damage and foreign choices do not.

use odradek_tests_interop::dump::batches;
use odradek_tests_interop::jars::Release;
use odradek_tests_interop::java;
use odradek_tests_interop::kafka::KafkaNode;
use odradek_tests_interop::readback::{ReadError, Stamp, read_back};
use odradek_tests_interop::records::{Record, Records};
use odradek_tests_interop::topics;
use odradek_tests_interop::verdict::{Expected, judge, now};
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::time::Duration;

const PARTITIONS: i32 = 6;
const SENT: Records = Records {
    seed: 3,
    count: 5_000,
    partitions: PARTITIONS,
};

/// Sends with librdkafka, which chooses partitions as Java does.
fn send(bootstrap: &str, topic: &str, records: &[Record], codec: &str) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("enable.idempotence", "true")
        .set("compression.codec", codec)
        .set("partitioner", "murmur2_random")
        .create()
        .expect("the properties are valid");
    for record in records {
        let mut headers = OwnedHeaders::new();
        for (key, value) in &record.headers {
            headers = headers.insert(Header {
                key,
                value: value.as_ref(),
            });
        }
        let mut sent: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic).headers(headers);
        sent.key = record.key.as_deref();
        sent.payload = record.value.as_deref();
        sent.partition = record.partition;
        sent.timestamp = record.timestamp;
        producer
            .send(sent)
            .map_err(|(error, _)| error)
            .expect("librdkafka has room");
        producer.poll(Duration::ZERO);
    }
    producer
        .flush(Duration::from_secs(60))
        .expect("the node acknowledges");
}

fn accepts_librdkafka(release: Release, codec: &'static str, test: &str) {
    let Some(node) = KafkaNode::shared(release, test) else {
        return;
    };
    topics::create(node.bootstrap(), test, PARTITIONS, &[]);
    let start = now();
    send(
        node.bootstrap(),
        test,
        &SENT.iter().collect::<Vec<_>>(),
        codec,
    );
    let expected = Expected {
        codec,
        idempotent: true,
    };
    let _ = judge(&node, test, &SENT, &(start..=now()), expected);
}

#[test]
fn librdkafka_passes_on_4_3_0() {
    accepts_librdkafka(Release::V4_3_0, "lz4", "librdkafka_passes_on_4_3_0");
}

#[test]
fn librdkafka_passes_on_3_9_1() {
    accepts_librdkafka(Release::V3_9_1, "none", "librdkafka_passes_on_3_9_1");
}

#[test]
fn a_damaged_batch_is_refused() {
    let topic = "a_damaged_batch_is_refused";
    let Some(node) = KafkaNode::shared(Release::V4_3_0, topic) else {
        return;
    };
    topics::create(node.bootstrap(), topic, 1, &[]);
    let record = Record {
        partition: None,
        ..SENT.record(0)
    };
    send(node.bootstrap(), topic, &[record], "none");
    assert_eq!(
        read_back(node.bootstrap(), topic, 1, 1).map(|stored| stored[0].len()),
        Ok(1)
    );
    assert!(batches(&node, topic, 1)[0][0].is_valid);

    // The last byte of the only batch: neither its length nor its CRC.
    let segment = node.segments(topic, 0).remove(0);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&segment)
        .unwrap();
    let last = file.metadata().unwrap().len() - 1;
    let mut byte = [0];
    file.read_exact_at(&mut byte, last).unwrap();
    file.write_all_at(&[byte[0] ^ 1], last).unwrap();

    assert_eq!(
        read_back(node.bootstrap(), topic, 1, 1),
        Err(ReadError::Damaged)
    );
    assert!(!batches(&node, topic, 1)[0][0].is_valid);
}

#[test]
fn the_broker_s_time_is_told_apart() {
    let topic = "the_broker_s_time_is_told_apart";
    let Some(node) = KafkaNode::shared(Release::V4_3_0, topic) else {
        return;
    };
    let config = [("message.timestamp.type", "LogAppendTime")];
    topics::create(node.bootstrap(), topic, 1, &config);
    let start = now();
    let record = Record {
        partition: None,
        ..SENT.record(0)
    };
    send(node.bootstrap(), topic, &[record], "none");
    let stored = read_back(node.bootstrap(), topic, 1, 1).unwrap();
    let Stamp::Appended(time) = stored[0][0].stamp else {
        panic!("{stored:?}")
    };
    assert!((start..=now()).contains(&time));
}

#[test]
fn java_chooses_by_murmur2() {
    let test = "java_chooses_by_murmur2";
    if KafkaNode::shared(Release::V4_3_0, test).is_none() {
        return;
    }
    // The hashes are those of Kafka's own tests of murmur2.
    let hashes = [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("abc", 479_470_107),
    ];
    let keys = hashes
        .iter()
        .map(|(key, _)| key.as_bytes().to_vec())
        .collect();
    let chosen = java::partitions(Release::V4_3_0, keys, 1009);
    for (key, hash) in hashes {
        assert_eq!(
            chosen[key.as_bytes()],
            (hash & 0x7fff_ffff) % 1009,
            "key {key}"
        );
    }
}

#[test]
fn a_node_of_its_own_ends_when_dropped() {
    let test = "a_node_of_its_own_ends_when_dropped";
    if KafkaNode::shared(Release::V4_3_0, test).is_none() {
        return;
    }
    let node = KafkaNode::start(Release::V4_3_0);
    let (bootstrap, home, id) = (
        node.bootstrap().to_owned(),
        node.home().to_owned(),
        node.id(),
    );
    assert!(home.exists() && topics::answers(&bootstrap));
    drop(node);
    assert!(!home.exists() && !topics::answers(&bootstrap));
    assert!(!std::path::Path::new("/proc").join(id.to_string()).exists());
}
