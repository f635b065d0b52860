//! Where one partition stands in the sequences of an identity.
//!
//! ```text
//!            a stamped batch is given up that may be in the log
//!     Whole ----------------------------------------------------> Suspect
//!     ^ ^ |                                                        | | |
//!     | | |                everything is acknowledged after all    | | |
//!     | | '--<-----------------------------------------------------' | |
//!     | |    one is given up that is not in the log, or the broker   | |
//!     | |    takes none of these sequences, or the log is another    | |
//!     | |                 '--> Forgotten, Broken <-------------------' |
//!     | |                              | nothing stamped is in doubt   | nothing is stamped
//!     | '------ a higher epoch ------ Over <---------------------------'
//!     '-------- nothing is stamped, and there is a newer identity
//! ```
//!
//! In any state but `Whole` no batch gets a new stamp; what may be in the log is sent once more as it
//! was stamped (`partition.rs` says what, and when).

use super::identity::IdAndEpoch;
use crate::record::ProducerStamp;

/// Sequences are 31 bits wide: after 2^31 - 1 comes 0.
const SEQUENCE_MASK: u32 = 0x7fff_ffff;

/// A base sequence and the identity that it belongs to: what a batch keeps from its first attempt on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) by: IdAndEpoch,
    pub(super) base_sequence: i32,
}

/// Whether the stamped sequences follow one another without a gap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Run {
    /// They do.
    #[default]
    Whole,
    /// A batch was given up that may be in the log: what is acknowledged will tell.
    Suspect,
    /// The broker forgot the producer along with the records that it had of it.
    Forgotten,
    /// A sequence is missing, or the broker takes none of these: nothing new can be appended.
    Broken,
    /// Nothing stamped is left that could be in the log.
    Over,
}

/// Where one partition stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PartitionSequence {
    under: Option<IdAndEpoch>,
    next: i32,
    /// The sequence behind the last one that is acknowledged. Only answers of success move it: a batch
    /// that is possibly written does not.
    acknowledged: i32,
    /// A batch was acknowledged under this identity. Before that one batch at a time is in flight: a
    /// broker without state for the producer id takes any first sequence (before KIP-890), so a lost
    /// first batch would be overtaken by the second one.
    is_confirmed: bool,
    run: Run,
    /// The last offset that was acknowledged, under any identity.
    last_offset: Option<i64>,
}

impl Stamp {
    /// The stamp of what follows a batch of `count` records with this one.
    pub(super) const fn behind(self, count: u32) -> Self {
        Self {
            base_sequence: advance(self.base_sequence, count),
            ..self
        }
    }

    /// What goes into the header of a batch.
    pub(super) const fn in_header(self, transactional: bool) -> ProducerStamp {
        ProducerStamp {
            producer_id: self.by.producer_id,
            producer_epoch: self.by.producer_epoch,
            base_sequence: self.base_sequence,
            transactional,
        }
    }
}

impl PartitionSequence {
    pub(super) const fn run(&self) -> Run {
        self.run
    }

    /// The identity of all stamps in the partition; `None` before the first one.
    pub(super) const fn under(&self) -> Option<IdAndEpoch> {
        self.under
    }

    pub(super) const fn is_confirmed(&self) -> bool {
        self.is_confirmed
    }

    pub(super) const fn last_offset(&self) -> Option<i64> {
        self.last_offset
    }

    /// Starts at a sequence of an identity.
    pub(super) const fn start(&mut self, under: IdAndEpoch, sequence: i32) {
        *self = Self {
            under: Some(under),
            next: sequence,
            acknowledged: sequence,
            is_confirmed: false,
            run: Run::Whole,
            last_offset: self.last_offset,
        };
    }

    /// Takes the next `count` sequences; `None` where nothing may be stamped.
    pub(super) fn stamp(&mut self, count: u32) -> Option<Stamp> {
        let by = self.under.filter(|_| self.run == Run::Whole)?;
        let base_sequence = self.next;
        self.next = advance(self.next, count);
        Some(Stamp { by, base_sequence })
    }

    /// The broker says that it has everything up to this stamp, and where its last record lies.
    /// An old answer moves nothing back.
    pub(super) fn acknowledge(&mut self, behind: Stamp, last_offset: Option<i64>) {
        if self.under != Some(behind.by) {
            return;
        }
        self.is_confirmed = true;
        if !reaches(self.acknowledged, behind.base_sequence) {
            self.acknowledged = behind.base_sequence;
        }
        self.last_offset = self.last_offset.max(last_offset);
    }

    /// A batch is not sent any more as it was stamped. Where it was the last one and is certain not to
    /// be in the log, its sequences are free again.
    pub(super) fn give_up(&mut self, stamp: Stamp, count: u32, is_absent: bool) {
        if self.under != Some(stamp.by) {
            return;
        }
        let is_last = stamp.behind(count).base_sequence == self.next;
        match (is_absent, is_last) {
            (true, true) => self.next = stamp.base_sequence,
            (true, false) => self.fall_to(Run::Broken),
            (false, _) => self.fall_to(Run::Suspect),
        }
    }

    /// The broker takes none of the sequences that are stamped; when it forgot the producer along with
    /// its records, it would take them from 0 on.
    pub(super) fn break_off(&mut self, is_forgotten: bool) {
        self.fall_to(if is_forgotten {
            Run::Forgotten
        } else {
            Run::Broken
        });
    }

    /// The log is another one: what brokers know of the producer there has nothing to do with this.
    /// Nothing is stamped there under the same epoch: requests that name the topic may have reached it
    /// already, and what starts at 0 again would be taken for a duplicate.
    pub(super) fn leave_log(&mut self) {
        self.last_offset = None;
        if self.under.is_some() {
            self.fall_to(Run::Broken);
        }
    }

