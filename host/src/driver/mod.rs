//! The driver: one task that owns the machine and all connections.
//!
//! It repeats one turn: wait until something is there, offer the staged records, tell the machine
//! what happened, carry out what it asks for. It decides nothing about Kafka.

mod commands;
mod offer;
mod outputs;
mod transact;

use crate::deliveries::Verdict;
use crate::machine::{Machine, MachineLost};
use crate::metrics::{Sample, Samples};
use crate::notice::Notice;
use crate::pending::Pending;
use crate::report::{ReportCause, SendError};
use crate::shared::Shared;
use crate::sockets::{Happenings, Sockets};
use crate::staging::{Command, Due, Interest};
use crate::topics::Topics;
use crate::window::Window;
use commands::Closing;
use odradek::{Cause, FatalError, FlushId, Instant, Outcome, Output, Step, WaitReason};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant as Moment};
use tokio::sync::oneshot;
use tokio::time::Sleep;
use transact::Transactions;

/// How many turns the driver takes without waiting before it lets the runtime look at the sockets.
const EAGER_TURNS: u32 = 8;

/// Longer than any process runs: what a deadline becomes that cannot be represented.
const AGES: Duration = Duration::from_secs(86400 * 365 * 30);

/// The task that owns the machine. Dropping it settles everything.
pub(crate) struct Driver {
    machine: Box<dyn Machine>,
    shared: Arc<Shared>,
    sockets: Sockets,
    happenings: Happenings,
    topics: Topics,
    pending: Pending,
    window: Window,
    /// What the machine said last.
    step: Step,
    /// The machine's clock counts from here.
    origin: Moment,
    /// When records were offered last.
    offered: Option<Moment>,
    /// What the first pending record needs, when the machine found no room for it.
    needed: Option<u64>,
    /// The most room that a waiting sender wants, in bytes.
    wanted: u64,
    /// How much of it the machine was told.
    told_wanted: u64,
    /// How many staged records have been accepted or refused since the beginning.
    passed: u64,
    /// Bytes of room that senders hold or may take.
    in_circulation: u64,
    commands: Vec<Command>,
    samples: Samples,
    flushes: Vec<(FlushId, oneshot::Sender<()>)>,
    /// Purges whose reports are about to come.
    purges: Vec<oneshot::Sender<()>>,
    transactions: Transactions,
    closing: Option<Closing>,
    end: Option<End>,
    outputs: Vec<Output>,
    wakers: Vec<Waker>,
    eager_turns: u32,
}

/// When staged records or commands are to be taken.
enum Staged {
    Now,
    At(Moment),
    Nothing,
}

/// How the driver's life ends.
#[derive(Clone, Debug)]
enum End {
    Closed,
    Lost(MachineLost),
}

impl Driver {
    /// A driver for a machine whose clock started at `origin`.
    pub(crate) fn new(
        machine: Box<dyn Machine>,
        shared: Arc<Shared>,
        origin: Moment,
        samples: Samples,
    ) -> Self {
        Self {
            samples,
            machine,
            sockets: Sockets::default(),
            happenings: Happenings::new(),
            topics: Topics::default(),
            pending: Pending::default(),
            window: Window::default(),
            step: Step {
                until: None,
                reason: WaitReason::Idle,
                free_bytes: shared.limits.buffer,
                more: true,
            },
            origin,
            offered: None,
            needed: None,
            wanted: 0,
            told_wanted: 0,
            passed: 0,
            in_circulation: shared.limits.staged(),
            commands: Vec::new(),
            flushes: Vec::new(),
            purges: Vec::new(),
            transactions: Transactions::default(),
            closing: None,
            end: None,
            outputs: Vec::new(),
            wakers: Vec::new(),
            eager_turns: 0,
            shared,
        }
    }

