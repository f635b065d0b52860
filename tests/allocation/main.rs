//! Appending a record allocates nothing: counted over a hundred thousand records. A target of its own,
//! because the counting allocator is one for the whole program.
#![expect(dead_code, reason = "the world has more to offer than is used here")]

#[path = "../machine/account.rs"]
mod account;
#[path = "../machine/broker.rs"]
mod broker;
#[path = "../machine/coordinated.rs"]
mod coordinated;
#[path = "../machine/coordinator.rs"]
mod coordinator;
mod counting;
#[path = "../record/decoders.rs"]
mod decoders;
#[path = "../machine/faults.rs"]
mod faults;
#[path = "../machine/frames.rs"]
mod frames;
#[path = "../machine/hostility.rs"]
mod hostility;
#[path = "../machine/leader_hints.rs"]
mod leader_hints;
#[path = "../machine/network.rs"]
mod network;
#[path = "../machine/partition_log.rs"]
mod partition_log;
#[path = "../machine/rules.rs"]
mod rules;
#[path = "../machine/running.rs"]
mod running;
#[path = "../machine/trace.rs"]
mod trace;
#[path = "../machine/world.rs"]
mod world;

use counting::allocations_in;
use odradek::{Header, Outcome, Output, Record};
use world::{EPOCH_MS, MS, World};

const RECORDS: usize = 100_000;
/// How many records are sent between two polls.
const BURST: usize = 2000;

/// Allocations during sends, and during polls, of many records of 100 bytes; and how many batches
/// they made.
fn count(is_keyed: bool) -> (usize, usize, usize) {
    let mut world = World::new()
        .topic("orders", 6)
        .config("linger.ms", "0")
        .config("batch.size", "65536");
    world.is_tracing = false;
    let topic = world.handle("orders");
    let (mut in_sends, mut in_polls, mut batches) = (0, 0, 0);
    // The first tenth warms up.
    for i in 0..RECORDS + RECORDS / 10 {
        let is_warm = i >= RECORDS / 10;
        let (key, value) = ((i as u64 * 7919).to_be_bytes(), [i as u8; 100]);
        let number = world.account.next_number().to_be_bytes();
        let record = Record {
            topic,
            partition: None,
            timestamp: (EPOCH_MS + world.now / MS) as i64,
            key: is_keyed.then_some(&key[..]),
            value: Some(&value),
            headers: &[Header {
                name: partition_log::NUMBER_HEADER,
                value: Some(&number),
            }],
        };
        let now = world.now();
        let producer = world.producer();
        let (sent, count) = allocations_in(|| producer.send(&record, now));
        in_sends += if is_warm { count } else { 0 };
        let ticket = sent.expect("there is room");
        world.account.accept(ticket, topic, "orders", &record);
        if i % BURST == 0 {
            loop {
                let now = world.now();
                let producer = world.producer();
                let (output, count) = allocations_in(|| producer.poll_output(now));
                in_polls += if is_warm { count } else { 0 };
                if matches!(output, Output::Wait { .. }) {
                    break;
                }
                world.act(output);
            }
            let before = world.cluster.attempts.len();
            world.run_until_idle_unchecked();
            batches += if is_warm {
                world.cluster.attempts.len() - before
            } else {
                0
            };
        }
    }
    world.run_until_idle();
    assert_eq!(
        world.account.count(Outcome::Written),
        RECORDS + RECORDS / 10
    );
    world.finish();
    (in_sends, in_polls, batches)
}

#[test]
fn a_warmed_append_allocates_only_for_batches() {
    for is_keyed in [false, true] {
        let (in_sends, in_polls, batches) = count(is_keyed);
        println!("keyed {is_keyed}: {in_sends} in sends, {in_polls} in polls, {batches} batches");
        assert!(batches > 100, "{batches} batches");
        assert!(
            in_sends >= batches / 2,
            "nothing is counted: {in_sends} in {batches} batches"
        );
        assert!(
            in_sends < RECORDS / 50,
            "{in_sends} allocations in {RECORDS} sends"
        );
        assert!(
            in_polls < RECORDS / 20,
            "{in_polls} allocations in polls for {RECORDS} records"
        );
    }
}

#[test]
fn the_counter_counts() {
    let (_, count) = allocations_in(|| (0..100).map(|i| vec![i]).collect::<Vec<_>>());
    assert!(count >= 100);
    let (_, count) = allocations_in(|| 1 + 1);
    assert_eq!(count, 0);
}
