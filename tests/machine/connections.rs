//! Names, addresses, attempts, back-off, and what is done about brokers that misbehave.

use crate::broker::{API_VERSIONS, INIT_PRODUCER_ID, METADATA, PRODUCE};
use crate::faults::Fate;
use crate::network::{Behind, Name};
use crate::world::{MS, World, address_of};
use odradek::wire::WireErrorKind;
use odradek::{DisconnectReason, Outcome, ResolveError};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

fn orders() -> World {
    World::new().topic("orders", 1)
}

/// One record goes through.
fn assert_works(world: &mut World) {
    let ticket = world.send("orders", None, "v");
    world.run_until_idle();
    assert_eq!(
        world.account.fortune(ticket).outcome,
        Outcome::Written,
        "{}",
        world.story()
    );
}

fn reasons(world: &World) -> Vec<DisconnectReason> {
    world
        .failures
        .iter()
        .map(|(_, failure)| failure.reason)
        .collect()
}

fn listen(world: &mut World, name: &str, addresses: &[(u8, Behind)]) {
    let ip = |last: u8| IpAddr::V4(Ipv4Addr::new(10, 1, 0, last));
    let list = addresses.iter().map(|(last, _)| ip(*last)).collect();
    world
        .network
        .names
        .insert(name.to_owned(), Name::Addresses(list));
    for (last, behind) in addresses {
        world
            .network
            .behind
            .insert(SocketAddr::new(ip(*last), 9092), *behind);
    }
}

#[test]
fn dead_entries_of_the_bootstrap_list_are_passed_over() {
    for seed in 0..10 {
        let list = "dead-1:9092,10.9.9.9:1,dead-2:9092,unknown:9092,broker-1:9092";
        let mut world = orders().seed(seed).config("bootstrap.servers", list);
        listen(&mut world, "dead-1", &[(1, Behind::Refuses)]);
        listen(
            &mut world,
            "dead-2",
            &[(2, Behind::Refuses), (3, Behind::Refuses)],
        );
        assert_works(&mut world);
        assert!(world.now < 5_000 * MS);
        world.finish();
    }
}

#[test]
fn every_address_of_a_name_is_tried_in_order_without_back_off_in_between() {
    let mut world = orders();
    let addresses = [
        (1, Behind::Refuses),
        (2, Behind::Refuses),
        (3, Behind::Broker(1)),
    ];
    listen(&mut world, "broker-1", &addresses);
    assert_works(&mut world);
    let tried: Vec<u8> = world
        .connects
        .iter()
        .map(|(_, address)| {
            if let IpAddr::V4(ip) = address.ip() {
                ip.octets()[3]
            } else {
                0
            }
        })
        .collect();
    assert_eq!(tried, [1, 2, 3]);
    assert!(world.connects[2].0 - world.connects[0].0 < 10 * MS);
    assert_eq!(reasons(&world), [DisconnectReason::Refused; 2]);
    assert!(
        world
            .failures
            .iter()
            .all(|(_, f)| f.address.is_some() && !f.was_ready)
    );
    world.finish();
}

#[test]
fn an_ip_address_needs_no_resolution() {
    let mut world = orders().config("bootstrap.servers", "10.0.0.1:9092");
    world.cluster.brokers.insert(1, ("10.0.0.1".into(), 9092));
    assert_works(&mut world);
    assert!(world.resolves.is_empty());
    world.finish();
}

#[test]
fn a_name_that_cannot_be_resolved_is_named_and_tried_again() {
    for (name, reason) in [
        (Name::Fails(ResolveError::NotFound), ResolveError::NotFound),
        (Name::Fails(ResolveError::Denied), ResolveError::Denied),
        (Name::Addresses(Vec::new()), ResolveError::NotFound),
        (Name::NeverAnswers, ResolveError::Unavailable),
    ] {
        let mut world = orders();
        let healthy = world.network.names.insert("broker-1".into(), name);
        world.handle("orders");
        world.run_until(30_000, |world| !world.failures.is_empty());
        let failure = &world.failures[0].1;
        assert_eq!(failure.reason, DisconnectReason::Unresolved(reason));
        assert_eq!((failure.host.as_str(), failure.address), ("broker-1", None));
        world
            .network
            .names
            .insert("broker-1".into(), healthy.unwrap());
        assert_works(&mut world);
        world.finish();
    }
}

