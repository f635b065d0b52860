//! The machine natively: the core itself behind the seam.

use super::{Machine, MachineLost, Step, TransactionCommand};
use odradek::config::{Config, ConfigError, Note};
use odradek::{
    Bulk, BulkOutcome, FlushId, Input, Instant, Metrics, OperationId, Output, Producer, TopicError,
    TopicHandle, TransactionError, TransactionState,
};
use std::time::Duration;

/// The core in this process. Cannot be lost.
#[derive(Debug)]
pub struct NativeMachine {
    producer: Producer,
}

impl NativeMachine {
    /// Opens a producer in this process.
    ///
    /// # Errors
    ///
    /// [`ConfigError`]: the configuration was refused.
    pub fn open(
        properties: &[(String, String)],
        seed: u64,
        now: Instant,
    ) -> Result<(Self, Vec<Note>), ConfigError> {
        let pairs = properties.iter().map(|(key, value)| (key, value));
        let (config, notes) = Config::from_properties(pairs)?;
        let producer = Producer::new(&config, seed, now);
        Ok((Self { producer }, notes))
    }
}

impl Machine for NativeMachine {
    fn topic(&mut self, name: &str) -> Result<Result<TopicHandle, TopicError>, MachineLost> {
        Ok(self.producer.topic(name))
    }

    fn send_many(
        &mut self,
        bulk: &Bulk<'_>,
        wall: i64,
        now: Instant,
    ) -> Result<BulkOutcome, MachineLost> {
        Ok(self.producer.send_many(bulk, wall, now))
    }

    fn watch(&mut self, topic: TopicHandle, now: Instant) -> Result<(), MachineLost> {
        self.producer.watch(topic, now);
        Ok(())
    }

    fn want_room(&mut self, bytes: u64) -> Result<(), MachineLost> {
        self.producer.want_room(bytes);
        Ok(())
    }

    fn flush(&mut self, now: Instant) -> Result<FlushId, MachineLost> {
        Ok(self.producer.flush(now))
    }

    fn purge(&mut self, now: Instant) -> Result<(), MachineLost> {
        self.producer.purge(now);
        Ok(())
    }

    fn transact(
        &mut self,
        command: &TransactionCommand,
        now: Instant,
    ) -> Result<Result<Option<OperationId>, TransactionError>, MachineLost> {
        use TransactionCommand::{Abort, Begin, Commit, Complete, Init, Prepare, SendOffsets};
        let producer = &mut self.producer;
        let operation = match command {
            Begin => return Ok(producer.begin_transaction(now).map(|()| None)),
            Init { keep_prepared } => producer.init_transactions(*keep_prepared, now),
            SendOffsets(all) => producer.send_offsets(&all.offsets(), &all.group(), now),
            Prepare => producer.prepare_transaction(now),
            Complete(prepared) => producer.complete_transaction(*prepared, now),
            Commit => producer.commit_transaction(now),
            Abort => producer.abort_transaction(now),
        };
        Ok(operation.map(Some))
    }

    fn transaction_state(&mut self) -> Result<Option<TransactionState>, MachineLost> {
        Ok(self.producer.transaction_state())
    }

    fn close(&mut self, timeout: Duration, now: Instant) -> Result<(), MachineLost> {
        // Whole milliseconds, as the component's interface has them.
        let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        self.producer.close(Duration::from_millis(millis), now);
        Ok(())
    }

    fn step(
        &mut self,
        inputs: &[Input<'_>],
        now: Instant,
        outputs: &mut Vec<Output>,
    ) -> Result<Step, MachineLost> {
        for input in inputs {
            self.producer.handle_input(input.clone(), now);
        }
        Ok(self.producer.poll_outputs(now, outputs))
    }

    fn metrics(&mut self, now: Instant) -> Result<Metrics, MachineLost> {
        Ok(self.producer.metrics(now))
    }

    fn calls(&self) -> u64 {
        0
    }
}
