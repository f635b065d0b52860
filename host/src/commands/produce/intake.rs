//! The way in: chunks of input become records, groups of records go to the producer.

use super::pending::{Entry, Pending};
use super::source::{Chunk, Chunks};
use odradek::cli::course::{Course, LAST_PAUSE};
use odradek::cli::grouping::{Grouping, Step};
use odradek::cli::input::{Defaults, Format, InputRecord};
use odradek::cli::kept::{Keep, Kept};
use odradek::cli::window::{permits, permits_of_bytes};
use odradek_host::{Header, Producer, Record};
use std::borrow::Cow;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc, watch};

/// Everything between the input and the producer.
pub(super) struct Intake {
    pub(super) producer: Producer,
    pub(super) chunks: Chunks,
    pub(super) format: Format,
    pub(super) line_limit: usize,
    pub(super) defaults: Defaults,
    pub(super) keep: Keep,
    /// Whether records are only passed on: they are sent with their transaction.
    pub(super) is_transactional: bool,
    /// Bounds what is kept until it is reported.
    pub(super) window: Arc<Semaphore>,
    /// How many permits the window has.
    pub(super) window_size: u32,
    pub(super) course: watch::Receiver<Course>,
    pub(super) entries: mpsc::UnboundedSender<Entry>,
    pub(super) source: usize,
}

impl Intake {
    /// Reads to the end, then lets everything that lingers go.
    pub(super) async fn run(mut self) {
        let mut grouping = self.new_grouping();
        while let Some(chunk) = self.next_chunk().await {
            match chunk {
                Chunk::Begin(source) => {
                    self.source = source;
                    grouping = self.new_grouping();
                }
                Chunk::Bytes(bytes) => {
                    grouping.reader().push(&bytes);
                    self.take_steps(&mut grouping).await;
                }
                Chunk::End => {
                    grouping.reader().finish();
                    self.take_steps(&mut grouping).await;
                }
                Chunk::Failed(error) => {
                    self.cut(&mut grouping).await;
                    self.hand_over(Pending::Unreadable(error), 0).await;
                }
            }
        }
        self.cut(&mut grouping).await;
        let Self {
            producer, entries, ..
        } = self;
        // The outcomes end with this sender, once the flush has brought the last of them about.
        drop(entries);
        producer.flush().await;
    }

    fn new_grouping(&self) -> Grouping {
        Grouping::new(self.format.clone(), self.line_limit)
    }

    fn course(&self) -> Course {
        *self.course.borrow()
    }

    async fn next_chunk(&mut self) -> Option<Chunk> {
        loop {
            match self.course() {
                Course::Go => {}
                Course::GiveUp => return self.chunks.next_within(LAST_PAUSE).await,
                Course::Stop => return self.chunks.next_without_reading().await,
            }
            tokio::select! {
                biased;
                changed = self.course.changed() => {
                    if changed.is_err() {
                        return self.chunks.next().await;
                    }
                }
                chunk = self.chunks.next() => return chunk,
            }
        }
    }

    /// Hands over what is left of an input that was not read to its end; nothing after its end.
    async fn cut(&mut self, grouping: &mut Grouping) {
        grouping.reader().cut();
        self.take_steps(grouping).await;
    }

    async fn take_steps(&mut self, grouping: &mut Grouping) {
        while let Some(step) = grouping.next_step(&self.defaults) {
            match step {
                Step::Group(records) => self.send(records).await,
                Step::Refused(record, error) => self.refuse(record, error).await,
                Step::Bad(line) => {
                    let bytes = line.bytes.len() as u64;
                    self.hand_over(Pending::Bad(line), bytes).await;
                }
            }
        }
    }

    async fn send(&mut self, mut records: Vec<InputRecord>) {
        if self.is_transactional {
            let permits = self.acquire(permits(Keep::Record, &records)).await;
            return self.emit(Pending::Unsent(records), permits);
        }
        while !records.is_empty() {
            if let Some(error) = self.course().why_not() {
                for record in records {
                    self.refuse(Box::new(record), error.to_owned()).await;
                }
                return;
            }
            let permits = self.acquire(permits(self.keep, &records)).await;
            let delivery = {
                let borrowed: Vec<Record<'_>> = records
                    .iter()
                    .map(|record| borrow(&self.defaults, record))
                    .collect();
                self.producer.send_batch(&borrowed).await
            };
            let mut rest = records.split_off(delivery.accepted());
            let refused = delivery.refused();
            let kept = Kept::of(self.keep, records);
            let pending = Pending::Sent { delivery, kept };
            self.emit(pending, permits);
            if let Some(error) = refused
                && !rest.is_empty()
            {
                let record = Box::new(rest.remove(0));
                self.refuse(record, error.to_string()).await;
            }
            records = rest;
        }
    }

    async fn refuse(&self, record: Box<InputRecord>, error: String) {
        let bytes = record.held_bytes();
        self.hand_over(Pending::Refused { record, error }, bytes)
            .await;
    }

    async fn hand_over(&self, pending: Pending, bytes: u64) {
        let permits = self.acquire(permits_of_bytes(bytes)).await;
        self.emit(pending, permits);
    }

    /// Waits for room in the window; what is larger than the window takes all of it.
    async fn acquire(&self, permits: u32) -> u32 {
        let permits = permits.min(self.window_size);
        // The window is never closed.
        if let Ok(permit) = self.window.acquire_many(permits).await {
            permit.forget();
        }
        permits
    }

    fn emit(&self, pending: Pending, permits: u32) {
        let source = self.source;
        // The outcomes outlive the intake.
        let _ = self.entries.send(Entry {
            pending,
            source,
            permits,
        });
    }
}

pub(super) fn borrow<'a>(defaults: &'a Defaults, record: &'a InputRecord) -> Record<'a> {
    let headers = defaults.headers_of(record).map(|header| Header {
        name: &header.name,
        value: header.value.as_deref(),
    });
    Record {
        topic: defaults.topic_of(record).unwrap_or_default(),
        partition: defaults.partition_of(record),
        timestamp: record.timestamp,
        key: record.key.as_deref(),
        value: record.value.as_deref(),
        headers: Cow::Owned(headers.collect()),
    }
}
