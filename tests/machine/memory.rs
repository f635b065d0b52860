//! The budget: what is counted, who is refused, and when room is announced.

use crate::faults::Fate;
use crate::world::World;
use odradek::{Outcome, SendError};

const MEMORY: u64 = 100_000;

fn small(acks: &str) -> World {
    ready(World::new(), acks)
}

fn ready(world: World, acks: &str) -> World {
    let mut world = world
        .topic("orders", 1)
        .config("buffer.memory", &MEMORY.to_string())
        .config("acks", acks)
        .config("linger.ms", "1000");
    world.handle("orders");
    world.run_for(50);
    world
}

/// Sends until the buffer is full; says how many records went in.
fn fill(world: &mut World, topic: &str, size: usize) -> usize {
    for count in 0.. {
        match world.try_send(topic, None, None, &vec![7; size]) {
            Ok(_) => {}
            Err(SendError::BufferFull { needed, free }) => {
                assert!(needed > free, "refused although there is room");
                return count;
            }
            Err(error) => panic!("{error}"),
        }
        assert!(world.held() <= MEMORY);
    }
    unreachable!()
}

#[test]
fn a_full_buffer_refuses_then_announces_room_once_and_goes_on() {
    let mut world = small("all");
    let count = fill(&mut world, "orders", 1000);
    assert!(count > 70, "only {count} records of 1000 bytes in {MEMORY}");
    assert!(world.try_send("orders", None, None, &[7; 1000]).is_err());
    world.run_until_idle();
    assert_eq!(
        world.relief.len(),
        1,
        "one announcement for one period of refusal"
    );
    assert_eq!(world.account.count(Outcome::Written), count);
    assert_eq!(world.held(), 0);
    assert!(fill(&mut world, "orders", 1000) > 70);
    world.run_until_idle();
    assert_eq!(world.relief.len(), 2);
    world.finish();
}

#[test]
fn room_is_announced_when_the_refused_record_fits_and_not_before() {
    let mut world = small("all");
    world.cluster.faults.always = Some(Fate::Slow(1000));
    world.try_send("orders", None, None, &[7; 50_000]).unwrap();
    let large = world.try_send("orders", None, None, &[7; 60_000]);
    assert!(matches!(large, Err(SendError::BufferFull { .. })));
    world.run_for(900);
    assert!(
        world.relief.is_empty(),
        "announced although the record still does not fit"
    );
    world.run_for(1000);
    assert_eq!(world.relief.len(), 1);
    world.try_send("orders", None, None, &[7; 60_000]).unwrap();
    world.run_until_idle();
    world.finish();
}

#[test]
fn a_full_buffer_makes_open_batches_leave_before_linger() {
    let mut world = small("all");
    let count = fill(&mut world, "orders", 100);
    world.run_for(100);
    assert_eq!(world.account.fortunes.len(), count);
    world.finish();
}

#[test]
fn an_expired_batch_holds_its_memory_until_the_transport_lets_go() {
    for acks in ["all", "0"] {
        let mut world = World::new()
            .topic("orders", 1)
            .config("acks", acks)
            .config("delivery.timeout.ms", "3000")
            .config("request.timeout.ms", "2990")
            .config("linger.ms", "0");
        world.handle("orders");
        world.run_for(50);
        // The request goes out late, so that its timeout comes after the expiry.
        world.set_listening(1, false);
        world.cut(1);
        world.run_for(10);
        world.network.holds_transmitted = true;
        world.cluster.faults.always = Some(Fate::NeverAnswer);
        world
            .try_send("orders", Some(0), None, &[7; 10_000])
            .unwrap();
        world.run_for(600);
        world.set_listening(1, true);
        assert!(world.run_until(5000, |world| world.account.open() == 0));
        let fortune = world.account.fortunes[&0];
        assert_eq!(
            fortune.outcome,
            Outcome::PossiblyWritten,
            "{}",
            world.story()
        );
        assert!(world.held() >= 10_000, "acks={acks}: held {}", world.held());
        world.network.holds_transmitted = false;
        world.cluster.faults.heal();
        world.cut(1);
        world.run_for(10);
        assert_eq!(world.held(), 0);
        world.finish();
    }
}

#[test]
fn each_expired_batch_holds_its_memory_as_long_as_its_own_request() {
    let mut world = World::new()
        .brokers(2)
        .topic("orders", 2)
        .config("delivery.timeout.ms", "3000")
        .config("request.timeout.ms", "2990")
        .config("linger.ms", "0");
    world.handle("orders");
    world.run_for(50);
    // The requests go out late, so that their timeouts come after the expiry.
    for broker in [1, 2] {
        world.set_listening(broker, false);
        world.cut(broker);
    }
    world.run_for(10);
    world.network.holds_transmitted = true;
    world.cluster.faults.always = Some(Fate::NeverAnswer);
    for partition in [0, 1] {
        let sent = world.try_send("orders", Some(partition), None, &[7; 10_000]);
        sent.unwrap();
    }
    world.run_for(600);
    for broker in [1, 2] {
        world.set_listening(broker, true);
    }
    assert!(world.run_until(5000, |world| world.account.open() == 0));
    let both = world.held();
    assert!(both >= 20_000, "held {both}");
    world.network.holds_transmitted = false;
    world.cluster.faults.heal();
    world.cut(1);
    world.run_for(10);
    let one = world.held();
    assert!((10_000..20_000).contains(&one), "held {one} of {both}");
    world.cut(2);
    world.run_for(10);
    assert_eq!(world.held(), 0);
    world.finish();
}

