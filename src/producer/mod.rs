//! The producer: everything between a record that is accepted and its report.
//!
//! This file holds the fields and the application's commands. `drive` is what happens between two
//! inputs, `answers` takes what brokers say, `settle` ends batches and records. The other files are
//! rooms that know nothing of each other's timing: they compute, this one acts.

mod accumulator;
mod answers;
mod batch;
mod compression;
mod coordinate;
mod delivery;
mod drive;
mod follow;
mod identity;
mod measure;
mod memory;
mod partition;
mod partitioner;
mod place;
mod produce_frame;
mod refusal;
mod sender;
mod sequence;
mod settle;
mod split;
mod step;
mod transact;
mod transaction;
mod verdict;
mod waiting;
mod watch;

use crate::backoff::Backoff;
use crate::bulk::{Bulk, BulkError, BulkHeader, BulkOutcome, BulkReader, BulkRecord};
use crate::cluster::{Cluster, TopicState};
use crate::config::Config;
use crate::driver::Input;
use crate::error::{Cause, FatalError, SendError, TopicError};
use crate::ids::{FlushId, Ticket, TopicHandle};
use crate::random::Random;
use crate::record::{Header, Record, first_described_size, first_record_size};
use crate::time::Instant;
use accumulator::Accumulator;
use batch::{BATCH_OVERHEAD_BYTES, TICKET_BYTES_MAX};
use core::time::Duration;
use delivery::Delivery;
use identity::{Identity, Kind};
use memory::Memory;
use partitioner::Partitioner;
use sender::Sender;
use transaction::Transactions;
use waiting::{Waiting, described_waiting_charge, waiting_charge};
use watch::Watches;

pub use partitioner::partition_of_key;
pub use step::Step;

/// The largest `max.request.size` in effect: a frame has less than 2 GiB, framing included.
const REQUEST_BYTES_MAX: u64 = i32::MAX as u64 - (64 << 10);

/// A Kafka producer as a state machine: no I/O, no clock, no threads.
///
/// Three kinds of method:
///
/// 1. *Commands* of the application ([`send`](Self::send), [`flush`](Self::flush),
///    [`close`](Self::close) and others): they never block, and may follow one another in any order.
/// 2. *Inputs* of the driver ([`handle_input`](Self::handle_input)): they cannot fail.
/// 3. *Outputs* to the driver ([`poll_output`](Self::poll_output)): to be drained until
///    [`Output::Wait`](crate::Output::Wait) after commands and inputs.
///
/// `now` is monotonic; an earlier instant than the last one counts as the last one. The same
/// configuration, seed, commands and inputs give the same outputs, natively and in wasm.
#[derive(Debug)]
pub struct Producer {
    cluster: Cluster,
    accumulator: Accumulator,
    sender: Sender,
    identity: Identity,
    /// `None` without `transactional.id`.
    transactions: Option<Transactions>,
    waiting: Waiting,
    delivery: Delivery,
    memory: Memory,
    random: Random,
    partitioner: Partitioner,
    watches: Watches,
    settings: Settings,
    /// The latest instant seen.
    now: Instant,
    /// When the cluster's next deadline passes, as of the last wait; `None` until then.
    cluster_deadline: Option<Instant>,
    life: Life,
    failure: Option<FatalError>,
    is_failure_announced: bool,
}

/// The part of the configuration that the commands and answers need.
#[derive(Debug)]
struct Settings {
    max_request_size: u64,
    retries: u32,
    retry_backoff: Backoff,
    is_unacknowledged: bool,
}

/// How far the producer's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Open,
    /// No record is accepted; at the deadline the rest is reported as it is.
    Closing {
        deadline: Instant,
    },
    /// Everything is reported; the connections are being closed.
    Disconnecting,
    /// The last event was given.
    Closed,
}

impl Producer {
    /// A producer that has done nothing yet; it starts looking for the cluster as soon as it is
    /// polled. `seed` makes every random choice: back-off jitter, bootstrap order, sticky partitions.
    pub fn new(config: &Config, seed: u64, now: Instant) -> Self {
        let mut config = config.clone();
        config.max_request_size = config.max_request_size.min(REQUEST_BYTES_MAX);
        let config = &config;
        let mut random = Random::new(seed);
        let retry_backoff = Backoff {
            base: config.retry_backoff,
            max: config.retry_backoff_max,
        };
        let kind = match (&config.transactional, config.idempotence) {
            (Some(_), _) => Kind::Transactional,
            (None, true) => Kind::Idempotent,
            (None, false) => Kind::None,
        };
        Self {
            cluster: Cluster::new(config, Random::new(random.next())),
            accumulator: Accumulator::new(config),
            sender: Sender::new(config),
            identity: Identity::new(kind, retry_backoff),
            transactions: Transactions::new(config),
            waiting: Waiting::new(config.max_block),
            delivery: Delivery::default(),
            memory: Memory::new(config.buffer_memory),
            random,
            partitioner: Partitioner::new(config),
            watches: Watches::new(config.max_block),
            settings: Settings {
                max_request_size: config.max_request_size,
                retries: config.retries,
                retry_backoff,
                is_unacknowledged: config.acks == crate::config::Acks::None,
            },
            now,
            cluster_deadline: None,
            life: Life::Open,
            failure: None,
            is_failure_announced: false,
        }
    }

