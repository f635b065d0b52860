//! Compares what a producer reported with what the brokers stored, where some of it may have failed.

use crate::numbered::Numbered;
use crate::readback::{Stamp, StoredRecord};
use std::fmt;
use std::time::Instant;

/// Whether a record is in the log, as its report says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It is.
    Written,
    /// It is not.
    NotWritten,
    /// Nobody knows.
    PossiblyWritten,
}

/// The report of one record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Said {
    /// Whether it is in the log.
    pub outcome: Outcome,
    /// Its partition, if it was given one.
    pub partition: Option<i32>,
    /// Its offset, where the broker told it.
    pub offset: Option<i64>,
    /// Its time in ms since 1970, where the report tells it.
    pub timestamp: Option<i64>,
    /// Why it is not simply written; empty if it is.
    pub cause: String,
    /// What the broker said about it in its own words; empty if nothing.
    pub message: String,
    /// When the record was sent.
    pub sent: Instant,
    /// When the report came.
    pub at: Instant,
}

/// What a topic holds, and what was said about it.
#[derive(Clone, Copy, Debug)]
pub struct Ledger<'a> {
    /// The report of each record, by its number.
    pub said: &'a [Said],
    /// The records of each partition in the order of the log.
    pub stored: &'a [Vec<StoredRecord>],
    /// Partitions were asked for below this number.
    pub partitions: i32,
    /// When the topic was created anew: what was reported before need not be there.
    pub recreated: Option<Instant>,
}

/// How many records had which fate.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Reported as written.
    pub written: u64,
    /// Those among them that went down with the topic.
    pub gone: u64,
    /// Reported as not written.
    pub not_written: u64,
    /// Reported as possibly written.
    pub possibly: u64,
    /// Those among them that are in the log.
    pub possibly_stored: u64,
}

/// How reports and log contradict each other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fault {
    /// A stored record equals none that was sent, or is where it was not sent to.
    Foreign(Place),
    /// A record is stored twice.
    Repeated(u64, Place, Place),
    /// A record is stored behind one that was sent after it.
    Reordered(u64, Place, u64),
    /// A record was reported as written and is not there, or elsewhere.
    Lost(u64, Box<Said>, Option<Place>),
    /// A record was reported as not written and is there.
    Denied(u64, Box<Said>, Place),
    /// The report tells another time than the log.
    Mistimed(u64, Box<Said>, Stamp),
}

/// A partition and an offset.
pub type Place = (i32, i64);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(place) => write!(f, "the record at {place:?} was never sent"),
            Self::Repeated(number, first, second) => {
                write!(f, "record {number} is stored at {first:?} and {second:?}")
            }
            Self::Reordered(number, place, after) => {
                write!(f, "record {number} at {place:?} is stored after {after}")
            }
            Self::Lost(number, said, place) => {
                write!(f, "record {number} is at {place:?}, reported: {said:?}")
            }
            Self::Denied(number, said, place) => {
                write!(f, "record {number} is at {place:?}, reported: {said:?}")
            }
            Self::Mistimed(number, said, stamp) => {
                write!(
                    f,
                    "record {number} has the time {stamp:?}, reported: {said:?}"
                )
            }
        }
    }
}

impl std::error::Error for Fault {}

impl Ledger<'_> {
    /// Checks that each record is in the log as its report says, at most once, and that each partition has
    /// its records in the order in which they were sent.
    ///
    /// # Errors
    ///
    /// The first contradiction.
    pub fn check(&self) -> Result<Tally, Fault> {
        let places = self.places()?;
        let mut tally = Tally::default();
        for (number, (said, found)) in (0..).zip(self.said.iter().zip(&places)) {
            match said.outcome {
                Outcome::Written => {
                    tally.written += 1;
                    let was_before = self.recreated.is_some_and(|at| said.at < at);
                    match found {
                        None if was_before => tally.gone += 1,
                        Some((place, stamp)) if said.fits(*place) => {
                            said.check_time(number, *stamp)?;
                        }
                        Some(_) | None => {
                            let place = found.map(|(place, _)| place);
                            return Err(Fault::Lost(number, Box::new(said.clone()), place));
                        }
                    }
                }
                Outcome::NotWritten => {
                    tally.not_written += 1;
                    if let Some((place, _)) = *found {
                        return Err(Fault::Denied(number, Box::new(said.clone()), place));
                    }
                }
                Outcome::PossiblyWritten => {
                    tally.possibly += 1;
                    tally.possibly_stored += u64::from(found.is_some());
                }
            }
        }
        Ok(tally)
    }

    /// How many records must be there.
    #[must_use]
    pub fn expected(&self) -> u64 {
        let is_there = |said: &&Said| {
            let is_after = self.recreated.is_none_or(|at| said.at >= at);
            said.outcome == Outcome::Written && is_after
        };
        self.said.iter().filter(is_there).count() as u64
    }

    /// Where each record is, by its number.
    fn places(&self) -> Result<Vec<Option<(Place, Stamp)>>, Fault> {
        let mut places = vec![None; self.said.len()];
        for (partition, records) in (0..).zip(self.stored) {
            let mut last = None;
            for record in records {
                let place = (partition, record.offset);
                let number = Numbered::number(record, partition, self.partitions)
                    .ok_or(Fault::Foreign(place))?;
                let slot = usize::try_from(number)
                    .ok()
                    .and_then(|index| places.get_mut(index))
                    .ok_or(Fault::Foreign(place))?;
                if let Some((first, _)) = slot.replace((place, record.stamp)) {
                    return Err(Fault::Repeated(number, first, place));
                }
                if let Some(after) = last.replace(number).filter(|&after| after > number) {
                    return Err(Fault::Reordered(number, place, after));
                }
            }
        }
        Ok(places)
    }
}

