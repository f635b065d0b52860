//! Every code that a coordinator may answer, for each of its requests: asked again, asked of another one,
//! the end of the transaction, or the end of the producer.

use crate::broker::INIT_PRODUCER_ID;
use crate::coordinator::{
    ADD_OFFSETS_TO_TXN, ADD_PARTITIONS_TO_TXN, END_TXN, FIND_COORDINATOR, TXN_OFFSET_COMMIT,
};
use crate::transactions_world::{Ended, LEVELS, abort_required};
use crate::world::{MS, World};
use odradek::{ErrorCode, FatalError, OperationError, TransactionState};

/// What a code leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// The same coordinator is asked again.
    Retry,
    /// The coordinator is looked for, and asked again.
    Lookup,
    /// The transaction can only be aborted.
    Abortable,
    /// Not allowed at present.
    Refused,
    /// The producer is fenced.
    Fenced,
    /// The producer has failed.
    Fatal,
}

/// What is asked for, so that a code can be the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    TransactionCoordinator,
    GroupCoordinator,
    Identity,
    Partitions,
    Group,
    Offsets,
    Commit,
}

/// Codes with which Java's producer asks again whatever it asked.
const RETRIABLE: [i16; 13] = [3, 5, 6, 7, 9, 13, 14, 19, 20, 51, 56, 74, 75];

/// Retriable to Java, and never said by a coordinator: nobody relies on what is made of them.
const STRANGE: [i16; 17] = [
    2, 41, 70, 71, 72, 78, 80, 83, 84, 88, 89, 100, 103, 106, 122, 123, 133,
];

impl Asking {
    const fn api(self) -> i16 {
        match self {
            Self::TransactionCoordinator | Self::GroupCoordinator => FIND_COORDINATOR,
            Self::Identity => INIT_PRODUCER_ID,
            Self::Partitions => ADD_PARTITIONS_TO_TXN,
            Self::Group => ADD_OFFSETS_TO_TXN,
            Self::Offsets => TXN_OFFSET_COMMIT,
            Self::Commit => END_TXN,
        }
    }

    fn class(self, code: i16) -> Class {
        let abortable: &[i16] = match self {
            Self::TransactionCoordinator | Self::Identity => &[],
            Self::GroupCoordinator => &[30, 120],
            Self::Partitions => &[29, 55, 59, 120],
            Self::Group => &[30, 59, 120],
            Self::Offsets => &[22, 25, 30, 82, 120],
            Self::Commit => &[59, 120],
        };
        let is_find = self.api() == FIND_COORDINATOR;
        match code {
            15 | 16 if !is_find => Class::Lookup,
            15 | 16 => Class::Retry,
            7 if self == Self::Offsets => Class::Lookup,
            code if RETRIABLE.contains(&code) => Class::Retry,
            code if abortable.contains(&code) => Class::Abortable,
            31 | 53 if self == Self::Identity => Class::Refused,
            47 | 90 => Class::Fenced,
            48 | 49 | 53 => Class::Fatal,
            _ if self == Self::Partitions => Class::Abortable,
            _ => Class::Fatal,
        }
    }

    /// Codes about which nothing is laid down here; their tests are elsewhere, or they make no sense.
    fn is_left_out(self, code: i16) -> bool {
        let own: &[i16] = match self {
            Self::TransactionCoordinator => &[30, 120],
            Self::Identity => &[120],
            // Known to members of groups under KIP-848 only.
            Self::Offsets => &[69, 113],
            Self::GroupCoordinator | Self::Partitions | Self::Group | Self::Commit => &[],
        };
        STRANGE.contains(&code) || own.contains(&code)
    }

    /// Gets the code for an answer once, and says how the operation ended.
    fn run(self, code: ErrorCode, level: i16) -> (World, Ended) {
        let mut world = match self {
            Self::TransactionCoordinator | Self::Identity => World::transactional(level),
            Self::Commit => World::begun(level),
            Self::GroupCoordinator | Self::Partitions | Self::Group | Self::Offsets => {
                let mut world = World::ready(level);
                world.begin();
                world
            }
        };
        world.is_tracing = false;
        world.forget();
        world.errors(self.api(), &[code]);
        let operation = match self {
            Self::TransactionCoordinator | Self::Identity => world.init(),
            Self::GroupCoordinator | Self::Group | Self::Offsets => world.offsets(7),
            Self::Partitions => {
                world.send_to("orders", 0, "v");
                world.commit()
            }
            Self::Commit => world.commit(),
        };
        let end = world.end_of(operation);
        (world, end)
    }

