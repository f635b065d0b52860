//! Answers to Produce: what a leader does with batches.

use super::FakeCluster;
use super::batch::Batch;
use super::faults::Said;
use super::log::{Appended, Vouched};
use super::options::TooFewReplicas;
use super::wire::{Head, Reply, answer, api, decode, topic_with_id};
use bytes::Bytes;
use kafka_protocol::messages::produce_request::TopicProduceData;
use kafka_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse,
    TopicProduceResponse,
};
use kafka_protocol::messages::{BrokerId, ProduceRequest, ProduceResponse};
use kafka_protocol::protocol::StrBytes;
use odradek::ErrorCode;

/// From this version on a client understands TRANSACTION_ABORTABLE.
const KNOWS_ABORTABLE: i16 = 11;
/// From this version on a partition joins the transaction when it is produced to (KIP-890).
const ADDS_PARTITIONS: i16 = 12;
/// From this version on topics are named by their ids.
const TOPIC_IDS: i16 = 13;

/// What every batch of a request has in common.
#[derive(Clone, Copy)]
struct Asked<'a> {
    node: i32,
    version: i16,
    acks: i16,
    transactional_id: Option<&'a str>,
}

/// Why a batch was not appended.
struct Refused {
    error: ErrorCode,
    /// Whether the log looked at it: its start is told then.
    by_log: bool,
    message: Option<String>,
    records: Vec<i32>,
}

impl From<ErrorCode> for Refused {
    fn from(error: ErrorCode) -> Self {
        Self {
            error,
            by_log: false,
            message: None,
            records: Vec::new(),
        }
    }
}

impl Refused {
    fn by_log(error: ErrorCode) -> Self {
        Self {
            by_log: true,
            ..Self::from(error)
        }
    }
}

impl FakeCluster {
    pub(super) fn on_produce(
        &mut self,
        node: i32,
        head: Head,
        body: &mut Bytes,
        said: Said,
    ) -> Result<Reply, String> {
        let request: ProduceRequest = decode(head, body)?;
        if !(-1..=1).contains(&request.acks) {
            return Err(format!("acks={}", request.acks));
        }
        let transactional_id = request.transactional_id.as_ref().map(|id| id.as_str());
        let asked = Asked {
            node,
            version: head.version,
            acks: request.acks,
            transactional_id,
        };
        let mut has_failed = false;
        let mut moved = false;
        let mut responses = Vec::new();
        for topic in &request.topic_data {
            let response = self.produce_to_topic(asked, topic);
            for partition in &response.partition_responses {
                has_failed |= partition.error_code != 0;
                moved |= partition.error_code == ErrorCode::NOT_LEADER_OR_FOLLOWER.0;
            }
            responses.push(response);
        }
        if request.acks == 0 {
            return Ok(if has_failed {
                Reply::Close
            } else {
                Reply::Nothing
            });
        }
        let mut response = ProduceResponse::default()
            .with_responses(responses)
            .with_throttle_time_ms(said.throttle_ms);
        if head.version >= 10 && moved {
            response.node_endpoints = self.endpoints();
        }
        answer(head, &response)
    }

    fn endpoints(&self) -> Vec<NodeEndpoint> {
        let running = self.nodes().filter(|node| self.is_running(*node));
        let endpoints = running.map(|node| {
            let (host, port) = self.address_of(node);
            NodeEndpoint::default()
                .with_node_id(BrokerId(node))
                .with_host(StrBytes::from_string(host))
                .with_port(i32::from(port))
        });
        endpoints.collect()
    }