impl Said {
    fn fits(&self, (partition, offset): Place) -> bool {
        self.partition == Some(partition) && self.offset.is_none_or(|said| said == offset)
    }

    fn check_time(&self, number: u64, stamp: Stamp) -> Result<(), Fault> {
        let stored = match stamp {
            Stamp::Absent => None,
            Stamp::Created(ms) | Stamp::Appended(ms) => Some(ms),
        };
        if self.timestamp.is_some() && self.timestamp != stored {
            return Err(Fault::Mistimed(number, Box::new(self.clone()), stamp));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const COUNT: u64 = 60;

    /// Two partitions as a faultless producer would fill them, and its reports.
    fn faultless() -> (Vec<Said>, Vec<Vec<StoredRecord>>) {
        let (mut said, mut stored) = (Vec::new(), vec![Vec::new(), Vec::new()]);
        for number in 0..COUNT {
            let sent = Numbered::new(number, 2);
            let partition = sent.partition.unwrap_or(0);
            let log: &mut Vec<StoredRecord> = &mut stored[partition as usize];
            let offset = log.len() as i64;
            log.push(StoredRecord {
                offset,
                key: sent.key,
                value: Some(sent.value),
                headers: Vec::new(),
                stamp: Stamp::Appended(5),
            });
            said.push(Said {
                outcome: Outcome::Written,
                partition: Some(partition),
                offset: Some(offset),
                timestamp: Some(5),
                cause: String::new(),
                message: String::new(),
                sent: Instant::now(),
                at: Instant::now(),
            });
        }
        (said, stored)
    }

    type Log = Vec<Vec<StoredRecord>>;

    fn check(said: &[Said], stored: &[Vec<StoredRecord>]) -> Result<Tally, Fault> {
        let (partitions, recreated) = (2, None);
        Ledger {
            said,
            stored,
            partitions,
            recreated,
        }
        .check()
    }

    /// A record of the first partition, and its place there.
    fn victim(stored: &[Vec<StoredRecord>]) -> (usize, usize) {
        let number = Numbered::number(&stored[0][10], 0, 2).unwrap();
        (number as usize, 10)
    }

    #[test]
    fn reports_that_fit_the_log_pass() {
        let (mut said, mut stored) = faultless();
        let written = Tally {
            written: COUNT,
            ..Tally::default()
        };
        assert_eq!(check(&said, &stored), Ok(written));
        let (number, _) = victim(&stored);
        said[number].outcome = Outcome::PossiblyWritten;
        let last = Numbered::number(&stored[0].pop().unwrap(), 0, 2).unwrap();
        said[last as usize].outcome = Outcome::NotWritten;
        let tally = Tally {
            written: COUNT - 2,
            not_written: 1,
            possibly: 1,
            possibly_stored: 1,
            gone: 0,
        };
        assert_eq!(check(&said, &stored), Ok(tally));
    }

    #[test]
    fn each_contradiction_is_found() {
        let (said, stored) = faultless();
        let (number, at) = victim(&stored);
        let changed = |change: &dyn Fn(&mut [Said], &mut Log)| {
            let (mut said, mut stored) = (Box::new(said.clone()), stored.clone());
            change(&mut said, &mut stored);
            check(&said, &stored).unwrap_err()
        };
        let found = changed(&|said, _| said[number].outcome = Outcome::NotWritten);
        assert!(matches!(found, Fault::Denied(..)));
        let found = changed(&|said, _| said[number].offset = Some(11));
        assert!(matches!(found, Fault::Lost(.., Some(_))));
        let found = changed(&|said, _| said[number].timestamp = Some(6));
        assert!(matches!(found, Fault::Mistimed(..)));
        let found = changed(&|_, stored| drop(stored[0].remove(at)));
        assert!(matches!(found, Fault::Lost(.., None)));
        let found = changed(&|_, stored| stored[0][at].value.as_mut().unwrap()[12] ^= 1);
        assert!(matches!(found, Fault::Foreign(..)));
        let found = changed(&|_, stored| stored[0].swap(at, at + 1));
        assert!(matches!(found, Fault::Reordered(..)));
        let found = changed(&|_, stored| {
            let copy = stored[0][at].clone();
            stored[0].insert(at, copy);
        });
        assert!(matches!(found, Fault::Repeated(..)));
    }

    #[test]
    fn only_what_was_reported_before_a_topic_was_created_anew_may_be_gone() {
        let (said, mut stored) = faultless();
        let (number, at) = victim(&stored);
        stored[0].remove(at);
        let reported = said[number].at;
        let ledger = |recreated| Ledger {
            said: &said,
            stored: &stored,
            partitions: 2,
            recreated: Some(recreated),
        };
        let after = ledger(reported + Duration::from_secs(1));
        assert_eq!(after.check().unwrap().gone, 1);
        assert_eq!(after.expected(), 0);
        assert!(matches!(ledger(reported).check(), Err(Fault::Lost(..))));
    }
}
