//! The application's handle: send, flush, purge, close.

use crate::batch::{Batch, BatchDelivery};
use crate::builder::Builder;
use crate::choosing::Chosen;
use crate::deliveries::Delivery;
use crate::machine::ComponentInfo;
use crate::metrics::Metrics;
use crate::notice::Notice;
use crate::record::Record;
use crate::report::SendError;
use crate::shared::Shared;
use crate::staging::{self, CommandKind, Staging, ToStage};
use crate::stats::Stats;
use odradek::config::Note;
use odradek::{FailedAddress, FatalError};
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How much room a batch takes at once, so that it neither pays for each record nor shuts others out.
const BATCH_ROOM: u64 = 64 << 10;

/// How long a producer whose last handle was dropped without a close may go on in the background.
const DROPPED_TIMEOUT: Duration = Duration::from_secs(30);

/// A Kafka producer. Clones are cheap and share it; many tasks may use it at once.
///
/// Its futures run on any executor, with one exception: a `send` that has to wait for room needs a
/// tokio runtime with time enabled. Threads without a runtime wait with
/// [`block_on`](crate::block_on).
///
/// Dropping the last handle without [`close`](Self::close) closes in the background: deliveries that
/// are still held get their reports, but what was not sent when the process ends is lost.
#[derive(Clone, Debug)]
pub struct Producer {
    handle: Arc<Handle>,
}

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    notes: Vec<Note>,
    component: Option<ComponentInfo>,
}

