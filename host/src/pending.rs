//! What the driver has taken from the staging place and the machine has not accepted yet.

use crate::batch::Part;
use crate::deliveries::{Slots, Verdict};
use crate::staging::{HEADER_BYTES, Owner, RECORD_BYTES, Run, Staged};
use crate::topics::Topics;
use crate::window::{GroupOwner, Window};
use odradek::{Bulk, BulkHeader, BulkRecord, Ticket, TopicHandle};
use std::sync::Arc;
use std::task::Waker;

/// Staged records and how far they have been passed on.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(crate) staged: Staged,
    record: usize,
    header: usize,
    byte: usize,
    slot: usize,
    run: usize,
    /// How many records of the run at `run` have been passed on.
    used: usize,
}

impl Pending {
    pub(crate) const fn is_empty(&self) -> bool {
        self.record == self.staged.records.len()
    }

    /// How many records are left.
    pub(crate) const fn len(&self) -> usize {
        self.staged.records.len() - self.record
    }

    /// How many bytes the rest takes: blob and index.
    pub(crate) fn bytes(&self) -> u64 {
        (self.staged.data.len() - self.byte) as u64
            + self.len() as u64 * RECORD_BYTES
            + (self.staged.headers.len() - self.header) as u64 * HEADER_BYTES
    }

    /// How many bytes the first record takes.
    pub(crate) fn first_bytes(&self) -> u64 {
        self.staged.records.get(self.record).map_or(0, |record| {
            let (headers, bytes) = extent(record, &self.staged.headers[self.header..]);
            bytes as u64 + RECORD_BYTES + headers as u64 * HEADER_BYTES
        })
    }

    /// The topic of the first record, as the machine numbers it.
    pub(crate) fn topic(&self) -> Option<TopicHandle> {
        let record = self.staged.records.get(self.record)?;
        Some(record.topic)
    }

    /// The longest prefix of the rest that takes no more than `room` bytes.
    pub(crate) fn prefix(&self, room: u64) -> Bulk<'_> {
        let rest = self.rest();
        if self.bytes() <= room {
            return rest;
        }
        let (mut records, mut headers, mut data, mut taken) = (0, 0, 0, 0);
        for record in rest.records {
            let (count, bytes) = extent(record, &rest.headers[headers..]);
            taken += bytes as u64 + RECORD_BYTES + count as u64 * HEADER_BYTES;
            if taken > room {
                break;
            }
            (records, headers, data) = (records + 1, headers + count, data + bytes);
        }
        Bulk {
            records: &rest.records[..records],
            headers: &rest.headers[..headers],
            data: &rest.data[..data],
        }
    }

    fn rest(&self) -> Bulk<'_> {
        Bulk {
            records: &self.staged.records[self.record..],
            headers: &self.staged.headers[self.header..],
            data: &self.staged.data[self.byte..],
        }
    }

    /// The first `count` records were accepted: their owners wait in the window.
    pub(crate) fn accept(&mut self, count: usize, first: Ticket, window: &mut Window) {
        let mut ticket = first.0;
        self.advance(count, |records, singles, owner| {
            let group = match owner {
                Owner::Singles => GroupOwner::Singles(singles.to_vec()),
                Owner::Batch { batch, first } => GroupOwner::Batch(Arc::clone(batch), *first),
            };
            window.accept(Ticket(ticket), records, group);
            ticket += u64::from(records);
        });
    }

    /// The first `count` records were refused for good, or are given up.
    pub(crate) fn refuse(
        &mut self,
        count: usize,
        verdict: &Verdict,
        topics: &Topics,
        slots: &mut Slots,
        wakers: &mut Vec<Waker>,
    ) {
        let mut left = count.min(self.len());
        while left > 0
            && let Some(topic) = self.topic()
        {
            let next = &self.staged.records[self.record..self.record + left];
            let same = next.iter().take_while(|record| record.topic == topic);
            let (same, name) = (same.count(), topics.name(topic));
            left -= same;
            self.advance(same, |records, singles, owner| match owner {
                Owner::Singles => {
                    for slot in singles {
                        slots.complete(*slot, verdict.clone(), wakers);
                    }
                }
                Owner::Batch { batch, first } => {
                    let part = Part::new(*first, records, None, 0);
                    wakers.extend(batch.settle(&name, verdict, std::iter::once(part)));
                }
            });
        }
    }

    /// Passes on `count` records; tells each piece of a run with its slots and its owner, whose
    /// position in its batch is then moved on.
    fn advance(&mut self, count: usize, mut tell: impl FnMut(u32, &[u32], &Owner)) {
        let count = count.min(self.len());
        self.skip(count);
        let mut left = count;
        while left > 0
            && let Some(Run { count, owner }) = self.staged.owners.get_mut(self.run)
        {
            let piece = left.min(*count - self.used);
            let singles = match owner {
                Owner::Singles => &self.staged.slots[self.slot..self.slot + piece],
                Owner::Batch { .. } => &[],
            };
            tell(piece as u32, singles, owner);
            self.slot += singles.len();
            if let Owner::Batch { first, .. } = owner {
                *first += piece as u32;
            }
            self.used += piece;
            left -= piece;
            if self.used == *count {
                (self.run, self.used) = (self.run + 1, 0);
            }
        }
        if self.is_empty() {
            self.clear();
        }
    }

    /// Moves past the bytes and headers of `count` records.
    fn skip(&mut self, count: usize) {
        if count == self.len() {
            self.header = self.staged.headers.len();
            self.byte = self.staged.data.len();
        } else {
            for record in &self.staged.records[self.record..self.record + count] {
                let (headers, bytes) = extent(record, &self.staged.headers[self.header..]);
                self.header += headers;
                self.byte += bytes;
            }
        }
        self.record += count;
    }

    fn clear(&mut self) {
        let mut staged = std::mem::take(&mut self.staged);
        staged.clear();
        *self = Self {
            staged,
            ..Self::default()
        };
    }
}

