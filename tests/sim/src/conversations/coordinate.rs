//! Requests to coordinators, and what is noted of the answers to them.

use super::talk::{Identity, Talk, To, error_name, text};
use kafka_protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use kafka_protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use kafka_protocol::messages::{
    AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse, EndTxnRequest, EndTxnResponse, FindCoordinatorRequest,
    FindCoordinatorResponse, GroupId, InitProducerIdRequest, InitProducerIdResponse, ProducerId,
    TopicName, TransactionalId, TxnOffsetCommitRequest, TxnOffsetCommitResponse,
};

/// What a committer says of itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Membership<'a> {
    /// The generation; -1 for none.
    pub(super) generation: i32,
    /// The member id; empty for none.
    pub(super) member: &'a str,
    /// The instance id.
    pub(super) instance: Option<&'a str>,
    /// How it is noted: member ids are another on every cluster.
    pub(super) said: &'a str,
}

/// A committer that is in no group.
pub(super) const ALONE: Membership<'_> = Membership {
    generation: -1,
    member: "",
    instance: None,
    said: "nobody",
};

impl Talk<'_> {
    /// Waits until a coordinator is found, which takes a while on a cluster that never had any.
    pub(super) fn find_coordinator(&mut self, key_type: i8, key: &str) {
        let request = FindCoordinatorRequest::default()
            .with_key_type(key_type)
            .with_coordinator_keys(vec![text(key)]);
        let answer = self.settle(
            |talk| talk.ask::<_, FindCoordinatorResponse>(To::Any, 10, 4, &request),
            |answer| {
                answer
                    .as_ref()
                    .map_or(0, |answer| answer.coordinators[0].error_code)
            },
        );
        let error = answer.map_or(-1, |answer| answer.coordinators[0].error_code);
        self.note("find coordinator", &error_name(error));
    }

    /// InitProducerId 5 until it settles, with the identity from before if there is one.
    pub(super) fn init(
        &mut self,
        id: Option<&str>,
        before: Option<Identity>,
        timeout_ms: i32,
    ) -> Identity {
        self.init_once(id, before, timeout_ms, true)
    }

    /// InitProducerId 5 without a note, for conversations that need thousands.
    pub(super) fn init_silently(&mut self, id: &str, timeout_ms: i32) -> Identity {
        let notes = self.notes();
        let given = self.init(Some(id), None, timeout_ms);
        self.forget_notes_after(notes);
        given
    }

    /// The same, with the first answer noted, whatever it is.
    pub(super) fn init_once(
        &mut self,
        id: Option<&str>,
        before: Option<Identity>,
        timeout_ms: i32,
        settles: bool,
    ) -> Identity {
        let expected = before.unwrap_or(Identity { id: -1, epoch: -1 });
        let request = InitProducerIdRequest::default()
            .with_transactional_id(id.map(|id| TransactionalId(text(id))))
            .with_transaction_timeout_ms(timeout_ms)
            .with_producer_id(ProducerId(expected.id))
            .with_producer_epoch(expected.epoch);
        let to = id.map_or(To::Any, To::Transaction);
        let mut asked = "init".to_owned();
        if let Some(before) = before {
            let who = self.call(before.id);
            asked.push_str(&format!(" of {who}:{}", before.epoch));
        }
        let ask = |talk: &mut Self| {
            let answer = talk.ask::<_, InitProducerIdResponse>(to, 22, 5, &request);
            answer.expect("an answer to InitProducerId")
        };
        let answer = if settles {
            self.settle(ask, |answer| answer.error_code)
        } else {
            ask(self)
        };
        let given = Identity {
            id: answer.producer_id.0,
            epoch: answer.producer_epoch,
        };
        let who = self.call(given.id);
        let error = error_name(answer.error_code);
        self.note(&asked, &format!("{error}, {who}:{}", given.epoch));
        given
    }

    /// AddPartitionsToTxn for partitions of the conversation's topic.
    pub(super) fn add(&mut self, id: &str, identity: Identity, partitions: &[i32], version: i16) {
        let topic = AddPartitionsToTxnTopic::default()
            .with_name(TopicName(text(&self.topic)))
            .with_partitions(partitions.to_vec());
        let request = AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(TransactionalId(text(id)))
            .with_v3_and_below_producer_id(ProducerId(identity.id))
            .with_v3_and_below_producer_epoch(identity.epoch)
            .with_v3_and_below_topics(vec![topic]);
        let answer = self.settle(
            |talk| {
                let to = To::Transaction(id);
                let answer: Option<AddPartitionsToTxnResponse> =
                    talk.ask(to, 24, version, &request);
                let answer = answer.expect("an answer to AddPartitionsToTxn");
                let mut results: Vec<(i32, i16)> = answer.results_by_topic_v3_and_below[0]
                    .results_by_partition
                    .iter()
                    .map(|result| (result.partition_index, result.partition_error_code))
                    .collect();
                results.sort_unstable();
                results
            },
            |results| results[0].1,
        );
        let who = self.call(identity.id);
        let said: Vec<String> = answer
            .iter()
            .map(|(index, error)| format!("{index} {}", error_name(*error)))
            .collect();
        let asked = format!(
            "add {partitions:?} of {who}:{} by v{version}",
            identity.epoch
        );
        self.note(&asked, &said.join(", "));
    }

    /// AddOffsetsToTxn.
    pub(super) fn add_offsets(&mut self, id: &str, identity: Identity, group: &str) {
        let request = AddOffsetsToTxnRequest::default()
            .with_transactional_id(TransactionalId(text(id)))
            .with_producer_id(ProducerId(identity.id))
            .with_producer_epoch(identity.epoch)
            .with_group_id(GroupId(text(group)));
        let answer = self.settle(
            |talk| {
                let answer =
                    talk.ask::<_, AddOffsetsToTxnResponse>(To::Transaction(id), 25, 3, &request);
                answer.expect("an answer to AddOffsetsToTxn").error_code
            },
            |error| *error,
        );
        let who = self.call(identity.id);
        let asked = format!("add offsets of {who}:{}", identity.epoch);
        self.note(&asked, &error_name(answer));
    }

    /// TxnOffsetCommit of offset 5 of a partition of the conversation's topic.
    pub(super) fn commit_offset(
        &mut self,
        (id, group): (&str, &str),
        identity: Identity,
        partition: i32,
        membership: Membership<'_>,
        version: i16,
    ) {
        let offset = TxnOffsetCommitRequestPartition::default()
            .with_partition_index(partition)
            .with_committed_offset(5)
            .with_committed_leader_epoch(-1);
        let topic = TxnOffsetCommitRequestTopic::default()
            .with_name(TopicName(text(&self.topic)))
            .with_partitions(vec![offset]);
        let mut request = TxnOffsetCommitRequest::default()
            .with_transactional_id(TransactionalId(text(id)))
            .with_group_id(GroupId(text(group)))
            .with_producer_id(ProducerId(identity.id))
            .with_producer_epoch(identity.epoch)
            .with_topics(vec![topic]);
        if version >= 3 {
            request = request
                .with_generation_id(membership.generation)
                .with_member_id(text(membership.member))
                .with_group_instance_id(membership.instance.map(text));
        }
        let answer = self.settle(
            |talk| {
                let to = To::Group(group);
                let answer: Option<TxnOffsetCommitResponse> = talk.ask(to, 28, version, &request);
                let answer = answer.expect("an answer to TxnOffsetCommit");
                answer.topics[0].partitions[0].error_code
            },
            |error| *error,
        );
        let who = self.call(identity.id);
        let asked = format!(
            "commit offset of {who}:{} of partition {partition} as {} by v{version}",
            identity.epoch, membership.said
        );
        self.note(&asked, &error_name(answer));
    }

    /// EndTxn; answers the identity of the next transaction, or the same if it is not told.
    pub(super) fn end(
        &mut self,
        id: &str,
        identity: Identity,
        commit: bool,
        version: i16,
    ) -> Identity {
        let request = EndTxnRequest::default()
            .with_transactional_id(TransactionalId(text(id)))
            .with_producer_id(ProducerId(identity.id))
            .with_producer_epoch(identity.epoch)
            .with_committed(commit);
        let answer = self.settle(
            |talk| {
                let answer =
                    talk.ask::<_, EndTxnResponse>(To::Transaction(id), 26, version, &request);
                answer.expect("an answer to EndTxn")
            },
            |answer| answer.error_code,
        );
        let who = self.call(identity.id);
        let direction = if commit { "commit" } else { "abort" };
        let asked = format!("{direction} of {who}:{} by v{version}", identity.epoch);
        let mut answered = error_name(answer.error_code);
        let next = Identity {
            id: answer.producer_id.0,
            epoch: answer.producer_epoch,
        };
        if version >= 5 {
            let who = self.call(next.id);
            answered.push_str(&format!(", {who}:{}", next.epoch));
        }
        self.note(&asked, &answered);
        if next.id < 0 { identity } else { next }
    }
}
