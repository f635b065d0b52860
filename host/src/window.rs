//! Which delivery each accepted record belongs to, from its acceptance to its report.

use crate::batch::{Batch, Part};
use crate::deliveries::{Slots, Verdict};
use odradek::{Ticket, TicketRuns};
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

/// A slot that has had its verdict.
const SETTLED: u32 = u32::MAX;

/// The records without a report, as groups of contiguous tickets.
///
/// Groups end out of order: one partition may be stuck while the others flow. A group that has ended
/// gives its memory back at once, and its entry when it is the oldest.
#[derive(Debug, Default)]
pub(crate) struct Window {
    groups: VecDeque<Group>,
    outstanding: u64,
    /// The runs of one report that belong to batches, kept for their memory.
    parts: Vec<(usize, Part)>,
}

#[derive(Debug)]
struct Group {
    first: u64,
    count: u32,
    unsettled: u32,
    owner: GroupOwner,
}

/// Contiguous tickets of one report that lie in one group.
struct Piece {
    ticket: u64,
    count: u32,
    /// The position of the first ticket in the report.
    position: u32,
}

/// Who waits for the records of a group.
#[derive(Debug)]
pub(crate) enum GroupOwner {
    /// One delivery each; its slots in ticket order.
    Singles(Vec<u32>),
    /// One delivery for all, and the position in the batch of the group's first record.
    Batch(Arc<Batch>, u32),
    /// Nobody any more.
    Ended,
}

impl Window {
    /// How many accepted records have no report.
    pub(crate) const fn outstanding(&self) -> u64 {
        self.outstanding
    }

    /// Notes records that were accepted under contiguous tickets. Tickets never go back.
    pub(crate) fn accept(&mut self, first: Ticket, count: u32, owner: GroupOwner) {
        self.outstanding += u64::from(count);
        self.groups.push_back(Group {
            first: first.0,
            count,
            unsettled: count,
            owner,
        });
    }

    /// Settles the records of one report; `verdict` is the one of the first record.
    pub(crate) fn settle(
        &mut self,
        tickets: &TicketRuns,
        verdict: &Verdict,
        topic: &Arc<str>,
        slots: &mut Slots,
        wakers: &mut Vec<Waker>,
    ) {
        let mut position = 0u32;
        let mut at = 0;
        for (first, count) in tickets.iter() {
            let (mut ticket, end) = (first.0, first.0.saturating_add(count));
            at = self.group_of(ticket, at);
            while ticket < end && at < self.groups.len() {
                let group = &self.groups[at];
                let group_end = group.first + u64::from(group.count);
                let part_end = end.min(group_end);
                if ticket >= group.first && ticket < part_end {
                    let piece = Piece {
                        ticket,
                        count: (part_end - ticket) as u32,
                        position,
                    };
                    self.settle_piece(at, &piece, verdict, slots, wakers);
                }
                position = position.wrapping_add(part_end.saturating_sub(ticket) as u32);
                ticket = part_end.max(ticket);
                if ticket == group_end {
                    at += 1;
                }
            }
        }
        self.settle_batches(topic, verdict, wakers);
        while self
            .groups
            .front()
            .is_some_and(|group| group.unsettled == 0)
        {
            self.groups.pop_front();
        }
    }

    /// The index of the group that holds `ticket`, or would; runs ascend, so it is `from` or later.
    fn group_of(&self, ticket: u64, from: usize) -> usize {
        let holds = |group: &Group| ticket < group.first + u64::from(group.count);
        match self.groups.get(from) {
            Some(group) if holds(group) => from,
            Some(_) | None => self.groups.partition_point(|group| !holds(group)),
        }
    }

    fn settle_piece(
        &mut self,
        at: usize,
        &Piece {
            ticket,
            count,
            position,
        }: &Piece,
        verdict: &Verdict,
        slots: &mut Slots,
        wakers: &mut Vec<Waker>,
    ) {
        let group = &mut self.groups[at];
        let start = (ticket - group.first) as u32;
        let settled = match &mut group.owner {
            GroupOwner::Singles(waiting) => {
                let range = start as usize..(start + count) as usize;
                let mut settled = 0;
                for (step, slot) in waiting[range].iter_mut().enumerate() {
                    let slot = std::mem::replace(slot, SETTLED);
                    if slot != SETTLED {
                        let step = step as u64;
                        let verdict = Verdict {
                            ticket: Some(Ticket(ticket + step)),
                            offset: verdict
                                .offset
                                .map(|base| base + i64::from(position) + step as i64),
                            ..verdict.clone()
                        };
                        slots.complete(slot, verdict, wakers);
                        settled += 1;
                    }
                }
                settled
            }
            GroupOwner::Batch(_, first) => {
                let part = Part::new(*first + start, count, Some(Ticket(ticket)), position);
                self.parts.push((at, part));
                count.min(group.unsettled)
            }
            GroupOwner::Ended => 0,
        };
        group.unsettled -= settled;
        self.outstanding -= u64::from(settled);
        if group.unsettled == 0
            && let GroupOwner::Singles(_) = group.owner
        {
            group.owner = GroupOwner::Ended;
        }
    }

    /// Hands the gathered runs to their batches, each batch locked once.
    fn settle_batches(&mut self, topic: &Arc<str>, verdict: &Verdict, wakers: &mut Vec<Waker>) {
        for run in self.parts.chunk_by(|one, next| one.0 == next.0) {
            let group = &mut self.groups[run[0].0];
            if let GroupOwner::Batch(batch, _) = &group.owner {
                wakers.extend(batch.settle(topic, verdict, run.iter().map(|(_, part)| *part)));
            }
            if group.unsettled == 0 {
                group.owner = GroupOwner::Ended;
            }
        }
        self.parts.clear();
    }

    /// Settles everything that has no report, because no report can come any more.
    pub(crate) fn lose(&mut self, verdict: &Verdict, slots: &mut Slots, wakers: &mut Vec<Waker>) {
        let topic = Arc::<str>::default();
        for group in self.groups.drain(..) {
            match group.owner {
                GroupOwner::Singles(waiting) => {
                    for (step, slot) in waiting.into_iter().enumerate() {
                        if slot != SETTLED {
                            let ticket = Some(Ticket(group.first + step as u64));
                            slots.complete(
                                slot,
                                Verdict {
                                    ticket,
                                    ..verdict.clone()
                                },
                                wakers,
                            );
                        }
                    }
                }
                GroupOwner::Batch(batch, first) => {
                    let gaps = batch.unsettled(first, group.count);
                    let parts = gaps.into_iter().map(|(index, count)| {
                        let ticket = Ticket(group.first + u64::from(index - first));
                        Part::new(index, count, Some(ticket), 0)
                    });
                    wakers.extend(batch.settle(&topic, verdict, parts));
                }
                GroupOwner::Ended => {}
            }
        }
        self.outstanding = 0;
    }
}