#[test]
fn attempts_at_a_dead_broker_back_off_with_jitter_up_to_the_maximum() {
    let mut world = orders();
    world.set_listening(1, false);
    world.handle("orders");
    world.run_for(60_000);
    let gaps: Vec<u64> = world
        .connects
        .windows(2)
        .map(|w| (w[1].0 - w[0].0) / MS)
        .collect();
    assert!(
        (50 * 8 / 10..=50 * 12 / 10 + 3).contains(&gaps[0]),
        "{gaps:?}"
    );
    assert!(gaps.iter().all(|gap| *gap <= 1003), "{gaps:?}");
    let late = &gaps[8..];
    assert!(late.iter().all(|gap| *gap >= 800), "{gaps:?}");
    assert!(world.connects.len() < 80);
    world.set_listening(1, true);
    assert_works(&mut world);
    world.finish();
}

#[test]
fn different_seeds_back_off_differently() {
    let connects = |seed| {
        let mut world = orders().seed(seed);
        world.set_listening(1, false);
        world.handle("orders");
        world.run_for(5000);
        world
            .connects
            .iter()
            .map(|(at, _)| *at)
            .collect::<Vec<u64>>()
    };
    assert_ne!(connects(1), connects(2));
    assert_eq!(connects(3), connects(3));
}

#[test]
fn the_set_up_timeout_grows_with_every_failed_round() {
    let mut world = orders().config("socket.connection.setup.timeout.ms", "1000");
    let mut world = {
        world = world.config("socket.connection.setup.timeout.max.ms", "5000");
        world
    };
    let address = SocketAddr::new(address_of(1), 9092);
    world.network.behind.insert(address, Behind::Hole);
    world.handle("orders");
    world.run_for(60_000);
    assert!(
        reasons(&world)
            .iter()
            .all(|r| *r == DisconnectReason::SetupTimedOut)
    );
    let took: Vec<u128> = world
        .failures
        .iter()
        .map(|(_, f)| f.after.as_millis())
        .collect();
    assert!((800..=1201).contains(&took[0]), "{took:?}");
    assert!((1600..=2401).contains(&took[1]), "{took:?}");
    assert!(
        took[4..].iter().all(|ms| (4000..=5001).contains(ms)),
        "{took:?}"
    );
    world.network.behind.insert(address, Behind::Broker(1));
    assert_works(&mut world);
    world.finish();
}

#[test]
fn a_request_without_an_answer_closes_the_connection() {
    for api in [API_VERSIONS, METADATA, INIT_PRODUCER_ID, PRODUCE] {
        let mut world = orders().config("request.timeout.ms", "2000");
        world.cluster.faults.fate(api, &[Fate::NeverAnswer]);
        assert_works(&mut world);
        assert_eq!(
            reasons(&world),
            [DisconnectReason::RequestTimedOut],
            "api {api}"
        );
        let after = world.failures[0].1.after.as_millis();
        assert!((2000..2100).contains(&after), "api {api}: {after} ms");
        world.finish();
    }
}

#[test]
fn a_connection_that_is_cut_anywhere_is_made_again() {
    for api in [API_VERSIONS, METADATA, INIT_PRODUCER_ID, PRODUCE] {
        for fate in [Fate::ResetBefore, Fate::LoseResponse, Fate::CutResponse(11)] {
            let mut world = orders();
            world.cluster.faults.fate(api, &[fate]);
            assert_works(&mut world);
            assert_eq!(reasons(&world), [DisconnectReason::Reset]);
            assert!(world.now < 1000 * MS);
            world.finish();
        }
    }
}

#[test]
fn a_wrong_correlation_id_ends_the_connection_and_nothing_else() {
    for api in [API_VERSIONS, METADATA, INIT_PRODUCER_ID, PRODUCE] {
        let mut world = orders();
        world.cluster.faults.fate(api, &[Fate::WrongCorrelationId]);
        assert_works(&mut world);
        let [DisconnectReason::Malformed(error)] = reasons(&world)[..] else {
            panic!("api {api}: {:?}", reasons(&world));
        };
        assert_eq!(error.kind, WireErrorKind::WrongCorrelationId);
        world.finish();
    }
}

