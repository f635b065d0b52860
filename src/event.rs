//! What the application hears from the machine: reports, room in the buffer, failures, the end.

use crate::driver::DisconnectReason;
use crate::error::{Cause, FatalError};
use crate::ids::{FlushId, Ticket, TopicHandle};
use crate::transaction::OperationEnded;
use core::net::SocketAddr;
use core::time::Duration;

/// Something for the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The verdict on records that share one fate.
    Delivered(DeliveryReport),
    /// Memory became free after a record was refused with
    /// [`SendError::BufferFull`](crate::SendError). Comes once per refusal period.
    BufferAvailable {
        /// How many bytes of `buffer.memory` are free.
        free_bytes: u64,
    },
    /// Everything accepted before a flush has been reported.
    Flushed {
        /// The flush that is complete.
        flush: FlushId,
    },
    /// An operation of a transactional producer is over, or has timed out.
    OperationEnded(OperationEnded),
    /// What is known of a topic's partitions, after [`Producer::watch`](crate::Producer::watch).
    Partitions(TopicPartitions),
    /// A connection could not be made, or was lost. Informative: the machine tries again by itself.
    ConnectionFailed(ConnectionFailure),
    /// The producer can do no more; every later command is refused with this error.
    Failed(FatalError),
    /// Everything is reported and every connection is closed. The last event.
    Closed,
}

/// The partitions of a topic, as the cluster last told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPartitions {
    /// The topic.
    pub topic: TopicHandle,
    /// The id of each partition's leader, `None` where there is none at present; indexed by partition,
    /// never empty. Or why the partitions are not known.
    pub leaders: Result<Vec<Option<i32>>, Cause>,
}

/// The verdict on records of one partition that share one fate: one batch, or records that never
/// reached one. The offset of a record is [`base_offset`](Self::base_offset) plus its position
/// among the tickets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryReport {
    /// The topic that the records were sent to.
    pub topic: TopicHandle,
    /// The partition, or `None` for records that were never given one.
    pub partition: Option<i32>,
    /// The offset of the first record, where the broker told it.
    pub base_offset: Option<i64>,
    /// The broker's time in ms since 1970, where the topic uses LogAppendTime; it replaces the
    /// timestamps of all records.
    pub log_append_time: Option<i64>,
    /// Whether the records are in the log.
    pub outcome: Outcome,
    /// Why the outcome is not a plain "written with its offset".
    pub cause: Option<Cause>,
    /// What the broker said about it in its own words, cut to 1 KiB (KIP-467). Text from outside: for
    /// people to read, and not to be trusted.
    pub message: Option<Box<str>>,
    /// Which records, in the order in which they stand in the batch.
    pub tickets: TicketRuns,
}

/// Whether a record is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is: a broker acknowledged it.
    Written,
    /// It is not: it was never handed to a transport, or the broker's answers prove it.
    NotWritten,
    /// Nobody knows: it was handed out and no answer settles it. Sending it again may duplicate it.
    PossiblyWritten,
}

/// A list of tickets in runs, as bytes: for each run two unsigned LEB128 numbers, the gap to the end
/// of the run before (for the first run, its first ticket) and the number of tickets.
///
/// Keyed traffic interleaves partitions, so runs are short and most take two bytes.
#[derive(Clone, Debug, Default)]
pub struct TicketRuns {
    bytes: Vec<u8>,
    /// The run that may still grow: first ticket and count. Not yet in `bytes`.
    open: Option<(u64, u64)>,
    /// One past the last ticket in `bytes`.
    end: u64,
    count: u64,
}

