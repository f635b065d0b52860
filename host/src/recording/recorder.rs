//! The recorder: a machine around another one that writes down what passes.

use super::answer::{Answer, head_of};
use super::call::{Call, Records};
use super::format::{BlockWriter, Opening};
use super::happening::Happening;
use super::response_mask::ResponseMask;
use crate::machine::{Machine, MachineLost, TransactionCommand};
use odradek::{
    Bulk, BulkOutcome, FlushId, Input, Instant, Metrics, OperationId, Output, Step, TopicError,
    TopicHandle, TransactionError, TransactionState,
};
use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::mpsc;
use std::time::Duration;

/// Records a machine. Whatever becomes of the file, the machine goes on: after the first error of the file
/// nothing more is written.
pub struct Recorder<W: Write + Send> {
    machine: Box<dyn Machine>,
    notes: Notes<W>,
}

/// How a recording ended: told when the recorder is dropped.
#[derive(Debug)]
pub struct RecordingEnd(mpsc::Receiver<io::Result<()>>);

impl RecordingEnd {
    /// Waits until the recording is whole, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// Why it is not.
    pub fn wait(&self, timeout: Duration) -> io::Result<()> {
        let late = |_| io::Error::other("the producer has not ended");
        self.0.recv_timeout(timeout).map_err(late)?
    }
}

impl<W: Write + Send> Recorder<W> {
    /// Begins a recording of a machine that was just opened, at [`Instant::ZERO`], as `opening` says.
    /// `acks_zero` is whether brokers answer no Produce request.
    ///
    /// # Errors
    ///
    /// The file's.
    pub(super) fn new(
        machine: Box<dyn Machine>,
        file: W,
        opening: &Opening,
        acks_zero: bool,
    ) -> io::Result<(Self, RecordingEnd)> {
        let (sender, receiver) = mpsc::channel();
        let notes = Notes {
            writer: BlockWriter::new(file, opening)?,
            entry: Vec::new(),
            last: Instant::ZERO,
            mask: opening.is_masked.then(ResponseMask::default),
            acks_zero,
            error: None,
            end: sender,
        };
        Ok((Self { machine, notes }, RecordingEnd(receiver)))
    }
}

/// What is written down.
struct Notes<W: Write> {
    writer: BlockWriter<W>,
    /// The call that has no answer yet.
    entry: Vec<u8>,
    /// When the last call was made.
    last: Instant,
    mask: Option<ResponseMask>,
    acks_zero: bool,
    /// Why nothing is written any more.
    error: Option<io::Error>,
    end: mpsc::Sender<io::Result<()>>,
}

impl<W: Write> Notes<W> {
    /// Notes a call that is about to be made.
    fn call(&mut self, call: &Call<'_>, now: Instant) {
        if self.error.is_none() {
            let elapsed = now.as_nanos().wrapping_sub(self.last.as_nanos());
            self.last = now;
            call.encode(elapsed.cast_signed(), self.mask.is_some(), &mut self.entry);
        }
    }

    /// Notes the answer.
    fn answer(&mut self, answer: &Answer<'_>) {
        if self.error.is_none() {
            answer.encode(self.last, self.mask.is_some(), &mut self.entry);
            self.write();
        }
    }

    fn write(&mut self) {
        self.error = self.writer.entry(&self.entry).err();
        self.entry.clear();
        // One huge call must not take its room for ever.
        self.entry.shrink_to(1 << 20);
    }

    /// The happenings of a step, as they are to be written down.
    fn happenings<'a>(&mut self, inputs: &[Input<'a>]) -> Vec<Happening<'a>> {
        let mut happenings: Vec<Happening<'a>> = inputs.iter().map(Happening::from).collect();
        if let Some(mask) = &mut self.mask {
            for happening in &mut happenings {
                if let Happening::Received(connection, bytes) = happening {
                    *bytes = mask.hide(*connection, std::mem::take(bytes));
                }
                if let Happening::Disconnected(connection, _) = happening {
                    mask.on_end(*connection);
                }
            }
        }
        happenings
    }

    /// Learns what answers will be about.
    fn follow(&mut self, outputs: &[Output]) {
        let Some(mask) = &mut self.mask else { return };
        for output in outputs {
            if let Output::Transmit { connection, slices } = output {
                let head = head_of(slices);
                let is_answered = !(self.acks_zero && head.api == 0);
                mask.on_request(*connection, head, is_answered);
            }
        }
    }
}

impl<W: Write> Drop for Notes<W> {
    fn drop(&mut self) {
        if self.error.is_none() && !self.entry.is_empty() {
            // The call panicked. That it was made is what matters most.
            self.entry.push(0);
            self.write();
        }
        let result = match self.error.take() {
            Some(error) => Err(error),
            None => self.writer.end(),
        };
        // Nobody may want to know.
        let _ = self.end.send(result);
    }
}