    /// Nothing is missing after all.
    pub(super) const fn make_whole(&mut self) {
        self.run = Run::Whole;
    }

    /// Nothing stamped is left.
    pub(super) const fn end(&mut self) {
        self.run = Run::Over;
    }

    /// Whether stamped batches of these base sequences and counts lead without a gap from what is
    /// acknowledged to what is stamped next.
    pub(super) fn is_joined_by(&self, batches: impl Iterator<Item = (Stamp, u32)>) -> bool {
        let mut end = self.acknowledged;
        for (stamp, count) in batches {
            let behind = stamp.behind(count).base_sequence;
            if reaches(end, behind) {
                // In doubt still, but a later one is acknowledged.
                continue;
            }
            if stamp.base_sequence != end {
                return false;
            }
            end = behind;
        }
        end == self.next
    }

    fn fall_to(&mut self, run: Run) {
        self.run = self.run.max(run);
    }
}

/// The sequence `count` after `sequence`.
const fn advance(sequence: i32, count: u32) -> i32 {
    ((sequence as u32).wrapping_add(count) & SEQUENCE_MASK) as i32
}

/// Whether `sequence` is `other` or comes behind it. Of two sequences that are in use at the same time
/// the later one is less than half the circle ahead.
const fn reaches(sequence: i32, other: i32) -> bool {
    let ahead = (sequence as u32).wrapping_sub(other as u32) & SEQUENCE_MASK;
    ahead <= SEQUENCE_MASK / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn by(producer_epoch: i16) -> IdAndEpoch {
        IdAndEpoch {
            producer_id: 7,
            producer_epoch,
        }
    }

    const fn at(base_sequence: i32) -> Stamp {
        Stamp {
            by: by(3),
            base_sequence,
        }
    }

    fn started(sequence: i32) -> PartitionSequence {
        let mut started = PartitionSequence::default();
        started.start(by(3), sequence);
        started
    }

    #[test]
    fn the_stamp_behind_the_largest_sequence_wraps_inside_a_batch() {
        assert_eq!(at(i32::MAX - 1).behind(3), at(1));
        assert_eq!(at(i32::MAX).behind(1), at(0));
        assert_eq!(at(7).behind(5), at(12));
        assert!(reaches(0, i32::MAX) && !reaches(i32::MAX, 0));
        assert!(reaches(5, 5) && reaches(6, 5) && !reaches(5, 6));
    }

    #[test]
    fn nothing_is_stamped_before_there_is_an_identity_or_behind_a_gap() {
        let mut sequence = PartitionSequence::default();
        assert_eq!(sequence.stamp(1), None);
        sequence.start(by(3), 0);
        assert_eq!(sequence.stamp(10), Some(at(0)));
        assert_eq!(sequence.stamp(1), Some(at(10)));
        sequence.give_up(at(0), 10, true);
        assert_eq!((sequence.run(), sequence.stamp(1)), (Run::Broken, None));
        sequence.start(by(4), 0);
        assert_eq!(sequence.run(), Run::Whole);
        assert!(!sequence.is_confirmed());
    }

    #[test]
    fn the_last_offset_outlives_the_epoch_under_which_it_was_acknowledged() {
        let mut sequence = started(0);
        sequence.acknowledge(at(1), Some(9));
        sequence.start(by(4), 0);
        assert_eq!(sequence.last_offset(), Some(9));
    }

    #[test]
    fn the_last_batch_gives_its_sequences_back_when_it_is_not_in_the_log() {
        let mut sequence = started(i32::MAX);
        assert_eq!(sequence.stamp(2), Some(at(i32::MAX)));
        sequence.give_up(at(i32::MAX), 2, true);
        assert_eq!(sequence.run(), Run::Whole);
        assert_eq!(sequence.stamp(5), Some(at(i32::MAX)));
        sequence.give_up(at(i32::MAX), 5, false);
        assert_eq!(sequence.run(), Run::Suspect, "it may be in the log");
    }

    #[test]
    fn acknowledgements_only_move_forward_over_the_wrap_as_well() {
        let mut sequence = started(i32::MAX - 1);
        for _ in 0..3 {
            sequence.stamp(2);
        }
        sequence.acknowledge(at(2), Some(40));
        sequence.acknowledge(at(0), Some(38));
        sequence.acknowledge(Stamp { by: by(2), ..at(4) }, Some(90));
        assert_eq!((sequence.acknowledged, sequence.last_offset), (2, Some(40)));
        assert!(!sequence.is_joined_by([].into_iter()));
        assert!(sequence.is_joined_by([(at(2), 2)].into_iter()));
        // In doubt before what is acknowledged: no gap.
        assert!(sequence.is_joined_by([(at(i32::MAX - 1), 2), (at(2), 2)].into_iter()));
        assert!(!sequence.is_joined_by([(at(3), 1)].into_iter()));
    }

    #[test]
    fn a_worse_state_is_not_taken_back_by_a_better_one() {
        let mut sequence = started(0);
        sequence.break_off(true);
        assert_eq!(sequence.run(), Run::Forgotten);
        sequence.break_off(false);
        sequence.break_off(true);
        sequence.stamp(1);
        sequence.give_up(at(0), 0, false);
        assert_eq!(sequence.run(), Run::Broken);
    }

    #[test]
    fn another_log_ends_the_sequences_of_the_old_one() {
        let mut sequence = PartitionSequence::default();
        sequence.leave_log();
        assert_eq!(sequence.run(), Run::Whole, "nothing was stamped");
        sequence.start(by(3), 0);
        sequence.acknowledge(at(1), Some(9));
        sequence.leave_log();
        assert_eq!(
            (sequence.run(), sequence.last_offset()),
            (Run::Broken, None)
        );
    }
}
