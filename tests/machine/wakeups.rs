//! Clusters in which nothing can be done: clear errors in bounded time, and no loop. What the machine
//! costs is counted in wake-ups (polls until it waits) and outputs per virtual second.

use crate::broker::{API_VERSIONS, INIT_PRODUCER_ID, METADATA, PRODUCE};
use crate::network::Name;
use crate::world::{MS, World};
use odradek::{Cause, DisconnectReason, ErrorCode, Outcome, ResolveError, Ticket};

/// Wake-ups and outputs per second that no state may exceed for long: each round of attempts takes
/// some, and rounds come once in a back-off, which soon takes a second.
const WAKEUPS_PER_SECOND: usize = 25;
const OUTPUTS_PER_SECOND: usize = 60;

/// Runs until everything is reported, counting after the first two seconds, in which back-off grows.
fn run_calmly(world: &mut World) {
    world.run_for(2_000);
    let (at, wakeups, outputs) = (world.now, world.wakeups, world.outputs);
    world.run_until_idle();
    world.run_for(60_000);
    let seconds = (world.now - at) / (1_000 * MS);
    let per_second = |count: usize| count / seconds as usize;
    let woken = per_second(world.wakeups - wakeups);
    assert!(woken <= WAKEUPS_PER_SECOND, "{woken}\n{}", world.story());
    let outputs = per_second(world.outputs - outputs);
    assert!(
        outputs <= OUTPUTS_PER_SECOND,
        "{outputs}\n{}",
        world.story()
    );
}

/// A record that cannot be written ends as not written, with this cause, after so many ms.
fn assert_ends(world: &mut World, ticket: Ticket, cause: Cause, ms: u64) {
    let sent_at = world.now;
    run_calmly(world);
    let fortune = world.account.fortune(ticket);
    assert_eq!(fortune.outcome, Outcome::NotWritten);
    assert_eq!(fortune.cause, Some(cause), "{}", world.story());
    let took = (fortune.at - sent_at) / MS;
    assert!((ms..ms + 100).contains(&took), "{took} ms");
}

const fn no_metadata(last: ErrorCode) -> Cause {
    Cause::NoMetadata { last: Some(last) }
}

#[test]
fn a_cluster_without_brokers_is_an_error_after_max_block() {
    let mut world = World::new().topic("orders", 1);
    let brokers = std::mem::take(&mut world.cluster.brokers);
    let ticket = world.send("orders", None, "v");
    let cause = no_metadata(ErrorCode::BROKER_NOT_AVAILABLE);
    assert_ends(&mut world, ticket, cause, 60_000);
    world.cluster.brokers = brokers;
    world.send("orders", None, "v");
    world.run_until_idle();
    assert_eq!(world.account.count(Outcome::Written), 1);
    world.finish();
}

#[test]
fn a_cluster_that_loses_its_brokers_keeps_those_it_had() {
    let mut world = World::new().topic("orders", 1);
    world.send("orders", None, "first");
    world.run_until_idle();
    let brokers = std::mem::take(&mut world.cluster.brokers);
    world.handle("another");
    world.run_for(10_000);
    world.send("orders", None, "v");
    run_calmly(&mut world);
    assert_eq!(world.account.count(Outcome::Written), 2);
    world.cluster.brokers = brokers;
    world.finish();
}

#[test]
fn brokers_whose_names_lead_nowhere_are_named_and_their_records_end_in_time() {
    for name in [
        Name::Fails(ResolveError::NotFound),
        Name::Fails(ResolveError::Denied),
        Name::Addresses(Vec::new()),
    ] {
        let mut world = World::new()
            .topic("orders", 1)
            .config("delivery.timeout.ms", "40000");
        // The bootstrap address leads to the broker that calls itself something else.
        world.cluster.brokers.insert(1, ("nowhere".into(), 9092));
        world.network.names.insert("nowhere".into(), name);
        let ticket = world.send("orders", None, "v");
        let cause = Cause::DeliveryTimeout { last: None };
        assert_ends(&mut world, ticket, cause, 40_000);
        let failure = &world.failures.last().unwrap().1;
        assert_eq!(failure.host, "nowhere");
        let is_unresolved = matches!(failure.reason, DisconnectReason::Unresolved(_));
        assert!(is_unresolved, "{:?}", failure.reason);
        world.finish();
    }
}

