//! Silence that brokers ask for (KIP-219): kept on that connection, and at nobody's cost.

use crate::broker::{API_VERSIONS, INIT_PRODUCER_ID, METADATA, PRODUCE};
use crate::faults::Fate;
use crate::world::{MS, World};
use odradek::Outcome;

#[test]
fn silence_of_any_length_does_not_use_up_the_time_of_what_is_in_flight() {
    for throttle_ms in [1_500, 5_000, 60_000] {
        let mut world = World::new()
            .topic("orders", 2)
            .config("request.timeout.ms", "2000");
        for partition in 0..2 {
            world.send_to("orders", partition, "first");
            world.run_until_idle();
        }
        // The second answer comes after the silence, as from a broker that read nothing meanwhile.
        let slow = u64::try_from(throttle_ms).unwrap() + 500;
        let fates = [Fate::Throttle(throttle_ms), Fate::Slow(slow)];
        world.cluster.faults.fate(PRODUCE, &fates);
        for partition in 0..2 {
            world.send_to("orders", partition, "v");
            world.flush();
            world.drain();
        }
        world.run_until_idle();
        assert_eq!(world.account.count(Outcome::Written), 4);
        assert!(world.failures.is_empty(), "{:?}", world.failures);
        world.finish();
    }
}

#[test]
fn a_request_without_an_answer_still_times_out_after_the_silence() {
    let mut world = World::new()
        .topic("orders", 2)
        .config("request.timeout.ms", "2000");
    for partition in 0..2 {
        world.send_to("orders", partition, "first");
        world.run_until_idle();
    }
    let fates = [Fate::Throttle(3_000), Fate::NeverAnswer];
    world.cluster.faults.fate(PRODUCE, &fates);
    let sent_at = world.now;
    for partition in 0..2 {
        world.send_to("orders", partition, "v");
        world.flush();
        world.drain();
    }
    world.run_until_idle();
    assert_eq!(world.account.count(Outcome::Written), 4);
    let ms = (world.failures[0].0 - sent_at) / MS;
    assert!((5_000..5_100).contains(&ms), "{ms} ms");
    world.finish();
}

#[test]
fn a_broker_that_was_silent_itself_is_not_answered_with_silence() {
    // The last version of each API in which the broker throttles, and the first where the client does.
    for (api, last) in [
        (PRODUCE, 5),
        (METADATA, 5),
        (INIT_PRODUCER_ID, 0),
        (API_VERSIONS, 1),
    ] {
        for (version, is_silent) in [(last, false), (last + 1, true)] {
            let mut world = World::new().topic("orders", 1);
            let min = world.cluster.versions[&api].0.min(version);
            world.cluster.versions.insert(api, (min, version));
            if api == API_VERSIONS {
                world.cluster.api_versions = crate::faults::ApiVersionsMood::Below(version);
                // The first question is refused and not throttled.
                world.cluster.faults.fate(api, &[Fate::Well]);
            }
            world.cluster.faults.fate(api, &[Fate::Throttle(5_000)]);
            world.send("orders", None, "first");
            world.run_for(100);
            world.send("orders", None, "second");
            world.run_until_idle();
            let silence = 5_000 * MS;
            assert_eq!(world.now > silence, is_silent, "api {api} v{version}");
            world.finish();
        }
    }
}

#[test]
fn other_brokers_are_asked_while_one_wants_silence() {
    let mut world = World::new().brokers(2).topic("orders", 2);
    for partition in 0..2 {
        world.send_to("orders", partition, "first");
    }
    world.run_until_idle();
    world.run_for(1_000);
    world
        .cluster
        .faults
        .fate(PRODUCE, &[Fate::Throttle(10_000)]);
    world.send_to("orders", 0, "v");
    world.run_until_idle();
    world.cluster.create("later", 2);
    let (at, before) = (world.now, world.cluster.seen.len());
    world.send_to("later", 1, "v");
    world.run_until_idle();
    assert!(world.now - at < 100 * MS, "{}", world.story());
    let asked = world.cluster.seen[before..].iter();
    assert_eq!(asked.filter(|seen| seen.api == METADATA).count(), 1);
    world.finish();
}

#[test]
fn hostile_silence_is_no_loop_and_ends_with_the_records() {
    for ms in [i32::MAX, -1, i32::MIN] {
        let mut world = World::new()
            .topic("orders", 1)
            .config("delivery.timeout.ms", "40000");
        world.cluster.faults.fate(PRODUCE, &[Fate::Throttle(ms)]);
        world.send("orders", None, "first");
        world.run_until_idle();
        let (wakeups, ticket) = (world.wakeups, world.send("orders", None, "v"));
        world.run_until_idle();
        let expected = if ms > 0 {
            Outcome::NotWritten
        } else {
            Outcome::Written
        };
        assert_eq!(world.account.fortune(ticket).outcome, expected);
        assert!(world.wakeups - wakeups < 20);
        world.finish();
    }
}