impl Producer {
    /// A builder, to be told at least `bootstrap.servers`.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn new(
        shared: Arc<Shared>,
        notes: Vec<Note>,
        component: Option<ComponentInfo>,
    ) -> Self {
        Self {
            handle: Arc::new(Handle {
                shared,
                notes,
                component,
            }),
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    /// Hands a record over. Waits only while the buffer is full, and for a
    /// [`Partitioner`](crate::Partitioner) until the topic's partitions are known; the returned delivery is the future
    /// of the record's report.
    ///
    /// Records of one task that carry the same partition or key keep their order. Dropping this
    /// future before it is complete leaves the record unsent; dropping the delivery does not.
    ///
    /// # Errors
    ///
    /// [`SendError`]. The record was not sent, and may be offered again after
    /// [`SendError::BufferFull`].
    pub async fn send(&self, record: &Record<'_>) -> Result<Delivery, SendError> {
        let (partition, waited) = self.choose(record).await?;
        let credits = self.credits(record, partition)?;
        match self.shared().room.try_acquire_many(credits) {
            Ok(permit) => permit.forget(),
            Err(_) => self.wait_for_room(credits, waited).await?,
        }
        self.stage(record, partition, credits)
    }

    /// Hands a record over if there is room for it at once.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); [`SendError::BufferFull`] and [`SendError::NoPartitions`] without any
    /// wait. In the latter case the partitions have been asked for.
    pub fn try_send(&self, record: &Record<'_>) -> Result<Delivery, SendError> {
        let partition = self.choose_now(record)?;
        let credits = self.credits(record, partition)?;
        match self.shared().room.try_acquire_many(credits) {
            Ok(permit) => permit.forget(),
            Err(_) => return Err(self.no_room(Duration::ZERO)),
        }
        self.stage(record, partition, credits)
    }

    /// Hands many records over, in order, at a fraction of the cost of as many [`send`](Self::send)s.
    /// Waits while the buffer is full, for each part at most `max.block.ms`.
    ///
    /// The first record that is not taken ends the call: [`BatchDelivery::accepted`] and
    /// [`BatchDelivery::refused`] say which one and why; the report covers those before it. Dropping
    /// this future before it is complete leaves some records sent and their reports lost.
    pub async fn send_batch(&self, records: &[Record<'_>]) -> BatchDelivery {
        let (wall, batch) = (wall_clock(), Arc::new(Batch::default()));
        let (mut accepted, mut refused) = (0, None);
        let (chosen, unchosen) = self.choose_all(records).await;
        let to_stage = chosen.as_ref().map_or(records.len(), Vec::len);
        while accepted < to_stage && refused.is_none() {
            let records = Chosen {
                records: &records[..to_stage],
                partitions: chosen.as_deref(),
            };
            (accepted, refused) = self.stage_part(&batch, &records, accepted, wall).await;
        }
        let refused = refused.or(unchosen);
        let taken = &records[..accepted];
        let each = taken.iter().any(|record| record.timestamp.is_some());
        let stamp = |record: &Record<'_>| record.timestamp.unwrap_or(wall);
        let each = each.then(|| taken.iter().map(stamp).collect());
        batch.seal(accepted as u32, wall, each);
        BatchDelivery::new(Arc::clone(self.shared()), batch, accepted, refused)
    }

    /// Stages the records from `at` on that fit into one helping of room; gives the position of the
    /// first one left, and why it will not be taken, if that is so.
    async fn stage_part(
        &self,
        batch: &Arc<Batch>,
        records: &Chosen<'_, '_>,
        at: usize,
        wall: i64,
    ) -> (usize, Option<SendError>) {
        let Some((record, partition)) = records.get(at) else {
            return (at, None);
        };
        let first = match self.credits(record, partition) {
            Ok(first) => first,
            Err(error) => return (at, Some(error)),
        };
        let helping = first.max(BATCH_ROOM.min(self.shared().limits.staged()) as u32);
        let mut room = match self.shared().room.try_acquire_many(helping) {
            Ok(permit) => {
                permit.forget();
                helping
            }
            Err(_) => match self.wait_for_room(first, Duration::ZERO).await {
                Ok(()) => first,
                Err(error) => return (at, Some(error)),
            },
        };
        let (mut next, mut refused) = (at, None);
        let mut staging = self.shared().staging();
        while let (Some((record, partition)), Ok(index)) = (records.get(next), u32::try_from(next))
        {
            let credits = match self.credits(record, partition) {
                Ok(credits) if credits <= room => credits,
                Ok(_) => break,
                Err(error) => {
                    refused = Some(error);
                    break;
                }
            };
            let staged = ToStage::new(record, partition, wall, u64::from(credits));
            let pushed = staging.push_of_batch(batch, index, &staged);
            if let Err(error) = pushed {
                refused = Some(error);
                break;
            }
            room -= credits;
            next += 1;
        }
        release(staging);
        self.shared().room.add_permits(room as usize);
        (next, refused)
    }

    /// What a record takes of the room, after the checks that need no machine.
    fn credits(&self, record: &Record<'_>, partition: Option<i32>) -> Result<u32, SendError> {
        if let Some(timestamp) = record.timestamp.filter(|timestamp| *timestamp < 0) {
            return Err(SendError::InvalidTimestamp { timestamp });
        }
        if let Some(partition) = partition.filter(|partition| *partition < 0) {
            return Err(SendError::InvalidPartition { partition });
        }
        let limits = &self.shared().limits;
        let size = staging::cost(record);
        // The index of a bulk counts bytes in 32 bits.
        let limit = limits.buffer.min(i32::MAX as u64);
        if size > limit {
            return Err(SendError::TooLarge { size, limit });
        }
        Ok(size.min(limits.staged()) as u32)
    }

    fn stage(
        &self,
        record: &Record<'_>,
        partition: Option<i32>,
        credits: u32,
    ) -> Result<Delivery, SendError> {
        let timestamp = record.timestamp.unwrap_or_else(wall_clock);
        let staged = ToStage::new(record, partition, timestamp, u64::from(credits));
        let mut staging = self.shared().staging();
        let pushed = staging.push(&staged);
        release(staging);
        let (topic, slot) = pushed.inspect_err(|_| {
            // Between two transactions the producer is not at its end.
            self.shared().room.add_permits(credits as usize);
        })?;
        let shared = Arc::clone(self.shared());
        Ok(Delivery::new(shared, topic, timestamp, slot))
    }

    /// Waits for room, for what is left of `max.block.ms` after `waited`.
    async fn wait_for_room(&self, credits: u32, waited: Duration) -> Result<(), SendError> {
        let wait = self.shared().waiting.for_room();
        let max_block = self.shared().limits.max_block.saturating_sub(waited);
        let wake = self.shared().staging().starve(u64::from(credits));
        wake.wake();
        let room = self.shared().room.acquire_many(credits);
        match timeout(max_block, room).await {
            Ok(Ok(permit)) => {
                permit.forget();
                Ok(())
            }
            Ok(Err(_)) | Err(_) => {
                let error = self.no_room(waited + wait.elapsed());
                if let SendError::BufferFull { .. } = error {
                    self.shared().waiting.on_exhausted();
                }
                Err(error)
            }
        }
    }

    /// Why there is no room: the buffer is full, or nothing is taken any more.
    fn no_room(&self, waited: Duration) -> SendError {
        let refusal = self.shared().staging().refusal();
        refusal.unwrap_or(SendError::BufferFull { waited })
    }

    /// Sends everything handed over so far without waiting for company, and waits until all of it is
    /// reported.
    pub async fn flush(&self) {
        let started = Instant::now();
        self.command(CommandKind::Flush).await;
        self.shared().waiting.on_flushed(started.elapsed());
    }

    /// Gives up every record that has not been handed to a connection; they are reported as not
    /// written, with the cause "dropped by purge". Those in flight are awaited as usual.
    pub async fn purge(&self) {
        self.command(CommandKind::Purge).await;
    }

    /// Refuses further records, sends what it can within `timeout`, reports the rest and closes all
    /// connections. Calling it again waits for the same end.
    pub async fn close(&self, timeout: Duration) {
        self.command(|done| CommandKind::Close { timeout, done })
            .await;
    }

    /// Gives the producer to `work` and closes it at its end, whatever that is: nothing that `work`
    /// sent is left behind, and every report has come when this is over. `timeout` is that of
    /// [`close`](Self::close).
    ///
    /// If `work` panics or this future is dropped, the producer closes in the background.
    pub async fn scope<T>(self, timeout: Duration, work: impl AsyncFnOnce(Self) -> T) -> T {
        let mut guard = ScopeGuard {
            shared: self.shared(),
            is_armed: true,
        };
        let result = work(self.clone()).await;
        guard.is_armed = false;
        drop(guard);
        self.close(timeout).await;
        result
    }

    async fn command(&self, kind: impl FnOnce(oneshot::Sender<()>) -> CommandKind) {
        let (done, wait) = oneshot::channel();
        let wake = self.shared().staging().command(kind(done));
        wake.wake();
        // A driver that has ended drops the sender, and everything is reported then, too.
        let _ = wait.await;
    }

    /// Why the producer has failed for good, if it has.
    pub fn failure(&self) -> Option<FatalError> {
        match self.shared().staging().refusal() {
            Some(SendError::Failed(error)) => Some(error),
            Some(
                SendError::BufferFull { .. }
                | SendError::TooLarge { .. }
                | SendError::InvalidTimestamp { .. }
                | SendError::InvalidPartition { .. }
                | SendError::NoPartitions { .. }
                | SendError::Topic(_)
                | SendError::NoTransaction { .. }
                | SendError::Closed,
            )
            | None => None,
        }
    }

    /// What is worth knowing about the properties: settings that have no effect, or another one than
    /// they seem to.
    pub fn notes(&self) -> &[Note] {
        &self.handle.notes
    }

    /// The size of the component and the time it took to start; `None` with the native backend.
    pub fn component(&self) -> Option<ComponentInfo> {
        self.handle.component
    }

    /// What the producer counts, under the names of Java's metrics. After a close the numbers are those
    /// of its end; `None` once the machine is lost.
    pub async fn metrics(&self) -> Option<Metrics> {
        let (done, metrics) = oneshot::channel();
        let wake = self.shared().staging().command(CommandKind::Metrics(done));
        wake.wake();
        let answer = metrics.await.ok();
        answer.or_else(|| self.shared().last_metrics().clone())
    }

    /// What the driver has done so far, in numbers.
    pub fn stats(&self) -> Stats {
        self.shared().counters.read()
    }

    /// The addresses to which connections failed or were lost, each with its latest failure; the
    /// latest 64 addresses. Empty while all is well.
    pub fn connection_failures(&self) -> Vec<FailedAddress> {
        self.shared().failures().list()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        close_in_background(&self.shared);
    }
}

/// Closes the producer of a scope whose work panicked or was given up, whoever holds clones of it.
struct ScopeGuard<'a> {
    shared: &'a Shared,
    is_armed: bool,
}

impl Drop for ScopeGuard<'_> {
    fn drop(&mut self) {
        if self.is_armed {
            close_in_background(self.shared);
        }
    }
}

/// Closes a producer that nobody has closed, and says so.
fn close_in_background(shared: &Shared) {
    let mut staging = shared.staging();
    // A producer that has failed still has a driver, a thread and connections to end.
    if staging.is_closing() {
        return;
    }
    let (done, _) = oneshot::channel();
    let timeout = DROPPED_TIMEOUT;
    let wake = staging.command(CommandKind::Close { timeout, done });
    drop(staging);
    wake.wake();
    shared.notify(&Notice::DroppedUnclosed);
}

/// Leaves the staging place and wakes the driver if that is worth it.
fn release(mut staging: MutexGuard<'_, Staging>) {
    let wake = staging.wake();
    drop(staging);
    wake.wake();
}

/// The wall clock in ms since 1970.
fn wall_clock() -> i64 {
    SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, |since| since.as_millis() as i64)
}
