//! Compares what a transactional producer was told about its transactions with what a reader of committed
//! records sees, and with the offsets that were committed along with them.

use crate::numbered::Numbered;
use crate::readback::StoredRecord;
use std::fmt;
use std::ops::Range;

/// How a transaction ended, as its producer knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// Its commit was answered.
    Committed,
    /// Its abort was answered.
    Aborted,
    /// Its producer was gone before it knew.
    Unknown,
}

/// One transaction: it consumed records of a topic and wrote as many.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Transaction {
    /// The numbers of its records, in the order in which they were sent.
    pub records: Range<u64>,
    /// How it ended.
    pub ending: Ending,
    /// From which offset on it consumed, by partition.
    pub from: Vec<i64>,
    /// The offsets that it committed for its group, by partition.
    pub to: Vec<i64>,
}

/// What is known of all transactions of one `transactional.id`, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Book<'a> {
    /// In the order in which they began.
    pub transactions: &'a [Transaction],
    /// What a reader of committed records sees: by topic, by partition, in the order of the log.
    pub topics: &'a [Vec<Vec<StoredRecord>>],
    /// Partitions were asked for below this number.
    pub partitions: i32,
    /// What the group committed, by partition.
    pub offsets: &'a [Option<i64>],
}

/// How many transactions had which fate.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Sum {
    /// Answered as committed.
    pub committed: u64,
    /// Answered as aborted.
    pub aborted: u64,
    /// Not answered.
    pub unknown: u64,
    /// Those among them that are committed.
    pub unknown_committed: u64,
    /// Records of committed transactions.
    pub records: u64,
}

/// How transactions and logs contradict each other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Breach {
    /// A stored record equals none that was sent, or is where it was not sent to.
    Foreign(Place),
    /// A record is seen twice.
    Repeated(u64, Place, Place),
    /// A record is seen behind one that was sent after it.
    Reordered(u64, Place, u64),
    /// A committed transaction is not seen as a whole: its position, and a record that is missing.
    Lost(usize, u64),
    /// An aborted transaction is seen: its position, and a record of it.
    Leaked(usize, u64),
    /// A transaction that nobody answered for is seen in part: its position, and how many records are.
    Partial(usize, u64),
    /// A transaction consumed from elsewhere than those before it had come to: its position.
    Gap(usize),
    /// The group's offsets are not those of the last committed transaction.
    Offsets(Vec<Option<i64>>, Vec<i64>),
}

/// A topic's index, a partition and an offset.
pub type Place = (usize, i32, i64);

/// To which of so many topics the record of this number goes.
#[must_use]
pub fn topic_of(number: u64, topics: usize) -> usize {
    // Not in turn: runs of records of each.
    (number / 3 % topics as u64) as usize
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(place) => write!(f, "the record at {place:?} was never sent"),
            Self::Repeated(number, first, second) => {
                write!(f, "record {number} is at {first:?} and {second:?}")
            }
            Self::Reordered(number, place, after) => {
                write!(f, "record {number} at {place:?} is behind {after}")
            }
            Self::Lost(transaction, number) => {
                write!(f, "record {number} of transaction {transaction} is lost")
            }
            Self::Leaked(transaction, number) => write!(
                f,
                "record {number} of transaction {transaction}, which was aborted, is seen"
            ),
            Self::Partial(transaction, seen) => {
                write!(f, "{seen} records of transaction {transaction} are seen")
            }
            Self::Gap(transaction) => {
                write!(
                    f,
                    "transaction {transaction} does not follow the one before"
                )
            }
            Self::Offsets(found, expected) => {
                write!(f, "the group is at {found:?}, not at {expected:?}")
            }
        }
    }
}

impl std::error::Error for Breach {}