#[test]
fn garbage_ends_the_connection_with_the_reason_and_the_next_attempt_backs_off() {
    for api in [API_VERSIONS, METADATA, INIT_PRODUCER_ID, PRODUCE] {
        for garbage in [
            vec![0xff; 64],
            vec![0x7f, 0xff, 0xff, 0xff, 1, 2, 3],
            vec![0, 0, 0, 2, 9, 9],
            b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        ] {
            let mut world = orders();
            world.cluster.faults.fate(api, &[Fate::Bytes(garbage)]);
            assert_works(&mut world);
            assert!(matches!(
                reasons(&world)[..],
                [DisconnectReason::Malformed(_)]
            ));
            let failed_at = world.failures[0].0;
            let next = world
                .connects
                .iter()
                .find(|(at, _)| *at >= failed_at)
                .unwrap()
                .0;
            assert!(next - failed_at >= 40 * MS, "no back-off after garbage");
            world.finish();
        }
    }
}

#[test]
fn bytes_that_nobody_asked_for_end_the_connection() {
    let mut world = orders();
    assert_works(&mut world);
    let connection = *world.network.streams.keys().next().unwrap();
    let answer = [0, 0, 0, 4, 0, 0, 0, 9];
    world.network.deliver(connection, world.now, &answer);
    world.run_for(10);
    let [DisconnectReason::Malformed(error)] = reasons(&world)[..] else {
        panic!("{:?}", reasons(&world));
    };
    assert_eq!(error.kind, WireErrorKind::Unasked);
    assert_works(&mut world);
    world.finish();
}

#[test]
fn responses_may_arrive_byte_by_byte() {
    let mut world = orders();
    world.network.is_dripping = true;
    for _ in 0..20 {
        world.send("orders", None, "v");
        world.run_for(3);
    }
    world.run_until_idle();
    assert_eq!(world.account.count(Outcome::Written), 20);
    assert!(world.failures.is_empty());
    world.finish();
}

#[test]
fn the_connection_to_a_bootstrap_address_becomes_that_of_the_broker() {
    let mut world = World::new().brokers(3).topic("orders", 3);
    for i in 0..30 {
        world.send_to("orders", i % 3, "v");
    }
    world.run_until_idle();
    assert_eq!(world.connects.len(), 3, "{:?}", world.connects);
    world.finish();
}

#[test]
fn after_an_outage_there_is_again_one_connection_to_a_broker() {
    let mut world = World::new().brokers(2).topic("orders", 2);
    for i in 0..2 {
        world.send_to("orders", i, "v");
    }
    world.run_until_idle();
    for broker in 1..=2 {
        world.set_listening(broker, false);
        world.cut(broker);
    }
    for i in 0..2 {
        world.send_to("orders", i, "v");
    }
    world.run_for(3000);
    for broker in 1..=2 {
        world.set_listening(broker, true);
    }
    world.run_until_idle();
    world.run_for(5000);
    for broker in 1..=2 {
        let streams = world.network.streams.values();
        let count = streams.filter(|stream| stream.broker == broker).count();
        assert_eq!(count, 1, "broker {broker}\n{}", world.story());
    }
    world.finish();
}

#[test]
fn a_throttled_connection_is_silent_for_as_long_as_it_is_asked_to_be() {
    for api in [METADATA, INIT_PRODUCER_ID, PRODUCE] {
        let mut world = orders();
        world.cluster.faults.fate(api, &[Fate::Throttle(3000)]);
        world.send("orders", None, "v");
        let seen = |world: &World| world.cluster.seen.iter().any(|seen| seen.api == api);
        assert!(world.run_until(1000, seen));
        world.run_for(2);
        let count = world.cluster.seen.len();
        let (connects, muted_at) = (world.connects.len(), world.now);
        world.send("orders", None, "v");
        world.handle("another");
        world.run_for(2900);
        assert_eq!(
            world.cluster.seen.len(),
            count,
            "api {api}\n{}",
            world.story()
        );
        assert_eq!(
            world.connects.len(),
            connects,
            "looks for a way around\n{}",
            world.story()
        );
        world.run_until_idle();
        assert!(world.now - muted_at < 3500 * MS);
        world.finish();
    }
}
