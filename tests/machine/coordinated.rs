//! Requests to coordinators: decoded and answered with the `kafka-protocol` crate. InitProducerId 6, which
//! the crate does not know as a request, is brought into the form of version 5.

use crate::broker::{FakeCluster, INIT_PRODUCER_ID};
use crate::coordinator::{
    ADD_OFFSETS_TO_TXN, ADD_PARTITIONS_TO_TXN, Asked, END_TXN, FIND_COORDINATOR, TXN_OFFSET_COMMIT,
};
use crate::faults::{Fate, error_of, throttle_of};
use crate::frames::encode;
use bytes::{Buf, Bytes};
use kafka_protocol::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult,
};
use kafka_protocol::messages::find_coordinator_response::Coordinator as Found;
use kafka_protocol::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use kafka_protocol::messages::{
    AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse, BrokerId, EndTxnRequest, EndTxnResponse, FindCoordinatorRequest,
    FindCoordinatorResponse, InitProducerIdRequest, InitProducerIdResponse, ProducerId,
    RequestHeader, TxnOffsetCommitRequest, TxnOffsetCommitResponse,
};
use kafka_protocol::protocol::{Decodable, StrBytes};
use odradek::ErrorCode;

/// One request and where it arrived.
struct Call<'a> {
    header: &'a RequestHeader,
    fate: &'a Fate,
    asked: Asked,
}

impl FakeCluster {
    pub(crate) fn on_coordinated(
        &mut self,
        broker: i32,
        header: &RequestHeader,
        body: &mut Bytes,
        fate: &Fate,
        at: u64,
    ) -> Vec<u8> {
        let call = Call {
            header,
            fate,
            asked: Asked {
                at,
                broker,
                version: header.request_api_version,
                ..Asked::default()
            },
        };
        match header.request_api_key {
            FIND_COORDINATOR => self.on_find_coordinator(call, body),
            INIT_PRODUCER_ID => self.on_transactional_init(call, body),
            ADD_PARTITIONS_TO_TXN => self.on_add_partitions(call, body),
            ADD_OFFSETS_TO_TXN => self.on_add_offsets(call, body),
            TXN_OFFSET_COMMIT => self.on_txn_offset_commit(call, body),
            END_TXN => self.on_end_txn(call, body),
            other => panic!("api key {other} is not a producer's"),
        }
    }

    fn on_find_coordinator(&mut self, mut call: Call<'_>, body: &mut Bytes) -> Vec<u8> {
        let version = call.asked.version;
        let request = FindCoordinatorRequest::decode(body, version).expect("FindCoordinator");
        let key = if version >= 4 {
            assert_eq!(request.coordinator_keys.len(), 1, "one at a time");
            request.coordinator_keys[0].clone()
        } else {
            request.key.clone()
        };
        let node = if request.key_type == 1 {
            self.coordinator.transactions_at
        } else {
            self.coordinator.groups_at
        };
        call.asked.word = format!("find({})", key.as_str());
        self.coordinator.asked.push(call.asked);
        let error = error_of(call.fate);
        let (host, port) = match (error, self.brokers.get(&node)) {
            (None, Some((host, port))) => (host.clone(), i32::from(*port)),
            (_, _) => (String::new(), -1),
        };
        let node = BrokerId(if error.is_none() { node } else { -1 });
        let (host, error) = (
            StrBytes::from_string(host),
            error.unwrap_or(ErrorCode::NONE).0,
        );
        let response =
            FindCoordinatorResponse::default().with_throttle_time_ms(throttle_of(call.fate));
        let response = if version >= 4 {
            let found = Found::default()
                .with_key(key)
                .with_node_id(node)
                .with_host(host)
                .with_port(port)
                .with_error_code(error);
            response.with_coordinators(vec![found])
        } else {
            response
                .with_node_id(node)
                .with_host(host)
                .with_port(port)
                .with_error_code(error)
        };
        encode(call.header, &response, call.fate)
    }

    /// What stands in the way of a request to the coordinator of transactions, before it is looked at.
    fn obstacle(&self, call: &Call<'_>) -> Option<ErrorCode> {
        let is_here = call.asked.broker == self.coordinator.transactions_at;
        error_of(call.fate).or_else(|| (!is_here).then_some(ErrorCode::NOT_COORDINATOR))
    }

