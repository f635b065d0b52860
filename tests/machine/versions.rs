//! Brokers of every generation: which versions are agreed on, and what is done when none is.

use crate::broker::{API_VERSIONS, INIT_PRODUCER_ID, METADATA, PRODUCE};
use crate::faults::ApiVersionsMood;
use crate::world::World;
use odradek::{DisconnectReason, ErrorCode, Outcome};

fn orders() -> World {
    World::new().topic("orders", 1)
}

/// One record goes through.
fn assert_works(world: &mut World) {
    let ticket = world.send("orders", None, "v");
    world.run_until_idle();
    let outcome = world.account.fortune(ticket).outcome;
    assert_eq!(outcome, Outcome::Written, "{}", world.story());
}

fn reasons(world: &World) -> Vec<DisconnectReason> {
    let failures = world.failures.iter();
    failures.map(|(_, failure)| failure.reason).collect()
}

#[test]
fn old_brokers_that_know_a_lower_api_versions_are_understood() {
    for max in 0..=3 {
        let mut world = orders();
        world.cluster.api_versions = ApiVersionsMood::Below(max);
        assert_works(&mut world);
        let seen = world
            .cluster
            .seen
            .iter()
            .filter(|seen| seen.api == API_VERSIONS);
        assert_eq!(
            seen.map(|seen| seen.version).collect::<Vec<i16>>(),
            [4, max]
        );
        assert!(world.failures.is_empty());
        world.finish();
    }
}

#[test]
fn error_35_with_a_body_that_makes_no_sense_leads_to_version_0() {
    for body in [
        &[0, 35][..],
        // A compact body where one of version 0 is due, as librdkafka's mock cluster sends it.
        &[0, 35, 1, 0, 0x12, 0, 0, 0, 2, 0, 0, 0],
        &[0, 35, 0xff, 0xff, 0xff, 0xff],
    ] {
        let mut world = orders();
        world.cluster.api_versions = ApiVersionsMood::Body(body.to_vec());
        assert_works(&mut world);
        let seen = world
            .cluster
            .seen
            .iter()
            .filter(|seen| seen.api == API_VERSIONS);
        assert_eq!(seen.map(|seen| seen.version).collect::<Vec<i16>>(), [4, 0]);
        world.finish();
    }
}

#[test]
fn a_broker_that_refuses_every_api_versions_is_given_up_with_its_code() {
    for code in [
        ErrorCode::UNSUPPORTED_VERSION,
        ErrorCode::CLUSTER_AUTHORIZATION_FAILED,
    ] {
        let mut world = orders();
        world.cluster.api_versions = ApiVersionsMood::Error(code);
        world.handle("orders");
        world.run_for(30_000);
        assert!(
            reasons(&world)
                .iter()
                .all(|r| *r == DisconnectReason::Rejected(code))
        );
        let count = world.failures.len();
        assert!((20..80).contains(&count), "{count} attempts in 30 s");
        world.cluster.api_versions = ApiVersionsMood::Well;
        assert_works(&mut world);
        world.finish();
    }
}

#[test]
fn a_produce_minimum_below_3_is_not_believed() {
    let mut world = orders();
    world.cluster.versions.insert(PRODUCE, (0, 9));
    assert_works(&mut world);
    let seen = world.cluster.seen.iter().find(|seen| seen.api == PRODUCE);
    assert_eq!(seen.unwrap().version, 9);
    world.finish();
}

#[test]
fn every_generation_of_brokers_is_served() {
    for produce in 3..=13 {
        for metadata in 4..=13 {
            let mut world = orders();
            world.cluster.versions.insert(PRODUCE, (0, produce));
            world.cluster.versions.insert(METADATA, (0, metadata));
            world
                .cluster
                .versions
                .insert(INIT_PRODUCER_ID, (0, metadata / 3));
            assert_works(&mut world);
            world.finish();
        }
    }
}

#[test]
fn a_broker_without_an_api_that_is_needed_is_named_with_it() {
    for (api, versions) in [
        (METADATA, None),
        (PRODUCE, None),
        (INIT_PRODUCER_ID, None),
        (PRODUCE, Some((0, 2))),
        (METADATA, Some((14, 20))),
    ] {
        let mut world = orders().config("max.block.ms", "5000");
        match versions {
            None => world.cluster.versions.remove(&api),
            Some(range) => world.cluster.versions.insert(api, range),
        };
        let ticket = world.send("orders", None, "v");
        world.run_until_idle();
        let reason = DisconnectReason::UnsupportedVersion { api_key: api };
        assert!(
            reasons(&world).iter().all(|r| *r == reason),
            "{:?}",
            reasons(&world)
        );
        assert!((5..40).contains(&world.failures.len()));
        assert_eq!(world.account.fortune(ticket).outcome, Outcome::NotWritten);
        world.finish();
    }
}

#[test]
fn a_broker_without_producer_ids_serves_producers_that_need_none() {
    let mut world = orders().config("enable.idempotence", "false");
    world.cluster.versions.remove(&INIT_PRODUCER_ID);
    assert_works(&mut world);
    assert!(
        world
            .cluster
            .seen
            .iter()
            .all(|seen| seen.api != INIT_PRODUCER_ID)
    );
    world.finish();
}
