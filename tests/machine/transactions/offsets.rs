//! Offsets of consumer groups that are committed with the transaction (KIP-447).

use crate::coordinator::{ADD_OFFSETS_TO_TXN, END_TXN, TXN_OFFSET_COMMIT};
use crate::faults::Fate;
use crate::transactions_world::{LEVELS, abort_required};
use crate::world::{MS, World};
use odradek::{
    ErrorCode, FatalError, GroupMetadata, OperationError, TransactionError, TransactionState,
};

fn committed_offset(world: &World) -> Option<i64> {
    let place = ("group".to_owned(), "input".to_owned(), 0);
    world.cluster.coordinator.offsets.get(&place).copied()
}

/// What offsets are asked for with, from the first request on, without the commit.
fn way_of(level: i16) -> &'static str {
    if level >= 2 {
        "find(group) offsets(input-0=7)"
    } else {
        "add-offsets(group) find(group) offsets(input-0=7)"
    }
}

#[test]
fn offsets_are_added_then_committed_and_valid_with_the_commit() {
    for level in LEVELS {
        let mut world = World::ready(level);
        world.begin();
        let offsets = world.offsets(7);
        assert_eq!(world.end_of(offsets), Ok(None));
        assert_eq!(world.words(), way_of(level));
        assert_eq!(committed_offset(&world), None);
        world.committed();
        assert_eq!(world.words(), format!("{} commit", way_of(level)));
        assert_eq!(committed_offset(&world), Some(7));
        let version = world.asked("offsets")[0].version;
        assert_eq!(version, if level >= 2 { 5 } else { 4 });
        world.finish();
    }
}

#[test]
fn offsets_of_an_aborted_transaction_are_not_valid() {
    for level in LEVELS {
        let mut world = World::ready(level);
        world.begin();
        let offsets = world.offsets(7);
        assert_eq!(world.end_of(offsets), Ok(None));
        world.aborted();
        assert_eq!(committed_offset(&world), None);
        assert_eq!(world.cluster.coordinator.ends, [false]);
        world.finish();
    }
}

#[test]
fn records_and_offsets_go_into_one_transaction() {
    for level in LEVELS {
        let mut world = World::ready(level);
        world.begin();
        world.send_to("orders", 0, "v");
        let offsets = world.offsets(7);
        let commit = world.commit();
        assert_eq!(world.end_of(offsets), Ok(None));
        assert_eq!(world.end_of(commit), Ok(None));
        assert_eq!(world.cluster.coordinator.ends, [true]);
        assert_eq!(committed_offset(&world), Some(7));
        let words = world.words();
        assert!(words.ends_with(" commit"), "{words}");
        assert!(words.contains("produce(orders-0)"), "{words}");
        world.finish();
    }
}

#[test]
fn a_commit_waits_for_offsets_that_are_pending() {
    for level in LEVELS {
        let mut world = World::ready(level);
        let slow = [Fate::Slow(800)];
        world.cluster.faults.fate(TXN_OFFSET_COMMIT, &slow);
        world.begin();
        let offsets = world.offsets(7);
        let commit = world.commit();
        world.run_for(700);
        assert!(world.ended.is_empty());
        assert!(!world.is_asked("commit"));
        assert_eq!(world.end_of(offsets), Ok(None));
        assert_eq!(world.end_of(commit), Ok(None));
        world.finish();
    }
}

#[test]
fn generation_member_and_instance_are_told() {
    for level in LEVELS {
        let mut world = World::ready(level);
        let group = GroupMetadata {
            group_id: "group",
            generation_id: 5,
            member_id: "member",
            group_instance_id: Some("instance"),
        };
        world.begin();
        let offsets = world.try_offsets(&[("input", 0, 7), ("input", 1, 8)], &group);
        let offsets = offsets.expect("legal");
        assert_eq!(world.end_of(offsets), Ok(None));
        let asked = &world.asked("offsets")[0];
        assert_eq!(asked.word, "offsets(input-0=7,input-1=8)");
        let told = (5, "member".to_owned(), Some("instance".to_owned()));
        assert_eq!(asked.member, told);
        assert_eq!(asked.identity, world.identity());
        world.committed();
        world.finish();
    }
}

#[test]
fn without_a_member_nothing_is_told_of_one() {
    let mut world = World::ready(2);
    world.begin();
    let offsets = world.offsets(7);
    assert_eq!(world.end_of(offsets), Ok(None));
    assert_eq!(world.asked("offsets")[0].member, (-1, String::new(), None));
    world.committed();
    world.finish();
}