    /// For tests of what happens when sequences wrap, without 2^31 records before: partitions start at
    /// `sequence`, 0 to 2^31 - 1, under the first identity. Only brokers that take any first sequence
    /// accept that.
    #[doc(hidden)]
    pub const fn start_sequences_at(&mut self, sequence: i32) {
        self.identity.start_at(sequence & i32::MAX);
    }

    /// Interns a topic name. The handle is valid for the life of the producer; a name seen before gets
    /// the handle it had. Asks the cluster for the topic as soon as the producer is polled.
    ///
    /// # Errors
    ///
    /// [`TopicError`] when the name can be no topic's, or when there are too many.
    pub fn topic(&mut self, name: &str) -> Result<TopicHandle, TopicError> {
        self.cluster.metadata.intern(name, self.now)
    }

    /// The name behind a handle.
    pub fn topic_name(&self, topic: TopicHandle) -> Option<&str> {
        self.cluster
            .metadata
            .topic(topic)
            .map(|view| view.name.as_str())
    }

    /// Accepts a record, or refuses it without keeping anything of it. Never blocks. Everything
    /// borrowed is copied: into the open batch of its partition, or, while the topic's partitions are
    /// not known, into a queue where it stays at most `max.block.ms`.
    ///
    /// Every accepted record gets exactly one outcome in a
    /// [`DeliveryReport`](crate::DeliveryReport).
    ///
    /// # Errors
    ///
    /// [`SendError::BufferFull`] asks to wait for
    /// [`Event::BufferAvailable`](crate::Event::BufferAvailable); every other error is final for this
    /// record.
    pub fn send(&mut self, record: &Record<'_>, now: Instant) -> Result<Ticket, SendError> {
        let now = self.advance(now);
        self.check_open()?;
        let size = self.check_record(record)?;
        self.cluster.metadata.touch(record.topic, now);
        let Some(topic) = self.cluster.metadata.topic(record.topic) else {
            return Err(SendError::UnknownTopic);
        };
        if topic.state == TopicState::Known && !self.waiting.has_records(record.topic) {
            self.place(record, size, now)
        } else {
            self.make_wait(record, now)
        }
    }

    /// Accepts records in bulk form, in order, until one is refused. `wall` is the wall clock time in
    /// ms since 1970, for records without a timestamp.
    pub fn send_many(&mut self, bulk: &Bulk<'_>, wall: i64, now: Instant) -> BulkOutcome {
        let mut outcome = BulkOutcome {
            accepted: 0,
            first_ticket: Ticket(self.delivery.next_ticket()),
            refused: None,
            free_bytes: 0,
        };
        let mut reader = BulkReader::new(bulk.headers, bulk.data);
        let mut scratch: Vec<Header<'_>> = Vec::new();
        for entry in bulk.records {
            let headers = reader.headers();
            let Some(mut record) = reader.next(entry, &mut scratch) else {
                outcome.refused = Some(self.refuse_unread(entry, headers));
                break;
            };
            if record.timestamp == -1 {
                record.timestamp = wall;
            }
            match self.send(&record, now) {
                Ok(_) => outcome.accepted += 1,
                Err(error) => {
                    outcome.refused = Some(BulkError::Send(error));
                    break;
                }
            }
        }
        outcome.free_bytes = self.free_bytes();
        outcome
    }

    /// Lets everything accepted so far leave without waiting for company. When all of it is reported,
    /// [`Event::Flushed`](crate::Event::Flushed) follows with the same id.
    pub fn flush(&mut self, now: Instant) -> FlushId {
        self.advance(now);
        self.accumulator.expedite();
        self.delivery.flush()
    }

    /// Drops everything that is not in flight, with reports: *not written*, or *possibly written* where
    /// an earlier attempt is in doubt.
    pub fn purge(&mut self, now: Instant) {
        let now = self.advance(now);
        self.drop_queued(Cause::Purged, now);
    }

    /// Accepts no more records, sends what it can within `timeout`, then reports the rest and closes
    /// the connections. [`Event::Closed`](crate::Event::Closed) is the last event. A second call can
    /// only shorten the time. An open transaction is aborted; one that is prepared is left alone.
    pub fn close(&mut self, timeout: Duration, now: Instant) {
        let now = self.advance(now);
        let wanted = now.after(timeout);
        match &mut self.life {
            Life::Open => {
                self.life = Life::Closing { deadline: wanted };
                self.accumulator.expedite();
                if let Some(transactions) = &mut self.transactions {
                    transactions.close();
                }
            }
            Life::Closing { deadline } => *deadline = wanted.min(*deadline),
            Life::Disconnecting | Life::Closed => {}
        }
    }

