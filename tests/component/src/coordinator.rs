//! The coordinators of transactions and groups: the first broker of the cluster, which believes everything.

use crate::cluster::{HOSTS, PORT};
use kafka_protocol::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult,
};
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use kafka_protocol::messages::{
    AddOffsetsToTxnResponse, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, ApiKey,
    BrokerId, EndTxnResponse, FindCoordinatorRequest, FindCoordinatorResponse, RequestKind,
    ResponseKind, TxnOffsetCommitRequest, TxnOffsetCommitResponse,
};
use kafka_protocol::protocol::StrBytes;

/// The APIs of coordinators and their versions: those of transactions before KIP-890.
pub(crate) const APIS: [(ApiKey, i16, i16); 5] = [
    (ApiKey::FindCoordinator, 0, 4),
    (ApiKey::AddPartitionsToTxn, 0, 3),
    (ApiKey::AddOffsetsToTxn, 0, 3),
    (ApiKey::EndTxn, 0, 3),
    (ApiKey::TxnOffsetCommit, 0, 3),
];

/// What a coordinator has to say, and remembers.
#[derive(Debug, Default)]
pub struct Coordinated {
    /// The error codes of the next answers to EndTxn.
    pub end_codes: Vec<i16>,
    /// How transactions ended: whether each was committed.
    pub ends: Vec<bool>,
    /// The offsets that were sent.
    pub offsets: Vec<i64>,
}

impl Coordinated {
    /// The answer to a request, if it is one to a coordinator.
    pub(crate) fn answer(&mut self, request: &RequestKind) -> Option<ResponseKind> {
        if let RequestKind::FindCoordinator(request) = request {
            return Some(ResponseKind::FindCoordinator(found(request)));
        }
        if let RequestKind::AddPartitionsToTxn(request) = request {
            return Some(ResponseKind::AddPartitionsToTxn(added(request)));
        }
        if let RequestKind::AddOffsetsToTxn(_) = request {
            let response = AddOffsetsToTxnResponse::default();
            return Some(ResponseKind::AddOffsetsToTxn(response));
        }
        if let RequestKind::TxnOffsetCommit(request) = request {
            return Some(ResponseKind::TxnOffsetCommit(self.committed(request)));
        }
        if let RequestKind::EndTxn(request) = request {
            let code = self.end_codes.pop().unwrap_or(0);
            if code == 0 {
                self.ends.push(request.committed);
            }
            let response = EndTxnResponse::default().with_error_code(code);
            return Some(ResponseKind::EndTxn(response));
        }
        None
    }

    fn committed(&mut self, request: &TxnOffsetCommitRequest) -> TxnOffsetCommitResponse {
        let mut topics = Vec::new();
        for topic in &request.topics {
            let offsets = topic.partitions.iter().map(|it| it.committed_offset);
            self.offsets.extend(offsets);
            let partitions = topic.partitions.iter().map(|partition| {
                TxnOffsetCommitResponsePartition::default()
                    .with_partition_index(partition.partition_index)
            });
            let answer = TxnOffsetCommitResponseTopic::default()
                .with_name(topic.name.clone())
                .with_partitions(partitions.collect());
            topics.push(answer);
        }
        TxnOffsetCommitResponse::default().with_topics(topics)
    }
}

fn found(request: &FindCoordinatorRequest) -> FindCoordinatorResponse {
    let host = StrBytes::from_static_str(HOSTS[0]);
    let (node, port) = (BrokerId(1), i32::from(PORT));
    let coordinators = request.coordinator_keys.iter().map(|key| {
        Coordinator::default()
            .with_key(key.clone())
            .with_node_id(node)
            .with_host(host.clone())
            .with_port(port)
    });
    let coordinators: Vec<Coordinator> = coordinators.collect();
    if coordinators.is_empty() {
        FindCoordinatorResponse::default()
            .with_node_id(node)
            .with_host(host)
            .with_port(port)
    } else {
        FindCoordinatorResponse::default().with_coordinators(coordinators)
    }
}

fn added(request: &AddPartitionsToTxnRequest) -> AddPartitionsToTxnResponse {
    let topics = request.v3_and_below_topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            AddPartitionsToTxnPartitionResult::default().with_partition_index(*partition)
        });
        AddPartitionsToTxnTopicResult::default()
            .with_name(topic.name.clone())
            .with_results_by_partition(partitions.collect())
    });
    AddPartitionsToTxnResponse::default().with_results_by_topic_v3_and_below(topics.collect())
}
