//! Compares what was sent with what was stored: every byte, exactly once, in order.

use crate::readback::{Stamp, StoredRecord};
use crate::records::{Record, Records};
use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::RangeInclusive;

/// Where a record is stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// The index of the partition.
    pub partition: i32,
    /// The offset in it.
    pub offset: i64,
}

/// How the stored records differ from those sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Mismatch {
    /// A stored record equals none that was sent: its bytes, headers or time were changed.
    Foreign {
        /// Where it is.
        place: Place,
        /// The record.
        record: StoredRecord,
    },
    /// A record is stored twice.
    Repeated {
        /// Its index among those sent.
        index: u64,
        /// Where it is.
        places: [Place; 2],
    },
    /// A record is stored behind one that was sent after it.
    Reordered {
        /// Its index among those sent.
        index: u64,
        /// Where it is.
        place: Place,
        /// The index of the record before it in the partition.
        after: u64,
    },
    /// A record is not in the partition that it was sent to.
    Misplaced {
        /// Its index among those sent.
        index: u64,
        /// Where it is.
        place: Place,
        /// The partition asked for.
        partition: i32,
    },
    /// A record that the producer should stamp carries a time outside the run.
    Stamped {
        /// Its index among those sent.
        index: u64,
        /// The time that is stored, in milliseconds since 1970.
        timestamp: i64,
    },
    /// Records are not stored.
    Missing {
        /// How many.
        count: usize,
        /// The index of the first among those sent.
        first: u64,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign { place, record } => {
                write!(f, "the record at {place:?} was never sent: {record:?}")
            }
            Self::Repeated {
                index,
                places: [first, second],
            } => {
                write!(f, "record {index} is stored at {first:?} and at {second:?}")
            }
            Self::Reordered {
                index,
                place,
                after,
            } => {
                write!(
                    f,
                    "record {index} at {place:?} is stored after record {after}"
                )
            }
            Self::Misplaced {
                index,
                place,
                partition,
            } => {
                write!(
                    f,
                    "record {index} is stored at {place:?}, sent to partition {partition}"
                )
            }
            Self::Stamped { index, timestamp } => {
                write!(f, "record {index} is stamped {timestamp}, outside the run")
            }
            Self::Missing { count, first } => {
                write!(
                    f,
                    "{count} records are not stored, the first is record {first}"
                )
            }
        }
    }
}

impl std::error::Error for Mismatch {}

/// Finds each sent record among the stored ones: the result has the place of each, by index.
///
/// `stored` has one list per partition. `run` is the time of the run in milliseconds since 1970:
/// what the producer stamped lies within.
///
/// # Errors
///
/// The first difference.
///
/// # Panics
///
/// If two sent records are equal, which [`Records`] excludes.
pub fn match_up(
    sent: &Records,
    stored: &[Vec<StoredRecord>],
    run: &RangeInclusive<i64>,
) -> Result<Vec<Place>, Mismatch> {
    let mut indices = HashMap::new();
    for (index, record) in (0..).zip(sent.iter()) {
        let earlier = indices.insert(digest(&record), index);
        assert!(
            earlier.is_none(),
            "records {earlier:?} and {index} cannot be told apart"
        );
    }
    let mut places = vec![None; indices.len()];
    for (partition, records) in (0..).zip(stored) {
        let mut last = None;
        for record in records {
            let place = Place {
                partition,
                offset: record.offset,
            };
            let Some(index) = find(sent, &indices, record, run)? else {
                return Err(Mismatch::Foreign {
                    place,
                    record: record.clone(),
                });
            };
            let slot = &mut places[usize::try_from(index).expect("an index of the list")];
            if let Some(first) = slot.replace(place) {
                return Err(Mismatch::Repeated {
                    index,
                    places: [first, place],
                });
            }
            if let Some(partition) = sent
                .record(index)
                .partition
                .filter(|&p| p != place.partition)
            {
                return Err(Mismatch::Misplaced {
                    index,
                    place,
                    partition,
                });
            }
            if let Some(after) = last.replace(index).filter(|&after| after > index) {
                return Err(Mismatch::Reordered {
                    index,
                    place,
                    after,
                });
            }
        }
    }
    let count = places.iter().filter(|place| place.is_none()).count();
    if let Some(first) = (0..)
        .zip(&places)
        .find_map(|(i, place)| place.is_none().then_some(i))
    {
        return Err(Mismatch::Missing { count, first });
    }
    Ok(places.into_iter().flatten().collect())
}

