//! Thousands of topics in one producer: the work per record does not grow with their number.

use crate::broker::{METADATA, PRODUCE};
use crate::world::World;
use odradek::Outcome;

fn count(small: usize, full: usize) -> usize {
    if std::env::var("ODRADEK_FULL").is_ok_and(|value| value == "1") {
        full
    } else {
        small
    }
}

fn many(topics: usize) -> World {
    let mut world = World::new().config("buffer.memory", "268435456");
    world.is_tracing = false;
    // By name: the fake broker has an index of names, and none of ids.
    world.cluster.versions.insert(PRODUCE, (3, 12));
    for index in 0..topics {
        world.cluster.create(&format!("topic-{index}"), 1);
    }
    world
}

#[test]
fn topics_that_start_all_at_once_wait_without_costing_each_other() {
    let topics = count(2_000, 10_000);
    let mut world = many(topics);
    for index in 0..topics {
        world.send(&format!("topic-{index}"), None, "v");
        world.drain();
    }
    world.run_until_idle();
    assert_eq!(world.account.count(Outcome::Written), topics);
    let asked = world.cluster.seen.iter().filter(|s| s.api == METADATA);
    assert!(asked.count() < 10);
    world.finish();
}

#[test]
fn topics_that_are_missing_do_not_hold_up_those_that_are_there() {
    let topics = count(2_000, 10_000);
    let mut world = many(1);
    for index in 0..topics {
        world.send(&format!("missing-{index}"), None, "v");
    }
    for _ in 0..topics {
        world.send("topic-0", None, "v");
        world.drain();
    }
    world.run_for(5_000);
    assert_eq!(world.account.count(Outcome::Written), topics);
    world.run_until_idle();
    assert_eq!(world.account.count(Outcome::NotWritten), topics);
    world.finish();
}