impl Book<'_> {
    /// Checks that each transaction is seen as a whole or not at all, as its producer was told, that each
    /// partition has its records once and in the order in which they were sent, and that the transactions
    /// that are seen consumed one after the other up to the group's offsets.
    ///
    /// # Errors
    ///
    /// The first contradiction.
    pub fn check(&self) -> Result<Sum, Breach> {
        let seen = self.seen()?;
        let mut sum = Sum::default();
        let mut reached = vec![0; self.offsets.len()];
        for (position, transaction) in self.transactions.iter().enumerate() {
            let range = transaction.records.start as usize..transaction.records.end as usize;
            let records = &seen[range];
            let count = records.iter().filter(|place| place.is_some()).count() as u64;
            let all = records.len() as u64;
            let number = |index: usize| transaction.records.start + index as u64;
            match transaction.ending {
                Ending::Committed => {
                    sum.committed += 1;
                    if let Some(index) = records.iter().position(Option::is_none) {
                        return Err(Breach::Lost(position, number(index)));
                    }
                }
                Ending::Aborted => {
                    sum.aborted += 1;
                    if let Some(index) = records.iter().position(Option::is_some) {
                        return Err(Breach::Leaked(position, number(index)));
                    }
                }
                Ending::Unknown => {
                    sum.unknown += 1;
                    if count > 0 && count < all {
                        return Err(Breach::Partial(position, count));
                    }
                    sum.unknown_committed += u64::from(count > 0);
                }
            }
            if transaction.from != reached {
                return Err(Breach::Gap(position));
            }
            if count > 0 {
                sum.records += count;
                reached.clone_from(&transaction.to);
            }
        }
        let found = self.offsets.iter().map(|offset| offset.unwrap_or(0));
        if !found.eq(reached.iter().copied()) {
            return Err(Breach::Offsets(self.offsets.to_vec(), reached));
        }
        Ok(sum)
    }

    /// How many records are seen at least.
    #[must_use]
    pub fn committed(transactions: &[Transaction], topic: usize, topics: usize) -> u64 {
        let committed = |it: &&Transaction| it.ending == Ending::Committed;
        let numbers = transactions.iter().filter(committed);
        let numbers = numbers.flat_map(|it| it.records.clone());
        numbers.filter(|&it| topic_of(it, topics) == topic).count() as u64
    }

    /// Where each record is seen, by its number.
    fn seen(&self) -> Result<Vec<Option<Place>>, Breach> {
        let count = self.transactions.last().map_or(0, |last| last.records.end);
        let mut seen = vec![None; count as usize];
        for (topic, partitions) in self.topics.iter().enumerate() {
            for (partition, records) in (0..).zip(partitions) {
                let mut last = None;
                for record in records {
                    let place = (topic, partition, record.offset);
                    let number = Numbered::number(record, partition, self.partitions)
                        .filter(|&number| topic_of(number, self.topics.len()) == topic);
                    let number = number.ok_or(Breach::Foreign(place))?;
                    let slot = usize::try_from(number)
                        .ok()
                        .and_then(|index| seen.get_mut(index))
                        .ok_or(Breach::Foreign(place))?;
                    if let Some(first) = slot.replace(place) {
                        return Err(Breach::Repeated(number, first, place));
                    }
                    if let Some(after) = last.replace(number).filter(|&after| after > number) {
                        return Err(Breach::Reordered(number, place, after));
                    }
                }
            }
        }
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readback::Stamp;

    type Topics = Vec<Vec<Vec<StoredRecord>>>;

    /// Four transactions of 30 records over two topics of two partitions: committed, aborted, unknown but
    /// committed, committed.
    fn faultless() -> (Vec<Transaction>, Topics, Vec<Option<i64>>) {
        let endings = [
            Ending::Committed,
            Ending::Aborted,
            Ending::Unknown,
            Ending::Committed,
        ];
        let (mut transactions, mut topics) = (Vec::new(), vec![vec![Vec::new(); 2]; 2]);
        let mut reached = vec![0, 0];
        for (index, ending) in (0..).zip(endings) {
            let records = index * 30..(index + 1) * 30;
            let to = vec![reached[0] + 20, reached[1] + 10];
            transactions.push(Transaction {
                records: records.clone(),
                ending,
                from: reached.clone(),
                to: to.clone(),
            });
            if ending == Ending::Aborted {
                continue;
            }
            reached = to;
            for number in records {
                let sent = Numbered::new(number, 2);
                let partition = sent.partition.unwrap_or(0) as usize;
                let log: &mut Vec<StoredRecord> = &mut topics[topic_of(number, 2)][partition];
                log.push(StoredRecord {
                    offset: log.len() as i64,
                    key: sent.key,
                    value: Some(sent.value),
                    headers: Vec::new(),
                    stamp: Stamp::Created(5),
                });
            }
        }
        let offsets = reached.into_iter().map(Some).collect();
        (transactions, topics, offsets)
    }

    fn check(
        transactions: &[Transaction],
        topics: &Topics,
        offsets: &[Option<i64>],
    ) -> Result<Sum, Breach> {
        let partitions = 2;
        Book {
            transactions,
            topics,
            partitions,
            offsets,
        }
        .check()
    }

    #[test]
    fn transactions_that_fit_the_logs_pass() {
        let (transactions, topics, offsets) = faultless();
        let sum = Sum {
            committed: 2,
            aborted: 1,
            unknown: 1,
            unknown_committed: 1,
            records: 90,
        };
        assert_eq!(check(&transactions, &topics, &offsets), Ok(sum));
        assert_eq!(check(&[], &vec![], &[None, None]), Ok(Sum::default()));
        let counts = [0, 1].map(|topic| Book::committed(&transactions, topic, 2));
        assert_eq!(counts.iter().sum::<u64>(), 60);
    }

    #[test]
    fn each_breach_is_found() {
        let (transactions, topics, offsets) = faultless();
        let ended = |position: usize, ending| {
            let mut changed = transactions.clone();
            changed[position].ending = ending;
            check(&changed, &topics, &offsets).unwrap_err()
        };
        assert_eq!(ended(0, Ending::Aborted), Breach::Leaked(0, 0));
        assert_eq!(ended(1, Ending::Committed), Breach::Lost(1, 30));
        let changed = |change: &dyn Fn(&mut Topics)| {
            let mut topics = topics.clone();
            change(&mut topics);
            check(&transactions, &topics, &offsets).unwrap_err()
        };
        let unknown = |topics: &Topics| {
            let log = topics[0][0].iter();
            let mut numbers = log.map(|record| Numbered::number(record, 0, 2).unwrap());
            numbers
                .position(|number| (60..90).contains(&number))
                .unwrap()
        };
        let found = changed(&|topics| {
            let position = unknown(topics);
            topics[0][0].remove(position);
        });
        assert_eq!(found, Breach::Partial(2, 29));
        let found = changed(&|topics| topics[0][0].swap(0, 1));
        assert!(matches!(found, Breach::Reordered(..)));
        let found = changed(&|topics| {
            let copy = topics[0][0][0].clone();
            topics[0][0].insert(0, copy);
        });
        assert!(matches!(found, Breach::Repeated(..)));
        let found = changed(&|topics| topics.swap(0, 1));
        assert!(matches!(found, Breach::Foreign(..)));
        let found = changed(&|topics| topics[0][0][0].value.as_mut().unwrap()[12] ^= 1);
        assert!(matches!(found, Breach::Foreign(..)));
    }

    #[test]
    fn offsets_that_do_not_go_with_the_records_are_found() {
        let (mut transactions, topics, mut offsets) = faultless();
        offsets[1] = Some(10);
        let found = check(&transactions, &topics, &offsets).unwrap_err();
        assert!(matches!(found, Breach::Offsets(..)));
        offsets[1] = Some(30);
        assert!(check(&transactions, &topics, &offsets).is_ok());
        transactions[3].from[0] += 1;
        let found = check(&transactions, &topics, &offsets);
        assert_eq!(found, Err(Breach::Gap(3)));
    }
}
