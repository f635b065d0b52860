//! The view of the cluster: topics that come and go, leaders that move, and when to ask again.

use crate::broker::{METADATA, PRODUCE};
use crate::faults::{Answer, Fate};
use crate::world::{MS, World};
use odradek::{Cause, ErrorCode, Outcome, SendError};

fn metadata_requests(world: &World) -> usize {
    world
        .cluster
        .seen
        .iter()
        .filter(|seen| seen.api == METADATA)
        .count()
}

/// Two brokers, one partition led by the first, and one record written.
fn two_brokers() -> World {
    let mut world = World::new().brokers(2).topic("orders", 1);
    world.send("orders", None, "first");
    world.run_until_idle();
    world
}

fn move_leader(world: &mut World, to: Option<i32>) {
    let partition = world.cluster.partition("orders", 0);
    partition.leader = to;
    partition.epoch += 1;
}

#[test]
fn a_leader_that_moved_is_found_and_gets_everything_once_and_in_order() {
    let mut world = two_brokers();
    move_leader(&mut world, Some(2));
    for i in 0..50 {
        world.send("orders", None, &format!("{i}"));
        world.run_for(1);
    }
    world.run_until_idle();
    assert_eq!(world.account.count(Outcome::Written), 51);
    assert_eq!(world.cluster.identities, 1);
    assert!(world.now < 2_000 * MS);
    world.finish();
}

#[test]
fn a_leader_that_moves_while_batches_are_out_gets_everything_once_and_in_order() {
    for slow in [0, 40, 400] {
        let mut world = World::new()
            .brokers(2)
            .topic("orders", 1)
            .config("batch.size", "0");
        world.send("orders", None, "first");
        world.run_until_idle();
        world
            .cluster
            .faults
            .fate(PRODUCE, &[Fate::Slow(slow), Fate::Well, Fate::LoseResponse]);
        for i in 0..20 {
            world.send("orders", None, &format!("{i}"));
        }
        world.run_for(1);
        move_leader(&mut world, Some(2));
        world.run_until_idle();
        assert_eq!(world.account.count(Outcome::Written), 21);
        world.finish();
    }
}

#[test]
fn a_dead_leader_is_left_for_the_next_one() {
    let mut world = two_brokers();
    world.set_listening(1, false);
    world.cut(1);
    world.run_for(10);
    let ticket = world.send("orders", None, "v");
    world.run_for(200);
    assert!(!world.account.fortunes.contains_key(&ticket.0));
    move_leader(&mut world, Some(2));
    world.cluster.brokers.remove(&1);
    let moved_at = world.now;
    world.network.names.insert(
        "broker-1".into(),
        crate::network::Name::Addresses(vec![crate::world::address_of(2)]),
    );
    world.run_until_idle();
    assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
    let ms = (world.now - moved_at) / MS;
    assert!(ms < 3000, "{ms} ms\n{}", world.story());
    world.finish();
}

#[test]
fn a_leader_that_dies_without_a_word_is_left_for_the_next_one() {
    let list = "broker-1:9092,broker-2:9092";
    let mut world = World::new()
        .brokers(2)
        .topic("orders", 2)
        .config("bootstrap.servers", list)
        .config("request.timeout.ms", "2000");
    for partition in 0..2 {
        world.send_to("orders", partition, "first");
    }
    world.run_until_idle();
    world.set_listening(1, false);
    world.cut(1);
    let ticket = world.send_to("orders", 0, "v");
    world.run_for(150);
    move_leader(&mut world, Some(2));
    let moved_at = world.now;
    world.run_until_idle();
    assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
    let ms = (world.now - moved_at) / MS;
    assert!(ms < 3000, "{ms} ms\n{}", world.story());
    world.finish();
}

