//! A component that traps: the machine is lost for good, every record has its outcome, and nobody waits
//! for ever.

use odradek::config::Note;
use odradek::{Bulk, BulkOutcome, BulkRecord, Instant, TopicHandle};
use odradek_host::machine::{ComponentMachine, Machine, MachineLost, TransactionCommand};
use odradek_host::{Cause, FatalError, Notice, Outcome, Producer, Record, ReportCause, SendError};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Too little for a buffer of 32 MiB, enough to start with.
const MEMORY_LIMIT: u64 = 4 << 20;
const VALUE: [u8; 10_000] = [b'x'; 10_000];
const TIMEOUT: Duration = Duration::from_secs(20);

fn properties(servers: &str) -> Vec<(String, String)> {
    let pairs = [
        ("bootstrap.servers", servers),
        ("linger.ms", "5000"),
        ("batch.size", "1000000"),
    ];
    let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    pairs.map(owned).to_vec()
}

fn machine(servers: &str) -> ComponentMachine {
    let opened =
        ComponentMachine::open_within(&properties(servers), 1, Instant::ZERO, MEMORY_LIMIT);
    let (machine, notes): (_, Vec<Note>) = opened.expect("it opens");
    assert!(notes.is_empty(), "{notes:?}");
    machine
}

fn offer(machine: &mut ComponentMachine, topic: TopicHandle) -> Result<BulkOutcome, MachineLost> {
    let record = BulkRecord {
        topic,
        partition: 0,
        timestamp: -1,
        key_length: -1,
        value_length: VALUE.len() as i32,
        header_count: 0,
    };
    let bulk = Bulk {
        records: &[record],
        headers: &[],
        data: &VALUE,
    };
    machine.send_many(&bulk, 0, Instant::ZERO)
}

#[test]
fn a_component_without_memory_traps_and_stays_lost() {
    let mut machine = machine("localhost:9092");
    let topic = machine.topic("t").expect("not lost").expect("a name");
    let mut accepted = 0;
    let lost = loop {
        match offer(&mut machine, topic) {
            Ok(outcome) => accepted += outcome.accepted,
            Err(lost) => break lost,
        }
        assert!(machine.linear_memory_bytes() <= MEMORY_LIMIT);
        assert!(accepted < 1000, "it has no room for so many");
    };
    assert!(matches!(lost, MachineLost::Trapped(_)), "{lost:?}");
    assert!(accepted > 10, "{accepted}");
    let (calls, now) = (machine.calls(), Instant::ZERO);
    let again = Err(lost.clone());
    assert_eq!(offer(&mut machine, topic).map(|_| ()), again);
    assert_eq!(machine.step(&[], now, &mut Vec::new()).map(|_| ()), again);
    assert_eq!(machine.topic("u").map(|_| ()), again);
    assert_eq!(machine.flush(now).map(|_| ()), again);
    assert_eq!(machine.purge(now), again);
    let commit = TransactionCommand::Commit;
    assert_eq!(machine.transact(&commit, now).map(|_| ()), again);
    assert_eq!(machine.transaction_state().map(|_| ()), again);
    assert_eq!(machine.close(TIMEOUT, now), again);
    assert_eq!(
        machine.calls(),
        calls,
        "nothing calls a component that trapped"
    );
    assert_eq!(machine.linear_memory_bytes(), 0, "its memory is gone");
}

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(TIMEOUT, future)
        .await
        .expect("done in time")
}

#[tokio::test]
async fn records_behind_a_trap_are_possibly_written_and_later_ones_refused() {
    // Nobody answers: memory grows by taking records alone. Metadata would have the machine move records
    // into batches, and a trap there finds nothing left to refuse.
    let silent = TcpListener::bind("127.0.0.1:0").expect("it listens");
    let servers = silent.local_addr().expect("it is bound").to_string();
    let notices = Arc::<Mutex<Vec<Notice>>>::default();
    let heard = Arc::clone(&notices);
    let producer = Producer::builder()
        .properties(properties(&servers))
        .on_notice(move |notice| heard.lock().expect("notices").push(notice.clone()))
        .build_with(Box::new(machine(&servers)))
        .expect("it starts");

    // Room for all of them as the host sees it, but not in the sandbox.
    let record = Record::to("t").value(&VALUE);
    let mut deliveries = Vec::new();
    for _ in 0..1000 {
        match within(producer.send(&record)).await {
            Ok(delivery) => deliveries.push(delivery),
            Err(error) => assert_eq!(error, SendError::Failed(FatalError::MachineLost)),
        }
    }
    let lost = FatalError::MachineLost;
    let (mut in_doubt, mut refused) = (0, 0);
    for delivery in deliveries {
        let report = within(delivery).await;
        match report.outcome {
            Outcome::PossiblyWritten => {
                let cause = ReportCause::Delivery(Cause::Failed(lost));
                assert_eq!(report.cause, Some(cause));
                in_doubt += 1;
            }
            Outcome::NotWritten => {
                let cause = ReportCause::Refused(odradek::SendError::Failed(lost));
                assert_eq!(report.cause, Some(cause));
                refused += 1;
            }
            Outcome::Written => panic!("{report:?}"),
        }
    }
    assert!(
        in_doubt > 0 && refused > 0,
        "{in_doubt} in doubt, {refused} refused"
    );
    assert_eq!(producer.stats().records_accepted, in_doubt);
    let refusal = producer.try_send(&record).err();
    assert_eq!(refusal, Some(SendError::Failed(lost)));
    assert_eq!(producer.failure(), Some(lost));
    within(producer.flush()).await;
    within(producer.purge()).await;
    within(producer.close(TIMEOUT)).await;
    let notices = notices.lock().expect("notices");
    assert!(
        notices
            .iter()
            .any(|notice| matches!(notice, Notice::MachineLost(MachineLost::Trapped(_)))),
        "{notices:?}"
    );
    assert!(notices.contains(&Notice::Failed(lost)), "{notices:?}");
}
