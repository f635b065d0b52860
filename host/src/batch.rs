//! Records sent together: one delivery and one report for all, whatever their number.

use crate::callback;
use crate::deliveries::Verdict;
use crate::report::{Report, ReportCause, SendError, is_delivered};
use crate::shared::Shared as Producing;
use odradek::{Outcome, Ticket};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A batch on its way, shared by its delivery and the driver.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    reported: u32,
    /// How many records were staged, once no more will be.
    staged: Option<u32>,
    waker: Option<Waker>,
    report: BatchReport,
}

/// Neighbouring records of a batch with one verdict.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    /// The position in the batch of the first record.
    pub(crate) first: u32,
    pub(crate) count: u32,
    /// The first record's ticket; the others follow.
    pub(crate) ticket: Option<Ticket>,
    /// The first record's position under the verdict, which is added to its offset.
    pub(crate) position: u32,
    /// Which verdict, as an index.
    verdict: u32,
}

impl Part {
    pub(crate) const fn new(first: u32, count: u32, ticket: Option<Ticket>, position: u32) -> Self {
        Self {
            first,
            count,
            ticket,
            position,
            verdict: 0,
        }
    }
}

#[derive(Clone, Debug)]
struct Shared {
    topic: Arc<str>,
    verdict: Verdict,
}

#[derive(Clone, Debug)]
enum Timestamps {
    Same(i64),
    Each(Vec<i64>),
}

impl Batch {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Settles records of the batch that share a verdict; gives the waker of a delivery that is
    /// complete now.
    pub(crate) fn settle(
        &self,
        topic: &Arc<str>,
        verdict: &Verdict,
        parts: impl Iterator<Item = Part>,
    ) -> Option<Waker> {
        let mut state = self.lock();
        let index = state.report.verdicts.len() as u32;
        state.report.verdicts.push(Shared {
            topic: Arc::clone(topic),
            verdict: verdict.clone(),
        });
        let mut count = 0;
        for part in parts {
            count += part.count;
            state.report.parts.push(Part {
                verdict: index,
                ..part
            });
        }
        state.report.count(verdict, u64::from(count));
        state.reported = state.reported.saturating_add(count);
        state.finished_waker()
    }

    /// Which of the records from `first` on, `count` of them, have no verdict.
    pub(crate) fn unsettled(&self, first: u32, count: u32) -> Vec<(u32, u32)> {
        let mut state = self.lock();
        state.report.parts.sort_unstable_by_key(|part| part.first);
        let (mut gaps, mut next, end) = (Vec::new(), first, first + count);
        for part in &state.report.parts {
            if part.first >= end {
                break;
            }
            if part.first > next {
                gaps.push((next, part.first - next));
            }
            next = next.max(part.first + part.count);
        }
        if next < end {
            gaps.push((next, end - next));
        }
        gaps
    }

    /// States how many records were staged: with their verdicts the batch is complete.
    pub(crate) fn seal(&self, staged: u32, wall: i64, each: Option<Vec<i64>>) {
        let mut state = self.lock();
        state.staged = Some(staged);
        state.report.timestamps = each.map_or(Timestamps::Same(wall), Timestamps::Each);
    }
}

impl State {
    fn is_finished(&self) -> bool {
        self.staged.is_some_and(|staged| self.reported >= staged)
    }

    fn finished_waker(&mut self) -> Option<Waker> {
        if self.is_finished() {
            self.waker.take()
        } else {
            None
        }
    }
}

/// The future of a batch's report, from [`Producer::send_batch`](crate::Producer::send_batch).
///
/// The records are on their way whether or not this is awaited.
#[must_use = "the report says which records were written"]
#[derive(Debug)]
pub struct BatchDelivery {
    shared: Arc<Producing>,
    batch: Arc<Batch>,
    accepted: usize,
    refused: Option<SendError>,
}

impl BatchDelivery {
    pub(crate) const fn new(
        shared: Arc<Producing>,
        batch: Arc<Batch>,
        accepted: usize,
        refused: Option<SendError>,
    ) -> Self {
        Self {
            shared,
            batch,
            accepted,
            refused,
        }
    }

