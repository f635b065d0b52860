//! What is told of the partitions of topics that are watched, and when.

use crate::broker::METADATA;
use crate::faults::Fate;
use crate::world::{MS, World};
use odradek::{Cause, ErrorCode};

type Leaders = Result<Vec<Option<i32>>, Cause>;

/// What was told, and after how many ms of the test.
fn told(world: &World) -> Vec<(u64, Leaders)> {
    let told = world.told.iter();
    told.map(|(at, told)| (at / MS - 1, told.leaders.clone()))
        .collect()
}

fn leaders(world: &World) -> Vec<Leaders> {
    told(world)
        .into_iter()
        .map(|(_, leaders)| leaders)
        .collect()
}

const MISSING: Option<ErrorCode> = Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);

#[test]
fn a_topic_is_told_when_it_becomes_known_and_again_when_asked_again() {
    let mut world = World::new().brokers(3).topic("orders", 4);
    world.watch("orders");
    world.run_for(100);
    let expected = Ok(vec![Some(1), Some(2), Some(3), Some(1)]);
    assert_eq!(leaders(&world).len(), 1);
    let asked = world.now;
    world.watch("orders");
    world.run_for(100);
    assert_eq!(leaders(&world), [expected.clone(), expected]);
    assert_eq!(world.told[1].0, asked);
    world.finish();
}

#[test]
fn a_topic_that_is_missing_is_told_after_max_block() {
    let mut world = World::new().config("max.block.ms", "700");
    world.watch("orders");
    world.run_for(5000);
    let unknown = Err(Cause::NoMetadata { last: MISSING });
    assert_eq!(told(&world), [(700, unknown)]);
    world.finish();
}

#[test]
fn a_topic_that_nobody_tells_about_is_told_after_max_block() {
    let mut world = World::new().config("max.block.ms", "700");
    world.set_listening(1, false);
    world.watch("orders");
    world.run_for(5000);
    assert_eq!(told(&world), [(700, Err(Cause::NoMetadata { last: None }))]);
    world.finish();
}

#[test]
fn no_time_to_block_means_an_answer_at_once() {
    let mut world = World::new().topic("orders", 1).config("max.block.ms", "0");
    world.watch("orders");
    world.run_for(1000);
    assert_eq!(told(&world)[0], (0, Err(Cause::NoMetadata { last: None })));
    assert_eq!(leaders(&world)[1..], [Ok(vec![Some(1)])]);
    world.finish();
}

#[test]
fn asking_again_starts_the_time_anew() {
    let mut world = World::new().config("max.block.ms", "700");
    world.watch("orders");
    world.run_for(500);
    world.watch("orders");
    world.run_for(5000);
    let unknown = Err(Cause::NoMetadata { last: MISSING });
    assert_eq!(told(&world), [(1200, unknown.clone())]);
    world.watch("orders");
    world.run_for(5000);
    assert_eq!(told(&world)[1..], [(6200, unknown)]);
    world.finish();
}

#[test]
fn a_topic_that_was_given_up_is_told_when_it_comes_after_all() {
    // Nobody waits for it any more: it is seen when the view is renewed by age.
    let mut world = World::new()
        .config("max.block.ms", "700")
        .config("metadata.max.age.ms", "3000");
    world.watch("orders");
    world.run_for(2000);
    world.cluster.create("orders", 2);
    world.run_for(2000);
    assert_eq!(leaders(&world)[1..], [Ok(vec![Some(1); 2])]);
    world.finish();
}

#[test]
fn a_topic_that_the_cluster_refuses_is_told_at_once_and_once_per_call() {
    let mut world = World::new()
        .topic("orders", 1)
        .config("metadata.max.age.ms", "100");
    let error = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    let topic = world.cluster.topics.get_mut("orders");
    topic.expect("it was made").error = Some(error);
    world.watch("orders");
    world.run_for(1000);
    let refused = Err(Cause::Broker(error));
    assert_eq!(world.told.len(), 1);
    assert!(told(&world)[0].0 < 50);
    world.watch("orders");
    world.run_for(1000);
    assert_eq!(leaders(&world), [refused.clone(), refused]);
    world.finish();
}

#[test]
fn only_changes_are_told() {
    let mut world = World::new()
        .brokers(2)
        .topic("orders", 2)
        .topic("others", 2)
        .config("metadata.max.age.ms", "100");
    world.watch("orders");
    world.handle("others");
    world.run_for(2000);
    assert_eq!(leaders(&world), [Ok(vec![Some(1), Some(2)])]);
    let refreshes = world.cluster.seen.iter();
    assert!(refreshes.filter(|seen| seen.api == METADATA).count() > 10);
    // Another topic's changes are nobody's business.
    world.cluster.partition("others", 0).leader = Some(2);
    world.cluster.partition("others", 0).epoch += 1;
    world.run_for(500);
    assert_eq!(world.told.len(), 1);

    world.cluster.partition("orders", 1).leader = None;
    world.cluster.partition("orders", 1).epoch += 1;
    world.run_for(500);
    world.cluster.partition("orders", 1).leader = Some(1);
    world.cluster.partition("orders", 1).epoch += 1;
    world.run_for(2000);
    let grown = world.cluster.topics.get_mut("orders").expect("it was made");
    grown.partitions.push(crate::broker::FakePartition {
        leader: Some(2),
        ..Default::default()
    });
    world.run_for(500);
    assert_eq!(
        leaders(&world)[1..],
        [
            Ok(vec![Some(1), None]),
            Ok(vec![Some(1), Some(1)]),
            Ok(vec![Some(1), Some(1), Some(2)]),
        ]
    );
    world.finish();
}

#[test]
fn the_end_of_the_producer_answers_whoever_still_waits() {
    let mut world = World::new();
    world.watch("orders");
    world.run_for(100);
    assert_eq!(world.told.len(), 0);
    world.finish();
    assert_eq!(leaders(&world), [Err(Cause::Closed)]);
    // The last event was given: no other may follow.
    let (topic, now) = (world.handle("orders"), world.now());
    world.producer().watch(topic, now);
    world.run_for(100);
    assert_eq!(world.told.len(), 1);
}

#[test]
fn the_failure_of_the_producer_answers_whoever_waits_or_asks() {
    let mut world = World::new();
    let error = ErrorCode::CLUSTER_AUTHORIZATION_FAILED;
    world
        .cluster
        .faults
        .fate(crate::broker::INIT_PRODUCER_ID, &[Fate::Error(error)]);
    world.watch("orders");
    world.run_for(100);
    let failed = Err(Cause::Failed(odradek::FatalError::NotAuthorized(error)));
    assert_eq!(world.told.len(), 1);
    world.watch("orders");
    world.run_for(100);
    assert_eq!(leaders(&world), [failed.clone(), failed]);
    world.finish();
}

#[test]
fn a_handle_of_nobody_is_ignored() {
    let mut world = World::new().topic("orders", 1);
    world.watch("orders");
    let now = world.now();
    world.producer().watch(odradek::TopicHandle(7), now);
    world.run_for(100);
    assert_eq!(world.told.len(), 1);
    world.finish();
}
