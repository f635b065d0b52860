//! The records of a transaction, which are retained until it is committed, and the lines between them.

use crate::cli::grouping::Step;
use crate::cli::input::{BadLine, InputRecord};
use crate::cli::kept::Kept;
use crate::cli::ledger::{Ledger, Settled};
use crate::cli::transactions::Ending;
use crate::event::Outcome;
use std::collections::{BTreeMap, VecDeque};

/// How much a transaction may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Records.
    pub records: usize,
    /// Bytes of memory, which the last record may go beyond.
    pub bytes: u64,
}

/// Cuts the input into transactions.
#[derive(Clone, Debug)]
pub struct Gathering {
    limits: Limits,
    /// The transaction that is not complete.
    open: Retained,
    /// What comes behind it.
    waiting: VecDeque<(usize, Item)>,
}

/// The records of a transaction, and the lines that come before, between and behind them.
#[derive(Clone, Debug, Default)]
pub struct Retained {
    /// In the order of the input, with the positions of their inputs.
    entries: Vec<(usize, Entry)>,
    records: Vec<InputRecord>,
    /// Why records were refused for good, by their positions among the records.
    refused: BTreeMap<usize, String>,
    bytes: u64,
}

#[derive(Clone, Debug)]
enum Item {
    Record(InputRecord),
    Other(Entry),
}

#[derive(Clone, Debug)]
enum Entry {
    /// The next record.
    Record,
    /// A record that no producer could take, and why.
    Refused(Box<InputRecord>, String),
    /// A line without a record.
    Bad(BadLine),
    /// An input cannot be read on.
    Unreadable(String),
}

/// Where the producer put a record, and what it reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The ticket, where the machine accepted the record.
    pub ticket: Option<u64>,
    /// The partition, where one was chosen.
    pub partition: Option<i32>,
    /// The offset, where the broker told it.
    pub offset: Option<i64>,
    /// The timestamp in ms since 1970.
    pub timestamp: i64,
    /// Whether the record is in the log.
    pub outcome: Outcome,
    /// Why the outcome is not a plain "written with its offset"; not where its transaction is the reason.
    pub error: Option<String>,
}

/// A transaction that is over, on its way to the ledger.
#[derive(Clone, Debug)]
pub struct Settling {
    entries: std::vec::IntoIter<(usize, Entry)>,
    kept: Kept,
    refused: BTreeMap<usize, String>,
    ending: Ending,
    /// By the positions of the records.
    places: Vec<Option<Place>>,
    /// The position of the next record.
    next: usize,
}

impl Gathering {
    /// Nothing yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            open: Retained::default(),
            waiting: VecDeque::new(),
        }
    }

    /// Takes the next step of an input, whose position is `source`.
    pub fn push(&mut self, source: usize, step: Step) {
        match step {
            Step::Group(records) => {
                let records = records.into_iter();
                self.waiting
                    .extend(records.map(|record| (source, Item::Record(record))));
            }
            Step::Refused(record, error) => self.other(source, Entry::Refused(record, error)),
            Step::Bad(line) => self.other(source, Entry::Bad(line)),
        }
    }

    /// Notes that an input cannot be read on.
    pub fn unreadable(&mut self, source: usize, error: String) {
        self.other(source, Entry::Unreadable(error));
    }

    /// The next transaction that is complete. One without records needs no producer.
    pub fn next_complete(&mut self) -> Option<Retained> {
        while let Some((source, item)) = self.waiting.pop_front() {
            self.open.add(source, item);
            if self.open.records.len() >= self.limits.records
                || self.open.bytes >= self.limits.bytes
            {
                return self.rest();
            }
        }
        // Lines that no record comes before have nothing to wait for.
        if self.open.records.is_empty() {
            self.rest()
        } else {
            None
        }
    }

    /// What was gathered and is not complete, when nothing more comes.
    pub fn rest(&mut self) -> Option<Retained> {
        let rest = core::mem::take(&mut self.open);
        (!rest.entries.is_empty()).then_some(rest)
    }

    fn other(&mut self, source: usize, entry: Entry) {
        self.waiting.push_back((source, Item::Other(entry)));
    }
}

impl Retained {
    /// The record at a position.
    pub fn record(&self, index: usize) -> Option<&InputRecord> {
        self.records.get(index)
    }

    /// How many records there are.
    pub const fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no record, and so no transaction to be made.
    pub const fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The positions of the records that are to be sent, in their order.
    pub fn to_send(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.records.len()).filter(|index| !self.refused.contains_key(index))
    }

    /// Leaves a record out that was refused for good: the others are no worse for it.
    pub fn refuse(&mut self, index: usize, error: String) {
        self.refused.insert(index, error);
    }

    /// With the end of the transaction, and where its records are: by their positions, as far as is known.
    pub fn settle(self, ending: Ending, places: Vec<Option<Place>>) -> Settling {
        Settling {
            entries: self.entries.into_iter(),
            kept: Kept::Records(self.records),
            refused: self.refused,
            ending,
            places,
            next: 0,
        }
    }

    fn add(&mut self, source: usize, item: Item) {
        match item {
            Item::Record(record) => {
                self.bytes += record.held_bytes();
                self.records.push(record);
                self.entries.push((source, Entry::Record));
            }
            Item::Other(entry) => {
                self.bytes += entry.held_bytes();
                self.entries.push((source, entry));
            }
        }
    }
}

