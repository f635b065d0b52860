//! The machine as a component: the core in a wasmtime sandbox behind the seam.

use super::bindings::exports::odradek::kafka::machine as wit;
use super::bindings::exports::odradek::kafka::types;
use super::bindings::{Engine, EnginePre};
use super::convert::{lower, raise_actions, raise_outcome};
use super::engine::{self, ComponentInfo};
use super::parts::{Part, next_part};
use super::sandbox::Sandbox;
use super::transaction::{lower_group, lower_offsets};
use super::{Machine, MachineLost, OpenError, Step, TransactionCommand};
use odradek::config::{Config, Note};
use odradek::{
    Bulk, BulkError, BulkOutcome, FlushId, Input, Instant, Metrics, OperationId, Output,
    TopicError, TopicHandle, TransactionError, TransactionState,
};
use std::time::Duration;
use wasmtime::Store;
use wasmtime::component::ResourceAny;

/// What the component may use beyond twice `buffer.memory`: 16 MiB for its code's tables, one helping
/// of inputs and one of outputs.
const EXTRA_MEMORY: u64 = 16 << 20;

/// The largest `buffer.memory` in bytes that fits into a 32-bit linear memory under this rule.
const BUFFER_MEMORY_LIMIT: u64 = ((1 << 32) - EXTRA_MEMORY) / 2;

/// The core in a sandbox of its own: one store, one instance, one producer.
pub struct ComponentMachine {
    /// The instance, or why it is gone; its memory goes with it.
    instance: Result<Instantiated, MachineLost>,
    info: ComponentInfo,
    calls: u64,
    /// Bytes of `buffer.memory` that are free, as last told.
    free_bytes: u64,
    /// The lists of a call in the component's types; kept for their memory.
    records: Vec<types::RecordIndex>,
    headers: Vec<types::HeaderIndex>,
    inputs: Vec<wit::Input>,
    received: Vec<u8>,
}

struct Instantiated {
    store: Store<Sandbox>,
    engine: Engine,
    producer: ResourceAny,
}

impl ComponentMachine {
    /// Instantiates the component and opens a producer in it. The component is compiled on first use
    /// in this process. Its linear memory may grow to twice `buffer.memory` and 16 MiB.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: a refused configuration, or what wasmtime cannot do.
    pub fn open(
        properties: &[(String, String)],
        seed: u64,
        now: Instant,
    ) -> Result<(Self, Vec<Note>), OpenError> {
        let (config, notes) = checked(properties)?;
        let memory_limit = 2 * config.buffer_memory + EXTRA_MEMORY;
        let machine = Self::start(properties, seed, now, memory_limit)?;
        Ok((machine, notes))
    }

    /// Like [`open`](Self::open), in a linear memory of at most `memory_limit` bytes. If that is less
    /// than what the configuration needs, the component traps as soon as it needs more.
    ///
    /// # Errors
    ///
    /// [`OpenError`], as from [`open`](Self::open).
    pub fn open_within(
        properties: &[(String, String)],
        seed: u64,
        now: Instant,
        memory_limit: u64,
    ) -> Result<(Self, Vec<Note>), OpenError> {
        let (_, notes) = checked(properties)?;
        let machine = Self::start(properties, seed, now, memory_limit)?;
        Ok((machine, notes))
    }

    fn start(
        properties: &[(String, String)],
        seed: u64,
        now: Instant,
        memory_limit: u64,
    ) -> Result<Self, OpenError> {
        let compiled = engine::compiled().map_err(OpenError::Runtime)?;
        let start = std::time::Instant::now();
        let (mut store, engine) = instantiate(&compiled.pre, memory_limit).map_err(runtime)?;
        let instantiate = start.elapsed();

        let producers = engine.odradek_kafka_machine().producer();
        let opened = producers.call_open(&mut store, properties, seed, now.as_nanos());
        let opened = opened.map_err(runtime)?.map_err(|error| {
            OpenError::Runtime(format!("the component refused: {}", error.message).into())
        })?;
        Ok(Self {
            instance: Ok(Instantiated {
                store,
                engine,
                producer: opened.producer,
            }),
            info: ComponentInfo {
                bytes: engine::ENGINE_COMPONENT.len(),
                compile: compiled.compile,
                instantiate,
            },
            calls: 1,
            free_bytes: opened.free_bytes,
            records: Vec::new(),
            headers: Vec::new(),
            inputs: Vec::new(),
            received: Vec::new(),
        })
    }

    /// What the component cost before its first record.
    pub const fn info(&self) -> ComponentInfo {
        self.info
    }

