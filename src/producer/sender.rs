//! Produce requests: which batches ride together, and which of them an answer is about.

use super::accumulator::{Accumulator, Slot};
use super::identity::Identity;
use super::memory::Memory;
use super::produce_frame::{self, FrameBatch, FrameSettings};
use super::refusal::Refusal;
use super::sequence::{Run, Stamp};
use super::transaction::Transactions;
use super::verdict::Attempt;
use crate::cluster::{Cluster, LeaderHint, RequestTag};
use crate::config::{Acks, Config};
use crate::error_code::ErrorCode;
use crate::ids::{BrokerId, TopicHandle, TopicUuid};
use crate::metrics::Sending;
use crate::record::{Codec, ProducerStamp};
use crate::time::Instant;
use crate::wire::api::produce::{NodeEndpoint, PartitionResponse, ProduceResponse, TopicRef};
use crate::wire::{ApiKey, Reader, WireError};
use std::collections::BTreeMap;

/// Bytes that a Produce request takes at most around its batches, apart from topic names: a generous
/// bound, so that requests stay below `max.request.size`.
const REQUEST_OVERHEAD_BYTES: u64 = 512;
/// The last version of Produce that names topics.
const LAST_VERSION_BY_NAME: i16 = 12;
const PARTITION_OVERHEAD_BYTES: u64 = 16;

/// The first version of Produce whose batches may be compressed with zstd (KIP-110).
const FIRST_VERSION_WITH_ZSTD: i16 = 7;

/// The Produce requests that are out.
#[derive(Debug)]
pub(super) struct Sender {
    acks: Acks,
    max_request_size: u64,
    timeout_ms: i32,
    next_request: u64,
    requests: BTreeMap<u64, ProduceRequest>,
    pub(super) counters: Sending,
    /// Batches whose codec their leader does not know, to be given up.
    refused: Vec<(Slot, u64)>,
    /// A partition takes nothing more under the identity of the open transaction.
    is_stuck: bool,
}

/// On whose behalf batches are written.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    pub(super) identity: &'a mut Identity,
    pub(super) transactions: Option<&'a Transactions>,
}

/// A Produce request that is out.
#[derive(Debug)]
struct ProduceRequest {
    batches: Vec<RequestBatch>,
    /// Memory of batches that were reported before the request ended: the transport may still be
    /// reading it, so it is not free before the request is answered or its connection is gone.
    pinned: u64,
}

/// One batch in a request. The topic's name and id are those of the time of sending: they may be
/// others when the answer comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestBatch {
    pub(super) slot: Slot,
    pub(super) ordinal: u64,
    topic: TopicHandle,
    pub(super) uuid: TopicUuid,
    partition: i32,
    /// How many records it has, and the stamp of what follows it. The answer counts also when the batch
    /// was reported meanwhile.
    pub(super) count: u32,
    pub(super) behind: Option<Stamp>,
}

/// What an answer says about one batch, and about the cluster.
#[derive(Debug)]
pub(super) struct BatchAnswer {
    pub(super) batch: RequestBatch,
    pub(super) attempt: Attempt,
    /// What the broker says in words.
    pub(super) refusal: Refusal,
}

impl BatchAnswer {
    fn unanswered(batch: RequestBatch) -> Self {
        Self {
            batch,
            attempt: Attempt::Unanswered,
            refusal: Refusal::default(),
        }
    }
}

/// A request that ended.
#[derive(Debug, Default)]
pub(super) struct Ended {
    pub(super) answers: Vec<BatchAnswer>,
    /// Memory that was held for the transport alone.
    pub(super) pinned: u64,
    pub(super) throttle_ms: i32,
    /// Where partitions are led now, as far as the answer says.
    pub(super) hints: Vec<Hint>,
}

/// A leader that an answer names for a partition it refused.
#[derive(Debug)]
pub(super) struct Hint {
    pub(super) slot: Slot,
    pub(super) leader: LeaderHint,
}