#[test]
fn a_leader_that_is_not_among_the_brokers_is_asked_for_again() {
    let mut world = World::new().brokers(2).topic("orders", 1);
    move_leader(&mut world, Some(7));
    let ticket = world.send("orders", None, "v");
    world.run_for(2000);
    assert!(
        metadata_requests(&world) > 2,
        "asks again while the leader is nowhere"
    );
    move_leader(&mut world, Some(1));
    world.run_for(2000);
    assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
    world.finish();
}

#[test]
fn a_broker_that_moves_to_another_address_is_followed() {
    let mut world = two_brokers();
    world.cluster.brokers.insert(1, ("broker-2".into(), 9092));
    world.cluster.brokers.insert(2, ("broker-1".into(), 9092));
    // What is behind the addresses changes too, and the connections with it.
    let first = std::net::SocketAddr::new(crate::world::address_of(1), 9092);
    let second = std::net::SocketAddr::new(crate::world::address_of(2), 9092);
    world
        .network
        .behind
        .insert(first, crate::network::Behind::Broker(2));
    world
        .network
        .behind
        .insert(second, crate::network::Behind::Broker(1));
    world.cut(1);
    for _ in 0..5 {
        world.send("orders", None, "v");
        world.run_for(100);
    }
    world.run_until_idle();
    assert_eq!(world.account.count(Outcome::Written), 6);
    world.finish();
}

#[test]
fn the_view_is_renewed_by_age_without_any_reason() {
    let world = World::new().topic("orders", 1);
    let mut world = world.config("metadata.max.age.ms", "10000");
    world.handle("orders");
    world.run_for(1000);
    let before = metadata_requests(&world);
    world.run_for(50_000);
    assert_eq!(metadata_requests(&world) - before, 5);
    world.finish();
}

#[test]
fn an_idle_producer_is_silent() {
    let mut world = World::new().topic("orders", 1);
    world.send("orders", None, "v");
    world.run_until_idle();
    let (seen, trace) = (world.cluster.seen.len(), world.trace.len());
    world.run_for(200_000);
    assert_eq!(world.cluster.seen.len(), seen);
    assert!(world.trace.len() - trace < 10);
    world.finish();
}

#[test]
fn a_topic_that_appears_later_gets_what_waited_in_the_order_of_acceptance() {
    let mut world = World::new().topic("orders", 3);
    world.cluster.topics.get_mut("orders").unwrap().unknown_for = 5;
    for i in 0..500 {
        world.send_to("orders", i % 3, &format!("{i}"));
        world.run_for(1);
    }
    world.run_until_idle();
    assert_eq!(world.account.count(Outcome::Written), 500);
    world.finish();
}

#[test]
fn a_topic_that_is_created_while_records_wait_is_found_within_the_back_off() {
    let mut world = World::new();
    world.send("orders", None, "v");
    world.run_for(10_000);
    assert_eq!(world.account.open(), 1);
    assert!(metadata_requests(&world) < 30, "asks with back-off");
    world.cluster.create("orders", 1);
    world.run_for(1500);
    assert_eq!(world.account.count(Outcome::Written), 1);
    world.finish();
}

#[test]
fn the_wait_for_a_topic_is_bounded_for_each_record_by_itself() {
    let mut world = World::new().config("max.block.ms", "3000");
    let mut tickets = Vec::new();
    for _ in 0..5 {
        tickets.push((world.send("nowhere", None, "v"), world.now));
        world.run_for(700);
    }
    world.run_until_idle();
    for (ticket, sent_at) in tickets {
        assert_eq!(world.account.fortune(ticket).at - sent_at, 3000 * MS);
    }
    world.finish();
}

#[test]
fn a_topic_that_is_refused_fails_at_once_with_the_code() {
    for code in [
        ErrorCode::TOPIC_AUTHORIZATION_FAILED,
        ErrorCode::INVALID_TOPIC_EXCEPTION,
    ] {
        let mut world = World::new().topic("orders", 1);
        world.cluster.topics.get_mut("orders").unwrap().error = Some(code);
        let ticket = world.send("orders", None, "v");
        world.run_until_idle();
        assert!(world.now < 100 * MS);
        let fortune = world.account.fortune(ticket);
        assert_eq!(fortune.outcome, Outcome::NotWritten);
        assert_eq!(fortune.cause, Some(Cause::Broker(code)));
        world.finish();
    }
}