#[test]
fn offsets_may_be_sent_several_times_and_of_several_groups() {
    for level in LEVELS {
        let mut world = World::ready(level);
        world.begin();
        let all = [
            world.offsets(7),
            world.offsets(8),
            world
                .try_offsets(&[("other", 3, 1)], &GroupMetadata::of_group("second"))
                .expect("legal"),
        ];
        world.committed();
        for operation in all {
            assert_eq!(world.end_of(operation), Ok(None));
        }
        assert_eq!(committed_offset(&world), Some(8), "the last one holds");
        let second = ("second".to_owned(), "other".to_owned(), 3);
        let offsets = &world.cluster.coordinator.offsets;
        assert_eq!(offsets.get(&second), Some(&1));
        assert!(world.is_asked("find(second)"));
        world.finish();
    }
}

#[test]
fn a_partition_whose_offset_is_refused_for_the_moment_is_asked_for_again() {
    for code in [
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
        ErrorCode::NETWORK_EXCEPTION,
        ErrorCode::CONCURRENT_TRANSACTIONS,
    ] {
        let mut world = World::ready(1);
        let coordinator = &mut world.cluster.coordinator;
        coordinator.refuse(TXN_OFFSET_COMMIT, "input", 1, &[code, code]);
        world.begin();
        let group = GroupMetadata::of_group("group");
        let offsets = world.try_offsets(&[("input", 0, 7), ("input", 1, 8)], &group);
        let offsets = offsets.expect("legal");
        assert_eq!(world.end_of(offsets), Ok(None), "{code}");
        assert_eq!(world.asked("offsets").len(), 3);
        assert_eq!(world.asked("find").len(), 1, "the same coordinator: {code}");
        world.committed();
        assert_eq!(world.cluster.coordinator.offsets.len(), 2);
        world.finish();
    }
}

#[test]
fn a_group_whose_coordinator_moved_is_looked_for_again() {
    for code in [
        ErrorCode::COORDINATOR_NOT_AVAILABLE,
        ErrorCode::NOT_COORDINATOR,
        ErrorCode::REQUEST_TIMED_OUT,
    ] {
        let mut world = World::ready(1);
        world.errors(TXN_OFFSET_COMMIT, &[code]);
        world.begin();
        let offsets = world.offsets(7);
        assert_eq!(world.end_of(offsets), Ok(None), "{code}");
        assert_eq!(
            world.words(),
            "add-offsets(group) find(group) offsets(input-0=7) find(group) offsets(input-0=7)"
        );
        world.committed();
        world.finish();
    }
}

#[test]
fn a_lost_connection_to_the_coordinator_of_the_group_is_made_up_for() {
    for fate in [Fate::LoseResponse, Fate::ResetBefore, Fate::CutResponse(3)] {
        let mut world = World::ready(1);
        world.cluster.faults.fate(TXN_OFFSET_COMMIT, &[fate]);
        world.begin();
        let offsets = world.offsets(7);
        assert_eq!(world.end_of(offsets), Ok(None));
        assert_eq!(world.asked("find(group)").len(), 2);
        world.committed();
        assert_eq!(committed_offset(&world), Some(7));
        world.finish();
    }
}

#[test]
fn a_coordinator_of_the_group_that_goes_away_is_followed() {
    for level in LEVELS {
        for comes_back in [true, false] {
            let mut world = World::transactional(level).brokers(3);
            world.cluster.coordinator.groups_at = 3;
            let mut world = world.initialized();
            world.begin();
            let first = world.offsets(7);
            assert_eq!(world.end_of(first), Ok(None));
            world.set_listening(3, false);
            world.cut(3);
            let second = world.offsets(8);
            world.run_for(3_000);
            assert!(world.ended.is_empty());
            if comes_back {
                world.set_listening(3, true);
            } else {
                world.cluster.coordinator.groups_at = 1;
            }
            assert_eq!(world.end_of(second), Ok(None));
            world.committed();
            assert_eq!(committed_offset(&world), Some(8));
            world.finish();
        }
    }
}

