//! Answers to ApiVersions and Metadata.

use super::wire::{Head, Reply, answer, answer_as, api, decode, topic_with_id};
use super::{FakeCluster, Said};
use bytes::Bytes;
use kafka_protocol::messages::api_versions_response::{
    ApiVersion, FinalizedFeatureKey, SupportedFeatureKey,
};
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    ApiVersionsRequest, ApiVersionsResponse, BrokerId, MetadataRequest, MetadataResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use odradek::ErrorCode;

/// The feature whose level decides between the two versions of transactions.
const TRANSACTION_VERSION: &str = "transaction.version";

/// The lowest and highest versions that Apache Kafka 4.3 offers.
const OFFERED: [(i16, i16, i16); 9] = [
    (api::PRODUCE, 3, 13),
    (api::METADATA, 0, 13),
    (api::FIND_COORDINATOR, 0, 6),
    (api::API_VERSIONS, 0, 4),
    (api::INIT_PRODUCER_ID, 0, 5),
    (api::ADD_PARTITIONS_TO_TXN, 0, 5),
    (api::ADD_OFFSETS_TO_TXN, 0, 4),
    (api::END_TXN, 0, 5),
    (api::TXN_OFFSET_COMMIT, 0, 5),
];

impl FakeCluster {
    /// The lowest and highest version that the brokers offer of an API.
    pub(super) fn offered(&self, api: i16) -> Option<(i16, i16)> {
        let (_, min, max) = OFFERED.into_iter().find(|(key, _, _)| *key == api)?;
        let max = match api {
            api::PRODUCE if !self.options.topic_ids => 12,
            api::METADATA if !self.options.topic_ids => 9,
            api::INIT_PRODUCER_ID if self.options.two_phase_commit => 6,
            _ => max,
        };
        let limit = self.options.max_versions.get(&api).copied();
        Some((min, limit.map_or(max, |limit| limit.min(max))))
    }

    pub(super) fn on_api_versions(
        &mut self,
        head: Head,
        body: &mut Bytes,
        said: Said,
    ) -> Result<Reply, String> {
        let key = |(api, min, max)| {
            ApiVersion::default()
                .with_api_key(api)
                .with_min_version(min)
                .with_max_version(max)
        };
        let (min, max) = self.offered(api::API_VERSIONS).unwrap_or_default();
        if head.version > max {
            // Whatever the version, this answer has the layout of version 0.
            let response = ApiVersionsResponse::default()
                .with_error_code(ErrorCode::UNSUPPORTED_VERSION.0)
                .with_api_keys(vec![key((api::API_VERSIONS, min, max))]);
            return answer_as(head, &response, 0);
        }
        let request: ApiVersionsRequest = decode(head, body)?;
        if head.version >= 3 && request.client_software_name.is_empty() {
            return Err("ApiVersions without the name of the client".to_owned());
        }
        let keys = OFFERED
            .into_iter()
            .filter_map(|(api, _, _)| self.offered(api).map(|(min, max)| key((api, min, max))));
        let mut response = ApiVersionsResponse::default()
            .with_error_code(said.error.0)
            .with_throttle_time_ms(said.throttle_ms)
            .with_api_keys(keys.collect());
        if head.version >= 3 && self.transaction_version > 0 {
            let name = StrBytes::from_static_str(TRANSACTION_VERSION);
            let supported = SupportedFeatureKey::default()
                .with_name(name.clone())
                .with_min_version(i16::from(head.version < 4))
                .with_max_version(2);
            let finalized = FinalizedFeatureKey::default()
                .with_name(name)
                .with_min_version_level(self.transaction_version)
                .with_max_version_level(self.transaction_version);
            response = response
                .with_supported_features(vec![supported])
                .with_finalized_features(vec![finalized])
                .with_finalized_features_epoch(self.features_epoch);
        }
        answer(head, &response)
    }

    pub(super) fn on_metadata(
        &mut self,
        head: Head,
        body: &mut Bytes,
        said: Said,
    ) -> Result<Reply, String> {
        let request: MetadataRequest = decode(head, body)?;
        let asked = request
            .topics
            .ok_or("Metadata of all topics: a producer asks for its own")?;
        let mut topics = Vec::new();
        for topic in asked {
            let name = topic.name.ok_or("Metadata of a topic without a name")?;
            let entry = self.describe(&name, request.allow_auto_topic_creation, head.version);
            topics.push(match said.error {
                ErrorCode::NONE => entry,
                error => entry.with_error_code(error.0).with_partitions(Vec::new()),
            });
        }
        let running = self.nodes().filter(|node| self.is_running(*node));
        let brokers = running.map(|node| {
            let (host, port) = self.address_of(node);
            MetadataResponseBroker::default()
                .with_node_id(BrokerId(node))
                .with_host(StrBytes::from_string(host))
                .with_port(i32::from(port))
        });
        let response = MetadataResponse::default()
            .with_throttle_time_ms(said.throttle_ms)
            .with_cluster_id(Some(StrBytes::from_static_str("fake")))
            .with_controller_id(BrokerId(1))
            .with_brokers(brokers.collect())
            .with_topics(topics);
        answer(head, &response)
    }

    fn describe(
        &mut self,
        name: &TopicName,
        may_create: bool,
        version: i16,
    ) -> MetadataResponseTopic {
        let missing = !self.topics.by_name.contains_key(name.as_str());
        if let Some(partitions) = self.options.auto_create.filter(|_| may_create && missing) {
            self.create_topic(name.as_str(), partitions, super::TopicOptions::default());
        }
        let entry = MetadataResponseTopic::default().with_name(Some(name.clone()));
        let Some(topic) = self.topics.by_name.get(name.as_str()) else {
            return entry.with_error_code(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.0);
        };
        let replicas: Vec<BrokerId> = self.nodes().map(BrokerId).collect();
        let partitions = (0..).zip(&topic.partitions).map(|(index, partition)| {
            let leader = partition.told(self.now, self.options.metadata_lag);
            let error = match leader.node {
                Some(_) => ErrorCode::NONE,
                None => ErrorCode::LEADER_NOT_AVAILABLE,
            };
            let entry = MetadataResponsePartition::default()
                .with_partition_index(index)
                .with_leader_id(BrokerId(leader.node.unwrap_or(-1)))
                .with_replica_nodes(replicas.clone())
                .with_isr_nodes(replicas.clone())
                .with_error_code(error.0);
            match version {
                ..7 => entry,
                _ => entry.with_leader_epoch(leader.epoch),
            }
        });
        let entry = entry.with_partitions(partitions.collect());
        match version {
            ..10 => entry,
            _ => entry.with_topic_id(topic_with_id(topic.id).topic_id),
        }
    }
}
