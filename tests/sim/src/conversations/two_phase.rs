//! Two-phase commit (KIP-939) with the fake cluster. Apache Kafka 4.3.0 cannot judge it: it answers the wish to
//! keep a prepared transaction with UNSUPPORTED_VERSION, whatever is enabled.

use super::FakePeer;
use super::produce::batch;
use super::talk::{Identity, Peer, Talk, To, text};
use crate::cluster::{ClusterOptions, TransactionState};
use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{
    InitProducerIdRequest, InitProducerIdResponse, ProducerId, RequestHeader, ResponseHeader,
    TransactionalId,
};
use kafka_protocol::protocol::{
    Decodable, Encodable, HeaderVersion, encode_request_header_into_buffer,
};
use std::time::Duration;

const ID: &str = "one";
const TOPIC: &str = "orders";

/// InitProducerId 6, whose two flags the crate does not encode.
fn init(peer: &mut FakePeer, keep_prepared: bool) -> Option<InitProducerIdResponse> {
    let header = RequestHeader::default()
        .with_request_api_key(22)
        .with_request_api_version(6);
    let mut frame = BytesMut::new();
    encode_request_header_into_buffer(&mut frame, &header).expect("it encodes");
    let request = InitProducerIdRequest::default()
        .with_transactional_id(Some(TransactionalId(text(ID))))
        .with_transaction_timeout_ms(0)
        .with_producer_id(ProducerId(-1))
        .with_producer_epoch(-1);
    request.encode(&mut frame, 5).expect("it encodes");
    let mut frame = frame.to_vec();
    let tags = frame.pop();
    assert_eq!(tags, Some(0));
    frame.extend([1, u8::from(keep_prepared), 0]);
    let mut answer = Bytes::from(peer.ask(To::Transaction(ID), TOPIC, &frame)?);
    let version = InitProducerIdResponse::header_version(6);
    ResponseHeader::decode(&mut answer, version).expect("a header");
    Some(InitProducerIdResponse::decode(&mut answer, 6).expect("an answer"))
}

fn given(response: &InitProducerIdResponse) -> Identity {
    assert_eq!(response.error_code, 0);
    Identity {
        id: response.producer_id.0,
        epoch: response.producer_epoch,
    }
}

fn peer(two_phase_commit: bool) -> FakePeer {
    let mut peer = FakePeer::new(ClusterOptions {
        two_phase_commit,
        ..ClusterOptions::default()
    });
    peer.create(TOPIC, &[]);
    peer
}

#[test]
fn a_prepared_transaction_outlives_its_producer() {
    for commit in [true, false] {
        let mut peer = peer(true);
        let first = given(&init(&mut peer, false).expect("an answer"));
        let mut talk = Talk::new(&mut peer, TOPIC);
        talk.produce(&batch(first, 0, 2).within(ID));
        // It never times out.
        peer.wait(Duration::from_secs(3600));
        let answer = init(&mut peer, true).expect("an answer");
        let ongoing = (
            answer.ongoing_txn_producer_id.0,
            answer.ongoing_txn_producer_epoch,
        );
        assert_eq!(ongoing, (first.id, first.epoch));
        let kept = given(&answer);
        assert_eq!(kept, first.epoch(1));
        let mut talk = Talk::new(&mut peer, TOPIC);
        let stranger = talk.end(ID, first, commit, 5);
        assert_eq!(stranger, first, "the producer of before is fenced");
        let next = talk.end(ID, kept, commit, 5);
        assert_eq!(next, first.epoch(2));
        talk.wait(100);
        talk.produce(&batch(next, 0, 1).within(ID));
        let log = peer.cluster.log(TOPIC, 0);
        let expected = if commit { 2 } else { 0 };
        assert_eq!(log.read_committed().count(), expected);
        assert_eq!(peer.cluster.violations(), &[] as &[String]);
    }
}

#[test]
fn without_the_wish_to_keep_it_the_transaction_is_aborted() {
    let mut peer = peer(true);
    let first = given(&init(&mut peer, false).expect("an answer"));
    Talk::new(&mut peer, TOPIC).produce(&batch(first, 0, 1).within(ID));
    assert_eq!(init(&mut peer, false).expect("an answer").error_code, 51);
    peer.wait(Duration::from_millis(100));
    let view = peer.cluster.transaction(ID).expect("it is known");
    assert_eq!(view.state, TransactionState::CompleteAbort);
    assert_eq!(
        given(&init(&mut peer, false).expect("an answer")),
        first.epoch(2)
    );
}

#[test]
fn nobody_asks_for_it_where_it_is_not_offered() {
    let mut peer = peer(false);
    assert!(init(&mut peer, false).is_none());
    assert_eq!(peer.cluster.violations().len(), 1);
}