#[test]
fn offsets_that_are_refused_again_and_again_are_asked_for_without_a_hurry() {
    for is_joined_by_an_end in [true, false] {
        let mut world = World::ready(1);
        let unavailable = [ErrorCode::COORDINATOR_NOT_AVAILABLE; 4];
        world.errors(TXN_OFFSET_COMMIT, &unavailable);
        world.begin();
        let before = world.now;
        let offsets = world.offsets(7);
        if is_joined_by_an_end {
            let commit = world.commit();
            assert_eq!(world.end_of(commit), Ok(None));
        }
        assert_eq!(world.end_of(offsets), Ok(None));
        let took = (world.now - before) / MS;
        // 100, 200, 400 and 800 ms, each with a fifth of chance.
        assert!((1_200..2_000).contains(&took), "{took} ms");
        assert_eq!(world.asked("offsets").len(), 5);
        world.run_for(1_000);
        world.finish();
    }
}

#[test]
fn concurrent_transactions_hold_offsets_up_and_nothing_else() {
    let mut world = World::ready(1);
    let busy = [ErrorCode::CONCURRENT_TRANSACTIONS; 3];
    world.errors(ADD_OFFSETS_TO_TXN, &busy);
    world.begin();
    let offsets = world.offsets(7);
    assert_eq!(world.end_of(offsets), Ok(None));
    assert_eq!(world.asked("add-offsets").len(), 4);
    world.committed();
    world.finish();
}

#[test]
fn a_member_that_the_group_left_behind_costs_the_transaction_not_the_producer() {
    for level in LEVELS {
        for code in [
            ErrorCode::ILLEGAL_GENERATION,
            ErrorCode::UNKNOWN_MEMBER_ID,
            ErrorCode::FENCED_INSTANCE_ID,
        ] {
            let mut world = World::ready(level);
            let coordinator = &mut world.cluster.coordinator;
            coordinator.refuse(TXN_OFFSET_COMMIT, "input", 0, &[code]);
            world.begin();
            let offsets = world.offsets(7);
            assert_eq!(world.end_of(offsets), abort_required(code));
            assert_eq!(world.state(), TransactionState::AbortableError);
            assert!(matches!(
                world.try_commit(),
                Err(TransactionError::AbortRequired(_))
            ));
            world.aborted();
            assert_eq!(committed_offset(&world), None);
            world.transaction("v");
            world.finish();
        }
    }
}

#[test]
fn an_abort_after_refused_offsets_asks_for_nothing() {
    let mut world = World::ready(1);
    let refused = ErrorCode::GROUP_AUTHORIZATION_FAILED;
    world.errors(ADD_OFFSETS_TO_TXN, &[refused]);
    world.begin();
    let offsets = world.offsets(7);
    assert_eq!(world.end_of(offsets), abort_required(refused));
    world.aborted();
    assert_eq!(world.words(), "add-offsets(group)");
    world.transaction("v");
    world.finish();
}

#[test]
fn an_abort_that_waits_for_offsets_fails_with_their_fatal_error() {
    let mut world = World::ready(1);
    world.errors(ADD_OFFSETS_TO_TXN, &[ErrorCode::UNKNOWN_SERVER_ERROR]);
    world.begin();
    let offsets = world.offsets(7);
    world.run_until_asked("add-offsets");
    let abort = world.abort();
    let fatal = FatalError::Transaction(ErrorCode::UNKNOWN_SERVER_ERROR);
    assert!(world.end_of(offsets).is_err());
    assert_eq!(world.end_of(abort), Err(OperationError::Failed(fatal)));
    assert_eq!(world.state(), TransactionState::FatalError);
    world.finish();
}

#[test]
fn an_abort_gives_up_offsets_that_were_not_asked_for_yet() {
    for level in LEVELS {
        let mut world = World::ready(level);
        world.begin();
        let offsets = world.offsets(7);
        world.aborted();
        assert!(world.end_of(offsets).is_err());
        assert!(!world.is_asked("offsets"), "{}", world.words());
        assert!(!world.cluster.coordinator.is_open);
        world.transaction("v");
        assert_eq!(committed_offset(&world), None);
        world.finish();
    }
}

#[test]
fn a_member_is_not_kept_from_a_broker_that_is_too_old_for_it() {
    for (member_id, generation_id) in [("member", 5), ("member", -1), ("", 0)] {
        let mut world = World::transactional(1);
        let versions = &mut world.cluster.versions;
        versions.insert(TXN_OFFSET_COMMIT, (0, 2));
        let mut world = world.initialized();
        world.begin();
        let group = GroupMetadata {
            group_id: "group",
            generation_id,
            member_id,
            group_instance_id: None,
        };
        let offsets = world
            .try_offsets(&[("input", 0, 7)], &group)
            .expect("legal");
        let end = world.end_of(offsets);
        assert!(end.is_err(), "the group could not fence {group:?}");
        assert!(!world.is_asked("offsets"), "{group:?}");
        world.run_for(1_000);
        world.finish();
    }
}

