//! Connections on which nothing happens are closed (`connections.max.idle.ms`).

use crate::broker::PRODUCE;
use crate::faults::Fate;
use crate::world::{MS, World};
use odradek::Outcome;

fn orders() -> World {
    World::new().brokers(2).topic("orders", 2)
}

fn write_to_both(world: &mut World) {
    for partition in 0..2 {
        world.send_to("orders", partition, "v");
    }
    world.run_until_idle();
}

#[test]
fn connections_are_closed_when_nothing_happens_and_opened_again_for_the_next_record() {
    let mut world = orders().config("connections.max.idle.ms", "10000");
    write_to_both(&mut world);
    let idle_from = world.now;
    assert!(world.run_until(11_000, |world| world.network.streams.is_empty()));
    let ms = (world.now - idle_from) / MS;
    assert!((9_990..10_010).contains(&ms), "{ms} ms");
    world.run_for(100_000);
    assert_eq!(world.connects.len(), 2);
    write_to_both(&mut world);
    assert_eq!(world.account.count(Outcome::Written), 4);
    assert_eq!(world.connects.len(), 4);
    assert!(world.failures.is_empty(), "closing is no failure");
    assert_eq!(world.resolves.len(), 4, "addresses may be others by now");
    world.finish();
}

#[test]
fn the_default_is_nine_minutes_and_only_the_unused_connection_goes() {
    let mut world = orders();
    write_to_both(&mut world);
    // The view is renewed by age over the other one.
    world.run_for(539_000);
    assert_eq!(world.network.streams.len(), 2);
    world.run_for(2_000);
    assert_eq!(world.network.streams.len(), 1, "{}", world.story());
    world.finish();
}

#[test]
fn a_negative_value_keeps_connections_for_ever() {
    let mut world = orders()
        .config("connections.max.idle.ms", "-1")
        .config("metadata.max.age.ms", "1000000000");
    write_to_both(&mut world);
    world.run_for(50_000_000);
    assert_eq!(world.network.streams.len(), 2);
    world.finish();
}

#[test]
fn a_connection_with_something_in_flight_is_not_idle() {
    let mut world = orders().config("connections.max.idle.ms", "1000");
    write_to_both(&mut world);
    world.cluster.faults.fate(PRODUCE, &[Fate::Slow(20_000)]);
    let ticket = world.send_to("orders", 0, "v");
    world.run_until_idle();
    assert_eq!(world.account.fortune(ticket).outcome, Outcome::Written);
    assert!(world.failures.is_empty());
    assert_eq!(world.cluster.attempts.len(), 3, "sent once");
    world.finish();
}

#[test]
fn silence_that_a_broker_asked_for_is_not_idleness() {
    let mut world = orders().config("connections.max.idle.ms", "1000");
    world.cluster.faults.fate(PRODUCE, &[Fate::Throttle(5_000)]);
    world.send_to("orders", 0, "first");
    world.run_until_idle();
    let (at, connects) = (world.now, world.connects.len());
    world.send_to("orders", 0, "v");
    world.run_until_idle();
    assert!(world.now - at > 4_900 * MS, "no way around the silence");
    assert_eq!(world.connects.len(), connects);
    world.finish();
}

#[test]
fn records_that_come_while_an_idle_connection_closes_are_sent_over_the_next() {
    for pause in 995..1_010 {
        let mut world = orders().config("connections.max.idle.ms", "1000");
        write_to_both(&mut world);
        world.run_for(pause);
        write_to_both(&mut world);
        assert_eq!(world.account.count(Outcome::Written), 4);
        assert!(world.failures.is_empty());
        world.finish();
    }
}
