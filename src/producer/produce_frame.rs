//! The pieces of a Produce request: what is written anew, and the records that are only pointed to.

use crate::cluster::{Cluster, RequestSlot};
use crate::ids::{TopicHandle, TopicUuid};
use crate::record::{BATCH_HEADER_BYTES, ProducerStamp, SealedBatch};
use crate::wire::api::produce::{PartitionData, ProduceRequest, TopicData};
use bytes::Bytes;

/// One batch of the request.
#[derive(Debug)]
pub(super) struct FrameBatch<'a> {
    pub(super) topic: TopicHandle,
    pub(super) uuid: TopicUuid,
    pub(super) partition: i32,
    pub(super) sealed: &'a SealedBatch,
    pub(super) stamp: ProducerStamp,
}

/// The fields that all batches share.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameSettings<'a> {
    pub(super) transactional_id: Option<&'a str>,
    pub(super) acks: i16,
    pub(super) timeout_ms: i32,
}

/// Encodes a request. The result alternates between pieces of one fresh buffer (framing and batch
/// headers) and the records of the batches, whose memory is shared and never written again.
pub(super) fn encode(
    slot: &RequestSlot,
    settings: FrameSettings<'_>,
    batches: &[FrameBatch<'_>],
    cluster: &Cluster,
) -> Vec<Bytes> {
    let (mut framing, mut cuts) = (Vec::new(), Vec::with_capacity(batches.len()));
    // Batches of one topic share its entry; the answer names each partition, so their order is free.
    let mut order: Vec<&FrameBatch<'_>> = batches.iter().collect();
    order.sort_by_key(|batch| batch.topic);
    let partitions: Vec<PartitionData> = order
        .iter()
        .map(|batch| PartitionData {
            index: batch.partition,
            records_len: batch.sealed.encoded_len(),
        })
        .collect();
    let mut topics = Vec::new();
    let mut start = 0;
    for group in order.chunk_by(|a, b| a.topic == b.topic) {
        let end = start + group.len();
        topics.push(TopicData {
            name: cluster
                .metadata
                .topic(group[0].topic)
                .map_or("", |view| &view.name),
            uuid: group[0].uuid,
            partitions: &partitions[start..end],
        });
        start = end;
    }
    let request = ProduceRequest {
        transactional_id: settings.transactional_id,
        acks: settings.acks,
        timeout_ms: settings.timeout_ms,
        topics: &topics,
    };
    request.encode(&mut framing, &mut cuts, &cluster.request_header(slot));
    interleave(&framing, &cuts, &order)
}

/// Puts each batch header at its cut and the records behind it.
fn interleave(framing: &[u8], cuts: &[usize], batches: &[&FrameBatch<'_>]) -> Vec<Bytes> {
    let mut fresh = Vec::with_capacity(framing.len() + batches.len() * BATCH_HEADER_BYTES);
    let mut ends = Vec::with_capacity(batches.len());
    let mut from = 0;
    for (cut, batch) in cuts.iter().zip(batches) {
        fresh.extend_from_slice(&framing[from..*cut]);
        fresh.extend_from_slice(&batch.sealed.header(batch.stamp));
        ends.push(fresh.len());
        from = *cut;
    }
    fresh.extend_from_slice(&framing[from..]);
    let mut fresh = Bytes::from(fresh);
    let mut slices = Vec::with_capacity(batches.len() * 2 + 1);
    let mut taken = 0;
    for (end, batch) in ends.into_iter().zip(batches) {
        slices.push(fresh.split_to(end - taken));
        slices.push(batch.sealed.records().clone());
        taken = end;
    }
    if !fresh.is_empty() {
        slices.push(fresh);
    }
    slices
}