    fn on_transactional_init(&mut self, mut call: Call<'_>, body: &mut Bytes) -> Vec<u8> {
        let version = call.asked.version;
        let mut two_phase = (false, false);
        let request = if version >= 6 {
            let (bytes, at) = (body.to_vec(), body.len() - 3);
            two_phase = (bytes[at] != 0, bytes[at + 1] != 0);
            let mut old = Bytes::from([&bytes[..at], &bytes[at + 2..]].concat());
            body.advance(body.len());
            InitProducerIdRequest::decode(&mut old, 5)
        } else {
            InitProducerIdRequest::decode(body, version)
        };
        let request = request.expect("InitProducerId");
        let named = if version >= 3 {
            (request.producer_id.0, request.producer_epoch)
        } else {
            (-1, -1)
        };
        call.asked.word = "init".to_owned();
        call.asked.identity = named;
        call.asked.timeout_ms = request.transaction_timeout_ms;
        call.asked.two_phase = two_phase;
        let kept = self.coordinator.identity;
        let kept = kept.filter(|_| self.coordinator.is_open && two_phase.1);
        let obstacle = self.obstacle(&call);
        self.coordinator.asked.push(call.asked);
        let result = match obstacle {
            Some(error) => Err(error),
            None => self.coordinator.init(named, two_phase.1),
        };
        let response =
            InitProducerIdResponse::default().with_throttle_time_ms(throttle_of(call.fate));
        let (id, epoch) = result.unwrap_or((-1, -1));
        let mut response = response
            .with_producer_id(ProducerId(id))
            .with_producer_epoch(epoch)
            .with_error_code(result.err().unwrap_or(ErrorCode::NONE).0);
        if let (Some((id, epoch)), true) = (kept, version >= 6) {
            response.ongoing_txn_producer_id = ProducerId(id);
            response.ongoing_txn_producer_epoch = epoch;
        }
        encode(call.header, &response, call.fate)
    }

    fn on_add_partitions(&mut self, mut call: Call<'_>, body: &mut Bytes) -> Vec<u8> {
        let version = call.asked.version;
        assert!(version <= 3, "versions from 4 on are between brokers");
        let request = AddPartitionsToTxnRequest::decode(body, version).expect("AddPartitionsToTxn");
        let named = (
            request.v3_and_below_producer_id.0,
            request.v3_and_below_producer_epoch,
        );
        let mut places: Vec<(String, i32)> = Vec::new();
        for topic in &request.v3_and_below_topics {
            let name = topic.name.as_str();
            places.extend(topic.partitions.iter().map(|p| (name.to_owned(), *p)));
        }
        places.sort();
        assert!(!places.is_empty(), "nothing is added");
        let words: Vec<String> = places.iter().map(|(t, p)| format!("{t}-{p}")).collect();
        call.asked.word = format!("add({})", words.join(","));
        call.asked.identity = named;
        let obstacle = self.obstacle(&call);
        self.coordinator.asked.push(call.asked);
        let all = obstacle.or_else(|| {
            let checked = self.coordinator.check_identity(named, version, 2);
            checked.err()
        });
        let refused: Vec<Option<ErrorCode>> = places
            .iter()
            .map(|(topic, p)| {
                self.coordinator
                    .next_refusal(ADD_PARTITIONS_TO_TXN, topic, *p)
            })
            .collect();
        let is_refused = all.is_some() || refused.iter().any(Option::is_some);
        let results = places.iter().zip(&refused).map(|((topic, index), own)| {
            let error = match (all.or(*own), is_refused) {
                (Some(error), _) => error,
                (None, true) => ErrorCode::OPERATION_NOT_ATTEMPTED,
                (None, false) => ErrorCode::NONE,
            };
            let result = AddPartitionsToTxnPartitionResult::default()
                .with_partition_index(*index)
                .with_partition_error_code(error.0);
            AddPartitionsToTxnTopicResult::default()
                .with_name(StrBytes::from_string(topic.clone()).into())
                .with_results_by_partition(vec![result])
        });
        let response = AddPartitionsToTxnResponse::default()
            .with_throttle_time_ms(throttle_of(call.fate))
            .with_results_by_topic_v3_and_below(results.collect());
        if !is_refused {
            self.coordinator.is_open = true;
            self.coordinator.partitions.extend(places);
        }
        encode(call.header, &response, call.fate)
    }

