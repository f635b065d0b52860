//! Leaders that Produce answers name (KIP-951): followed without asking anybody, if they are newer.

use crate::broker::{METADATA, PRODUCE};
use crate::leader_hints::Hints;
use crate::world::{MS, World};
use odradek::{ErrorCode, Outcome};

fn asked(world: &World) -> usize {
    let seen = world.cluster.seen.iter();
    seen.filter(|seen| seen.api == METADATA).count()
}

/// Three brokers; the first one leads the partition and wrote the first record. The view is old enough
/// for nothing to hold up a wish for another.
fn moved_to(broker: i32, hints: Hints) -> World {
    let mut world = World::new().brokers(3).topic("orders", 1);
    world.send("orders", None, "first");
    world.run_until_idle();
    world.run_for(5_000);
    world.cluster.hints = hints;
    let partition = world.cluster.partition("orders", 0);
    partition.leader = Some(broker);
    partition.epoch += 1;
    world
}

/// How many ms a record takes.
fn ms_for_a_record(world: &mut World) -> u64 {
    let (ticket, sent_at) = (world.send("orders", None, "v"), world.now);
    world.run_until_idle();
    let fortune = world.account.fortune(ticket);
    assert_eq!(fortune.outcome, Outcome::Written, "{}", world.story());
    (fortune.at - sent_at) / MS
}

#[test]
fn a_leader_that_the_answer_names_gets_the_batch_at_once_and_nobody_is_asked() {
    let mut world = moved_to(2, Hints::Told);
    let before = asked(&world);
    let ms = ms_for_a_record(&mut world);
    // Linger, two round trips, and what it takes to connect.
    assert!(ms < 15, "{ms} ms");
    assert_eq!(asked(&world), before);
    let brokers: Vec<i32> = world.cluster.attempts.iter().map(|a| a.broker).collect();
    assert_eq!(brokers, [1, 1, 2]);
    world.finish();
}

#[test]
fn without_hints_the_cluster_is_asked() {
    let mut world = moved_to(2, Hints::None);
    let before = asked(&world);
    ms_for_a_record(&mut world);
    assert_eq!(asked(&world) - before, 1);
    world.finish();
}

#[test]
fn a_leader_that_nobody_heard_of_is_connected_to_where_the_answer_says() {
    for (hints, is_asked) in [(Hints::Told, false), (Hints::WithoutEndpoint, true)] {
        let mut world = World::new().brokers(3).topic("orders", 1);
        let fourth = world.cluster.brokers.remove(&3).unwrap();
        world.send("orders", None, "first");
        world.run_until_idle();
        world.run_for(5_000);
        world.cluster.brokers.insert(3, fourth);
        world.cluster.hints = hints;
        let partition = world.cluster.partition("orders", 0);
        (partition.leader, partition.epoch) = (Some(3), 1);
        let before = asked(&world);
        ms_for_a_record(&mut world);
        assert_eq!(asked(&world) > before, is_asked, "{}", world.story());
        world.finish();
    }
}

#[test]
fn a_leader_of_an_epoch_that_is_not_newer_is_not_believed() {
    // Epoch 0 is the one that is known.
    for epoch in [i32::MIN, -1, 0] {
        let mut world = moved_to(2, Hints::Wrong(3, epoch));
        ms_for_a_record(&mut world);
        let brokers: Vec<i32> = world.cluster.attempts.iter().map(|a| a.broker).collect();
        assert_eq!(brokers, [1, 1, 2], "epoch {epoch}");
        world.finish();
    }
}

#[test]
fn hints_that_make_no_sense_change_nothing() {
    for (leader, epoch) in [(-1, 9), (i32::MIN, 9), (77, 9), (i32::MAX, i32::MAX)] {
        let mut world = moved_to(2, Hints::Wrong(leader, epoch));
        ms_for_a_record(&mut world);
        let brokers: Vec<i32> = world.cluster.attempts.iter().map(|a| a.broker).collect();
        assert_eq!(brokers, [1, 1, 2], "leader {leader}");
        assert_eq!(world.resolves.len(), 2, "a bootstrap address is left alone");
        world.finish();
    }
}

#[test]
fn an_answer_with_another_error_names_no_leader() {
    let mut world = moved_to(1, Hints::Wrong(2, 9));
    world.cluster.partition("orders", 0).epoch = 0;
    let answer = [crate::faults::Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS)];
    world.cluster.faults.answer("orders", 0, &answer);
    ms_for_a_record(&mut world);
    assert!(world.cluster.attempts.iter().all(|a| a.broker == 1));
    world.finish();
}

#[test]
fn brokers_that_name_each_other_do_not_send_a_batch_round_at_the_speed_of_the_network() {
    let mut world = moved_to(3, Hints::None);
    world.cluster.brokers.remove(&3);
    world.send("orders", None, "v");
    for epoch in 2..2_000 {
        let to = 1 + epoch % 2;
        world.cluster.hints = Hints::Wrong(to, epoch);
        world.run_for(5);
    }
    let attempts = world.cluster.attempts.len();
    assert!((8..40).contains(&attempts), "{attempts} attempts in 10 s");
    world.cluster.hints = Hints::None;
    let partition = world.cluster.partition("orders", 0);
    (partition.leader, partition.epoch) = (Some(1), 5_000);
    world.run_until_idle();
    assert_eq!(world.account.count(Outcome::Written), 2);
    world.finish();
}

#[test]
fn versions_without_hints_are_followed_by_asking() {
    for version in [9, 10, 12] {
        let mut world = World::new().brokers(2).topic("orders", 1);
        world.cluster.versions.insert(PRODUCE, (3, version));
        world.cluster.hints = Hints::Told;
        world.send("orders", None, "first");
        world.run_until_idle();
        world.run_for(5_000);
        let before = asked(&world);
        let partition = world.cluster.partition("orders", 0);
        (partition.leader, partition.epoch) = (Some(2), 1);
        ms_for_a_record(&mut world);
        assert_eq!(
            asked(&world) - before,
            usize::from(version < 10),
            "v{version}"
        );
        world.finish();
    }
}