impl<W: Write + Send> Recorder<W> {
    /// Records one call. `answer` says what a result looks like in the file.
    fn record<T: Clone>(
        &mut self,
        call: &Call<'_>,
        now: Instant,
        make: impl FnOnce(&mut dyn Machine) -> Result<T, MachineLost>,
        answer: impl FnOnce(T) -> Answer<'static>,
    ) -> Result<T, MachineLost> {
        self.notes.call(call, now);
        let result = make(&mut *self.machine);
        let said = result.clone().map(answer).unwrap_or_else(Answer::Lost);
        self.notes.answer(&said);
        result
    }
}

impl<W: Write + Send> Machine for Recorder<W> {
    fn topic(&mut self, name: &str) -> Result<Result<TopicHandle, TopicError>, MachineLost> {
        let (call, now) = (Call::Topic(name.into()), self.notes.last);
        self.record(&call, now, |machine| machine.topic(name), Answer::Topic)
    }

    fn send_many(
        &mut self,
        bulk: &Bulk<'_>,
        wall: i64,
        now: Instant,
    ) -> Result<BulkOutcome, MachineLost> {
        let call = Call::SendMany(Records {
            records: bulk.records.into(),
            headers: bulk.headers.into(),
            data: bulk.data.into(),
            wall,
        });
        let make = |machine: &mut dyn Machine| machine.send_many(bulk, wall, now);
        self.record(&call, now, make, Answer::Sent)
    }

    fn watch(&mut self, topic: TopicHandle, now: Instant) -> Result<(), MachineLost> {
        let make = |machine: &mut dyn Machine| machine.watch(topic, now);
        self.record(&Call::Watch(topic), now, make, |()| Answer::Done)
    }

    fn want_room(&mut self, bytes: u64) -> Result<(), MachineLost> {
        let (call, now) = (Call::WantRoom(bytes), self.notes.last);
        let make = |machine: &mut dyn Machine| machine.want_room(bytes);
        self.record(&call, now, make, |()| Answer::Done)
    }

    fn flush(&mut self, now: Instant) -> Result<FlushId, MachineLost> {
        let make = |machine: &mut dyn Machine| machine.flush(now);
        self.record(&Call::Flush, now, make, Answer::Flushing)
    }

    fn purge(&mut self, now: Instant) -> Result<(), MachineLost> {
        let make = |machine: &mut dyn Machine| machine.purge(now);
        self.record(&Call::Purge, now, make, |()| Answer::Done)
    }

    fn transact(
        &mut self,
        command: &TransactionCommand,
        now: Instant,
    ) -> Result<Result<Option<OperationId>, TransactionError>, MachineLost> {
        let call = Call::Transact(Cow::Borrowed(command));
        let make = |machine: &mut dyn Machine| machine.transact(command, now);
        self.record(&call, now, make, Answer::Transacted)
    }

    fn transaction_state(&mut self) -> Result<Option<TransactionState>, MachineLost> {
        let (call, now) = (Call::TransactionState, self.notes.last);
        let make = |machine: &mut dyn Machine| machine.transaction_state();
        self.record(&call, now, make, Answer::State)
    }

    fn close(&mut self, timeout: Duration, now: Instant) -> Result<(), MachineLost> {
        let make = |machine: &mut dyn Machine| machine.close(timeout, now);
        self.record(&Call::Close(timeout), now, make, |()| Answer::Done)
    }

    fn step(
        &mut self,
        inputs: &[Input<'_>],
        now: Instant,
        outputs: &mut Vec<Output>,
    ) -> Result<Step, MachineLost> {
        let call = Call::Step(self.notes.happenings(inputs));
        self.notes.call(&call, now);
        let before = outputs.len();
        let result = self.machine.step(inputs, now, outputs);
        let new = outputs.get(before..).unwrap_or_default();
        match &result {
            Ok(step) => self.notes.answer(&Answer::Step(new, *step)),
            Err(lost) => self.notes.answer(&Answer::Lost(lost.clone())),
        }
        self.notes.follow(new);
        result
    }

    fn metrics(&mut self, now: Instant) -> Result<Metrics, MachineLost> {
        let make = |machine: &mut dyn Machine| machine.metrics(now);
        let answer = |metrics: Metrics| Answer::Counted(metrics.into());
        self.record(&Call::Metrics, now, make, answer)
    }

    fn calls(&self) -> u64 {
        self.machine.calls()
    }

    fn linear_memory_bytes(&self) -> u64 {
        self.machine.linear_memory_bytes()
    }
}
