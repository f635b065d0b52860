//! Starting again from the bootstrap servers (KIP-899, KIP-1102), and not doing so.

use crate::broker::{METADATA, PRODUCE};
use crate::faults::Fate;
use crate::network::{Behind, Name};
use crate::world::{MS, World, address_of};
use odradek::{ErrorCode, Outcome};
use std::net::SocketAddr;

const REQUIRED: Fate = Fate::Error(ErrorCode::REBOOTSTRAP_REQUIRED);

/// A cluster of two brokers behind a bootstrap name that is no broker's, and one record written.
fn behind_a_name() -> World {
    let mut world = World::new()
        .brokers(2)
        .topic("orders", 2)
        .config("bootstrap.servers", "bootstrap:9092");
    let addresses = Name::Addresses(vec![address_of(1)]);
    world.network.names.insert("bootstrap".into(), addresses);
    world
}

fn write_to_both(world: &mut World) {
    for partition in 0..2 {
        world.send_to("orders", partition, "v");
    }
    world.run_until_idle();
}

/// The cluster moves to other addresses, which only the bootstrap name leads to.
fn move_away(world: &mut World) {
    for broker in 1..=2 {
        world.cut(broker);
        let old = SocketAddr::new(address_of(broker), 9092);
        let new = address_of(100 + broker);
        world.network.behind.insert(old, Behind::Refuses);
        let address = SocketAddr::new(new, 9092);
        world.network.behind.insert(address, Behind::Broker(broker));
        let name = format!("moved-{broker}");
        world.cluster.brokers.insert(broker, (name.clone(), 9092));
        world.network.names.insert(name, Name::Addresses(vec![new]));
    }
    let addresses = Name::Addresses(vec![address_of(101)]);
    world.network.names.insert("bootstrap".into(), addresses);
}

#[test]
fn a_cluster_that_moved_is_found_again_through_the_bootstrap_servers() {
    let mut world = behind_a_name();
    write_to_both(&mut world);
    move_away(&mut world);
    let moved_at = world.now;
    write_to_both(&mut world);
    assert_eq!(world.account.count(Outcome::Written), 4);
    assert!(world.now - moved_at < 5_000 * MS);
    world.finish();
}

#[test]
fn with_none_the_known_brokers_are_all_there_is() {
    let mut world = behind_a_name()
        .config("metadata.recovery.strategy", "none")
        .config("delivery.timeout.ms", "40000");
    write_to_both(&mut world);
    let resolved = world
        .resolves
        .iter()
        .filter(|(_, name)| name == "bootstrap");
    assert_eq!(resolved.count(), 1);
    move_away(&mut world);
    let ticket = world.send_to("orders", 0, "v");
    world.run_until_idle();
    assert_ne!(world.account.fortune(ticket).outcome, Outcome::Written);
    let resolved = world
        .resolves
        .iter()
        .filter(|(_, name)| name == "bootstrap");
    assert_eq!(resolved.count(), 1);
    // Before any broker is known, the bootstrap servers are tried for ever.
    let mut world = behind_a_name().config("metadata.recovery.strategy", "none");
    world.set_listening(1, false);
    world.send_to("orders", 0, "v");
    world.run_for(10_000);
    world.set_listening(1, true);
    world.run_until_idle();
    assert_eq!(world.account.count(Outcome::Written), 1);
    world.finish();
}

#[test]
fn a_broker_that_requires_it_is_obeyed_at_once() {
    let mut world = behind_a_name();
    write_to_both(&mut world);
    world.run_for(290_000);
    world.cluster.faults.fate(METADATA, &[REQUIRED]);
    let (connects, resolves) = (world.connects.len(), world.resolves.len());
    world.run_for(20_000);
    assert_eq!(world.resolves[resolves].1, "bootstrap", "{}", world.story());
    assert!(world.connects.len() - connects <= 2);
    write_to_both(&mut world);
    assert_eq!(world.account.count(Outcome::Written), 4);
    assert!(world.failures.is_empty(), "starting again is no failure");
    assert_eq!(world.cluster.identities, 1);
    world.finish();
}

