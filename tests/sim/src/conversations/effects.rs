//! What conversations leave behind in the fake cluster, and what its controls do: no real cluster can be
//! asked for that.

use super::coordinate::ALONE;
use super::produce::{Sent, batch};
use super::talk::{Identity, Talk};
use super::{FakePeer, fake_peer};
use crate::cluster::{
    FakeRecord, Injection, KeyType, Marker, TooFewReplicas, TransactionState, api,
};
use odradek::ErrorCode;
use std::time::Duration;

const TOPIC: &str = "orders";
const ID: &str = "one";
const TIMEOUT_MS: i32 = 60_000;

/// Holds a conversation about a topic with a cluster of three brokers.
struct Scene {
    peer: FakePeer,
}

impl Scene {
    fn new() -> Self {
        let mut peer = fake_peer(2);
        peer.cluster = crate::cluster::FakeCluster::new(Default::default(), 3);
        peer.create(TOPIC, &[]);
        Self { peer }
    }

    fn talk<T>(&mut self, script: impl FnOnce(&mut Talk<'_>) -> T) -> T {
        let mut talk = Talk::new(&mut self.peer, TOPIC);
        script(&mut talk)
    }

    /// What one batch is answered with, whether it passes by itself or not.
    fn send(&mut self, sent: &Sent) -> (ErrorCode, i64) {
        let answer = self.talk(|talk| talk.send(sent)).expect("an answer");
        (ErrorCode(answer.error_code), answer.base_offset)
    }

    fn records(&self) -> (Vec<i64>, Vec<i64>) {
        let log = self.peer.cluster.log(TOPIC, 0);
        let offsets = |record: &FakeRecord| record.offset;
        let all = log.all().map(offsets).collect();
        (all, log.read_committed().map(offsets).collect())
    }

    fn blames(&self, what: &str) {
        let violations = self.peer.cluster.violations();
        assert!(
            violations.len() == 1 && violations[0].contains(what),
            "{violations:#?}"
        );
    }

    fn blames_nobody(&self) {
        assert_eq!(self.peer.cluster.violations(), &[] as &[String]);
    }
}

#[test]
fn consumers_see_what_committed_transactions_left() {
    let mut scene = Scene::new();
    let second = scene.talk(|talk| {
        let plain = talk.init(None, None, TIMEOUT_MS);
        let first = talk.init(Some(ID), None, TIMEOUT_MS);
        talk.produce(&batch(first, 0, 2).within(ID));
        talk.produce(&batch(plain, 0, 1));
        first
    });
    // Open: nobody who reads committed records gets past its first record.
    assert_eq!(scene.records(), (vec![0, 1, 2], vec![]));
    assert_eq!(scene.peer.cluster.log(TOPIC, 0).last_stable_offset(), 0);
    let second = scene.talk(|talk| {
        let second = talk.end(ID, second, true, 5);
        talk.wait(100);
        second
    });
    assert_eq!(scene.records(), (vec![0, 1, 2], vec![0, 1, 2]));
    scene.talk(|talk| {
        talk.produce(&batch(second, 0, 2).within(ID));
        talk.end(ID, second, false, 5);
        talk.wait(100);
    });
    assert_eq!(scene.records(), (vec![0, 1, 2, 4, 5], vec![0, 1, 2]));
    let log = scene.peer.cluster.log(TOPIC, 0);
    let markers: Vec<(i64, Marker)> = log
        .entries()
        .iter()
        .filter_map(|entry| Some((entry.offset, entry.control?)))
        .collect();
    assert_eq!(markers, [(3, Marker::Commit), (6, Marker::Abort)]);
    scene.blames_nobody();
}

#[test]
fn offsets_count_when_their_transaction_is_committed() {
    let mut scene = Scene::new();
    let names = (ID, "group");
    let first = scene.talk(|talk| {
        let first = talk.init(Some(ID), None, TIMEOUT_MS);
        talk.commit_offset(names, first, 0, ALONE, 5);
        first
    });
    assert!(scene.peer.cluster.has_pending_offsets("group"));
    assert!(scene.peer.cluster.committed_offsets("group").is_empty());
    scene.talk(|talk| {
        let second = talk.end(ID, first, false, 5);
        talk.wait(100);
        talk.commit_offset(names, second, 1, ALONE, 5);
        talk.end(ID, second, true, 5);
        talk.wait(100);
    });
    let committed = scene.peer.cluster.committed_offsets("group");
    let places: Vec<_> = committed
        .iter()
        .map(|(place, at)| (place.1, at.offset))
        .collect();
    assert_eq!(places, [(1, 5)]);
    assert!(!scene.peer.cluster.has_pending_offsets("group"));
    scene.blames_nobody();
}

#[test]
fn the_next_transaction_waits_for_the_markers() {
    let mut scene = Scene::new();
    scene.peer.cluster.delay_markers(Duration::from_secs(5));
    let second = scene.talk(|talk| {
        let first = talk.init(Some(ID), None, TIMEOUT_MS);
        talk.produce(&batch(first, 0, 1).within(ID));
        talk.end(ID, first, true, 5)
    });
    let next = batch(second, 0, 1).within(ID);
    assert_eq!(scene.send(&next), (ErrorCode::CONCURRENT_TRANSACTIONS, -1));
    let view = scene.peer.cluster.transaction(ID).expect("it is known");
    assert_eq!(
        (view.state, view.places),
        (TransactionState::PrepareCommit, 1)
    );
    scene.talk(|talk| talk.wait(5000));
    assert_eq!(scene.send(&next), (ErrorCode::NONE, 2));
}

#[test]
fn the_next_transaction_may_be_aborted_before_the_markers() {
    let mut scene = Scene::new();
    scene.peer.cluster.delay_markers(Duration::from_secs(5));
    let (second, third) = scene.talk(|talk| {
        let first = talk.init(Some(ID), None, TIMEOUT_MS);
        talk.produce(&batch(first, 0, 1).within(ID));
        let second = talk.end(ID, first, true, 5);
        (second, talk.end(ID, second, false, 5))
    });
    assert_eq!(third, second.epoch(second.epoch + 1));
    assert_eq!(scene.records(), (vec![0], vec![0]));
    scene.blames_nobody();
}

#[test]
fn markers_wait_for_a_leader_and_forget_deleted_topics() {
    let mut scene = Scene::new();
    scene.peer.create("gone", &[]);
    let first = scene.talk(|talk| {
        let first = talk.init(Some(ID), None, TIMEOUT_MS);
        talk.produce(&batch(first, 0, 1).within(ID));
        talk.topic = "gone".to_owned();
        talk.produce(&batch(first, 0, 1).within(ID));
        first
    });
    scene.peer.cluster.delete_topic("gone");
    scene.peer.cluster.set_leader(TOPIC, 0, None);
    scene.talk(|talk| {
        talk.end(ID, first, true, 5);
        talk.wait(1000);
    });
    let view = scene.peer.cluster.transaction(ID).expect("it is known");
    assert_eq!(
        (view.state, view.places),
        (TransactionState::PrepareCommit, 1)
    );
    scene.peer.cluster.set_leader(TOPIC, 0, Some(2));
    scene.talk(|talk| talk.wait(100));
    let view = scene.peer.cluster.transaction(ID).expect("it is known");
    assert_eq!(view.state, TransactionState::CompleteCommit);
    assert_eq!(scene.peer.cluster.deleted_logs("gone", 0).len(), 1);
}

#[test]
fn errors_are_injected_before_and_over_an_append() {
    let mut scene = Scene::new();
    let me = scene.talk(|talk| talk.init(None, None, TIMEOUT_MS));
    let injection = Injection {
        api: api::PRODUCE,
        error: ErrorCode::REQUEST_TIMED_OUT,
        times: 1,
        partition: Some((TOPIC.to_owned(), 0)),
        before_append: true,
    };
    scene.peer.cluster.inject(injection.clone());
    scene.peer.cluster.inject(Injection {
        before_append: false,
        ..injection
    });
    let sent = batch(me, 0, 1);
    assert_eq!(scene.send(&batch(me, 0, 1).to(1)), (ErrorCode::NONE, 0));
    assert_eq!(scene.send(&sent), (ErrorCode::REQUEST_TIMED_OUT, -1));
    assert!(scene.records().0.is_empty());
    assert_eq!(scene.send(&sent), (ErrorCode::REQUEST_TIMED_OUT, -1));
    assert_eq!(scene.records().0, [0]);
    assert_eq!(scene.send(&sent), (ErrorCode::NONE, 0));
    scene.blames_nobody();
}

#[test]
fn too_few_replicas_are_known_before_or_after() {
    let mut scene = Scene::new();
    let me = scene.talk(|talk| talk.init(None, None, TIMEOUT_MS));
    let cases = [
        (
            TooFewReplicas::BeforeAppend,
            ErrorCode::NOT_ENOUGH_REPLICAS,
            0,
        ),
        (
            TooFewReplicas::AfterAppend,
            ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
            1,
        ),
    ];
    for (how, error, records) in cases {
        scene.peer.cluster.set_too_few_replicas(TOPIC, 0, Some(how));
        assert_eq!(scene.send(&batch(me, 0, 1)), (error, -1));
        assert_eq!(scene.records().0.len(), records);
    }
}

#[test]
fn leaders_and_coordinators_move() {
    let mut scene = Scene::new();
    let me = scene.talk(|talk| talk.init(Some(ID), None, TIMEOUT_MS));
    let leader = scene.peer.cluster.leader(TOPIC, 0).expect("a leader");
    scene.peer.cluster.stop(leader);
    let next = scene.peer.cluster.leader(TOPIC, 0);
    assert!(next.is_some() && next != Some(leader));
    scene.peer.cluster.start(leader);
    scene.talk(|talk| talk.produce(&batch(me, 0, 1).within(ID)));
    let coordinator = scene.peer.cluster.coordinator(KeyType::Transaction, ID);
    let other = coordinator.map(|node| node % 3 + 1);
    scene
        .peer
        .cluster
        .move_coordinator(KeyType::Transaction, ID, other);
    // Its state comes along, after a while.
    let lines = {
        let mut talk = Talk::new(&mut scene.peer, TOPIC);
        talk.init_once(Some(ID), None, TIMEOUT_MS, false);
        talk.end(ID, me, true, 5);
        talk.into_lines()
    };
    assert!(
        lines[0].contains("COORDINATOR_LOAD_IN_PROGRESS"),
        "{lines:?}"
    );
    assert!(lines[1].ends_with("NONE, p0:1"), "{lines:?}");
}

#[test]
fn a_partition_that_lost_its_producers_takes_any_sequence() {
    let mut scene = Scene::new();
    let me = scene.talk(|talk| talk.init(None, None, TIMEOUT_MS));
    assert_eq!(scene.send(&batch(me, 0, 2)), (ErrorCode::NONE, 0));
    let gap = batch(me, 5, 1);
    assert_eq!(
        scene.send(&gap),
        (ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, -1)
    );
    scene.peer.cluster.lose_producer_state(TOPIC, 0);
    assert_eq!(scene.send(&gap), (ErrorCode::NONE, 2));
    scene.peer.cluster.recreate_topic(TOPIC);
    assert_eq!(scene.send(&batch(me, 0, 1)), (ErrorCode::NONE, 0));
    assert_eq!(scene.peer.cluster.deleted_logs(TOPIC, 0)[0].end(), 3);
    scene.blames_nobody();
}

#[test]
fn what_no_correct_producer_does_is_noted() {
    type Script = fn(&mut Talk<'_>, Identity, Identity);
    let cases: [(&str, Script); 9] = [
        ("sequences of other records", |talk, plain, _| {
            talk.produce(&batch(plain, 0, 2));
            talk.produce(&batch(plain, 1, 1).values_of(9));
        }),
        ("Cyclic redundancy check failed", |talk, plain, _| {
            talk.produce(&batch(plain, 0, 1).damaged(70, 4));
        }),
        ("acks=1 with idempotence", |talk, plain, _| {
            talk.produce(&batch(plain, 0, 1).acks_of_leader());
        }),
        ("nobody gave this producer id", |talk, plain, _| {
            let id = plain.id + 100;
            talk.produce(&batch(Identity { id, ..plain }, 0, 1));
        }),
        ("no coordinator gave this identity", |talk, _, me| {
            talk.produce(&batch(me.epoch(1), 0, 1).within(ID));
        }),
        ("was never added", |talk, _, me| {
            talk.produce(&batch(me, 0, 1).within(ID).by(11));
        }),
        ("transactional false", |talk, _, me| {
            talk.produce(&batch(me, 0, 1).beside(ID));
        }),
        ("it is CompleteCommit", |talk, _, me| {
            talk.produce(&batch(me, 0, 1).within(ID));
            talk.end(ID, me, true, 5);
            talk.end(ID, me, false, 5);
        }),
        ("not exactly one batch", |talk, plain, _| {
            talk.produce(&batch(plain, 0, 1).damaged(11, 1));
        }),
    ];
    for (what, script) in cases {
        let mut scene = Scene::new();
        scene.peer.cluster.delay_markers(Duration::from_secs(1));
        scene.talk(|talk| {
            let plain = talk.init(None, None, TIMEOUT_MS);
            let me = talk.init(Some(ID), None, TIMEOUT_MS);
            script(talk, plain, me);
        });
        scene.blames(what);
    }
}

#[test]
fn joining_by_itself_needs_the_feature() {
    let mut scene = Scene::new();
    let mut lowered = fake_peer(1);
    lowered.create(TOPIC, &[]);
    scene.peer = lowered;
    scene.talk(|talk| {
        let me = talk.init(Some(ID), None, TIMEOUT_MS);
        talk.produce(&batch(me, 0, 1).within(ID));
    });
    scene.blames("joins by itself at transaction.version=1");
}
