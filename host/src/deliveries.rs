//! The deliveries of records sent one by one: a slab of slots, so that a record costs no allocation.

use crate::callback;
use crate::report::{Report, ReportCause};
use crate::shared::Shared;
use odradek::{Outcome, Ticket};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// What became of one record, without its name and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) ticket: Option<Ticket>,
    pub(crate) partition: Option<i32>,
    pub(crate) offset: Option<i64>,
    pub(crate) log_append_time: Option<i64>,
    pub(crate) outcome: Outcome,
    pub(crate) cause: Option<ReportCause>,
    /// The broker's own words.
    pub(crate) message: Option<Arc<str>>,
}

impl Verdict {
    /// The verdict on a record that the machine never accepted.
    pub(crate) const fn refused(cause: ReportCause) -> Self {
        Self {
            ticket: None,
            partition: None,
            offset: None,
            log_append_time: None,
            outcome: Outcome::NotWritten,
            cause: Some(cause),
            message: None,
        }
    }
}

#[derive(Debug)]
enum Slot {
    /// No verdict; the waker of a delivery that has been polled.
    Waiting(Option<Waker>),
    /// A verdict that nobody has taken.
    Done(Verdict),
    /// No verdict, and nobody waits for it.
    Abandoned,
}

/// The slots, under one lock. Slots are numbered by the staging place, which hands freed ones out
/// again.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    slots: Mutex<Slots>,
}

/// What the lock guards.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    slots: Vec<Slot>,
    freed: Vec<u32>,
    names: Vec<Arc<str>>,
}

impl Deliveries {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slots {
    /// Makes a topic's name known before any record of it can be reported.
    pub(crate) fn name(&mut self, topic: Arc<str>) {
        self.names.push(topic);
    }

    /// The slots that were freed since the last call.
    pub(crate) const fn freed(&mut self) -> &mut Vec<u32> {
        &mut self.freed
    }

    fn slot(&mut self, slot: u32) -> &mut Slot {
        let index = slot as usize;
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, || Slot::Waiting(None));
        }
        &mut self.slots[index]
    }

    /// Settles a record; its waker is added to `wakers`, to be woken without the lock.
    pub(crate) fn complete(&mut self, slot: u32, verdict: Verdict, wakers: &mut Vec<Waker>) {
        let entry = self.slot(slot);
        match entry {
            Slot::Waiting(waker) => {
                wakers.extend(waker.take());
                *entry = Slot::Done(verdict);
            }
            Slot::Abandoned => self.free(slot),
            Slot::Done(_) => debug_assert!(false, "a record has one verdict"),
        }
    }

    fn free(&mut self, slot: u32) {
        *self.slot(slot) = Slot::Waiting(None);
        self.freed.push(slot);
    }
}

/// The future of one record's report, from [`Producer::send`](crate::Producer::send).
///
/// The record is on its way whether or not this is awaited; dropping it forgets the report alone. It
/// ends in any case, within `delivery.timeout.ms` and the time that the record waited for room.
#[must_use = "the report says whether the record was written"]
#[derive(Debug)]
pub struct Delivery {
    shared: Arc<Shared>,
    topic: u32,
    timestamp: i64,
    /// `None` once the report was given.
    slot: Option<u32>,
}

impl Delivery {
    pub(crate) const fn new(shared: Arc<Shared>, topic: u32, timestamp: i64, slot: u32) -> Self {
        Self {
            shared,
            topic,
            timestamp,
            slot: Some(slot),
        }
    }

    /// Has `callback` called with the report instead of waiting for it. Callbacks of one partition are
    /// called in the order of their records, if they are set in that order.
    ///
    /// The driver calls it, and the connections stand still until it returns: it must not block. Once
    /// the producer has ended, it is called at once.
    /// [`Producer::try_send`](crate::Producer::try_send) may be called. A panic in it ends the
    /// callback alone.
    pub fn on_report(self, callback: impl FnOnce(Report) + Send + 'static) {
        let shared = Arc::clone(&self.shared);
        callback::call(&shared, self, callback);
    }
}

impl Future for Delivery {
    type Output = Report;

    /// # Panics
    ///
    /// When polled after it gave the report.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Report> {
        let Some(slot) = self.slot else {
            panic!("a delivery was polled after it gave its report");
        };
        let this = &mut *self;
        let mut slots = this.shared.deliveries.lock();
        let entry = slots.slot(slot);
        let Slot::Done(verdict) = entry else {
            if !matches!(entry, Slot::Waiting(Some(waker)) if waker.will_wake(cx.waker())) {
                let waker = Some(cx.waker().clone());
                let old = std::mem::replace(entry, Slot::Waiting(waker));
                // A waker may own a task that owns deliveries: never dropped with the lock held.
                drop(slots);
                drop(old);
            }
            return Poll::Pending;
        };
        let verdict = verdict.clone();
        slots.free(slot);
        this.slot = None;
        let topic = slots.names.get(this.topic as usize).map(Arc::clone);
        drop(slots);
        Poll::Ready(Report {
            ticket: verdict.ticket,
            topic: topic.unwrap_or_default(),
            partition: verdict.partition,
            offset: verdict.offset,
            timestamp: verdict.log_append_time.unwrap_or(this.timestamp),
            outcome: verdict.outcome,
            cause: verdict.cause,
            message: verdict.message,
        })
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        let Some(slot) = self.slot else { return };
        let mut slots = self.shared.deliveries.lock();
        let old = std::mem::replace(slots.slot(slot), Slot::Abandoned);
        if let Slot::Done(_) = old {
            slots.free(slot);
        }
        drop(slots);
        drop(old);
    }
}