impl TicketRuns {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty list with room for so many bytes of runs, so that adding tickets need not allocate.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            ..Self::default()
        }
    }

    /// How many bytes the runs take.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a ticket, which must be greater than all before it.
    pub fn push(&mut self, ticket: Ticket) {
        self.count += 1;
        match &mut self.open {
            Some((first, count)) if *first + *count == ticket.0 => *count += 1,
            Some((first, count)) => {
                let run = (*first, *count);
                self.open = Some((ticket.0, 1));
                self.close_run(run);
            }
            None => self.open = Some((ticket.0, 1)),
        }
    }

    fn close_run(&mut self, (first, count): (u64, u64)) {
        put_leb128(&mut self.bytes, first.saturating_sub(self.end));
        put_leb128(&mut self.bytes, count);
        self.end = first + count;
    }

    /// How many tickets there are.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many bytes of `buffer.memory` the list is charged with: the same natively and in wasm.
    pub fn charged_bytes(&self) -> u64 {
        self.bytes.len() as u64 + if self.open.is_some() { 20 } else { 0 }
    }

    /// The runs as (first ticket, count), in order.
    pub fn iter(&self) -> impl Iterator<Item = (Ticket, u64)> + '_ {
        let mut rest = self.bytes.as_slice();
        let mut end = 0u64;
        core::iter::from_fn(move || {
            let (gap, count);
            (gap, rest) = take_leb128(rest)?;
            (count, rest) = take_leb128(rest)?;
            let first = end.saturating_add(gap);
            end = first.saturating_add(count);
            Some((Ticket(first), count))
        })
        .chain(self.open.map(|(first, count)| (Ticket(first), count)))
    }

    /// Every ticket, in order.
    pub fn tickets(&self) -> impl Iterator<Item = Ticket> + '_ {
        self.iter()
            .flat_map(|(first, count)| (first.0..first.0 + count).map(Ticket))
    }

    /// How many bytes [`encode`](Self::encode) appends.
    pub fn encoded_len(&self) -> usize {
        let open = self.open.map_or(0, |(first, count)| {
            leb128_len(first.saturating_sub(self.end)) + leb128_len(count)
        });
        self.bytes.len() + open
    }

    /// Appends the encoding described above to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes);
        if let Some((first, count)) = self.open {
            put_leb128(out, first.saturating_sub(self.end));
            put_leb128(out, count);
        }
    }

    /// Reads what [`encode`](Self::encode) wrote; `None` if the bytes are cut off or overflow.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let (mut end, mut total) = (0u64, 0u64);
        while !rest.is_empty() {
            let (gap, count);
            (gap, rest) = take_leb128(rest)?;
            (count, rest) = take_leb128(rest)?;
            end = end.checked_add(gap)?.checked_add(count)?;
            total = total.checked_add(count)?;
        }
        Some(Self {
            bytes: bytes.to_vec(),
            open: None,
            end,
            count: total,
        })
    }
}

/// Lists are equal when they name the same tickets, however far their encoding has come.
impl PartialEq for TicketRuns {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for TicketRuns {}

/// How many bytes an unsigned LEB128 number takes: one for every seven bits.
const fn leb128_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros()).div_ceil(7) as usize
}

fn put_leb128(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take_leb128(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

/// A connection that could not be made, or was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionFailure {
    /// The broker's host name as configured or advertised.
    pub host: String,
    /// The broker's port.
    pub port: u16,
    /// The address that was tried; `None` when the name could not be resolved.
    pub address: Option<SocketAddr>,
    /// Why it failed.
    pub reason: DisconnectReason,
    /// How long after the start of the attempt, or of the connection's life.
    pub after: Duration,
    /// Whether the connection had been usable before.
    pub was_ready: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_join_contiguous_tickets_and_survive_encoding() {
        let mut runs = TicketRuns::new();
        for ticket in [3, 4, 5, 9, 12, 13, 1000] {
            runs.push(Ticket(ticket));
        }
        let expected = vec![
            (Ticket(3), 3),
            (Ticket(9), 1),
            (Ticket(12), 2),
            (Ticket(1000), 1),
        ];
        assert_eq!(runs.iter().collect::<Vec<_>>(), expected);
        let mut bytes = Vec::new();
        runs.encode(&mut bytes);
        assert_eq!(bytes.len(), runs.encoded_len());
        let decoded = TicketRuns::decode(&bytes).expect("own encoding decodes");
        assert_eq!(decoded.iter().collect::<Vec<_>>(), expected);
        assert_eq!(decoded.count(), 7);
        assert_eq!(decoded, runs);
        assert_ne!(decoded, TicketRuns::new());
        assert_eq!(bytes.len(), 9);
    }

    #[test]
    fn a_cut_list_is_refused() {
        assert_eq!(TicketRuns::decode(&[0x80]), None);
        assert_eq!(TicketRuns::decode(&[1]), None);
        assert!(TicketRuns::decode(&[]).is_some_and(|runs| runs.is_empty()));
    }
}