impl Sender {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            acks: config.acks,
            max_request_size: config.max_request_size,
            timeout_ms: i32::try_from(config.request_timeout.as_millis()).unwrap_or(i32::MAX),
            next_request: 0,
            requests: BTreeMap::new(),
            counters: Sending::default(),
            refused: Vec::new(),
            is_stuck: false,
        }
    }

    /// The batches that the last drain came across and whose codec their leader does not know: by slot
    /// and ordinal, each once.
    pub(super) fn take_refused(&mut self) -> Vec<(Slot, u64)> {
        core::mem::take(&mut self.refused)
    }

    /// True once after a drain that found a partition which needs another identity than the transaction
    /// has.
    pub(super) const fn take_stuck(&mut self) -> bool {
        core::mem::replace(&mut self.is_stuck, false)
    }

    /// Drains what is ready for one broker into one request. Returns whether a request was handed out.
    pub(super) fn drain(
        &mut self,
        broker: BrokerId,
        accumulator: &mut Accumulator,
        memory: &mut Memory,
        writer: Writer<'_>,
        cluster: &mut Cluster,
        now: Instant,
    ) -> bool {
        let Writer {
            identity,
            transactions,
        } = writer;
        let batches = self.collect(broker, accumulator, memory, identity, cluster, now);
        if batches.is_empty() {
            return false;
        }
        let Some(mut slot) = cluster.begin(broker, ApiKey::Produce) else {
            return false;
        };
        // A broker may speak versions by topic id and yet tell no ids (Metadata below 10).
        if batches.iter().any(|batch| batch.uuid == TopicUuid::ZERO) {
            slot.version = slot.version.min(LAST_VERSION_BY_NAME);
        }
        if transactions.is_some_and(Transactions::registers) {
            slot.version = slot.version.min(ApiKey::Produce.max_for_first_kind());
        }
        if slot.version <= LAST_VERSION_BY_NAME {
            note_names(&batches, accumulator);
        }
        let settings = FrameSettings {
            transactional_id: transactions.map(Transactions::id),
            acks: self.acks.wire_value(),
            timeout_ms: self.timeout_ms,
        };
        let frame_batches: Vec<FrameBatch<'_>> = batches
            .iter()
            .filter_map(|batch| {
                let partition = accumulator.partition(batch.slot);
                let position = partition.position(batch.ordinal)?;
                let stored = partition.batches().get(position)?;
                Some(FrameBatch {
                    topic: batch.topic,
                    uuid: batch.uuid,
                    partition: batch.partition,
                    sealed: &stored.sealed,
                    stamp: stored.stamp.map_or(ProducerStamp::NONE, |stamp| {
                        stamp.in_header(identity.is_transactional())
                    }),
                })
            })
            .collect();
        let slices = produce_frame::encode(&slot, settings, &frame_batches, cluster);
        let tag = RequestTag::Produce(self.next_request);
        self.requests
            .insert(self.next_request, ProduceRequest { batches, pinned: 0 });
        self.next_request += 1;
        self.counters.on_request();
        match self.acks {
            Acks::None => cluster.submit_unanswered(slot, tag, slices, now),
            Acks::Leader | Acks::All => cluster.submit(slot, tag, slices, now),
        }
        true
    }

    /// Takes at most one batch of each ready partition, up to `max.request.size`; the first one always
    /// fits. Marks them as in flight.
    fn collect(
        &mut self,
        broker: BrokerId,
        accumulator: &mut Accumulator,
        memory: &mut Memory,
        identity: &mut Identity,
        cluster: &Cluster,
        now: Instant,
    ) -> Vec<RequestBatch> {
        let mut batches = Vec::new();
        let mut bytes = REQUEST_OVERHEAD_BYTES;
        let knows_zstd = cluster
            .produce_version(broker)
            .is_none_or(|version| version >= FIRST_VERSION_WITH_ZSTD);
        for _ in 0..accumulator.ready_count(broker) {
            let Some(slot) = accumulator.pop_ready(broker) else {
                break;
            };
            let partition = accumulator.partition_mut(slot);
            let topic = partition.topic;
            let (uuid, name_len) = cluster
                .metadata
                .topic(topic)
                .map_or((TopicUuid::ZERO, 0), |view| (view.uuid, view.name.len()));
            partition.enter_log(uuid);
            partition.mend(identity);
            self.is_stuck |= identity.is_transactional() && partition.sequence.run() == Run::Over;
            // One that cannot go comes back onto a list when what holds it up is over.
            let Some(position) = partition.drainable(broker, identity, now) else {
                continue;
            };
            if position == partition.batches().len() {
                accumulator.seal(slot, memory, now);
            }
            let partition = accumulator.partition_mut(slot);
            let Some(batch) = partition.batch_mut(position) else {
                continue;
            };
            if batch.sealed.codec() == Codec::Zstd && !knows_zstd {
                self.refused.push((slot, batch.ordinal));
                continue;
            }
            let size = batch.encoded_len() as u64 + name_len as u64 + PARTITION_OVERHEAD_BYTES;
            if !batches.is_empty() && bytes + size > self.max_request_size {
                accumulator.list(slot, now);
                break;
            }
            bytes += size;
            batch.is_in_flight = true;
            batch.attempts += 1;
            self.counters.on_batch(batch.handed_out(topic, now));
            let (ordinal, count, mut stamp) = (batch.ordinal, batch.sealed.count(), batch.stamp);
            if identity.is_enabled() && stamp.is_none() {
                stamp = partition.sequence.stamp(count);
                if let Some(batch) = partition.batch_mut(position) {
                    batch.stamp = stamp;
                }
            }
            debug_assert!(stamp.is_some() || !identity.is_enabled(), "no stamp");
            debug_assert!(partition.is_in_sequence(), "a gap that nobody noticed");
            debug_assert!(
                !identity.is_transactional() || stamp.map(|one| one.by) == identity.newest(),
                "a batch of another transaction"
            );
            partition.in_flight += 1;
            partition.in_flight_at = Some(broker);
            let index = partition.index;
            batches.push(RequestBatch {
                slot,
                ordinal,
                topic,
                uuid,
                partition: index,
                count,
                behind: stamp.map(|stamp| stamp.behind(count)),
            });
            accumulator.list(slot, now);
        }
        batches
    }

    /// Matches an answer with the batches of its request. Entries nobody asked for are ignored, batches
    /// that the answer leaves out count as unanswered, and of two entries for a batch the first counts.
    pub(super) fn on_answer(
        &mut self,
        request: u64,
        version: i16,
        body: Reader<'_>,
        cluster: &Cluster,
    ) -> Result<Ended, WireError> {
        let response = ProduceResponse::decode(body, version)?;
        let Some(request) = self.requests.remove(&request) else {
            return Ok(Ended::default());
        };
        let mut open: Vec<Option<RequestBatch>> = request.batches.into_iter().map(Some).collect();
        let mut answers = Vec::with_capacity(open.len());
        let mut hints = Vec::new();
        for entry in &response.partitions {
            let is_meant = |batch: &RequestBatch| {
                batch.partition == entry.index
                    && match entry.topic {
                        TopicRef::Uuid(uuid) => uuid == batch.uuid,
                        TopicRef::Name(name) => {
                            let view = cluster.metadata.topic(batch.topic);
                            view.is_some_and(|view| view.name == name)
                        }
                    }
            };
            let found = open
                .iter_mut()
                .find(|batch| batch.as_ref().is_some_and(is_meant));
            if let Some(batch) = found.and_then(Option::take) {
                hints.extend(hint_of(&batch, entry, &response.node_endpoints));
                answers.push(BatchAnswer {
                    batch,
                    attempt: attempt_of(entry),
                    refusal: Refusal::of(entry),
                });
            }
        }
        let missing = open.into_iter().flatten();
        answers.extend(missing.map(BatchAnswer::unanswered));
        Ok(Ended {
            answers,
            pinned: request.pinned,
            throttle_ms: response.throttle_time_ms,
            hints,
        })
    }

    /// A request got no answer, or none that could be read.
    pub(super) fn on_lost(&mut self, request: u64) -> Ended {
        let Some(request) = self.requests.remove(&request) else {
            return Ended::default();
        };
        let answers = request
            .batches
            .into_iter()
            .map(BatchAnswer::unanswered)
            .collect();
        Ended {
            answers,
            pinned: request.pinned,
            throttle_ms: 0,
            hints: Vec::new(),
        }
    }

    /// Holds the memory of a batch that is reported while its request is out. Returns false when no
    /// request carries it, so that the memory is free at once.
    pub(super) fn pin(&mut self, slot: Slot, ordinal: u64, bytes: u64) -> bool {
        let carries = |request: &&mut ProduceRequest| {
            request
                .batches
                .iter()
                .any(|batch| batch.slot == slot && batch.ordinal == ordinal)
        };
        let Some(request) = self.requests.values_mut().find(carries) else {
            return false;
        };
        request.pinned += bytes;
        true
    }

    /// The batches behind `ordinal` in a partition have moved back by `by`: requests that are out follow.
    pub(super) fn move_back(&mut self, slot: Slot, ordinal: u64, by: u64) {
        let batches = self
            .requests
            .values_mut()
            .flat_map(|request| &mut request.batches);
        for batch in batches.filter(|batch| batch.slot == slot && batch.ordinal > ordinal) {
            batch.ordinal += by;
        }
    }

    pub(super) fn has_requests(&self) -> bool {
        !self.requests.is_empty()
    }
}