    fn on_add_offsets(&mut self, mut call: Call<'_>, body: &mut Bytes) -> Vec<u8> {
        let version = call.asked.version;
        let request = AddOffsetsToTxnRequest::decode(body, version).expect("AddOffsetsToTxn");
        let named = (request.producer_id.0, request.producer_epoch);
        let group = request.group_id.as_str().to_owned();
        call.asked.word = format!("add-offsets({group})");
        call.asked.identity = named;
        let obstacle = self.obstacle(&call);
        self.coordinator.asked.push(call.asked);
        let result = match obstacle {
            Some(error) => Err(error),
            None => self.coordinator.check_identity(named, version, 2),
        };
        if result.is_ok() {
            self.coordinator.is_open = true;
            self.coordinator.groups.insert(group);
        }
        let response = AddOffsetsToTxnResponse::default()
            .with_throttle_time_ms(throttle_of(call.fate))
            .with_error_code(result.err().unwrap_or(ErrorCode::NONE).0);
        encode(call.header, &response, call.fate)
    }

    fn on_txn_offset_commit(&mut self, mut call: Call<'_>, body: &mut Bytes) -> Vec<u8> {
        let version = call.asked.version;
        let request = TxnOffsetCommitRequest::decode(body, version).expect("TxnOffsetCommit");
        let named = (request.producer_id.0, request.producer_epoch);
        let group = request.group_id.as_str().to_owned();
        let mut words = Vec::new();
        let mut topics = Vec::new();
        let all = error_of(call.fate).or_else(|| self.group_obstacle(&call, &group, named));
        for topic in &request.topics {
            let name = topic.name.as_str();
            let mut results = Vec::new();
            for partition in &topic.partitions {
                let (index, offset) = (partition.partition_index, partition.committed_offset);
                words.push(format!("{name}-{index}={offset}"));
                let own = self
                    .coordinator
                    .next_refusal(TXN_OFFSET_COMMIT, name, index);
                let error = all.or(own);
                if error.is_none() {
                    self.coordinator.add_offset(&group, name, index, offset);
                    self.coordinator.is_open = true;
                }
                results.push(
                    TxnOffsetCommitResponsePartition::default()
                        .with_partition_index(index)
                        .with_error_code(error.unwrap_or(ErrorCode::NONE).0),
                );
            }
            topics.push(
                TxnOffsetCommitResponseTopic::default()
                    .with_name(topic.name.clone())
                    .with_partitions(results),
            );
        }
        words.sort();
        call.asked.word = format!("offsets({})", words.join(","));
        call.asked.identity = named;
        let instance = request.group_instance_id.as_ref();
        call.asked.member = (
            request.generation_id,
            request.member_id.as_str().to_owned(),
            instance.map(|instance| instance.as_str().to_owned()),
        );
        self.coordinator.asked.push(call.asked);
        let response = TxnOffsetCommitResponse::default()
            .with_throttle_time_ms(throttle_of(call.fate))
            .with_topics(topics);
        encode(call.header, &response, call.fate)
    }

    /// What stands in the way of offsets: up to version 4 their group has to belong to the transaction.
    fn group_obstacle(&self, call: &Call<'_>, group: &str, named: (i64, i16)) -> Option<ErrorCode> {
        if call.asked.broker != self.coordinator.groups_at {
            return Some(ErrorCode::NOT_COORDINATOR);
        }
        let checked = self.coordinator.check_identity(named, 0, i16::MAX);
        let is_added = call.asked.version >= 5 || self.coordinator.groups.contains(group);
        checked
            .err()
            .or_else(|| (!is_added).then_some(ErrorCode::INVALID_TXN_STATE))
    }

    fn on_end_txn(&mut self, mut call: Call<'_>, body: &mut Bytes) -> Vec<u8> {
        let version = call.asked.version;
        let request = EndTxnRequest::decode(body, version).expect("EndTxn");
        let named = (request.producer_id.0, request.producer_epoch);
        call.asked.word = if request.committed { "commit" } else { "abort" }.to_owned();
        call.asked.identity = named;
        let obstacle = self.obstacle(&call);
        self.coordinator.asked.push(call.asked);
        let result = match obstacle {
            Some(error) => Err(error),
            None => self.coordinator.end_txn(named, request.committed, version),
        };
        let mut response = EndTxnResponse::default()
            .with_throttle_time_ms(throttle_of(call.fate))
            .with_error_code(result.err().unwrap_or(ErrorCode::NONE).0);
        if version >= 5 {
            let told = self.coordinator.identity.filter(|_| result.is_ok());
            let (id, epoch) = told.unwrap_or((-1, -1));
            response = response
                .with_producer_id(ProducerId(id))
                .with_producer_epoch(epoch);
        }
        encode(call.header, &response, call.fate)
    }
}
