//! Java's metric names in the core: what it serves, and that nothing else bears such a name.

use crate::java_metrics::Service::{Core, Host, Never, Window};
use crate::java_metrics::{JAVA, NODE, TOPIC};
use crate::world::World;
use std::collections::BTreeSet;

#[test]
fn every_name_of_javas_is_served_by_the_core_or_has_another_place() {
    let mut world = World::new().topic("orders", 1);
    world.send("orders", None, "v");
    world.run_until_idle();
    let now = world.now();
    let entries = world.producer().metrics(now).entries();
    let served: BTreeSet<(&str, &str)> = entries
        .iter()
        .map(|entry| (entry.group, entry.name))
        .filter(|(group, _)| !group.starts_with("odradek-"))
        .collect();
    let mut expected = BTreeSet::new();
    for (group, name, service) in JAVA {
        match service {
            Core => assert!(expected.insert((group, name)), "{name} is there twice"),
            Window(counter) if name.ends_with("-rate") && name != "compression-rate" => {
                let has_counter = served.contains(&(group, counter));
                assert!(has_counter, "{name} is made of {counter}, which is missing");
            }
            Window(reason) | Host(reason) | Never(reason) => assert!(!reason.is_empty()),
        }
    }
    assert_eq!(served, expected);
}

#[test]
fn what_java_does_not_count_has_groups_of_our_own_and_every_entry_its_tags() {
    let mut world = World::new()
        .topic("orders", 1)
        .config("client.id", "billing");
    world.send("orders", None, "v");
    world.run_until_idle();
    let now = world.now();
    let entries = world.producer().metrics(now).entries();
    let mut seen = BTreeSet::new();
    for entry in &entries {
        let is_javas = JAVA
            .iter()
            .any(|(group, name, _)| (*group, *name) == (entry.group, entry.name));
        assert_eq!(is_javas, !entry.group.starts_with("odradek-"), "{entry:?}");
        assert_eq!(entry.tags[0], ("client-id", "billing".to_owned()));
        let keys: Vec<&str> = entry.tags[1..].iter().map(|(key, _)| *key).collect();
        let expected: &[&str] = match entry.group {
            TOPIC | "odradek-topic-metrics" => &["topic"],
            NODE | "odradek-node-metrics" => &["node-id"],
            _ => &[],
        };
        assert_eq!(keys, expected, "{entry:?}");
        let identity = (entry.group, entry.name, entry.tags.clone());
        assert!(seen.insert(identity), "twice: {entry:?}");
    }
}
