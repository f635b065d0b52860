//! Apache Kafka says what the fake cluster of the simulation says, and what `tests/sim` has written down.
//!
//! `ODRADEK_FULL=1` holds the long round as well. `ODRADEK_ANSWERS=FOLDER` writes what Kafka says there, for
//! another release or another conversation.

mod peer;

use odradek_tests_interop::jars::Release;
use odradek_tests_interop::kafka::KafkaNode;
use odradek_tests_sim::conversations::{FakePeer, ROUNDS, Round, fake_peer};
use peer::Node;
use std::path::Path;
use std::{env, fs};

/// What a node says in a round.
fn ask_kafka(bootstrap: &str, round: &Round) -> String {
    let mut node = Node::new(bootstrap);
    node.set_transaction_version(round.transaction_version);
    round.hold(&mut node, Node::create)
}

#[test]
fn apache_kafka_and_the_fake_cluster_give_the_same_answers() {
    let test = "apache_kafka_and_the_fake_cluster_give_the_same_answers";
    let Some(node) = KafkaNode::shared(Release::V4_3_0, test) else {
        return;
    };
    let full = env::var("ODRADEK_FULL").is_ok_and(|full| full == "1");
    let mut held = 0;
    for round in ROUNDS.iter().filter(|round| full || !round.is_long) {
        let kafka = ask_kafka(node.bootstrap(), round);
        if let Some(folder) = env::var_os("ODRADEK_ANSWERS") {
            let file = Path::new(&folder).join(format!("{}.txt", round.name));
            fs::write(file, &kafka).expect("the folder is writable");
        }
        let differing = round.differences(&kafka);
        assert!(
            differing.is_empty(),
            "{}: Kafka now, Kafka as written down: {differing:#?}",
            round.name
        );
        let fake = round.hold(&mut fake_peer(round.transaction_version), FakePeer::create);
        assert_eq!(kafka, fake, "{}", round.name);
        held += kafka.lines().filter(|line| !line.starts_with('#')).count();
    }
    assert!(held > 300, "only {held} answers were compared");
}