    /// One call into the component. An error of the runtime ends the instance.
    fn call<T>(
        &mut self,
        call: impl FnOnce(
            wit::GuestProducer<'_>,
            &mut Store<Sandbox>,
            ResourceAny,
        ) -> wasmtime::Result<T>,
    ) -> Result<T, MachineLost> {
        let instance = self.instance.as_mut().map_err(|lost| lost.clone())?;
        self.calls += 1;
        let producers = instance.engine.odradek_kafka_machine().producer();
        let answer = call(producers, &mut instance.store, instance.producer);
        answer.map_err(|error| self.lose(MachineLost::Trapped(format!("{error:#}").into())))
    }

    /// Ends the instance for good.
    fn lose(&mut self, lost: MachineLost) -> MachineLost {
        self.instance = Err(lost.clone());
        lost
    }

    /// Offers records in one call.
    fn offer(
        &mut self,
        bulk: &Bulk<'_>,
        wall: i64,
        now: Instant,
    ) -> Result<BulkOutcome, MachineLost> {
        let mut records = std::mem::take(&mut self.records);
        let mut headers = std::mem::take(&mut self.headers);
        records.clear();
        records.extend(bulk.records.iter().map(types::RecordIndex::from));
        headers.clear();
        headers.extend(bulk.headers.iter().map(types::HeaderIndex::from));
        let answer = self.call(|guest, store, producer| {
            let now = now.as_nanos();
            guest.call_send_bulk(store, producer, &records, &headers, bulk.data, wall, now)
        });
        self.records = records;
        self.headers = headers;
        let outcome = raise_outcome(answer?).map_err(|broken| self.lose(broken))?;
        if usize::try_from(outcome.accepted).is_ok_and(|accepted| accepted > bulk.records.len()) {
            return Err(self.lose(MachineLost::BrokenContract("more accepted than offered")));
        }
        self.free_bytes = outcome.free_bytes;
        Ok(outcome)
    }

    /// Offers the front of a bulk; with what came of it, and what is left if it was accepted.
    fn send_part<'a>(
        &mut self,
        bulk: &Bulk<'a>,
        wall: i64,
        now: Instant,
    ) -> Result<(BulkOutcome, Bulk<'a>), MachineLost> {
        let size_only = match next_part(bulk, self.free_bytes) {
            Part::Front(front, rest) => return Ok((self.offer(&front, wall, now)?, rest)),
            Part::SizeOnly(size_only) => size_only,
        };
        let outcome = self.offer(&size_only, wall, now)?;
        match bulk.split_at(1) {
            // Its size is no obstacle after all, for instance because a batch has room for it that is
            // charged already: only its bytes are missed.
            Some((front, rest)) if outcome.refused == Some(BulkError::Malformed) => {
                Ok((self.offer(&front, wall, now)?, rest))
            }
            Some(_) | None => Ok((outcome, *bulk)),
        }
    }
}

impl Machine for ComponentMachine {
    fn topic(&mut self, name: &str) -> Result<Result<TopicHandle, TopicError>, MachineLost> {
        let answer = self.call(|guest, store, producer| guest.call_topic(store, producer, name))?;
        Ok(answer.map(TopicHandle).map_err(TopicError::from))
    }

    fn send_many(
        &mut self,
        bulk: &Bulk<'_>,
        wall: i64,
        now: Instant,
    ) -> Result<BulkOutcome, MachineLost> {
        let mut rest = *bulk;
        let mut total: Option<BulkOutcome> = None;
        loop {
            let (outcome, left) = self.send_part(&rest, wall, now)?;
            let total = total.get_or_insert(BulkOutcome {
                accepted: 0,
                ..outcome
            });
            total.accepted += outcome.accepted;
            total.refused = outcome.refused;
            total.free_bytes = outcome.free_bytes;
            if outcome.refused.is_some() || left.records.is_empty() {
                return Ok(*total);
            }
            rest = left;
        }
    }

    fn watch(&mut self, topic: TopicHandle, now: Instant) -> Result<(), MachineLost> {
        let now = now.as_nanos();
        self.call(|guest, store, producer| guest.call_watch(store, producer, topic.0, now))
    }

    fn want_room(&mut self, bytes: u64) -> Result<(), MachineLost> {
        self.call(|guest, store, producer| guest.call_want_room(store, producer, bytes))
    }

    fn flush(&mut self, now: Instant) -> Result<FlushId, MachineLost> {
        let now = now.as_nanos();
        self.call(|guest, store, producer| guest.call_flush(store, producer, now))
            .map(FlushId)
    }

    fn purge(&mut self, now: Instant) -> Result<(), MachineLost> {
        let now = now.as_nanos();
        self.call(|guest, store, producer| guest.call_purge(store, producer, now))
    }

