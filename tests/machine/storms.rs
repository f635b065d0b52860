//! Seeded storms: honest brokers behind a network and a cluster that fail at random.
//!
//! A failing seed becomes a named test elsewhere. The full size:
//! `ODRADEK_STORMS=20000 cargo test --release -p odradek --test machine storms`.

use crate::broker::{INIT_PRODUCER_ID, METADATA, PRODUCE};
use crate::faults::{Answer, Fate};
use crate::hostility::Hostility;
use crate::partition_log::{LogRecord, UnknownProducer};
use crate::rules::Refuses;
use crate::world::{MS, World};
use odradek::{ErrorCode, Outcome};

const BROKERS: i32 = 3;
const PARTITIONS: i32 = 4;

/// How many seeds each test takes.
fn storms() -> u64 {
    let asked = std::env::var("ODRADEK_STORMS").ok();
    asked.and_then(|count| count.parse().ok()).unwrap_or(600)
}

/// What may go wrong besides what is always survived.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weather {
    /// Only what retries make good: every record must be written.
    Survivable,
    /// Batches are refused and expire as well.
    Severe,
}

fn pick<T: Clone>(dice: &mut Hostility, list: &[T]) -> T {
    list[dice.below(list.len() as u64) as usize].clone()
}

fn world(seed: u64, weather: Weather, dice: &mut Hostility) -> World {
    let severe = weather == Weather::Severe;
    let (delivery, request) = if severe {
        ("6000", "1500")
    } else {
        ("600000", "1500")
    };
    let mut world = World::new()
        .brokers(BROKERS)
        .topic("orders", PARTITIONS)
        .seed(seed)
        .config(
            "bootstrap.servers",
            "broker-1:9092,broker-2:9092,broker-3:9092",
        )
        .config("delivery.timeout.ms", delivery)
        .config("request.timeout.ms", request)
        .config("max.block.ms", delivery)
        .config("batch.size", pick(dice, &["0", "200", "1000"]))
        .config("linger.ms", pick(dice, &["0", "5", "50"]))
        .config(
            "compression.type",
            pick(dice, &["none", "gzip", "snappy", "lz4", "zstd"]),
        )
        .config("max.request.size", pick(dice, &["2000", "1048576"]));
    world.is_tracing = false;
    world.network.is_dripping = dice.below(5) == 0;
    world.network.latency = 1 + dice.below(20 * MS);
    if dice.below(2) == 0 {
        world.cluster.unknown_producer = UnknownProducer::Accept;
        let before_the_wrap = dice.below(60) as i32;
        world
            .producer()
            .start_sequences_at(i32::MAX - before_the_wrap);
    }
    // Two epochs are left, or all of them.
    world.cluster.first_epoch = pick(dice, &[0, i16::MAX - 3]);
    limit_batches(&mut world, dice);
    world
}

/// Any record fits alone, most batches do not.
fn limit_batches(world: &mut World, dice: &mut Hostility) {
    let limits = [None, Some(160), Some(300), Some(700)];
    world.cluster.rules("orders").max_message_bytes = pick(dice, &limits);
}