/// The headers and bytes of a record; `headers` starts with its own. The staging place wrote the
/// index, so it fits.
fn extent(record: &BulkRecord, headers: &[BulkHeader]) -> (usize, usize) {
    record
        .extent(headers)
        .map_or((0, 0), |(count, bytes)| (count, bytes as usize))
}

/// How many bytes a bulk takes: blob and index.
pub(crate) const fn bulk_bytes(bulk: &Bulk<'_>) -> u64 {
    bulk.data.len() as u64
        + bulk.records.len() as u64 * RECORD_BYTES
        + bulk.headers.len() as u64 * HEADER_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Batch;
    use crate::record::Record;
    use crate::staging::{Staging, ToStage};

    fn pending() -> Pending {
        let mut staging = Staging::default();
        let batch = Arc::new(Batch::default());
        let mut single = |value: &str| {
            let record = Record::to("a").value(value).header("h", "1");
            let staged = ToStage::new(&record, None, 0, 1);
            staging.push(&staged).expect("open");
        };
        single("one");
        single("two");
        for index in 0..3 {
            staging
                .push_of_batch(
                    &batch,
                    index,
                    &ToStage::new(&Record::to("b").key("k"), None, 0, 1),
                )
                .expect("open");
        }
        let mut pending = Pending::default();
        staging.take_records(&mut pending.staged);
        pending
    }

    #[test]
    fn a_prefix_never_takes_more_than_the_room() {
        let pending = pending();
        assert_eq!(pending.bytes(), 2 * (3 + 2 + 8 + 32) + 3 * (1 + 32));
        let all = pending.prefix(pending.bytes());
        assert_eq!((all.records.len(), all.data.len()), (5, 13));
        let three = pending.prefix(pending.bytes() - 34);
        assert_eq!(
            (three.records.len(), three.headers.len(), three.data),
            (3, 2, &b"oneh1twoh1k"[..])
        );
        assert!(pending.prefix(44).records.is_empty());
    }

    #[test]
    fn what_is_accepted_in_pieces_reaches_its_owners() {
        let (mut pending, mut window) = (pending(), Window::default());
        pending.accept(1, Ticket(0), &mut window);
        assert_eq!(pending.prefix(u64::MAX).data, b"twoh1kkk");
        pending.accept(2, Ticket(1), &mut window);
        assert_eq!((pending.topic(), pending.len()), (Some(TopicHandle(1)), 2));
        assert_eq!(pending.prefix(u64::MAX).data, b"kk");
        pending.accept(2, Ticket(3), &mut window);
        assert!(pending.is_empty() && pending.bytes() == 0);
        assert_eq!(window.outstanding(), 5);
    }
}