/// The request is about to name the topics of these batches.
fn note_names(batches: &[RequestBatch], accumulator: &mut Accumulator) {
    for out in batches {
        let partition = accumulator.partition_mut(out.slot);
        let position = partition.position(out.ordinal);
        if let Some(batch) = position.and_then(|position| partition.batch_mut(position)) {
            batch.was_sent_by_name = true;
        }
    }
}

/// The leader that an answer names, for the errors that mean that it is another one (KIP-951).
fn hint_of(
    batch: &RequestBatch,
    entry: &PartitionResponse<'_>,
    endpoints: &[NodeEndpoint<'_>],
) -> Option<Hint> {
    let is_about_leader = matches!(
        entry.error,
        ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::FENCED_LEADER_EPOCH
    );
    let named = entry.current_leader.filter(|_| is_about_leader)?;
    let endpoint = endpoints.iter().find(|one| one.id == named.leader);
    let address = endpoint.and_then(|one| {
        let port = u16::try_from(one.port).ok()?;
        Some((one.host.to_owned(), port))
    });
    Some(Hint {
        slot: batch.slot,
        leader: LeaderHint {
            topic: batch.topic,
            uuid: batch.uuid,
            partition: batch.partition,
            leader: named.leader,
            leader_epoch: named.leader_epoch,
            address,
        },
    })
}

fn attempt_of(entry: &PartitionResponse<'_>) -> Attempt {
    Attempt::Answered {
        error: entry.error,
        base_offset: entry.base_offset,
        log_append_time: entry.log_append_time_ms,
        log_start_offset: entry.log_start_offset,
    }
}