#[test]
fn records_in_flight_when_it_is_required_arrive_once_and_in_order() {
    for slow in [0, 1, 50, 400] {
        let mut world = behind_a_name();
        write_to_both(&mut world);
        world.run_for(1_000);
        for round in 0..30 {
            world.send_to("orders", round % 2, "v");
            if round == 15 {
                world.cluster.faults.fate(PRODUCE, &[Fate::Slow(slow)]);
                world.cluster.faults.fate(METADATA, &[REQUIRED]);
                world.handle("another");
            }
            world.run_for(7);
        }
        world.run_until_idle();
        assert_eq!(world.account.count(Outcome::Written), 32);
        world.finish();
    }
}

#[test]
fn a_cluster_that_always_requires_it_is_asked_with_back_off() {
    let mut world = behind_a_name().config("max.block.ms", "60000");
    world.cluster.faults.fate(METADATA, &vec![REQUIRED; 1_000]);
    let ticket = world.send_to("orders", 0, "v");
    world.run_until_idle();
    assert_eq!(world.account.fortune(ticket).outcome, Outcome::NotWritten);
    let connects = world.connects.len();
    assert!((55..80).contains(&connects), "{connects} in a minute");
    assert!(world.wakeups < 1_500, "{} wake-ups", world.wakeups);
    world.cluster.faults.heal();
    write_to_both(&mut world);
    assert_eq!(world.account.count(Outcome::Written), 2);
    world.finish();
}

#[test]
fn with_none_the_requirement_is_an_answer_without_use() {
    let mut world = behind_a_name().config("metadata.recovery.strategy", "none");
    write_to_both(&mut world);
    world.cluster.faults.fate(METADATA, &vec![REQUIRED; 5]);
    let connects = world.connects.len();
    world.handle("another");
    world.run_for(20_000);
    assert_eq!(world.connects.len(), connects);
    write_to_both(&mut world);
    assert_eq!(world.account.count(Outcome::Written), 4);
    world.finish();
}

#[test]
fn metadata_asked_for_in_vain_for_the_trigger_starts_again() {
    let mut world = behind_a_name()
        .config("metadata.recovery.rebootstrap.trigger.ms", "20000")
        .config("request.timeout.ms", "3000");
    write_to_both(&mut world);
    // The brokers that are known answer everything but Metadata.
    world
        .cluster
        .faults
        .fate(METADATA, &vec![Fate::NeverAnswer; 6]);
    let (from, resolves) = (world.now, world.resolves.len());
    world.handle("another");
    world.run_for(60_000);
    let again = world.resolves[resolves..].iter();
    let again = again.filter(|(_, name)| name == "bootstrap");
    let at: Vec<u64> = again.map(|(at, _)| (at - from) / MS).collect();
    assert_eq!(at.len(), 1, "{at:?}\n{}", world.story());
    assert!((20_000..24_500).contains(&at[0]), "{at:?}");
    write_to_both(&mut world);
    world.finish();
}

#[test]
fn a_broker_that_cannot_be_reached_is_no_reason_to_leave_one_that_answers() {
    let mut world = behind_a_name().config("metadata.recovery.rebootstrap.trigger.ms", "0");
    write_to_both(&mut world);
    let address = SocketAddr::new(address_of(2), 9092);
    world.cut(2);
    world.network.behind.insert(address, Behind::Refuses);
    let resolves = world.resolves.len();
    world.send_to("orders", 1, "v");
    world.run_for(3_000);
    let again = world.resolves[resolves..].iter();
    assert_eq!(again.filter(|(_, name)| name == "bootstrap").count(), 0);
    world.network.behind.insert(address, Behind::Broker(2));
    world.run_until_idle();
    world.finish();
}

#[test]
fn a_trigger_of_0_starts_again_after_every_failure_and_still_gets_through() {
    let mut world = behind_a_name().config("metadata.recovery.rebootstrap.trigger.ms", "0");
    world
        .cluster
        .faults
        .fate(METADATA, &vec![Fate::ResetBefore; 5]);
    write_to_both(&mut world);
    assert_eq!(world.account.count(Outcome::Written), 2);
    assert!(world.now < 10_000 * MS);
    assert!(world.connects.len() < 15);
    world.finish();
}