/// The index of the sent record that equals the stored one.
fn find(
    sent: &Records,
    indices: &HashMap<u64, u64>,
    stored: &StoredRecord,
    run: &RangeInclusive<i64>,
) -> Result<Option<u64>, Mismatch> {
    let Stamp::Created(timestamp) = stored.stamp else {
        return Ok(None);
    };
    for candidate in [Some(timestamp), None] {
        let wanted = Record {
            key: stored.key.clone(),
            value: stored.value.clone(),
            headers: stored.headers.clone(),
            timestamp: candidate,
            partition: None,
        };
        let Some(&index) = indices.get(&digest(&wanted)) else {
            continue;
        };
        // The digest finds, equality decides.
        if (Record {
            partition: None,
            ..sent.record(index)
        }) != wanted
        {
            continue;
        }
        if candidate.is_none() && !run.contains(&timestamp) {
            return Err(Mismatch::Stamped { index, timestamp });
        }
        return Ok(Some(index));
    }
    Ok(None)
}

fn digest(record: &Record) -> u64 {
    let mut hasher = DefaultHasher::new();
    (
        &record.key,
        &record.value,
        &record.headers,
        record.timestamp,
    )
        .hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: Records = Records {
        seed: 7,
        count: 300,
        partitions: 2,
    };
    const RUN: RangeInclusive<i64> = 10..=20;

    /// The records as a faultless producer would store them.
    fn stored() -> Vec<Vec<StoredRecord>> {
        let mut partitions = vec![Vec::new(), Vec::new()];
        for record in SENT.iter() {
            let partition = usize::try_from(record.partition.unwrap_or(0)).unwrap();
            let offset = i64::try_from(partitions[partition].len()).unwrap();
            partitions[partition].push(StoredRecord {
                offset,
                key: record.key,
                value: record.value,
                headers: record.headers,
                stamp: Stamp::Created(record.timestamp.unwrap_or(15)),
            });
        }
        partitions
    }

    fn mismatch(stored: &[Vec<StoredRecord>]) -> Mismatch {
        match_up(&SENT, stored, &RUN).unwrap_err()
    }

    fn position(stored: &[StoredRecord], kind: impl Fn(&StoredRecord) -> bool) -> usize {
        stored.iter().position(kind).unwrap()
    }

    #[test]
    fn every_record_of_a_faultless_log_has_its_place() {
        let places = match_up(&SENT, &stored(), &RUN).unwrap();
        assert_eq!(places.len(), 300);
        for (record, place) in SENT.iter().zip(&places) {
            assert_eq!(record.partition.unwrap_or(0), place.partition);
        }
    }

    #[test]
    fn a_changed_byte_is_found() {
        let mut stored = stored();
        let at = position(&stored[0], |r| {
            r.value.as_ref().is_some_and(|v| v.len() > 100)
        });
        stored[0][at].value.as_mut().unwrap()[50] ^= 1;
        assert!(matches!(mismatch(&stored), Mismatch::Foreign { .. }));
    }

    #[test]
    fn null_and_empty_differ() {
        let mut stored = stored();
        let at = position(&stored[0], |r| r.key.is_none());
        stored[0][at].key = Some(Vec::new());
        assert!(matches!(mismatch(&stored), Mismatch::Foreign { .. }));
    }

    #[test]
    fn exchanged_headers_are_found() {
        let mut stored = stored();
        let at = position(&stored[0], |r| {
            r.headers.len() > 1 && r.headers[0] != r.headers[1]
        });
        stored[0][at].headers.swap(0, 1);
        assert!(matches!(mismatch(&stored), Mismatch::Foreign { .. }));
    }

    #[test]
    fn a_repeated_record_is_found() {
        let mut stored = stored();
        let copy = stored[0][5].clone();
        stored[0].insert(6, copy);
        assert!(matches!(mismatch(&stored), Mismatch::Repeated { .. }));
    }

    #[test]
    fn a_missing_record_is_found() {
        let mut stored = stored();
        stored[0].pop();
        assert!(matches!(
            mismatch(&stored),
            Mismatch::Missing { count: 1, .. }
        ));
    }

    #[test]
    fn exchanged_neighbours_are_found() {
        let mut stored = stored();
        stored[0].swap(10, 11);
        assert!(matches!(mismatch(&stored), Mismatch::Reordered { .. }));
    }

    #[test]
    fn a_record_in_another_partition_than_asked_for_is_found() {
        let mut stored = stored();
        let moved = stored[1].pop().unwrap();
        stored[0].push(moved);
        assert!(matches!(
            mismatch(&stored),
            Mismatch::Misplaced { partition: 1, .. }
        ));
    }

    #[test]
    fn times_that_are_not_of_the_run_or_the_broker_s_are_found() {
        let mut stamped = stored();
        let at = position(&stamped[0], |r| r.stamp == Stamp::Created(15));
        stamped[0][at].stamp = Stamp::Created(21);
        assert!(matches!(
            mismatch(&stamped),
            Mismatch::Stamped { timestamp: 21, .. }
        ));
        let mut appended = stored();
        appended[0][0].stamp = Stamp::Appended(15);
        assert!(matches!(mismatch(&appended), Mismatch::Foreign { .. }));
    }
}
