//! Partitioners of the application: who chooses instead of the producer.

use crate::partitions::Partitions;
use crate::record::Record;

/// Chooses partitions for records that name none, in place of the producer's own partitioner. Set with
/// [`Builder::partitioner`](crate::Builder::partitioner).
///
/// It runs in the task that sends, before the record is staged, once the topic's partitions are known;
/// that wait takes at most `max.block.ms`. The same partitioner serves all tasks at once. Closures of the
/// method's form are partitioners:
///
/// ```
/// use odradek_host::{Partitions, Producer, Record};
///
/// let by_length = |record: &Record<'_>, partitions: &Partitions| {
///     let length = record.value.map_or(0, |value| value.len() as i32);
///     Some(length % partitions.count())
/// };
/// let builder = Producer::builder().partitioner(by_length);
/// ```
pub trait Partitioner: Send + Sync {
    /// The partition for a record, or `None` to leave it to the producer's own partitioner. A number
    /// that the topic does not have is refused as if the record had named it.
    ///
    /// # Panics
    ///
    /// A panic unwinds into the task that sends; the producer is not harmed.
    fn partition(&self, record: &Record<'_>, partitions: &Partitions) -> Option<i32>;
}

impl<F> Partitioner for F
where
    F: Fn(&Record<'_>, &Partitions) -> Option<i32> + Send + Sync,
{
    fn partition(&self, record: &Record<'_>, partitions: &Partitions) -> Option<i32> {
        self(record, partitions)
    }
}