#[test]
fn addresses_that_are_none_are_no_brokers() {
    // A negative id must not take the place of a bootstrap address.
    for (id, host) in [
        (-1, "evil"),
        (i32::MIN, "evil"),
        (1, ""),
        (i32::MAX, "evil"),
    ] {
        let mut world = World::new()
            .topic("orders", 1)
            .config("max.block.ms", "20000");
        let old = world.cluster.brokers.remove(&1).unwrap();
        world.cluster.brokers.insert(id, (host.into(), 9092));
        world.send("orders", None, "v");
        world.run_for(3_000);
        world.cluster.brokers.clear();
        world.cluster.brokers.insert(1, old);
        run_calmly(&mut world);
        assert_eq!(
            world.account.count(Outcome::Written),
            1,
            "{}",
            world.story()
        );
        world.finish();
    }
}

#[test]
fn a_partition_without_a_leader_ends_its_records_in_time() {
    let mut world = World::new()
        .topic("orders", 2)
        .config("delivery.timeout.ms", "40000");
    world.cluster.partition("orders", 1).leader = None;
    let ticket = world.send_to("orders", 1, "v");
    let last = Some(ErrorCode::LEADER_NOT_AVAILABLE);
    let cause = Cause::DeliveryTimeout { last };
    assert_ends(&mut world, ticket, cause, 40_000);
    world.finish();
}

#[test]
fn a_topic_without_any_leader_and_one_led_by_nobody_known_end_in_time() {
    for leader in [None, Some(7), Some(i32::MAX)] {
        let mut world = World::new()
            .topic("orders", 1)
            .config("delivery.timeout.ms", "40000");
        world.cluster.partition("orders", 0).leader = leader;
        let ticket = world.send("orders", None, "v");
        let last = Some(ErrorCode::LEADER_NOT_AVAILABLE);
        let cause = Cause::DeliveryTimeout { last };
        assert_ends(&mut world, ticket, cause, 40_000);
        world.finish();
    }
}

#[test]
fn absurd_versions_are_an_error_that_names_the_api_or_are_used_as_far_as_they_go() {
    const RANGES: [(i16, i16); 9] = [
        (5, 3),
        (i16::MAX, i16::MIN),
        (-5, -1),
        (-1, 0),
        (i16::MIN, 2),
        (i16::MAX, i16::MAX),
        (100, 200),
        (i16::MIN, i16::MAX),
        (0, i16::MAX),
    ];
    for api in [PRODUCE, METADATA, INIT_PRODUCER_ID, API_VERSIONS] {
        for (min, max) in RANGES {
            let mut world = World::new()
                .topic("orders", 1)
                .config("max.block.ms", "10000");
            world.cluster.versions.insert(api, (min, max));
            let ticket = world.send("orders", None, "v");
            run_calmly(&mut world);
            // What is advertised about ApiVersions itself comes too late to matter.
            let lowest = if api == METADATA { 4 } else { 3 };
            let is_usable = match api {
                API_VERSIONS => true,
                INIT_PRODUCER_ID => min <= 0 && max >= 0 || (min <= max && min <= 5 && max >= 0),
                _ => min <= max && max >= lowest && min <= 13,
            };
            let fortune = world.account.fortune(ticket);
            if is_usable {
                assert_eq!(fortune.outcome, Outcome::Written, "api {api} {min}-{max}");
            } else {
                let cause = Some(Cause::NoMetadata { last: None });
                assert_eq!(fortune.cause, cause, "api {api} {min}-{max}");
                let reason = DisconnectReason::UnsupportedVersion { api_key: api };
                assert!(world.failures.iter().all(|(_, f)| f.reason == reason));
                assert!(!world.failures.is_empty());
            }
            world.finish();
        }
    }
}
