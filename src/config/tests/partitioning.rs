//! Tests of the keys that say how records get their partition, alone and together.

use super::{accepted, notes, refusal};
use crate::config::{KeyHash, Partitioning};

const ROUND_ROBIN: &str = "org.apache.kafka.clients.producer.RoundRobinPartitioner";
const OLD_DEFAULT: &str = "org.apache.kafka.clients.producer.internals.DefaultPartitioner";
const OLD_STICKY: &str = "org.apache.kafka.clients.producer.UniformStickyPartitioner";

const fn keys(hash: KeyHash, spreads_null: bool, spreads_empty: bool) -> Partitioning {
    Partitioning::Keys {
        hash,
        spreads_null,
        spreads_empty,
    }
}

fn of(pairs: &[(&str, &str)]) -> Partitioning {
    accepted(pairs).partitioning
}

#[test]
fn librdkafkas_names_mean_what_they_mean_there() {
    for (name, expected) in [
        ("random", Partitioning::Sticky),
        ("consistent", keys(KeyHash::Crc32, false, false)),
        ("consistent_random", keys(KeyHash::Crc32, true, true)),
        ("murmur2", keys(KeyHash::Murmur2, false, false)),
        ("murmur2_random", keys(KeyHash::Murmur2, true, false)),
        ("fnv1a", keys(KeyHash::Fnv1a, false, false)),
        ("fnv1a_random", keys(KeyHash::Fnv1a, true, false)),
    ] {
        assert_eq!(of(&[("partitioner", name)]), expected, "{name}");
        assert_eq!(notes(&[("partitioner", name)]), [""; 0]);
    }
    assert_eq!(
        refusal(&[("partitioner", "round_robin")]),
        "partitioner=round_robin is not valid; it takes murmur2_random, murmur2, consistent_random, \
         consistent, fnv1a_random, fnv1a or random"
    );
}

#[test]
fn javas_classes_mean_what_they_mean_there() {
    let class = |class| [("partitioner.class", class)];
    assert_eq!(of(&class("")), keys(KeyHash::Murmur2, true, false));
    assert_eq!(of(&class(ROUND_ROBIN)), Partitioning::RoundRobin);
    assert_eq!(notes(&class(ROUND_ROBIN)), [""; 0]);
    assert_eq!(of(&class(OLD_DEFAULT)), keys(KeyHash::Murmur2, true, false));
    assert_eq!(of(&class(OLD_STICKY)), Partitioning::Sticky);
    assert_eq!(
        notes(&class(OLD_STICKY)),
        [format!(
            "partitioner.class={OLD_STICKY} is no longer in Java's producer; it is taken for \
             partitioner.ignore.keys=true"
        )]
    );
    assert_eq!(
        notes(&class(OLD_DEFAULT)),
        [format!(
            "partitioner.class={OLD_DEFAULT} is no longer in Java's producer; it is taken for \
             leaving partitioner.class out"
        )]
    );
    assert_eq!(
        refusal(&class("com.example.Mine")),
        format!(
            "partitioner.class=com.example.Mine is a Java class, which cannot run here; use \
             {ROUND_ROBIN} or leave the key out; to choose partitions yourself give records their \
             partition, or give the host library a partitioner"
        )
    );
}

#[test]
fn keys_that_agree_may_stand_together() {
    let (ignore, keep) = (
        ("partitioner.ignore.keys", "true"),
        ("partitioner.ignore.keys", "false"),
    );
    assert_eq!(of(&[ignore]), Partitioning::Sticky);
    assert_eq!(
        of(&[ignore, ("partitioner", "random")]),
        Partitioning::Sticky
    );
    // Java does not look at ignore.keys when there is a class.
    for class in [ROUND_ROBIN, OLD_STICKY] {
        let class = ("partitioner.class", class);
        assert_eq!(of(&[ignore, class]), of(&[class]));
        assert_eq!(of(&[keep, class]), of(&[class]));
    }
    let same = [
        ("partitioner", "murmur2_random"),
        ("partitioner.class", OLD_DEFAULT),
    ];
    assert_eq!(of(&same), keys(KeyHash::Murmur2, true, false));
}

#[test]
fn keys_that_contradict_each_other_are_refused() {
    let ignore = ("partitioner.ignore.keys", "true");
    let way_out = "both say how records get their partition; leave one of them out";
    assert_eq!(
        refusal(&[("partitioner", "fnv1a"), ("partitioner.class", ROUND_ROBIN)]),
        format!("partitioner=fnv1a contradicts partitioner.class={ROUND_ROBIN}: {way_out}")
    );
    assert_eq!(
        refusal(&[("partitioner", "murmur2_random"), ignore]),
        format!("partitioner.ignore.keys=true contradicts partitioner=murmur2_random: {way_out}")
    );
    assert_eq!(
        refusal(&[("partitioner.class", OLD_DEFAULT), ignore]),
        format!(
            "partitioner.ignore.keys=true contradicts partitioner.class={OLD_DEFAULT}: {way_out}"
        )
    );
}

#[test]
fn a_timeout_that_nothing_looks_at_is_noted() {
    let timeout = ("partitioner.availability.timeout.ms", "100");
    let off = ("partitioner.adaptive.partitioning.enable", "false");
    assert_eq!(notes(&[timeout]), [""; 0]);
    assert_eq!(notes(&[off]), [""; 0]);
    assert_eq!(
        notes(&[timeout, off]),
        [
            "partitioner.availability.timeout.ms has no effect because of \
             partitioner.adaptive.partitioning.enable=false"
        ]
    );
}