    fn produce_to_topic(
        &mut self,
        asked: Asked<'_>,
        topic: &TopicProduceData,
    ) -> TopicProduceResponse {
        let (name, unknown) = if asked.version >= TOPIC_IDS {
            let id = u128::from_be_bytes(*topic.topic_id.as_bytes());
            let name = self.topics.name_of(id).map(ToOwned::to_owned);
            (name, ErrorCode::UNKNOWN_TOPIC_ID)
        } else {
            let name = topic.name.as_str();
            let name = self
                .topics
                .by_name
                .contains_key(name)
                .then(|| name.to_owned());
            (name, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
        };
        let mut partitions = Vec::new();
        for data in &topic.partition_data {
            let mut response = PartitionProduceResponse::default()
                .with_index(data.index)
                .with_base_offset(-1)
                .with_log_append_time_ms(-1)
                .with_log_start_offset(-1);
            let result = match &name {
                None => Err(unknown.into()),
                Some(name) => self.produce_to(asked, name, data.index, data.records.as_ref()),
            };
            let place = name.as_deref().map(|name| (name, data.index));
            match result {
                Ok(appended) => {
                    response.base_offset = appended.offset;
                    response.log_append_time_ms = appended.time;
                    response.log_start_offset = self.log_start(place);
                }
                Err(refused) => self.tell(refused, place, asked.version, &mut response),
            }
            partitions.push(response);
        }
        let response = TopicProduceResponse::default().with_partition_responses(partitions);
        if asked.version >= TOPIC_IDS {
            let id = u128::from_be_bytes(*topic.topic_id.as_bytes());
            response.with_topic_id(topic_with_id(id).topic_id)
        } else {
            response.with_name(topic.name.clone())
        }
    }

    fn log_start(&self, place: Option<(&str, i32)>) -> i64 {
        let partition = place.and_then(|(name, index)| self.topics.partition(name, index));
        partition.map_or(-1, |partition| partition.log.start())
    }

    /// Writes a refusal into a response, as far as its version can tell it.
    fn tell(
        &self,
        refused: Refused,
        place: Option<(&str, i32)>,
        version: i16,
        response: &mut PartitionProduceResponse,
    ) {
        response.error_code = refused.error.0;
        if refused.by_log {
            response.log_start_offset = self.log_start(place);
        }
        if version >= 8 {
            response.error_message = refused.message.map(StrBytes::from_string);
            let records = refused.records.iter();
            let records = records.map(|index| {
                let said =
                    StrBytes::from_static_str("Compacted topic cannot accept message without key");
                BatchIndexAndErrorMessage::default()
                    .with_batch_index(*index)
                    .with_batch_index_error_message(Some(said))
            });
            response.record_errors = records.collect();
        }
        if let Some((name, index)) = place
            && refused.error == ErrorCode::NOT_LEADER_OR_FOLLOWER
            && version >= 10
            && let Some(partition) = self.topics.partition(name, index)
        {
            response.current_leader = LeaderIdAndEpoch::default()
                .with_leader_id(BrokerId(partition.leader.node.unwrap_or(-1)))
                .with_leader_epoch(partition.leader.epoch);
        }
    }

    fn produce_to(
        &mut self,
        asked: Asked<'_>,
        name: &str,
        index: i32,
        raw: Option<&Bytes>,
    ) -> Result<Appended, Refused> {
        let Some(partition) = self.topics.partition(name, index) else {
            return Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.into());
        };
        let leads = partition.leader.node == Some(asked.node);
        let batch = match Batch::decode(raw.unwrap_or(&Bytes::new()), asked.version) {
            Ok(batch) => batch,
            Err(malformed) => {
                self.blame(format!("{name}-{index}: {}", malformed.what));
                let by_log = malformed.error == ErrorCode::INVALID_RECORD && leads;
                let refused = Refused::from(malformed.error);
                return Err(Refused { by_log, ..refused });
            }
        };
        self.judge(asked, name, index, &batch);
        match self.injected(api::PRODUCE, Some((name, index))) {
            Some((error, true)) => Err(error.into()),
            _ if !leads => Err(ErrorCode::NOT_LEADER_OR_FOLLOWER.into()),
            Some((error, false)) => self
                .append(asked, name, index, &batch)
                .and_then(|_| Err(error.into())),
            None => self.append(asked, name, index, &batch),
        }
    }

    /// Notes what a correct producer does not do, however the broker answers it.
    fn judge(&mut self, asked: Asked<'_>, name: &str, index: i32, batch: &Batch) {
        let (id, epoch) = (batch.producer_id, batch.producer_epoch);
        let batch_is = format!(
            "{name}-{index}: batch of {id}:{epoch} from {}",
            batch.base_sequence
        );
        if batch.is_transactional != asked.transactional_id.is_some() {
            let transactional_id = asked.transactional_id;
            self.blame(format!(
                "{batch_is}: transactional {} in a request of {transactional_id:?}",
                batch.is_transactional
            ));
        }
        let is_anonymous = id < 0 && epoch < 0 && batch.base_sequence < 0;
        if !is_anonymous && (id < 0 || epoch < 0) || (is_anonymous && batch.is_transactional) {
            self.blame(format!("{batch_is}: half an identity"));
        }
        if id >= 0 && !self.gave(id) {
            self.blame(format!("{batch_is}: nobody gave this producer id"));
        }
        if id >= 0 && asked.acks != -1 {
            self.blame(format!("{batch_is}: acks={} with idempotence", asked.acks));
        }
        let partition = self.topics.partition(name, index);
        if partition.is_some_and(|partition| partition.log.reuses_a_sequence(batch)) {
            self.blame(format!(
                "{batch_is}: sequences of other records that are in the log"
            ));
        }
        if let Some(transactional_id) = asked.transactional_id {
            let adds = asked.version >= ADDS_PARTITIONS;
            self.judge_membership(transactional_id, batch, (name, index), adds);
        }
    }

