//! The end: in time, by a deadline, twice, without any broker, and what comes afterwards.

use crate::broker::{INIT_PRODUCER_ID, METADATA, PRODUCE};
use crate::faults::Fate;
use crate::world::{MS, World};
use odradek::{Cause, Outcome, SendError};

#[test]
fn a_close_sends_what_is_there_and_ends_when_all_is_reported() {
    let mut world = World::new()
        .brokers(3)
        .topic("orders", 6)
        .config("linger.ms", "60000");
    for i in 0..300 {
        world.send_to("orders", i % 6, "v");
    }
    world.close(30_000);
    assert!(world.run_until(1000, |world| world.is_closed));
    assert_eq!(world.account.count(Outcome::Written), 300);
    world.finish();
}

#[test]
fn a_close_reports_at_its_deadline_what_is_left() {
    let mut world = World::new().topic("orders", 1);
    world.cluster.faults.always = Some(Fate::NeverAnswer);
    let ticket = world.send("orders", None, "v");
    let waits = world.send("nowhere", None, "v");
    world.run_for(100);
    let closed_at = world.now;
    world.close(5000);
    world.run_until_idle();
    assert_eq!(world.now - closed_at, 5000 * MS);
    let fortune = world.account.fortune(ticket);
    assert_eq!(
        (fortune.outcome, fortune.cause),
        (Outcome::PossiblyWritten, Some(Cause::Closed))
    );
    let fortune = world.account.fortune(waits);
    assert_eq!(
        (fortune.outcome, fortune.cause),
        (Outcome::NotWritten, Some(Cause::Closed))
    );
    assert!(
        world.run_until(10, |world| world.is_closed),
        "{}",
        world.story()
    );
    world.finish();
}

#[test]
fn a_close_without_time_ends_at_once() {
    let mut world = World::new().topic("orders", 1);
    world.send("orders", None, "v");
    world.close(0);
    world.run_for(5);
    assert!(world.is_closed);
    assert_eq!(world.account.fortunes[&0].cause, Some(Cause::Closed));
    world.finish();
}

#[test]
fn a_close_without_any_broker_ends_at_its_deadline() {
    let mut world = World::new();
    world.set_listening(1, false);
    let ticket = world.send("orders", None, "v");
    world.run_for(5000);
    world.close(2000);
    world.run_for(2010);
    assert!(world.is_closed);
    assert_eq!(world.account.fortune(ticket).outcome, Outcome::NotWritten);
    world.finish();
}

#[test]
fn a_close_waits_for_no_throttled_broker_beyond_its_deadline() {
    for api in [METADATA, INIT_PRODUCER_ID, PRODUCE] {
        let mut world = World::new().topic("orders", 1);
        // Whatever a broker asks for is honoured: 24 days here.
        world
            .cluster
            .faults
            .fate(api, &[Fate::Throttle(i32::MAX), Fate::Throttle(i32::MAX)]);
        world.send("orders", None, "v");
        world.run_for(1000);
        let muted = world.send("orders", None, "v");
        world.run_for(1000);
        let closed_at = world.now;
        world.close(5000);
        assert!(
            world.run_until(5010, |world| world.is_closed),
            "api {api}\n{}",
            world.story()
        );
        let fortune = world.account.fortune(muted);
        assert_eq!(
            (fortune.outcome, fortune.cause),
            (Outcome::NotWritten, Some(Cause::Closed)),
            "api {api}"
        );
        assert_eq!(fortune.at - closed_at, 5000 * MS, "api {api}");
        world.finish();
    }
}

#[test]
fn a_close_of_a_producer_that_never_did_anything_ends_at_once() {
    let mut world = World::new();
    world.close(60_000);
    world.run_for(10);
    assert!(world.is_closed, "{}", world.story());
    assert!(
        world.connects.is_empty(),
        "connects although there is nothing to do"
    );
}

#[test]
fn a_second_close_can_only_shorten_the_time() {
    for (first, second, expected) in [(5000, 1000, 1000), (1000, 5000, 1000)] {
        let mut world = World::new();
        world.send("nowhere", None, "v");
        world.run_for(10);
        let closed_at = world.now;
        world.close(first);
        world.run_for(0);
        world.close(second);
        assert!(world.run_until(10_000, |world| world.account.open() == 0));
        assert_eq!((world.now - closed_at) / MS, expected);
        world.finish();
        world.close(0);
        world.run_for(10);
    }
}

#[test]
fn commands_after_a_close_are_refused_or_do_nothing() {
    let mut world = World::new().topic("orders", 1);
    world.send("orders", None, "v");
    world.close(1000);
    assert_eq!(
        world.try_send("orders", None, None, b"v"),
        Err(SendError::Closed)
    );
    let flush = world.flush();
    world.run_until_idle();
    world.run_for(100);
    assert_eq!(world.flushed, [flush]);
    assert_eq!(
        world.try_send("orders", None, None, b"v"),
        Err(SendError::Closed)
    );
    world.purge();
    world.handle("more");
    let trace = world.trace.len();
    world.run_for(1_000_000);
    assert!(world.trace.len() - trace <= 2, "{}", world.story());
}

#[test]
fn inputs_after_the_end_do_nothing() {
    let mut world = World::new().topic("orders", 1);
    world.send("orders", None, "v");
    world.finish();
    let connection = odradek::ConnectionId(0);
    let bytes: &[u8] = &[0, 0, 0, 1];
    world.input(odradek::Input::Connected { connection });
    world.input(odradek::Input::Received { connection, bytes });
    world.input(odradek::Input::Transmitted {
        connection,
        bytes: 9,
    });
    let reason = odradek::DisconnectReason::Reset;
    world.input(odradek::Input::Disconnected { connection, reason });
    world.drain();
    assert!(world.network.streams.is_empty());
}

#[test]
fn a_close_during_connection_set_up_ends() {
    for ms in 0..8 {
        let mut world = World::new().topic("orders", 1);
        world.handle("orders");
        world.run_for(ms);
        world.close(60_000);
        assert!(
            world.run_until(1000, |world| world.is_closed),
            "{ms} ms\n{}",
            world.story()
        );
    }
}

#[test]
fn every_record_is_accounted_for_however_the_close_comes() {
    for seed in 0..60 {
        let world = World::new().brokers(2).topic("orders", 4).seed(seed);
        let mut world = world.config("batch.size", "300").config("linger.ms", "3");
        let fates = [
            Fate::Slow(seed),
            Fate::LoseResponse,
            Fate::Well,
            Fate::NeverAnswer,
        ];
        world.cluster.faults.fate(PRODUCE, &fates);
        for i in 0..200 {
            world.send_to("orders", i % 4, "v");
            if i % 20 == 0 {
                world.run_for(seed % 7);
            }
        }
        world.run_for(seed);
        world.close(seed * 10);
        world.run_until_idle();
        world.finish();
    }
}