    /// Drives the machine until it is closed or lost.
    pub(crate) async fn run(mut self) {
        let mut sleep = Box::pin(tokio::time::sleep(Duration::ZERO));
        while self.end.is_none() {
            self.wait(&mut sleep).await;
            if let Err(lost) = self.turn() {
                self.end = Some(End::Lost(lost));
            }
        }
        // What was counted outlives the machine.
        let last = self.measure().ok();
        self.shared.keep_metrics(last);
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    /// Waits until a turn has something to do.
    async fn wait(&mut self, sleep: &mut Pin<Box<Sleep>>) {
        if self.eager_turns >= EAGER_TURNS {
            self.eager_turns = 0;
            tokio::task::yield_now().await;
        }
        self.eager_turns += 1;
        poll_fn(|cx| {
            let ready = self.poll_ready(cx, sleep);
            if ready.is_pending() {
                self.eager_turns = 0;
            }
            ready
        })
        .await;
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>, sleep: &mut Pin<Box<Sleep>>) -> Poll<()> {
        self.sockets.poll(cx, &mut self.happenings);
        if self.step.more || !self.happenings.is_empty() || self.can_offer() || self.has_room() {
            return Poll::Ready(());
        }
        let now = Moment::now();
        let gathering = match self.look_at_staging(cx, now) {
            Staged::Now => return Poll::Ready(()),
            Staged::At(moment) => Some(moment),
            Staged::Nothing => None,
        };
        let until = self.step.until.map(|until| {
            let after = Duration::from_nanos(until.as_nanos());
            self.origin.checked_add(after).unwrap_or(now + AGES)
        });
        let closing = self.closing.as_ref().filter(|closing| !closing.told);
        let closing = closing.map(|closing| closing.deadline);
        let deadlines = [gathering, until, closing, self.put_off_until()];
        let Some(deadline) = deadlines.into_iter().flatten().min() else {
            return Poll::Pending;
        };
        if deadline <= now {
            return Poll::Ready(());
        }
        if sleep.deadline().into_std() != deadline {
            sleep.as_mut().reset(deadline.into());
        }
        sleep.as_mut().poll(cx)
    }

    /// When staged records or commands are to be taken. Unless at once, the task is woken for more.
    fn look_at_staging(&self, cx: &mut Context<'_>, now: Moment) -> Staged {
        let mut staging = self.shared.staging();
        if staging.has_commands() || staging.is_wanting(self.step.free_bytes) {
            return Staged::Now;
        }
        let (answer, interest) = match staging.due() {
            _ if !self.pending.is_empty() => (Staged::Nothing, Interest::Commands),
            Due::Nothing => (Staged::Nothing, Interest::Any),
            Due::Now => return Staged::Now,
            Due::Some => match self.gathered_at() {
                Some(moment) if moment > now => (Staged::At(moment), Interest::Full),
                Some(_) | None => return Staged::Now,
            },
        };
        staging.register(cx.waker(), interest);
        answer
    }

    /// Until when a few records wait for company: the first after a pause go at once, later ones
    /// follow in groups. `None` when nothing may wait.
    fn gathered_at(&self) -> Option<Moment> {
        if self.commands.is_empty() && self.closing.is_none() {
            Some(self.offered? + self.shared.limits.gather)
        } else {
            None
        }
    }

    /// One turn: records, commands, happenings, and what the machine makes of them.
    fn turn(&mut self) -> Result<(), MachineLost> {
        self.sample()?;
        self.take_staged();
        self.offer()?;
        self.obey()?;
        self.want_room()?;
        self.tell()?;
        self.carry_out();
        self.end_operations()?;
        self.give_up_stuck();
        Ok(())
    }

    /// Takes a snapshot of what the machine counts if the last one is old.
    fn sample(&mut self) -> Result<(), MachineLost> {
        let now = self.now();
        if self.samples.is_due(now) {
            let sample = self.take_sample(now)?;
            self.samples.add(sample);
        }
        Ok(())
    }

    fn take_sample(&mut self, now: Instant) -> Result<Sample, MachineLost> {
        self.shared.counters.machine_calls.add(1);
        Ok(Sample {
            machine: self.machine.metrics(now)?,
            waits: self.shared.waiting.read(),
        })
    }

    /// Tells the machine what happened and collects its outputs.
    fn tell(&mut self) -> Result<(), MachineLost> {
        let now = self.now();
        let counters = &self.shared.counters;
        counters.machine_calls.add(1);
        let received = self.happenings.received_bytes() as u64;
        counters.bytes_received.add(received);
        let transmitted = self.happenings.transmitted_bytes() as u64;
        counters.bytes_transmitted.add(transmitted);
        let inputs = self.happenings.inputs();
        self.step = self.machine.step(&inputs, now, &mut self.outputs)?;
        drop(inputs);
        self.happenings.clear();
        self.set_free(self.step.free_bytes);
        let memory = self.machine.linear_memory_bytes();
        self.shared.counters.linear_memory_bytes.set(memory);
        Ok(())
    }

    /// Lets senders have the room that the machine has free and no pending record will take.
    fn set_free(&mut self, free_bytes: u64) {
        self.step.free_bytes = free_bytes;
        self.shared.counters.free_bytes.set(free_bytes);
        let free = free_bytes.saturating_sub(self.pending.bytes());
        let room = free.min(self.shared.limits.staged());
        if room > self.in_circulation {
            let more = room - self.in_circulation;
            self.shared.room.add_permits(more as usize);
            self.in_circulation = room;
        }
    }

    fn wake_all(&mut self) {
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let (refusal, verdict) = match self.end.take() {
            Some(End::Closed) => (SendError::Closed, in_doubt(Cause::Closed)),
            Some(End::Lost(lost)) => {
                self.shared.notify(&Notice::MachineLost(lost));
                self.lost()
            }
            None => self.lost(),
        };
        let mut staging = self.shared.staging();
        staging.take_wakers(&mut self.wakers);
        self.commands.extend(staging.end(refusal));
        drop(staging);
        self.shared.room.close();
        self.shared.partitions.end();
        let cause = match refusal {
            SendError::Failed(error) => odradek::SendError::Failed(error),
            SendError::BufferFull { .. }
            | SendError::TooLarge { .. }
            | SendError::InvalidTimestamp { .. }
            | SendError::InvalidPartition { .. }
            | SendError::NoPartitions { .. }
            | SendError::Topic(_)
            | SendError::NoTransaction { .. }
            | SendError::Closed => odradek::SendError::Closed,
        };
        let mut slots = self.shared.deliveries.lock();
        self.window.lose(&verdict, &mut slots, &mut self.wakers);
        drop(slots);
        self.refuse_all(&Verdict::refused(ReportCause::Refused(cause)));
        self.commands.clear();
        self.wake_all();
    }
}

impl Driver {
    /// The end of a driver whose machine did not get to its end.
    fn lost(&self) -> (SendError, Verdict) {
        let error = FatalError::MachineLost;
        self.shared.notify(&Notice::Failed(error));
        (SendError::Failed(error), in_doubt(Cause::Failed(error)))
    }
}

/// The verdict on records that the machine accepted and can no longer report.
const fn in_doubt(cause: Cause) -> Verdict {
    Verdict {
        ticket: None,
        partition: None,
        offset: None,
        log_append_time: None,
        outcome: Outcome::PossiblyWritten,
        cause: Some(ReportCause::Delivery(cause)),
        message: None,
    }
}
