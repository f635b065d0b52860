//! What the logs hold in the end, as two readers see it: librdkafka and, on Kafka, its own console consumer,
//! both with `read_committed`.

use crate::size::{PARTITIONS, Size};
use crate::transact::Route;
use odradek_tests_interop::cluster::Cluster;
use odradek_tests_interop::console;
use odradek_tests_interop::jars::Release;
use odradek_tests_interop::ledger::{Ledger, Said};
use odradek_tests_interop::readback::{StoredRecord, committed_offsets, read_committed};
use odradek_tests_interop::transactions::{Book, Sum, Transaction};
use std::thread;

/// Where readers find a cluster.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Hosts and ports, without proxies.
    pub(crate) bootstrap: String,
    /// Whose console consumer reads too.
    pub(crate) console: Option<Release>,
}

impl Place {
    pub(crate) fn of(cluster: &Cluster) -> Self {
        Self {
            bootstrap: cluster.bootstrap().to_owned(),
            console: Some(cluster.setup().release),
        }
    }

    /// The same for a few records: outside of a full run librdkafka alone reads them.
    pub(crate) fn of_few(cluster: &Cluster) -> Self {
        let all = Self::of(cluster);
        Self {
            console: all.console.filter(|_| Size::get().is_full),
            ..all
        }
    }

    fn read(&self, topic: &str, expected: u64) -> Vec<Vec<StoredRecord>> {
        let stored = read_committed(&self.bootstrap, topic, PARTITIONS, expected);
        stored.unwrap_or_else(|error| panic!("read {topic}: {error}"))
    }

    /// Compares what librdkafka saw with what the console consumer sees.
    fn compare(&self, topic: &str, stored: &[Vec<StoredRecord>]) {
        let Some(release) = self.console else {
            return;
        };
        let count = stored.iter().map(Vec::len).sum();
        let shown = console::read_committed(release, &self.bootstrap, topic, PARTITIONS, count);
        console::assert_equal(topic, stored, &shown);
    }
}

/// Checks that all records of an idempotent producer are written, once and in order.
///
/// # Panics
///
/// If they are not.
pub(crate) fn judge_load(place: &Place, topic: &str, said: &[Said]) {
    let count = said.len() as u64;
    let stored = place.read(topic, count);
    let ledger = Ledger {
        said,
        stored: &stored,
        partitions: PARTITIONS,
        recreated: None,
    };
    let tally = ledger.check();
    let tally = tally.unwrap_or_else(|fault| panic!("{topic}: {fault}"));
    let first_other = said.iter().find(|said| !said.cause.is_empty());
    assert_eq!(tally.written, count, "{tally:?} {first_other:?}");
    place.compare(topic, &stored);
}

/// Checks that all transactions are seen as their producer was told, each as a whole or not at all, in
/// order, and that the group's offsets are theirs.
///
/// # Panics
///
/// If it is otherwise.
pub(crate) fn judge_transactions(
    place: &Place,
    route: Route<'_>,
    transactions: &[Transaction],
) -> Sum {
    let count = route.targets.len();
    let topics = (0..).zip(route.targets).map(|(index, topic)| {
        let expected = Book::committed(transactions, index, count);
        place.read(topic, expected)
    });
    let topics: Vec<_> = topics.collect();
    let offsets = committed_offsets(&place.bootstrap, route.group, route.source, PARTITIONS);
    let offsets = offsets.unwrap_or_else(|error| panic!("offsets of {}: {error}", route.group));
    let book = Book {
        transactions,
        topics: &topics,
        partitions: PARTITIONS,
        offsets: &offsets,
    };
    let sum = book.check();
    let sum = sum.unwrap_or_else(|breach| panic!("{}: {breach}", route.group));
    thread::scope(|scope| {
        for (topic, stored) in route.targets.iter().zip(&topics) {
            scope.spawn(move || place.compare(topic, stored));
        }
    });
    sum
}