fn trouble(world: &mut World, weather: Weather, dice: &mut Hostility) {
    let partition = dice.below(PARTITIONS as u64) as i32;
    let broker = 1 + dice.below(BROKERS as u64) as i32;
    match dice.below(10) {
        0 => {
            let led = world.cluster.partition("orders", partition);
            led.leader = Some(broker).filter(|_| dice.below(5) > 0);
            led.epoch += 1;
        }
        1 => world.cut(broker),
        2 => world.set_listening(broker, false),
        3 | 4 => {
            let fates = [
                Fate::ResetBefore,
                Fate::LoseResponse,
                Fate::CutResponse(7),
                Fate::NeverAnswer,
                Fate::Slow(dice.below(900)),
                Fate::Throttle(200),
                Fate::WrongCorrelationId,
            ];
            let api = pick(
                dice,
                &[PRODUCE, PRODUCE, PRODUCE, METADATA, INIT_PRODUCER_ID],
            );
            world.cluster.faults.fate(api, &[pick(dice, &fates)]);
        }
        5 | 6 => {
            let retriable = [
                Answer::Error(ErrorCode::NOT_ENOUGH_REPLICAS),
                Answer::Error(ErrorCode::NOT_LEADER_OR_FOLLOWER),
                Answer::ErrorAfterAppend(ErrorCode::REQUEST_TIMED_OUT),
                Answer::ErrorAfterAppend(ErrorCode::NOT_LEADER_OR_FOLLOWER),
                Answer::ErrorAfterAppend(ErrorCode::DUPLICATE_SEQUENCE_NUMBER),
                Answer::LeaveOut,
            ];
            world
                .cluster
                .faults
                .answer("orders", partition, &[pick(dice, &retriable)]);
        }
        // A limit that comes late leaves what is in doubt in doubt.
        7 if weather == Weather::Severe && dice.below(2) == 0 => limit_batches(world, dice),
        7 if weather == Weather::Severe => {
            let final_errors = [
                Answer::Error(ErrorCode::MESSAGE_TOO_LARGE),
                Answer::Error(ErrorCode::INVALID_RECORD),
                Answer::ErrorAfterAppend(ErrorCode::UNKNOWN_SERVER_ERROR),
                Answer::Error(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER),
                Answer::Error(ErrorCode::UNKNOWN_PRODUCER_ID),
                Answer::Error(ErrorCode::INVALID_PRODUCER_EPOCH),
            ];
            world
                .cluster
                .faults
                .answer("orders", partition, &[pick(dice, &final_errors)]);
        }
        8 if weather == Weather::Severe && dice.below(4) == 0 => world.purge(),
        8 if weather == Weather::Severe && dice.below(2) == 0 => {
            fn seventh(record: &LogRecord) -> Option<&'static str> {
                record
                    .number
                    .is_some_and(|n| n % 7 == 0)
                    .then_some("a seventh")
            }
            let rules: [Option<Refuses>; 2] = [None, Some(seventh)];
            world.cluster.rules("orders").refuses = pick(dice, &rules);
        }
        _ => world.set_listening(broker, true),
    }
}

fn calm(world: &mut World) {
    world.cluster.faults.heal();
    for broker in 1..=BROKERS {
        world.set_listening(broker, true);
    }
    for partition in 0..PARTITIONS {
        let led = world.cluster.partition("orders", partition);
        led.leader = led.leader.or(Some(1));
        led.epoch += 1;
    }
}

fn storm(seed: u64, weather: Weather) -> World {
    let mut dice = Hostility::new(seed, 0, false);
    let mut world = world(seed, weather, &mut dice);
    for i in 0..120 {
        let key = format!("key {}", dice.below(9));
        let key = (dice.below(2) == 0).then_some(key.as_str());
        let _ = world.try_send("orders", None, key, format!("value {i}").as_bytes());
        if dice.below(3) == 0 {
            let pause = dice.below(150);
            world.run_for(pause);
        }
        if dice.below(6) == 0 {
            trouble(&mut world, weather, &mut dice);
        }
    }
    calm(&mut world);
    let calm_at = world.now;
    world.run_until_idle();
    let seconds = (world.now - calm_at) / 1000 / MS;
    assert!(
        seconds < 20,
        "seed {seed}: {seconds} s until all was settled\n{}",
        world.story()
    );
    world
}

#[test]
fn every_record_is_written_once_and_in_order_whatever_can_be_survived() {
    for seed in 0..storms() {
        let mut world = storm(seed, Weather::Survivable);
        let (written, all) = (
            world.account.count(Outcome::Written),
            world.account.accepted.len(),
        );
        assert_eq!(written, all, "seed {seed}: {:?}", world.account.fortunes);
        world.finish();
    }
}

#[test]
fn every_record_has_a_true_outcome_in_severe_weather() {
    let mut counts = [0; 3];
    for seed in 1_000_000..1_000_000 + storms() {
        let mut world = storm(seed, Weather::Severe);
        for fortune in world.account.fortunes.values() {
            counts[fortune.outcome as usize] += 1;
        }
        world.finish();
    }
    assert!(counts.iter().all(|count| *count > 100), "{counts:?}");
}