    /// Tells the machine what happened. Cannot fail: whatever the input is, the consequence is an
    /// output.
    pub fn handle_input(&mut self, input: Input<'_>, now: Instant) {
        let now = self.advance(now);
        self.cluster.handle_input(input, now);
    }

    /// Says that somebody waits for so many bytes of room, for a record that is not even offered.
    /// [`Event::BufferAvailable`](crate::Event::BufferAvailable) follows as after a refusal. Batches that
    /// wait for company leave when nothing else is under way that could make room, and not before: under
    /// load they go on filling.
    pub const fn want_room(&mut self, bytes: u64) {
        self.memory.note_refusal(bytes);
    }

    /// Counts bytes in `buffer.memory` that the driver keeps on the application's behalf, such as events
    /// that nobody has taken yet; even past the limit, for they are there already. Undone by
    /// [`release`](Self::release).
    pub const fn hold(&mut self, bytes: u64) {
        self.memory.charge(bytes);
    }

    /// Stops to count bytes that were counted with [`hold`](Self::hold). May bring about
    /// [`Event::BufferAvailable`](crate::Event::BufferAvailable).
    pub fn release(&mut self, bytes: u64) {
        self.memory.release(bytes);
    }

    /// Bytes of `buffer.memory` that are free.
    pub const fn free_bytes(&self) -> u64 {
        self.memory.free()
    }

    /// Bytes of `buffer.memory` that are held. Zero when every record has been reported and the driver
    /// [holds](Self::hold) nothing.
    pub const fn held_bytes(&self) -> u64 {
        self.memory.held()
    }

    /// Time that runs backwards stands still.
    fn advance(&mut self, now: Instant) -> Instant {
        self.now = self.now.max(now);
        self.now
    }

    fn check_open(&self) -> Result<(), SendError> {
        match (self.failure, self.life) {
            (Some(error), _) => Err(SendError::Failed(error)),
            (None, Life::Open) => match &self.transactions {
                Some(transactions) => transactions.check_send(),
                None => Ok(()),
            },
            (None, Life::Closing { .. } | Life::Disconnecting | Life::Closed) => {
                Err(SendError::Closed)
            }
        }
    }

    /// Refuses what can never be sent. Returns the bytes that the record takes as the first of a batch,
    /// the batch's header included.
    fn check_record(&self, record: &Record<'_>) -> Result<u64, SendError> {
        if let Some(partition) = record.partition.filter(|partition| *partition < 0) {
            let count = self.partition_count(record.topic);
            return Err(SendError::UnknownPartition { partition, count });
        }
        if record.timestamp < 0 {
            return Err(SendError::InvalidTimestamp {
                timestamp: record.timestamp,
            });
        }
        let size = first_record_size(record);
        self.check_size(size, waiting_charge(record))?;
        Ok(size)
    }

    /// Refuses what can never fit: `size` in a request, or the larger of the two in the buffer.
    fn check_size(&self, size: u64, waiting_charge: u64) -> Result<(), SendError> {
        if size > self.settings.max_request_size {
            let limit = self.settings.max_request_size;
            return Err(SendError::RecordTooLarge {
                size,
                limit,
                key: "max.request.size",
            });
        }
        let held = size.max(waiting_charge) + BATCH_OVERHEAD_BYTES + TICKET_BYTES_MAX;
        if held > self.memory.limit() {
            let limit = self.memory.limit();
            return Err(SendError::RecordTooLarge {
                size: held,
                limit,
                key: "buffer.memory",
            });
        }
        Ok(())
    }

    /// Puts a record into the waiting queue of its topic.
    fn make_wait(&mut self, record: &Record<'_>, now: Instant) -> Result<Ticket, SendError> {
        let charge = waiting_charge(record);
        if !self.memory.try_charge(charge) {
            return Err(self.refuse(charge));
        }
        let ticket = Ticket(self.delivery.accept());
        self.waiting.push(record, ticket, now);
        self.call_up(record.topic);
        Ok(ticket)
    }

    /// Refuses a record whose bytes are not there: by its size, if that alone is reason enough.
    fn refuse_unread(&mut self, entry: &BulkRecord, headers: &[BulkHeader]) -> BulkError {
        let (Some(size), Some(charge)) = (
            first_described_size(entry, headers),
            described_waiting_charge(entry, headers),
        ) else {
            return BulkError::Malformed;
        };
        let checked = self
            .check_open()
            .and_then(|()| self.check_size(size, charge));
        if let Err(error) = checked {
            return BulkError::Send(error);
        }
        if size > self.memory.free() {
            return BulkError::Send(self.refuse(size));
        }
        BulkError::Malformed
    }

    /// The buffer is full: open batches leave at once, because waiting for company would only make
    /// the caller wait longer.
    fn refuse(&mut self, needed: u64) -> SendError {
        self.memory.note_refusal(needed);
        self.sender.counters.on_refused();
        self.accumulator.expedite();
        SendError::BufferFull {
            needed,
            free: self.memory.free(),
        }
    }
}