    /// How often coordinators are looked for when all is well.
    const fn lookups(self) -> usize {
        match self {
            Self::TransactionCoordinator
            | Self::Identity
            | Self::GroupCoordinator
            | Self::Group
            | Self::Offsets => 1,
            Self::Partitions | Self::Commit => 0,
        }
    }
}

/// The class that was seen.
fn seen(asking: Asking, world: &World, end: Ended, code: ErrorCode) -> Class {
    match end {
        Ok(_) if asking.api() == FIND_COORDINATOR => Class::Retry,
        Ok(_) if world.asked("find").len() > asking.lookups() => Class::Lookup,
        Ok(_) => Class::Retry,
        Err(OperationError::Refused(told)) if told == code => Class::Refused,
        Err(OperationError::Failed(FatalError::Fenced)) => Class::Fenced,
        Err(OperationError::Failed(
            FatalError::Transaction(told) | FatalError::NotAuthorized(told),
        )) if told == code => Class::Fatal,
        end if end == abort_required(code) => Class::Abortable,
        Err(other) => panic!("{asking:?}: {code} ended with {other:?}"),
    }
}

/// Checks every code, and that the producer goes on unless it has failed.
fn check(asking: Asking, levels: &[i16]) {
    let mut wrong = Vec::new();
    for level in levels {
        for code in (-1..=136).filter(|code| *code != 0 && !asking.is_left_out(*code)) {
            let (expected, code) = (asking.class(code), ErrorCode(code));
            let (mut world, end) = asking.run(code, *level);
            let class = seen(asking, &world, end, code);
            if class != expected {
                wrong.push(format!(
                    "level {level}: {code}: {class:?}, not {expected:?}"
                ));
                continue;
            }
            let before = world.now;
            match class {
                Class::Retry | Class::Lookup | Class::Abortable => {
                    if world.state() == TransactionState::InTransaction {
                        world.committed();
                    } else if world.state() == TransactionState::AbortableError {
                        world.aborted();
                    }
                    world.transaction("next");
                }
                Class::Refused => {
                    let init = world.init();
                    assert_eq!(world.end_of(init), Ok(None));
                }
                Class::Fenced | Class::Fatal => {
                    assert_eq!(world.state(), TransactionState::FatalError);
                    assert!(world.failed.is_some());
                }
            }
            assert!(world.now - before < 2_000 * MS, "{asking:?}: {code}");
            world.finish();
        }
    }
    assert!(wrong.is_empty(), "{asking:?}: {wrong:#?}");
}

#[test]
fn any_code_instead_of_the_coordinator_does_what_the_table_says() {
    check(Asking::TransactionCoordinator, &[1]);
}

#[test]
fn any_code_instead_of_the_coordinator_of_a_group_does_what_the_table_says() {
    check(Asking::GroupCoordinator, &LEVELS);
}

#[test]
fn any_code_instead_of_an_identity_does_what_the_table_says() {
    check(Asking::Identity, &[1]);
}

#[test]
fn any_code_for_added_partitions_does_what_the_table_says() {
    check(Asking::Partitions, &[1]);
}

#[test]
fn any_code_for_added_offsets_does_what_the_table_says() {
    check(Asking::Group, &[1]);
}

#[test]
fn any_code_for_offsets_does_what_the_table_says() {
    check(Asking::Offsets, &LEVELS);
}

#[test]
fn any_code_for_a_commit_does_what_the_table_says() {
    check(Asking::Commit, &LEVELS);
}

#[test]
fn a_coordinator_that_is_busy_for_long_is_asked_without_a_hurry() {
    for asking in [Asking::Group, Asking::Offsets, Asking::Commit] {
        let mut world = World::begun(1);
        let busy = [ErrorCode::CONCURRENT_TRANSACTIONS; 50];
        world.errors(asking.api(), &busy);
        world.forget();
        let before = world.now;
        let operation = if asking == Asking::Commit {
            world.commit()
        } else {
            world.offsets(7)
        };
        assert_eq!(world.end_of(operation), Ok(None));
        let took = (world.now - before) / MS;
        assert!(took >= 50 * 16, "{took} ms for 50 attempts");
        world.run_for(1_000);
        world.finish();
    }
}