    fn append(
        &mut self,
        asked: Asked<'_>,
        name: &str,
        index: i32,
        batch: &Batch,
    ) -> Result<Appended, Refused> {
        let vouched = self.verify(asked, name, index, batch)?;
        let now_ms = self.wall_clock_ms();
        let refuses_unknown = self.options.refuses_unknown_producers;
        let limit = self.options.message_max_bytes;
        let Some(topic) = self.topics.by_name.get_mut(name) else {
            return Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.into());
        };
        let options = topic.options.clone();
        let partition = &mut topic.partitions[index as usize];
        if partition.too_few_replicas == Some(TooFewReplicas::BeforeAppend) && asked.acks == -1 {
            return Err(Refused::by_log(ErrorCode::NOT_ENOUGH_REPLICAS));
        }
        if batch.bytes > options.max_message_bytes.unwrap_or(limit) {
            return Err(ErrorCode::MESSAGE_TOO_LARGE.into());
        }
        if options.needs_keys {
            let positions = (0..).zip(&batch.records);
            let without = positions.filter(|(_, record)| record.key.is_none());
            let records: Vec<i32> = without.map(|(position, _)| position).collect();
            if !records.is_empty() {
                return Err(Refused {
                    error: ErrorCode::INVALID_RECORD,
                    by_log: true,
                    message: Some("One or more records have been rejected".to_owned()),
                    records,
                });
            }
        }
        let is_unknown = partition.log.producers.state(batch.producer_id).is_none();
        if refuses_unknown && is_unknown && batch.base_sequence > 0 {
            return Err(Refused::by_log(ErrorCode::UNKNOWN_PRODUCER_ID));
        }
        let time = options.log_append_time.then_some(now_ms);
        let appended = partition.log.append(batch, vouched, time);
        let appended = appended.map_err(Refused::by_log)?;
        if partition.too_few_replicas == Some(TooFewReplicas::AfterAppend) && asked.acks == -1 {
            return Err(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND.into());
        }
        Ok(appended)
    }

    /// Asks the transaction coordinator about a batch, unless the partition holds records of the same
    /// transaction already.
    fn verify(
        &mut self,
        asked: Asked<'_>,
        name: &str,
        index: i32,
        batch: &Batch,
    ) -> Result<Vouched, ErrorCode> {
        let (id, epoch) = (batch.producer_id, batch.producer_epoch);
        let Some(partition) = self.topics.partition_mut(name, index) else {
            return Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
        };
        let producers = &mut partition.log.producers;
        // The coordinator is not asked about a producer that was fenced here already.
        let newest = producers.state(id).map(|state| state.epoch);
        if batch.is_transactional && newest.is_some_and(|newest| epoch < newest) {
            return Err(ErrorCode::INVALID_PRODUCER_EPOCH);
        }
        if !batch.is_transactional || producers.has_transaction(id, epoch) {
            return Ok(Vouched::No);
        }
        let adds = asked.version >= ADDS_PARTITIONS;
        producers.begin_verification(batch, adds);
        let Some(transactional_id) = asked.transactional_id else {
            return Err(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
        };
        let place = super::transactions::Place::Partition(name.to_owned(), index);
        let vouched = self.vouch(transactional_id, (id, epoch), place, adds);
        vouched.map(|()| Vouched::Yes).map_err(|error| match error {
            ErrorCode::PRODUCER_FENCED => ErrorCode::INVALID_PRODUCER_EPOCH,
            ErrorCode::TRANSACTION_ABORTABLE if asked.version < KNOWS_ABORTABLE => {
                ErrorCode::INVALID_TXN_STATE
            }
            ErrorCode::CONCURRENT_TRANSACTIONS if !adds => ErrorCode::NOT_ENOUGH_REPLICAS,
            ErrorCode::COORDINATOR_LOAD_IN_PROGRESS
            | ErrorCode::COORDINATOR_NOT_AVAILABLE
            | ErrorCode::NOT_COORDINATOR => ErrorCode::NOT_ENOUGH_REPLICAS,
            error => error,
        })
    }
}