impl Entry {
    fn held_bytes(&self) -> u64 {
        let bytes = match self {
            Self::Record => 0,
            Self::Refused(record, _) => record.held_bytes(),
            Self::Bad(line) => line.bytes.len() as u64,
            Self::Unreadable(error) => error.len() as u64,
        };
        bytes + ENTRY_BYTES
    }
}

/// What an entry takes whatever it holds.
const ENTRY_BYTES: u64 = 128;

impl Settling {
    /// Enters the next record or line; whether there was one.
    pub fn settle_next(&mut self, ledger: &mut Ledger) -> bool {
        let Some((source, entry)) = self.entries.next() else {
            return false;
        };
        match entry {
            Entry::Record => {
                let index = self.next;
                self.next += 1;
                self.settle_record(ledger, source, index);
            }
            Entry::Refused(record, error) => ledger.refuse(source, &record, &error),
            Entry::Bad(line) => ledger.settle_bad(source, &line),
            Entry::Unreadable(error) => ledger.unreadable(&error),
        }
        true
    }

    fn settle_record(&self, ledger: &mut Ledger, source: usize, index: usize) {
        if let Some(error) = self.refused.get(&index) {
            return self.refuse(ledger, source, index, error);
        }
        let place = self.places.get(index).and_then(Option::as_ref);
        let (outcome, why) = match &self.ending {
            Ending::Committed => (Outcome::Written, None),
            Ending::NotCommitted(why) => (Outcome::NotWritten, Some(why)),
            Ending::Unknown(why) => (Outcome::PossiblyWritten, Some(why)),
        };
        if let (Ending::NotCommitted(why), None) = (&self.ending, place) {
            return self.refuse(ledger, source, index, why);
        }
        // Nobody reads a record of an aborted transaction, wherever it is.
        let offset = place.and_then(|place| place.offset);
        let own = place.filter(|place| place.outcome != Outcome::Written || why.is_none());
        let own = own.and_then(|place| place.error.as_deref());
        let settled = Settled {
            ticket: place.and_then(|place| place.ticket),
            topic: None,
            partition: place.and_then(|place| place.partition),
            offset: offset.filter(|_| outcome != Outcome::NotWritten),
            timestamp: place.map(|place| place.timestamp),
            outcome,
            error: own.or_else(|| why.map(String::as_str)),
        };
        ledger.settle(source, &self.kept, index, &settled);
    }

