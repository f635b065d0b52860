//! Partitions and groups that join a transaction: answers to AddPartitionsToTxn and AddOffsetsToTxn, and
//! what a leader asks the coordinator.

use super::{Identity, Place, Transaction, TransactionState, for_version};
use crate::cluster::FakeCluster;
use crate::cluster::batch::Batch;
use crate::cluster::coordinators::KeyType;
use crate::cluster::faults::Said;
use crate::cluster::wire::{Head, Reply, answer, api, decode};
use bytes::Bytes;
use kafka_protocol::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult,
};
use kafka_protocol::messages::{
    AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
};
use odradek::ErrorCode;

/// From this version on a client understands PRODUCER_FENCED.
const KNOWS_FENCED: i16 = 2;
/// From this version on AddPartitionsToTxn is for brokers.
const BETWEEN_BROKERS: i16 = 4;

impl FakeCluster {
    pub(in crate::cluster) fn on_add_partitions(
        &mut self,
        node: i32,
        head: Head,
        body: &mut Bytes,
        said: Said,
    ) -> Result<Reply, String> {
        if head.version >= BETWEEN_BROKERS {
            return Err(format!(
                "AddPartitionsToTxn v{} from a client",
                head.version
            ));
        }
        let request: AddPartitionsToTxnRequest = decode(head, body)?;
        let transactional_id = request.v3_and_below_transactional_id.to_string();
        let identity = (
            request.v3_and_below_producer_id.0,
            request.v3_and_below_producer_epoch,
        );
        let topics = request.v3_and_below_topics;
        let places: Vec<(String, i32)> = topics
            .iter()
            .flat_map(|topic| {
                let partitions = topic.partitions.iter();
                partitions.map(|index| (topic.name.to_string(), *index))
            })
            .collect();
        let exists = |place: &(String, i32)| self.topics.partition(&place.0, place.1).is_some();
        let missing: Vec<bool> = places.iter().map(|place| !exists(place)).collect();
        let result = if missing.contains(&true) {
            // Nothing is added: the existing ones are told so.
            Err(ErrorCode::OPERATION_NOT_ATTEMPTED)
        } else {
            let places = places.into_iter();
            let places = places.map(|(topic, index)| Place::Partition(topic, index));
            let places: Vec<Place> = places.collect();
            self.with_faults(api::ADD_PARTITIONS_TO_TXN, None, |cluster| {
                cluster.is_coordinator(node, &transactional_id)?;
                cluster.note_named(identity, &places);
                cluster.join(&transactional_id, identity, places)
            })
        };
        let error = result.err().unwrap_or(ErrorCode::NONE);
        let error = for_version(error, head.version, KNOWS_FENCED);
        let mut missing = missing.into_iter();
        let results = topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|index| {
                let error = match missing.next() {
                    Some(true) => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
                    Some(false) | None => error,
                };
                AddPartitionsToTxnPartitionResult::default()
                    .with_partition_index(*index)
                    .with_partition_error_code(error.0)
            });
            AddPartitionsToTxnTopicResult::default()
                .with_name(topic.name.clone())
                .with_results_by_partition(partitions.collect())
        });
        let response = AddPartitionsToTxnResponse::default()
            .with_throttle_time_ms(said.throttle_ms)
            .with_results_by_topic_v3_and_below(results.collect());
        answer(head, &response)
    }

    pub(in crate::cluster) fn on_add_offsets(
        &mut self,
        node: i32,
        head: Head,
        body: &mut Bytes,
        said: Said,
    ) -> Result<Reply, String> {
        let request: AddOffsetsToTxnRequest = decode(head, body)?;
        let transactional_id = request.transactional_id.to_string();
        let identity = (request.producer_id.0, request.producer_epoch);
        let place = Place::Offsets(request.group_id.to_string());
        let result = self.with_faults(api::ADD_OFFSETS_TO_TXN, None, |cluster| {
            cluster.is_coordinator(node, &transactional_id)?;
            let places = vec![place];
            cluster.note_named(identity, &places);
            cluster.join(&transactional_id, identity, places)
        });
        let error = result.err().unwrap_or(ErrorCode::NONE);
        let response = AddOffsetsToTxnResponse::default()
            .with_throttle_time_ms(said.throttle_ms)
            .with_error_code(for_version(error, head.version, KNOWS_FENCED).0);
        answer(head, &response)
    }

    fn note_named(&mut self, (id, epoch): Identity, places: &[Place]) {
        let places = places.iter().cloned();
        let named = &mut self.transactions.named;
        named.extend(places.map(|place| (id, epoch, place)));
    }

    /// Adds places to a transaction, and begins it with the first of them.
    fn join(
        &mut self,
        transactional_id: &str,
        identity: Identity,
        places: Vec<Place>,
    ) -> Result<(), ErrorCode> {
        let now = self.now;
        // Before the identity: the producer may know already which one it has next.
        let known = self.transactions.by_id.get(transactional_id);
        if known.is_some_and(Transaction::is_ending) {
            return Err(ErrorCode::CONCURRENT_TRANSACTIONS);
        }
        let known = self.known(transactional_id, identity)?;
        known.previous_id = known.producer_id;
        if known.state != TransactionState::Ongoing {
            known.state = TransactionState::Ongoing;
            known.started = now;
            known.places.clear();
        }
        let places = places.into_iter().map(|place| (place, None));
        known.places.extend(places);
        Ok(())
    }

    /// What the leader of a place learns from the coordinator of a transaction about a producer that
    /// writes to it: with `adds` the place joins the transaction, otherwise it must have joined before.
    pub(in crate::cluster) fn vouch(
        &mut self,
        transactional_id: &str,
        identity: Identity,
        place: Place,
        adds: bool,
    ) -> Result<(), ErrorCode> {
        self.works(KeyType::Transaction, transactional_id)?;
        if adds {
            return self.join(transactional_id, identity, vec![place]);
        }
        let known = self.known(transactional_id, identity)?;
        if known.is_ending() {
            return Err(ErrorCode::CONCURRENT_TRANSACTIONS);
        }
        if known.places.contains_key(&place) {
            Ok(())
        } else {
            Err(ErrorCode::TRANSACTION_ABORTABLE)
        }
    }

    /// Notes when a transactional batch comes that no correct producer sends.
    pub(in crate::cluster) fn judge_membership(
        &mut self,
        transactional_id: &str,
        batch: &Batch,
        (topic, index): (&str, i32),
        adds: bool,
    ) {
        let (id, epoch) = (batch.producer_id, batch.producer_epoch);
        let what = format!("{topic}-{index}: batch of {id}:{epoch} in {transactional_id}");
        let level = self
            .transactions
            .highest_version
            .max(self.transaction_version);
        let place = Place::Partition(topic.to_owned(), index);
        let is_current = |known: &Transaction| (known.producer_id, known.epoch) == (id, epoch);
        let known = self.transactions.by_id.get(transactional_id);
        let (is_current, is_ahead) = known.map_or((false, false), |known| {
            (
                is_current(known),
                known.producer_id == id && known.epoch < epoch && known.keeper.is_none(),
            )
        });
        if known.is_none() || is_ahead {
            self.blame(format!("{what}: no coordinator gave this identity"));
        }
        if adds && level < 2 {
            self.blame(format!(
                "{what}: joins by itself at transaction.version={level}"
            ));
        }
        let was_named = self.transactions.named.contains(&(id, epoch, place));
        if !adds && is_current && !was_named {
            self.blame(format!(
                "{what}: the partition was never added to a transaction"
            ));
        }
    }
}
