//! The partition that records without an opinion go to, until it is another one's turn (KIP-794).

use super::weights::Weights;

/// The sticky partition of one topic. Sticking to one fills batches; moving on after `batch.size` bytes
/// keeps the partitions equally loaded.
#[derive(Debug, Default)]
pub(super) struct Sticky {
    current: Option<i32>,
    /// Whether the current partition had a leader when it was drawn.
    was_led: bool,
    /// Bytes of records that went there since.
    bytes: u64,
    pub(super) weights: Weights,
}

/// What decides whether a record still goes to the sticky partition.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stay {
    /// Bytes that the record takes as the first of a batch, the batch's header included.
    pub(super) size: u64,
    /// `batch.size`.
    pub(super) batch_size: u64,
    /// How many partitions the topic has.
    pub(super) count: i32,
}

impl Sticky {
    /// The sticky partition, if the record still goes there; otherwise another one is to be drawn.
    ///
    /// It is left at the end of a batch, once `batch.size` bytes are there or would be with the record:
    /// when no batch is open (`takes` says no), or the open one has no room. A batch that could take
    /// the record is not left behind half full, except after twice `batch.size`: keyed records may keep
    /// opening batches. Java has the same two limits and looks at them after a record was appended: where
    /// records do not fill a batch to the byte it goes on with a second one, and then leaves a third one
    /// behind nearly empty.
    ///
    /// A partition that has lost its leader is left at once.
    pub(super) fn stay(
        &self,
        about: Stay,
        is_led: impl FnOnce(i32) -> bool,
        takes: impl FnOnce(i32) -> bool,
    ) -> Option<i32> {
        let current = self.current.filter(|current| *current < about.count)?;
        if self.was_led && !is_led(current) {
            return None;
        }
        if self.bytes == 0 {
            return Some(current);
        }
        let bytes = self.bytes.saturating_add(about.size);
        let is_staying = bytes < about.batch_size
            || bytes < about.batch_size.saturating_mul(2) && takes(current);
        is_staying.then_some(current)
    }

    /// Makes another partition the sticky one. Returns the one before it.
    pub(super) const fn move_to(&mut self, partition: i32, is_led: bool) -> Option<i32> {
        self.was_led = is_led;
        self.bytes = 0;
        self.current.replace(partition)
    }

    /// Counts the bytes of a record that went to the sticky partition.
    pub(super) const fn on_appended(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn about(size: u64) -> Stay {
        Stay {
            size,
            batch_size: 1000,
            count: 6,
        }
    }

    fn at(bytes: u64) -> Sticky {
        let mut sticky = Sticky::default();
        sticky.move_to(3, true);
        sticky.on_appended(bytes);
        sticky
    }

    #[test]
    fn the_partition_is_left_at_the_end_of_a_batch() {
        let never_asked = |_| -> bool { panic!("there is no need to look at the batch") };
        assert_eq!(at(899).stay(about(100), |_| true, never_asked), Some(3));
        assert_eq!(at(900).stay(about(100), |_| true, |_| true), Some(3));
        assert_eq!(at(900).stay(about(100), |_| true, |_| false), None);
        assert_eq!(at(1899).stay(about(100), |_| true, |_| true), Some(3));
        assert_eq!(at(1900).stay(about(100), |_| true, never_asked), None);
        // A record larger than a batch goes to the partition drawn for it.
        assert_eq!(at(0).stay(about(5000), |_| true, never_asked), Some(3));
    }

    #[test]
    fn the_partition_is_left_when_it_is_gone_or_loses_its_leader() {
        let none = Sticky::default();
        assert_eq!(none.stay(about(1), |_| true, |_| true), None);
        let fewer = Stay {
            count: 3,
            ..about(1)
        };
        assert_eq!(at(1).stay(fewer, |_| true, |_| true), None);
        assert_eq!(at(1).stay(about(1), |_| false, |_| true), None);
        // Where nothing had a leader, there is no better one to draw.
        let mut unled = at(1);
        unled.move_to(3, false);
        assert_eq!(unled.stay(about(1), |_| false, |_| true), Some(3));
    }
}