    fn refuse(&self, ledger: &mut Ledger, source: usize, index: usize, error: &str) {
        if let Some(record) = self.kept.record(index) {
            ledger.refuse(source, record, error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::ProduceArgs;
    use crate::cli::input::BadLineReason;
    use crate::cli::ledger::Outlet;
    use clap::Parser;

    #[derive(Parser)]
    struct Tool {
        #[command(flatten)]
        produce: ProduceArgs,
    }

    fn ledger() -> Ledger {
        let arguments = ["produce", "-t", "t", "--report", "json", "--failed", "f"];
        let tool = Tool::parse_from(arguments);
        Ledger::new(&tool.produce, vec!["-".to_owned()], false).with_transactions()
    }

    fn gathering(records: usize, bytes: u64) -> Gathering {
        Gathering::new(Limits { records, bytes })
    }

    fn group(lines: core::ops::Range<u64>) -> Step {
        let records = lines.map(|line| InputRecord {
            line,
            value: Some(b"v".to_vec()),
            ..InputRecord::default()
        });
        Step::Group(records.collect())
    }

    fn bad(line: u64) -> Step {
        Step::Bad(BadLine {
            line,
            bytes: b"x".to_vec(),
            reason: Some(BadLineReason::Cut),
        })
    }

    fn place(offset: i64) -> Option<Place> {
        Some(Place {
            ticket: Some(offset as u64 + 100),
            partition: Some(0),
            offset: Some(offset),
            timestamp: 5,
            outcome: Outcome::Written,
            error: None,
        })
    }

    /// The reports of a transaction that is over, each with line, offset, committed and error.
    fn reports(settling: Settling) -> (Ledger, Vec<[String; 4]>) {
        let (mut settling, mut ledger) = (settling, ledger());
        while settling.settle_next(&mut ledger) {}
        let lines = ledger.gathered(Outlet::Reports).map(std::mem::take);
        let lines = String::from_utf8(lines.unwrap_or_default()).expect("JSON is UTF-8");
        let members = |line: &str| {
            let report: serde_json::Value = serde_json::from_str(line).expect("an object");
            ["line", "offset", "committed", "error"].map(|name| report[name].to_string())
        };
        let all = lines.lines().map(members).collect();
        (ledger, all)
    }

    #[test]
    fn every_so_many_records_are_a_transaction() {
        let mut gathering = gathering(3, 1 << 20);
        gathering.push(0, group(1..8));
        let sizes: Vec<usize> = core::iter::from_fn(|| gathering.next_complete())
            .map(|retained| retained.len())
            .collect();
        assert_eq!(sizes, [3, 3]);
        gathering.push(0, group(8..9));
        assert!(gathering.next_complete().is_none());
        assert_eq!(gathering.rest().map(|rest| rest.len()), Some(2));
        assert!(gathering.rest().is_none());
    }

    #[test]
    fn memory_is_bounded_whatever_the_number_of_records() {
        let mut gathering = gathering(usize::MAX, 1000);
        gathering.push(0, group(0..100));
        while let Some(retained) = gathering.next_complete() {
            assert!((1000..1200).contains(&retained.bytes), "{}", retained.bytes);
        }
        // Lines without records take memory, too.
        gathering.push(0, group(0..1));
        let lines = (1..100).filter(|line| {
            gathering.push(0, bad(*line));
            gathering.next_complete().is_some()
        });
        assert!(lines.count() > 5);
    }

    #[test]
    fn lines_without_a_record_before_them_do_not_wait() {
        let mut gathering = gathering(2, 1 << 20);
        gathering.push(0, bad(1));
        gathering.push(0, bad(2));
        let alone = gathering.next_complete().expect("nothing to wait for");
        assert!(alone.is_empty());
        let (ledger, all) = reports(alone.settle(Ending::Committed, Vec::new()));
        assert_eq!(all.len(), 2);
        assert_eq!(
            ledger.tally().to_string(),
            "delivered=0 failed=2 possibly=0"
        );
    }

    /// A bad line between two records and one that was refused.
    fn mixed() -> Retained {
        let mut gathering = gathering(3, 1 << 20);
        gathering.push(0, group(1..2));
        gathering.push(0, bad(2));
        gathering.push(0, group(3..5));
        let mut retained = gathering.next_complete().expect("three records");
        retained.refuse(1, "too large".to_owned());
        assert_eq!(retained.to_send().collect::<Vec<_>>(), [0, 2]);
        retained
    }

    #[test]
    fn a_committed_transaction_is_reported_in_the_order_of_the_input() {
        let places = vec![place(7), None, place(8)];
        let (ledger, all) = reports(mixed().settle(Ending::Committed, places));
        let short: Vec<[&str; 3]> = all.iter().map(|[l, o, c, _]| [&**l, o, c]).collect();
        let expected = [
            ["1", "7", "true"],
            ["2", "null", "false"],
            ["3", "null", "false"],
            ["4", "8", "true"],
        ];
        assert_eq!(short, expected);
        assert_eq!(
            ledger.tally().to_string(),
            "delivered=2 failed=2 possibly=0"
        );
    }

    #[test]
    fn records_of_an_aborted_transaction_are_not_written_wherever_they_are() {
        let own = Place {
            outcome: Outcome::NotWritten,
            error: Some("own".to_owned()),
            ..place(0).expect("a place")
        };
        let ending = Ending::NotCommitted("why".to_owned());
        let places = vec![place(7), None, Some(own)];
        let (mut ledger, all) = reports(mixed().settle(ending, places));
        assert_eq!(all[0], ["1", "null", "false", "\"why\""]);
        assert_eq!(all[3], ["4", "null", "false", "\"own\""]);
        assert_eq!(
            ledger.tally().to_string(),
            "delivered=0 failed=4 possibly=0"
        );
        let failed = ledger.gathered(Outlet::Failed).map(std::mem::take);
        let failed = String::from_utf8(failed.unwrap_or_default()).expect("JSON is UTF-8");
        assert_eq!(failed.lines().count(), 4);
        assert_eq!(failed.matches(r#""outcome":"not-written""#).count(), 4);
    }

    #[test]
    fn records_of_a_commit_without_an_answer_are_possibly_written() {
        let ending = Ending::Unknown("why".to_owned());
        let (mut ledger, all) = reports(mixed().settle(ending, vec![place(7)]));
        assert_eq!(all[0], ["1", "7", "\"unknown\"", "\"why\""]);
        assert_eq!(all[3], ["4", "null", "\"unknown\"", "\"why\""]);
        assert_eq!(
            ledger.tally().to_string(),
            "delivered=0 failed=2 possibly=2"
        );
        let failed = ledger.gathered(Outlet::Failed).map(std::mem::take);
        let failed = String::from_utf8(failed.unwrap_or_default()).expect("JSON is UTF-8");
        assert_eq!(failed.matches(r#""outcome":"possibly-written""#).count(), 2);
    }
}
