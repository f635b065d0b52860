//! A session with transactions gets the same answers natively and in wasm.

use odradek::{
    BulkError, Cause, ErrorCode, Event, FatalError, GroupMetadata, OffsetToCommit, OperationEnded,
    OperationError, PreparedTransaction, SendError, TransactionCall, TransactionError,
    TransactionFault, TransactionState,
};
use odradek_host::machine::{GroupOffsets, TransactionCommand};
use odradek_tests_component::cluster::Fault;
use odradek_tests_component::records::{Dice, varied_records};
use odradek_tests_component::replay::{outcomes, record_and_replay};
use odradek_tests_component::session::Session;
use odradek_tests_component::trace::{Answer, Call};
use std::time::Duration;

const SEED: u64 = 0x0d_7ade_0006;
const LIMIT: Duration = Duration::from_secs(60);

const PROPERTIES: [(&str, &str); 6] = [
    ("bootstrap.servers", "broker-1:9092,broker-2:9092"),
    ("transactional.id", "till-7"),
    ("linger.ms", "4"),
    ("buffer.memory", "200000"),
    ("request.timeout.ms", "1500"),
    ("max.block.ms", "2000"),
];

/// Asks, and looks how far that came.
fn ask(session: &mut Session, command: TransactionCommand) {
    session.command(Call::Transact(command));
    session.command(Call::TransactionState);
}

fn ends(session: &Session) -> Vec<OperationEnded> {
    let ended = session.events.iter().filter_map(|event| {
        if let Event::OperationEnded(ended) = event {
            Some(*ended)
        } else {
            None
        }
    });
    ended.collect()
}

/// Asks, and waits for the end.
fn complete(session: &mut Session, command: TransactionCommand) -> OperationEnded {
    let before = ends(session).len();
    ask(session, command);
    assert!(session.run(LIMIT, |session| ends(session).len() > before));
    session.command(Call::TransactionState);
    ends(session)[before]
}

fn offsets(group: &str, offset: i64) -> TransactionCommand {
    let offset = OffsetToCommit {
        topic: "source",
        partition: 3,
        offset,
        leader_epoch: Some(4),
        metadata: Some("a note"),
    };
    let group = GroupMetadata {
        group_id: group,
        generation_id: 7,
        member_id: "member",
        group_instance_id: Some("instance"),
    };
    TransactionCommand::SendOffsets(Box::new(GroupOffsets::new(&[offset], &group)))
}

fn transactional(session: &mut Session) {
    use TransactionCommand::{Abort, Begin, Commit, Complete, Init, Prepare};
    let keep_prepared = false;
    let mut dice = Dice::new(SEED);
    let topics = ["alpha", "beta"].map(|name| session.topic(name));
    ask(session, Begin);
    complete(session, Init { keep_prepared });
    session.send(varied_records(&mut dice, &topics, 2, 50));
    for (round, end) in [Commit, Abort, Commit, Commit, Commit]
        .into_iter()
        .enumerate()
    {
        ask(session, Begin);
        session.send(varied_records(&mut dice, &topics, 30, 300));
        match round {
            0 => {
                complete(session, offsets("g", 42));
                ask(session, offsets("", 1));
                ask(session, offsets("g", -1));
                ask(session, Prepare);
            }
            2 => session.cluster.faults.push(Fault::Reset),
            // INVALID_RECORD: whatever is in that request is not written.
            3 => session.cluster.faults.push(Fault::Code(87)),
            // CONCURRENT_TRANSACTIONS for longer than anybody waits.
            4 => session.cluster.coordinated.end_codes = vec![51; 60],
            _ => {}
        }
        complete(session, end);
        match round {
            3 => {
                ask(session, Commit);
                complete(session, Abort);
            }
            4 => {
                ask(session, Abort);
                session.cluster.coordinated.end_codes.clear();
                complete(session, Commit);
            }
            _ => {}
        }
    }
    let producer_id = 7;
    let producer_epoch = 1;
    ask(
        session,
        Complete(PreparedTransaction {
            producer_id,
            producer_epoch,
        }),
    );
    // More offsets than there is room for.
    ask(session, Begin);
    let group = GroupMetadata::of_group("g");
    let many = vec![
        OffsetToCommit {
            topic: "source",
            partition: 0,
            offset: 0,
            leader_epoch: None,
            metadata: None
        };
        5000
    ];
    let many = Box::new(GroupOffsets::new(&many, &group));
    ask(session, TransactionCommand::SendOffsets(many));
    session.send(varied_records(&mut dice, &topics, 30, 300));
    // PRODUCER_FENCED
    session.cluster.coordinated.end_codes.push(90);
    complete(session, Commit);
    session.pass(Duration::from_millis(100));
    ask(session, Begin);
    session.command(Call::Close(Duration::ZERO));
    session.pass(Duration::from_millis(100));
    ask(session, Begin);
}

fn refusals(session: &Session) -> Vec<TransactionError> {
    let refused = session.answers.iter().filter_map(|answer| {
        if let Answer::Transacted(Err(error)) = answer {
            Some(*error)
        } else {
            None
        }
    });
    refused.collect()
}

#[test]
fn a_session_with_transactions_gets_the_same_answers_natively_and_in_wasm() {
    let session = record_and_replay(SEED, &PROPERTIES, transactional);
    let fault = TransactionFault::Record(Cause::Broker(ErrorCode::INVALID_RECORD));
    let fenced = FatalError::Fenced;
    let results: Vec<_> = ends(&session)
        .iter()
        .map(|it| (it.call, it.result))
        .collect();
    let expected = [
        (TransactionCall::Init, Ok(None)),
        (TransactionCall::SendOffsets, Ok(None)),
        (TransactionCall::Commit, Ok(None)),
        (TransactionCall::Abort, Ok(None)),
        (TransactionCall::Commit, Ok(None)),
        (
            TransactionCall::Commit,
            Err(OperationError::AbortRequired(fault)),
        ),
        (TransactionCall::Abort, Ok(None)),
        (TransactionCall::Commit, Err(OperationError::TimedOut)),
        (TransactionCall::Commit, Ok(None)),
        (TransactionCall::Commit, Err(OperationError::Failed(fenced))),
    ];
    assert_eq!(results, expected);
    let illegal = |call, state| TransactionError::IllegalState { call, state };
    let refusals = refusals(&session);
    let (too_many, others): (Vec<_>, Vec<_>) = refusals
        .into_iter()
        .partition(|error| matches!(error, TransactionError::BufferFull { .. }));
    assert_eq!(too_many.len(), 1);
    let expected = [
        illegal(TransactionCall::Begin, TransactionState::Uninitialized),
        TransactionError::InvalidGroup,
        TransactionError::InvalidOffset { index: 0 },
        TransactionError::NotTwoPhase,
        TransactionError::AbortRequired(fault),
        illegal(TransactionCall::Abort, TransactionState::Committing),
        TransactionError::NotTwoPhase,
        TransactionError::Failed(fenced),
        TransactionError::Failed(fenced),
    ];
    assert_eq!(others, expected);
    let outside = outcomes(&session)
        .next()
        .and_then(|outcome| outcome.refused);
    let state = TransactionState::Ready;
    assert_eq!(
        outside,
        Some(BulkError::Send(SendError::NoTransaction { state }))
    );
    let coordinated = &session.cluster.coordinated;
    assert_eq!(coordinated.ends, [true, false, true, false, true]);
    assert_eq!(coordinated.offsets, [42]);
    assert!(session.events.contains(&Event::Failed(fenced)));
}
