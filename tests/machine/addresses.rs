//! Brokers whose names lead to other addresses than before, and clusters that are rolled back.

use crate::broker::{METADATA, PRODUCE};
use crate::network::{Behind, Name};
use crate::world::{MS, World};
use odradek::Outcome;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

const fn ip(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 2, 0, last))
}

/// A connected producer whose broker then moves to other addresses, under the same name.
fn moved(addresses: &[(u8, Behind)]) -> World {
    let mut world = World::new().topic("orders", 1);
    world.send("orders", None, "before");
    world.run_until_idle();
    let list = addresses.iter().map(|(last, _)| ip(*last)).collect();
    let names = &mut world.network.names;
    names.insert("broker-1".to_owned(), Name::Addresses(list));
    for (last, behind) in addresses {
        let address = SocketAddr::new(ip(*last), 9092);
        world.network.behind.insert(address, *behind);
    }
    // Nothing listens at the old address any more.
    world.set_listening(1, false);
    world.connects.clear();
    world.cut(1);
    world
}

fn assert_reached(mut world: World, expected: &[u8]) {
    let sent_at = world.now;
    let ticket = world.send("orders", None, "after");
    world.run_until_idle();
    let fortune = world.account.fortune(ticket);
    assert_eq!(fortune.outcome, Outcome::Written);
    assert!(fortune.at - sent_at < 1_000 * MS, "{}", world.story());
    let connects = world.connects.iter();
    let new: Vec<IpAddr> = connects
        .map(|(_, address)| address.ip())
        .filter(|address| expected.iter().any(|last| *address == ip(*last)))
        .collect();
    let expected: Vec<IpAddr> = expected.iter().map(|last| ip(*last)).collect();
    assert_eq!(new, expected, "each once, in order");
    world.finish();
}

#[test]
fn a_name_is_looked_up_again_when_its_connection_was_lost() {
    assert_reached(moved(&[(1, Behind::Broker(1))]), &[1]);
}

#[test]
fn the_next_of_the_new_addresses_is_tried_when_the_first_refuses() {
    let addresses = [(1, Behind::Refuses), (2, Behind::Broker(1))];
    assert_reached(moved(&addresses), &[1, 2]);
}

/// The id that was told before is still that of the topic, so it is kept.
#[test]
fn a_topic_whose_id_is_no_longer_told_is_written_to_all_the_same() {
    for produce_max in [12, 13] {
        let mut world = World::new().topic("orders", 1);
        world.send("orders", None, "before");
        world.run_until_idle();
        // Metadata tells ids from version 10 on.
        world.cluster.versions.insert(METADATA, (0, 9));
        world.cluster.versions.insert(PRODUCE, (3, produce_max));
        world.cut(1);
        world.run_for(302_000);
        world.cluster.seen.clear();
        let ticket = world.send("orders", None, "after");
        world.run_until_idle();
        let fortune = world.account.fortune(ticket);
        assert_eq!(fortune.outcome, Outcome::Written, "{}", world.story());
        let seen = world.cluster.seen.iter();
        let versions = seen.filter(|seen| seen.api == PRODUCE);
        let versions: Vec<i16> = versions.map(|seen| seen.version).collect();
        assert_eq!(versions, [produce_max]);
        world.finish();
    }
}
