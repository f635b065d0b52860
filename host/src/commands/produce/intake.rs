//! The way in: chunks of input become records, groups of records go to the producer.

use super::pending::{Entry, Keep, Kept, Pending, permits};
use super::source::{Chunk, Chunks};
use odradek::cli::input::{Defaults, Format, Found, InputRecord, Reader};
use odradek_host::{Header, Producer, Record};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};

/// Whether the run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// Records are read and sent.
    Go,
    /// No broker was ever reached: what the input holds is taken as failed, to its end or its next
    /// pause.
    GiveUp,
    /// A signal asked for the end: what was read is reported, nothing more is read.
    Stop,
}

/// Everything between the input and the producer.
pub(super) struct Intake {
    pub(super) producer: Producer,
    pub(super) chunks: Chunks,
    pub(super) format: Format,
    pub(super) line_limit: usize,
    pub(super) defaults: Arc<Defaults>,
    pub(super) keep: Keep,
    /// Bounds what is kept until it is reported.
    pub(super) window: Arc<Semaphore>,
    /// How many permits the window has.
    pub(super) window_size: u32,
    pub(super) course: watch::Receiver<Course>,
    pub(super) entries: mpsc::UnboundedSender<Entry>,
    pub(super) source: usize,
}

/// A group is sent when it has so many records, or so many bytes, or when the input pauses.
const GROUP_RECORDS: usize = 1000;
const GROUP_BYTES: u64 = 256 * 1024;

/// How long a pause of the input may be when the run has been given up.
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// Records that go to the producer together.
#[derive(Default)]
struct Group {
    records: VecDeque<InputRecord>,
    bytes: u64,
}

impl Intake {
    /// Reads to the end, then lets everything that lingers go.
    pub(super) async fn run(mut self) {
        let mut reader = self.new_reader();
        while let Some(chunk) = self.next_chunk().await {
            match chunk {
                Chunk::Begin(source) => {
                    self.source = source;
                    reader = self.new_reader();
                }
                Chunk::Bytes(bytes) => {
                    reader.push(&bytes);
                    self.take_found(&mut reader).await;
                }
                Chunk::End => {
                    reader.finish();
                    self.take_found(&mut reader).await;
                }
                Chunk::Failed(error) => {
                    self.cut(&mut reader).await;
                    self.hand_over(Pending::Unreadable(error), 0).await;
                }
            }
        }
        self.cut(&mut reader).await;
        let Self {
            producer, entries, ..
        } = self;
        // The outcomes end with this sender, once the flush has brought the last of them about.
        drop(entries);
        producer.flush().await;
    }

    fn new_reader(&self) -> Reader {
        Reader::new(self.format.clone(), self.line_limit)
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
    async fn cut(&mut self, reader: &mut Reader) {
        reader.cut();
        self.take_found(reader).await;
    }

    async fn take_found(&mut self, reader: &mut Reader) {
        let mut group = Group::default();
        while let Some(found) = reader.next_found() {
            match found {
                Found::Record(record) if self.defaults.topic_of(&record).is_some() => {
                    group.bytes += record.held_bytes();
                    group.records.push_back(record);
                    if group.records.len() >= GROUP_RECORDS || group.bytes >= GROUP_BYTES {
                        self.send(std::mem::take(&mut group)).await;
                    }
                }
                Found::Record(record) => {
                    self.send(std::mem::take(&mut group)).await;
                    let error = "the record names no topic, and there is no -t";
                    self.refuse(record, error.to_owned()).await;
                }
                Found::Bad(line) => {
                    self.send(std::mem::take(&mut group)).await;
                    let bytes = line.bytes.len() as u64;
                    self.hand_over(Pending::Bad(line), bytes).await;
                }
            }
        }
        self.send(group).await;
    }

    async fn send(&mut self, group: Group) {
        let mut records = group.records;
        while !records.is_empty() {
            if let Some(error) = self.why_not() {
                for record in records {
                    self.refuse(record, error.to_owned()).await;
                }
                return;
            }
            let permits = self
                .acquire(permits(self.keep, records.make_contiguous()))
                .await;
            let delivery = {
                let borrowed: Vec<Record<'_>> = records
                    .iter()
                    .map(|record| borrow(&self.defaults, record))
                    .collect();
                self.producer.send_batch(&borrowed).await
            };
            let rest = records.split_off(delivery.accepted());
            let refused = delivery.refused();
            let kept = Kept::of(self.keep, records.into());
            let pending = Pending::Sent { delivery, kept };
            self.emit(pending, permits);
            records = rest;
            if let Some(error) = refused
                && let Some(record) = records.pop_front()
            {
                self.refuse(record, error.to_string()).await;
            }
        }
    }

    /// Why records are not even offered to the producer.
    fn why_not(&self) -> Option<&'static str> {
        match self.course() {
            Course::Go => None,
            Course::GiveUp => Some("no broker could be reached"),
            Course::Stop => Some("the run was interrupted before the record was sent"),
        }
    }

    async fn refuse(&self, record: InputRecord, error: String) {
        let bytes = record.held_bytes();
        let record = Box::new(record);
        self.hand_over(Pending::Refused { record, error }, bytes)
            .await;
    }

    async fn hand_over(&self, pending: Pending, bytes: u64) {
        let record = InputRecord::default();
        let fixed = u64::from(permits(Keep::Nothing, std::slice::from_ref(&record)));
        let wanted = fixed + bytes / super::pending::PERMIT_BYTES;
        let permits = self
            .acquire(u32::try_from(wanted).unwrap_or(u32::MAX))
            .await;
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

fn borrow<'a>(defaults: &'a Defaults, record: &'a InputRecord) -> Record<'a> {
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
