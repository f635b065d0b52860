//! A peer that sends anything at any point of a session: nothing panics, nothing hangs, every record is
//! accounted for, and the producer recovers as soon as the brokers behave.

use crate::hostility::Hostility;
use crate::leader_hints::Hints;
use crate::world::{MS, World};
use odradek::{DisconnectReason, Outcome};

const MEMORY: u64 = 100_000;

/// A session with brokers that mangle responses for some seconds.
fn session(seed: u64, per_mille: u64, lies: bool) -> World {
    let acks = ["all", "all", "1", "0"][seed as usize % 4];
    let mut world = World::new()
        .brokers(2)
        .topic("orders", 3)
        .seed(seed)
        .config("acks", acks)
        .config("bootstrap.servers", "broker-1:9092,broker-2:9092")
        .config("buffer.memory", &MEMORY.to_string())
        .config("receive.message.max.bytes", "10000")
        .config("request.timeout.ms", "1000")
        .config("delivery.timeout.ms", "8000")
        .config("max.block.ms", "8000");
    world.is_tracing = false;
    // What such brokers say about offsets proves nothing.
    world.account.is_lenient = true;
    world.network.is_dripping = seed.is_multiple_of(7);
    world.hostility = Some(Hostility::new(seed, per_mille, lies));
    world.cluster.hints = [Hints::None, Hints::Told, Hints::WithoutEndpoint][seed as usize % 3];
    for i in 0..12 {
        if i % 4 == 3 {
            // What is mangled then are answers that name another leader.
            let partition = world.cluster.partition("orders", i % 3);
            partition.leader = Some(1 + i % 2);
            partition.epoch += 1;
        }
        let _ = world.try_send("orders", None, None, format!("value {i}").as_bytes());
        let pause = world.hostility.as_mut().map_or(0, |dice| dice.below(120));
        world.run_for(pause);
        assert!(world.held() <= MEMORY + 1000, "{} held", world.held());
    }
    world
}

#[test]
fn malformed_responses_cost_a_connection_and_nothing_else() {
    let (mut mangled, mut malformed) = (0, 0);
    for seed in 0..1400 {
        let mut world = session(seed, 300, false);
        mangled += world.hostility.take().map_or(0, |dice| dice.mangled);
        let before = world.now;
        let ticket = world
            .try_send("orders", None, None, b"last")
            .expect("it goes on");
        world.run_until_idle();
        let outcome = world.account.fortune(ticket).outcome;
        let is_unacknowledged = seed % 4 == 3;
        let expected = if is_unacknowledged {
            Outcome::PossiblyWritten
        } else {
            Outcome::Written
        };
        assert_eq!(
            outcome,
            expected,
            "seed {seed}: {:?}",
            world.account.fortune(ticket)
        );
        assert!(world.now - before < 9_000 * MS, "seed {seed}");
        assert!(
            world.connects.len() < 60,
            "seed {seed}: {} connects",
            world.connects.len()
        );
        malformed += world
            .failures
            .iter()
            .filter(|(_, f)| matches!(f.reason, DisconnectReason::Malformed(_)))
            .count();
        world.finish();
    }
    assert!(
        mangled > 2000 && malformed > mangled / 4,
        "{malformed} of {mangled} malformed"
    );
}

#[test]
fn responses_that_lie_leave_every_record_with_one_outcome() {
    let mut mangled = 0;
    for seed in 10_000..11_000 {
        let mut world = session(seed, 400, true);
        mangled += world.hostility.take().map_or(0, |dice| dice.mangled);
        world.run_for(20_000);
        world.finish();
    }
    assert!(mangled > 2000, "{mangled}");
}

#[test]
fn a_peer_that_only_ever_sends_garbage_is_tried_again_with_back_off() {
    for seed in 0..100 {
        let mut world = session(seed, 1000, false);
        world.run_for(20_000);
        assert_eq!(world.account.open(), 0, "seed {seed}");
        assert!(
            world.connects.len() < 120,
            "seed {seed}: {}",
            world.connects.len()
        );
        world.finish();
    }
}