    fn transact(
        &mut self,
        command: &TransactionCommand,
        now: Instant,
    ) -> Result<Result<Option<OperationId>, TransactionError>, MachineLost> {
        use TransactionCommand::{Abort, Begin, Commit, Complete, Init, Prepare, SendOffsets};
        if let SendOffsets(all) = command
            && all.bytes() > self.free_bytes
        {
            // The component, whose memory is bounded, is not asked to take them only to refuse them.
            let (needed, free) = (all.bytes(), self.free_bytes);
            return Ok(Err(TransactionError::BufferFull { needed, free }));
        }
        let now = now.as_nanos();
        let answer = self.call(|guest, store, producer| {
            let begun = match command {
                Begin => {
                    let begun = guest.call_begin_transaction(store, producer, now);
                    return begun.map(|answer| answer.map(|()| None));
                }
                Init { keep_prepared } => {
                    guest.call_init_transactions(store, producer, *keep_prepared, now)
                }
                SendOffsets(all) => {
                    let (offsets, group) = (lower_offsets(&all.offsets), lower_group(all));
                    guest.call_send_offsets(store, producer, &offsets, &group, now)
                }
                Prepare => guest.call_prepare_transaction(store, producer, now),
                Complete(prepared) => {
                    guest.call_complete_transaction(store, producer, (*prepared).into(), now)
                }
                Commit => guest.call_commit_transaction(store, producer, now),
                Abort => guest.call_abort_transaction(store, producer, now),
            };
            begun.map(|answer| answer.map(Some))
        });
        Ok(match answer? {
            Ok(operation) => Ok(operation.map(OperationId)),
            Err(error) => Err(error.into()),
        })
    }

    fn transaction_state(&mut self) -> Result<Option<TransactionState>, MachineLost> {
        self.call(|guest, store, producer| guest.call_transaction_state(store, producer))
            .map(|state| state.map(Into::into))
    }

    fn close(&mut self, timeout: Duration, now: Instant) -> Result<(), MachineLost> {
        let timeout = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let now = now.as_nanos();
        self.call(|guest, store, producer| guest.call_close(store, producer, timeout, now))
    }

    fn step(
        &mut self,
        inputs: &[Input<'_>],
        now: Instant,
        outputs: &mut Vec<Output>,
    ) -> Result<Step, MachineLost> {
        let mut lowered = std::mem::take(&mut self.inputs);
        let mut received = std::mem::take(&mut self.received);
        lowered.clear();
        received.clear();
        lowered.extend(inputs.iter().map(|input| lower(input, &mut received)));
        let answer = self.call(|guest, store, producer| {
            guest.call_step(store, producer, &lowered, &received, now.as_nanos())
        });
        self.inputs = lowered;
        self.received = received;
        let answer = answer?;
        let step = Step {
            until: answer.until.map(Instant::from_nanos),
            reason: answer.reason.into(),
            free_bytes: answer.free_bytes,
            more: answer.more,
        };
        raise_actions(answer.actions, answer.data.into(), outputs)
            .map_err(|broken| self.lose(broken))?;
        self.free_bytes = step.free_bytes;
        Ok(step)
    }

    fn metrics(&mut self, now: Instant) -> Result<Metrics, MachineLost> {
        let now = now.as_nanos();
        self.call(|guest, store, producer| guest.call_metrics(store, producer, now))
            .map(Metrics::from)
    }

    fn calls(&self) -> u64 {
        self.calls
    }

    fn linear_memory_bytes(&self) -> u64 {
        let instance = self.instance.as_ref();
        instance.map_or(0, |instance| instance.store.data().memory_bytes())
    }
}

/// The properties as the component will read them: checked here as well, for the typed error and the
/// size of the sandbox.
fn checked(properties: &[(String, String)]) -> Result<(Config, Vec<Note>), OpenError> {
    let pairs = properties.iter().map(|(key, value)| (key, value));
    let (config, notes) = Config::from_properties(pairs)?;
    if config.buffer_memory > BUFFER_MEMORY_LIMIT {
        return Err(OpenError::BufferTooLarge {
            buffer_memory: config.buffer_memory,
            limit: BUFFER_MEMORY_LIMIT,
        });
    }
    Ok((config, notes))
}

/// Makes a store with its limits, and an instance in it.
fn instantiate(
    pre: &EnginePre<Sandbox>,
    memory_limit: u64,
) -> wasmtime::Result<(Store<Sandbox>, Engine)> {
    let sandbox = Sandbox::new(usize::try_from(memory_limit)?);
    let mut store = Store::new(pre.engine(), sandbox);
    store.limiter(|sandbox| sandbox);
    let engine = pre.instantiate(&mut store)?;
    Ok((store, engine))
}

fn runtime(error: wasmtime::Error) -> OpenError {
    OpenError::Runtime(format!("{error:#}").into())
}
