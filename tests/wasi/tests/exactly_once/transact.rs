//! Consumes, transforms and produces in transactions, some of which are aborted.

use crate::idempotent::SETTLE_LIMIT;
use crate::progress::Progress;
use crate::size::{PARTITIONS, Size};
use crate::source::Source;
use odradek_tests_interop::numbered::Numbered;
use odradek_tests_interop::transactions::{Ending, Transaction, topic_of};
use odradek_tests_interop::transactor::{Transactor, Trouble};
use std::io::Write;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// One of so many transactions is aborted as soon as its records are handed over.
const ABORTED: usize = 7;

/// The pause while there is nothing to consume.
const PAUSE: Duration = Duration::from_millis(10);

/// What is consumed, on whose behalf, and where to it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route<'a> {
    pub(crate) source: &'a str,
    pub(crate) group: &'a str,
    pub(crate) targets: &'a [&'a str],
}

/// Makes transactions until there are enough, and the faults are over.
pub(crate) fn run(
    producer: &mut dyn Transactor,
    route: Route<'_>,
    size: Size,
    source: &Source,
    progress: &Progress,
) -> Vec<Transaction> {
    insist(|| producer.init()).unwrap_or_else(|trouble| panic!("init: {trouble}"));
    let (mut all, mut reached) = (Vec::new(), vec![0; PARTITIONS as usize]);
    let mut is_done = false;
    while !(progress.is_abandoned() || is_done && progress.are_faults_over()) {
        let first = all.last().map_or(0, |last: &Transaction| last.records.end);
        let Some(next) = next(all.len(), first, &reached, source, size.of_each) else {
            sleep(PAUSE);
            continue;
        };
        let made = make(producer, route, next);
        if made.ending == Ending::Committed {
            reached.clone_from(&made.to);
        }
        all.push(made);
        let enough = reached.iter().sum::<i64>() as u64 >= size.transacted;
        if !is_done && enough && all.len() >= size.transactions {
            is_done = true;
            progress.is_done();
        }
    }
    all
}

/// The transaction at a position, if there is something to consume; it begins with this record.
pub(crate) fn next(
    position: usize,
    first: u64,
    reached: &[i64],
    source: &Source,
    of_each: i64,
) -> Option<Transaction> {
    let pairs = source.ends().into_iter().zip(reached);
    let to: Vec<i64> = pairs.map(|(end, &at)| end.min(at + of_each)).collect();
    let count = to.iter().sum::<i64>() - reached.iter().sum::<i64>();
    (count > 0).then(|| Transaction {
        records: first..first + count as u64,
        ending: if position % ABORTED == ABORTED - 1 {
            Ending::Aborted
        } else {
            Ending::Committed
        },
        from: reached.to_vec(),
        to,
    })
}

/// Makes one transaction that is to end as it says; how it ended.
fn make(producer: &mut dyn Transactor, route: Route<'_>, planned: Transaction) -> Transaction {
    let result = fill(producer, route, &planned).and_then(|()| match planned.ending {
        Ending::Committed | Ending::Unknown => insist(|| producer.commit()),
        Ending::Aborted => Ok(()),
    });
    match result {
        Ok(()) if planned.ending == Ending::Committed => return planned,
        Ok(()) => {}
        Err(Trouble::Abort(why)) => {
            let _ = writeln!(std::io::stderr(), "a transaction is aborted: {why}");
        }
        Err(trouble) => panic!("{trouble}"),
    }
    insist(|| producer.abort()).unwrap_or_else(|trouble| panic!("abort: {trouble}"));
    Transaction {
        ending: Ending::Aborted,
        ..planned
    }
}

/// Opens a transaction and hands everything over that belongs to it.
///
/// # Errors
///
/// What the producer has against it.
pub(crate) fn fill(
    producer: &mut dyn Transactor,
    route: Route<'_>,
    planned: &Transaction,
) -> Result<(), Trouble> {
    insist(|| producer.begin())?;
    for number in planned.records.clone() {
        let topic = route.targets[topic_of(number, route.targets.len())];
        let record = Numbered::new(number, PARTITIONS);
        insist(|| producer.send(topic, &record))?;
    }
    insist(|| producer.send_offsets(route.group, route.source, &planned.to))
}

/// Makes a call again as long as that is what is to be done.
///
/// # Errors
///
/// What else is in the way.
///
/// # Panics
///
/// If it never succeeds.
pub(crate) fn insist(mut call: impl FnMut() -> Result<(), Trouble>) -> Result<(), Trouble> {
    let start = Instant::now();
    loop {
        match call() {
            Err(Trouble::Again(why)) => {
                assert!(start.elapsed() < SETTLE_LIMIT, "again and again: {why}");
                sleep(PAUSE);
            }
            other => return other,
        }
    }
}