    /// How many records from the start were taken. The report covers these.
    pub const fn accepted(&self) -> usize {
        self.accepted
    }

    /// Why the record after the [`accepted`](Self::accepted) ones was not taken; `None` when all were.
    pub const fn refused(&self) -> Option<SendError> {
        self.refused
    }

    /// Has `callback` called with the report instead of waiting for it, as
    /// [`Delivery::on_report`](crate::Delivery::on_report) does.
    pub fn on_report(self, callback: impl FnOnce(BatchReport) + Send + 'static) {
        let shared = Arc::clone(&self.shared);
        callback::call(&shared, self, callback);
    }
}

impl Future for BatchDelivery {
    type Output = BatchReport;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<BatchReport> {
        let mut state = self.batch.lock();
        if !state.is_finished() {
            match &mut state.waker {
                Some(waker) => waker.clone_from(cx.waker()),
                None => state.waker = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        }
        let mut report = std::mem::take(&mut state.report);
        drop(state);
        report.parts.sort_unstable_by_key(|part| part.first);
        Poll::Ready(report)
    }
}

/// What became of the records of a batch: the sums, and each record's report on demand.
#[derive(Clone, Debug, Default)]
pub struct BatchReport {
    written: u64,
    not_written: u64,
    possibly_written: u64,
    undelivered: u64,
    parts: Vec<Part>,
    verdicts: Vec<Shared>,
    timestamps: Timestamps,
}

impl Default for Timestamps {
    fn default() -> Self {
        Self::Same(0)
    }
}

impl Timestamps {
    fn of(&self, index: u32) -> i64 {
        match self {
            Self::Same(time) => *time,
            Self::Each(times) => times.get(index as usize).copied().unwrap_or(-1),
        }
    }
}

impl BatchReport {
    fn count(&mut self, verdict: &Verdict, records: u64) {
        match verdict.outcome {
            Outcome::Written => self.written += records,
            Outcome::NotWritten => self.not_written += records,
            Outcome::PossiblyWritten => self.possibly_written += records,
        }
        if !is_delivered(verdict.outcome, verdict.cause) {
            self.undelivered += records;
        }
    }

    /// How many records are in the log.
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// How many records are not in the log.
    pub const fn not_written(&self) -> u64 {
        self.not_written
    }

    /// How many records may or may not be in the log; with `acks=0` all that were handed out.
    pub const fn possibly_written(&self) -> u64 {
        self.possibly_written
    }

    /// Whether every record counts as delivered, as [`Report::delivered`] says.
    pub const fn all_delivered(&self) -> bool {
        self.undelivered == 0
    }

    /// The cause of some record that was not delivered.
    pub fn first_failure(&self) -> Option<ReportCause> {
        self.verdicts
            .iter()
            .map(|shared| &shared.verdict)
            .find(|verdict| !is_delivered(verdict.outcome, verdict.cause))
            .and_then(|verdict| verdict.cause)
    }

    /// The report of each record, in the order in which the records were given.
    pub fn reports(&self) -> impl Iterator<Item = Report> + '_ {
        self.parts.iter().flat_map(move |part| {
            let shared = &self.verdicts[part.verdict as usize];
            (0..part.count).map(move |step| self.report(part, shared, step))
        })
    }

    fn report(&self, part: &Part, shared: &Shared, step: u32) -> Report {
        let verdict = &shared.verdict;
        Report {
            ticket: part.ticket.map(|first| Ticket(first.0 + u64::from(step))),
            topic: Arc::clone(&shared.topic),
            partition: verdict.partition,
            offset: verdict
                .offset
                .map(|base| base + i64::from(part.position) + i64::from(step)),
            timestamp: verdict
                .log_append_time
                .unwrap_or_else(|| self.timestamps.of(part.first + step)),
            outcome: verdict.outcome,
            cause: verdict.cause,
            message: verdict.message.clone(),
        }
    }
}