#[test]
fn the_answers_about_one_topic_do_not_hold_up_another() {
    let mut world = World::new()
        .topic("orders", 1)
        .config("max.block.ms", "5000");
    world.send("nowhere", None, "v");
    let ticket = world.send("orders", None, "v");
    world.run_for(100);
    assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
    world.run_until_idle();
    world.finish();
}

#[test]
fn missing_topics_are_created_only_if_that_is_allowed() {
    for is_allowed in [true, false] {
        let world = World::new().config("allow.auto.create.topics", &is_allowed.to_string());
        let mut world = world.config("max.block.ms", "2000");
        world.cluster.auto_create = Some(2);
        let ticket = world.send("fresh", None, "v");
        world.run_until_idle();
        let seen = world
            .cluster
            .seen
            .iter()
            .filter(|seen| seen.api == METADATA);
        assert!(seen.clone().all(|seen| seen.may_create == is_allowed));
        let outcome = world.account.fortune(ticket).outcome;
        let expected = if is_allowed {
            Outcome::Written
        } else {
            Outcome::NotWritten
        };
        assert_eq!(outcome, expected);
        world.finish();
    }
}

#[test]
fn a_partition_that_does_not_exist_is_refused_or_reported() {
    let mut world = World::new().topic("orders", 2);
    let early = world.send_to("orders", 5, "v");
    world.run_until_idle();
    let fortune = world.account.fortune(early);
    assert_eq!(fortune.outcome, Outcome::NotWritten);
    assert_eq!(fortune.cause, Some(Cause::UnknownPartition { count: 2 }));
    let late = world.try_send("orders", Some(5), None, b"v");
    let refused = SendError::UnknownPartition {
        partition: 5,
        count: 2,
    };
    assert_eq!(late, Err(refused));
    assert!(world.try_send("orders", Some(-3), None, b"v").is_err());
    world.finish();
}

#[test]
fn partitions_that_are_added_are_found_out_when_somebody_asks_for_one() {
    let mut world = World::new().topic("orders", 2);
    world.send("orders", None, "v");
    world.run_until_idle();
    world.cluster.create("more", 6);
    let mut more = world.cluster.topics.remove("more").unwrap().partitions;
    let topic = world.cluster.topics.get_mut("orders").unwrap();
    topic.partitions.extend(more.drain(2..));
    assert!(world.try_send("orders", Some(5), None, b"v").is_err());
    world.run_for(500);
    let ticket = world.send_to("orders", 5, "v");
    world.run_until_idle();
    assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
    world.finish();
}

#[test]
fn a_topic_without_partitions_is_not_one_yet() {
    let mut world = World::new()
        .topic("orders", 0)
        .config("max.block.ms", "3000");
    let ticket = world.send("orders", Some("key"), "v");
    world.run_for(1000);
    world.cluster.create("orders", 3);
    world.run_until_idle();
    assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
    world.finish();
}

#[test]
fn a_topic_that_is_deleted_and_made_again_is_served_again() {
    let mut world = two_brokers();
    world.cluster.create("orders", 1);
    let topic = world.cluster.topics.get_mut("orders").unwrap();
    topic.set_id(99);
    let ticket = world.send("orders", None, "v");
    world.run_for(10_000);
    assert_eq!(
        world.account.fortune(ticket).outcome,
        Outcome::Written,
        "{}",
        world.story()
    );
}

#[test]
fn a_partition_without_a_leader_waits_for_one_and_keyless_records_avoid_it() {
    let mut world = World::new().topic("orders", 4).config("batch.size", "200");
    world.cluster.partition("orders", 2).leader = None;
    world.handle("orders");
    world.run_for(50);
    let waits = world.send_to("orders", 2, "v");
    for _ in 0..100 {
        world.send("orders", None, "v");
    }
    world.run_for(1000);
    assert_eq!(world.account.open(), 1);
    world.cluster.partition("orders", 2).leader = Some(1);
    world.run_until_idle();
    assert_eq!(world.account.fortune(waits).outcome, Outcome::Written);
    world.finish();
}

