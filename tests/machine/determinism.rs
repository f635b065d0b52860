//! The same configuration, seed and script give the same outputs.

use crate::broker::{INIT_PRODUCER_ID, METADATA, PRODUCE};
use crate::faults::{Answer, Fate};
use crate::world::World;
use odradek::ErrorCode;

/// A session with a bit of everything; its trace.
fn session(seed: u64, compression: &str) -> Vec<String> {
    let mut world = World::new()
        .brokers(3)
        .topic("orders", 6)
        .topic("late", 2)
        .seed(seed)
        .config("compression.type", compression)
        .config("batch.size", "700")
        .config("buffer.memory", "66000")
        .config("request.timeout.ms", "1500")
        .config("delivery.timeout.ms", "20000");
    let late = world.cluster.topics.get_mut("late");
    late.expect("a topic of the test").unknown_for = 4;
    world.cluster.faults.fate(METADATA, &[Fate::LoseResponse]);
    let busy = Fate::Error(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
    world.cluster.faults.fate(INIT_PRODUCER_ID, &[busy]);
    let fates = [
        Fate::Well,
        Fate::Slow(30),
        Fate::LoseResponse,
        Fate::Well,
        Fate::NeverAnswer,
    ];
    world.cluster.faults.fate(PRODUCE, &fates);
    let answers = [
        Answer::Well,
        Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS),
        Answer::Error(ErrorCode::MESSAGE_TOO_LARGE),
    ];
    world.cluster.faults.answer("orders", 3, &answers);
    for i in 0..3000 {
        let topic = if i % 10 == 0 { "late" } else { "orders" };
        let key = format!("key {}", i % 37);
        let key = (i % 3 == 0).then_some(key.as_str());
        let _ = world.try_send(topic, None, key, format!("value {i}").as_bytes());
        if i % 5 == 0 {
            world.run_for(5);
        }
        match i {
            400 => world.cut(2),
            700 => {
                world.flush();
            }
            900 => world.purge(),
            _ => {}
        }
    }
    world.run_until_idle();
    world.finish();
    std::mem::take(&mut world.trace)
}

#[test]
fn the_same_seed_gives_the_same_outputs_and_another_does_not() {
    for compression in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let first = session(11, compression);
        assert!(first.len() > 1000, "{} lines", first.len());
        assert!(
            first == session(11, compression),
            "the same session went another way"
        );
        assert!(
            first != session(12, compression),
            "the seed decides nothing"
        );
    }
}