#[test]
fn a_record_larger_than_the_buffer_is_refused_alone() {
    let mut world = small("all");
    let refused = world.try_send("orders", None, None, &[7; 100_000]);
    let Err(SendError::RecordTooLarge { size, limit, key }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!((limit, key), (MEMORY, "buffer.memory"));
    assert!(size > 100_000);
    assert!(world.try_send("orders", None, None, &[7; 99_000]).is_ok());
    world.run_until_idle();
    world.finish();
}

#[test]
fn the_largest_record_that_is_not_refused_for_good_can_be_sent() {
    let mut world = small("all");
    let mut size = 99_000;
    while !matches!(
        world.try_send("orders", None, None, &vec![7; size + 1]),
        Err(SendError::RecordTooLarge { .. })
    ) {
        world.run_until_idle();
        size += 1;
    }
    assert!(world.held() == 0 && size > 99_400, "{size}");
    world
        .try_send("orders", None, None, &vec![7; size])
        .unwrap();
    world.run_until_idle();
    world.finish();
}

#[test]
fn records_that_wait_for_their_topic_are_counted_and_refused() {
    let mut world = small("all").topic("later", 1);
    world.cluster.topics.get_mut("later").unwrap().unknown_for = 4;
    world.handle("later");
    world.run_for(20);
    let count = fill(&mut world, "later", 500);
    assert!(count > 120, "{count}");
    world.run_until_idle();
    assert_eq!(world.account.count(Outcome::Written), count);
    let numbers = world.cluster.partition("later", 0).log.numbers();
    assert!(numbers.is_sorted() && numbers.len() == count);
    assert_eq!(world.held(), 0);
    world.finish();
}

#[test]
fn a_buffer_of_any_size_takes_records_of_any_size_in_the_end() {
    for acks in ["all", "1", "0"] {
        let mut world = small(acks).topic("other", 5);
        for i in 0..400usize {
            let size = (i * 7919) % 30_000;
            let topic = ["orders", "other"][i % 2];
            let mut tries = 0;
            while world.try_send(topic, None, None, &vec![7; size]).is_err() {
                let seen = world.relief.len();
                let came = world.run_until(10_000, |world| world.relief.len() > seen);
                assert!(came, "no announcement\n{}", world.story());
                tries += 1;
                assert!(tries < 10, "announced in vain");
            }
        }
        world.run_until_idle();
        assert_eq!(world.held(), 0);
        world.finish();
    }
}

#[test]
fn nothing_waits_for_company_when_the_buffer_is_nearly_full() {
    let mut world = small("all");
    let before = world.now;
    // Never refused: a caller that looks at the free bytes stops before that.
    while world.held() < MEMORY * 9 / 10 {
        world.send("orders", None, &"x".repeat(1000));
    }
    world.run_for(100);
    assert_eq!(world.held(), 0, "all of it left long before linger.ms");
    assert!(world.now - before < 1000 * crate::world::MS);
    world.finish();
}

/// Somebody waits for room for a record that is never offered, as in a host that offers only what fits.
#[test]
fn linger_ends_when_somebody_waits_for_room_that_nothing_else_will_make() {
    let mut world = ready(World::new().config("batch.size", "90000"), "all");
    world.try_send("orders", None, None, &[7; 50_000]).unwrap();
    world.run_for(100);
    assert!(world.cluster.attempts.is_empty());
    world.producer().want_room(60_000);
    let before = world.now;
    world.run_until(60_000, |world| !world.relief.is_empty());
    assert!(
        world.now - before < 10 * crate::world::MS,
        "{}",
        world.story()
    );
    assert_eq!(world.account.count(Outcome::Written), 1);
    world.finish();
}

#[test]
fn batches_go_on_filling_while_something_that_is_out_will_make_room() {
    let mut world = small("all").topic("other", 1);
    world.handle("other");
    world.run_for(50);
    world.cluster.faults.always = Some(Fate::Slow(500));
    world.try_send("orders", None, None, &[7; 50_000]).unwrap();
    world.run_until(2000, |world| !world.cluster.attempts.is_empty());
    world.try_send("other", None, None, &[7; 5_000]).unwrap();
    world.producer().want_room(60_000);
    world.run_until(60_000, |world| !world.relief.is_empty());
    assert_eq!(world.account.count(Outcome::Written), 1);
    world.run_for(200);
    let attempts = world.cluster.attempts.len();
    assert_eq!(attempts, 1, "the small batch left without need");
    world.run_until_idle();
    world.finish();
}

#[test]
fn whoever_waits_for_room_that_is_there_hears_so_at_once() {
    let mut world = small("all");
    world.producer().want_room(60_000);
    world.run_for(1);
    assert_eq!(world.relief.len(), 1);
    world.finish();
}