#[test]
fn errors_that_name_another_leader_do_not_ask_in_a_hurry() {
    let mut world = two_brokers();
    let stale = [Answer::Error(ErrorCode::NOT_LEADER_OR_FOLLOWER); 30];
    world.cluster.faults.answer("orders", 0, &stale);
    let before = metadata_requests(&world);
    world.send("orders", None, "v");
    world.run_until_idle();
    let asked = metadata_requests(&world) - before;
    assert!((1..=32).contains(&asked), "{asked}");
    assert!(world.now > 10_000 * MS, "retries back off");
    world.finish();
}

#[test]
fn a_broker_that_lags_behind_does_not_bring_an_old_leader_back() {
    let mut world = two_brokers();
    move_leader(&mut world, Some(2));
    world.send("orders", None, "v");
    world.run_until_idle();
    world.cluster.partition("orders", 0).stale = Some((1, 0));
    world.handle("another");
    world.run_for(2000);
    let before = world.cluster.attempts.len();
    world.send("orders", None, "v");
    world.run_until_idle();
    let attempts = &world.cluster.attempts[before..];
    assert_eq!(attempts.iter().map(|a| a.broker).collect::<Vec<i32>>(), [2]);
    world.finish();
}

#[test]
fn another_leader_gets_nothing_before_the_old_one_has_answered() {
    for acks in ["all", "1"] {
        let world = World::new()
            .brokers(2)
            .topic("orders", 1)
            .topic("another", 2);
        let mut world = world.config("acks", acks);
        world.send_to("another", 1, "opens a connection to the second broker");
        world.send("orders", None, "first");
        world.run_until_idle();
        world.cluster.faults.fate(PRODUCE, &[Fate::Slow(1500)]);
        let slow = world.send("orders", None, "slow");
        world.run_for(20);
        move_leader(&mut world, Some(2));
        let moved_at = world.now;
        // The view is renewed over the connection that has nothing else to do.
        world.handle("third");
        world.run_for(500);
        let later = world.send("orders", None, "later");
        world.run_until_idle();
        let at_new: Vec<u64> = world
            .cluster
            .attempts
            .iter()
            .filter(|attempt| attempt.broker == 2 && attempt.at > moved_at)
            .map(|attempt| attempt.at)
            .collect();
        assert!(!at_new.is_empty());
        assert!(at_new[0] >= world.account.fortune(slow).at, "acks={acks}");
        assert_eq!(world.account.fortune(later).outcome, Outcome::Written);
        world.finish();
    }
}

#[test]
fn leaders_that_hang_do_not_keep_the_rest_of_the_cluster_from_being_asked() {
    let mut world = World::new()
        .brokers(3)
        .topic("orders", 2)
        .config("bootstrap.servers", "broker-1:9092,broker-2:9092");
    for partition in 0..2 {
        world.send_to("orders", partition, "first");
    }
    world.run_until_idle();
    for broker in [1, 2] {
        let address = std::net::SocketAddr::new(crate::world::address_of(broker), 9092);
        world
            .network
            .behind
            .insert(address, crate::network::Behind::Hole);
        world.cut(broker);
    }
    for index in 0..2 {
        let partition = world.cluster.partition("orders", index);
        partition.leader = Some(3);
        partition.epoch += 1;
    }
    let moved_at = world.now;
    for partition in 0..2 {
        world.send_to("orders", partition, "second");
    }
    world.run_until_idle();
    assert_eq!(world.account.count(Outcome::Written), 4);
    let ms = (world.now - moved_at) / MS;
    assert!(ms < 30_000, "{ms} ms\n{}", world.story());
    world.finish();
}