/// There TxnOffsetCommit registers nothing, and EndTxn raises no epoch.
#[test]
fn transactions_of_the_second_kind_do_not_go_to_a_broker_that_is_too_old_for_them() {
    for (api, word) in [(TXN_OFFSET_COMMIT, "offsets"), (END_TXN, "commit")] {
        let mut world = World::transactional(2);
        let versions = &mut world.cluster.versions;
        versions.insert(api, (0, 4));
        let mut world = world.initialized();
        world.begin();
        let offsets = world.offsets(7);
        let ended = world.end_of(offsets);
        assert_eq!(ended.is_err(), api == TXN_OFFSET_COMMIT, "{ended:?}");
        let committed = world.try_commit().map(|commit| world.end_of(commit));
        assert!(!matches!(committed, Ok(Ok(_))), "{word}: {committed:?}");
        assert!(!world.is_asked(word), "{}", world.words());
        world.run_for(1_000);
        world.finish();
    }
}

#[test]
fn offsets_that_no_coordinator_could_take_are_refused() {
    let mut world = World::ready(2);
    world.begin();
    let nobody = GroupMetadata::of_group("");
    let stray = GroupMetadata {
        generation_id: 5,
        ..GroupMetadata::of_group("group")
    };
    for group in [nobody, stray] {
        let refused = world.try_offsets(&[("input", 0, 7)], &group);
        assert_eq!(refused, Err(TransactionError::InvalidGroup), "{group:?}");
    }
    let group = GroupMetadata::of_group("group");
    for (offset, index) in [
        (("input", 0, -1), 1),
        (("input", -1, 7), 1),
        (("", 0, 7), 1),
    ] {
        let refused = world.try_offsets(&[("input", 0, 7), offset], &group);
        let expected = TransactionError::InvalidOffset { index };
        assert_eq!(refused, Err(expected), "{offset:?}");
    }
    assert_eq!(world.state(), TransactionState::InTransaction);
    assert_eq!(world.words(), "");
    assert_eq!(world.held(), 0);
    world.committed();
    world.finish();
}

#[test]
fn pending_offsets_are_counted_in_the_memory_until_they_are_told() {
    let mut world = World::transactional(1).config("buffer.memory", "100000");
    world = world.initialized();
    let slow = [Fate::Slow(500)];
    world.cluster.faults.fate(ADD_OFFSETS_TO_TXN, &slow);
    world.begin();
    let many: Vec<(&str, i32, i64)> = (0..500).map(|p| ("input", p, 7)).collect();
    let group = GroupMetadata::of_group("group");
    let offsets = world.try_offsets(&many, &group).expect("they fit");
    assert!(world.held() > 500 * 8);
    let more: Vec<(&str, i32, i64)> = (0..50_000).map(|p| ("input", p, 7)).collect();
    assert!(matches!(
        world.try_offsets(&more, &group),
        Err(TransactionError::BufferFull { .. })
    ));
    let before = world.now;
    assert_eq!(world.end_of(offsets), Ok(None));
    assert!(world.now > before + 400 * MS);
    world.committed();
    assert_eq!(world.held(), 0);
    world.finish();
}

/// Whoever asks hears of room, and what lingers leaves to make some.
#[test]
fn offsets_without_room_may_ask_for_some() {
    let mut world = World::transactional(1)
        .config("buffer.memory", "100000")
        .config("batch.size", "100000")
        .config("linger.ms", "60000");
    world = world.initialized();
    world.begin();
    world.send("orders", None, &"v".repeat(60_000));
    let many: Vec<(&str, i32, i64)> = (0..1_000).map(|p| ("input", p, 7)).collect();
    let group = GroupMetadata::of_group("group");
    let Err(TransactionError::BufferFull { needed, free }) = world.try_offsets(&many, &group)
    else {
        panic!("there is no room: {}", world.story());
    };
    assert!((free + 1..100_000).contains(&needed));
    world.producer().want_room(needed);
    assert!(world.run_until(10_000, |world| !world.relief.is_empty()));
    world.try_offsets(&many, &group).expect("there is room");
    world.committed();
    assert_eq!(world.relief.len(), 1);
    world.finish();
}
