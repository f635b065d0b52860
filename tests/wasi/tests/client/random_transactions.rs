//! The calls of transactions among the others, in random orders and with random times: nothing traps, no
//! operation has two ends, every accepted record is reported once, and a reader of committed records finds what
//! the ends of the operations say.
//!
//! `ODRADEK_FULL=1` runs 200 seeds; otherwise it is 12.

use crate::limits::within;
use crate::opened::{Opened, Reported, record};
use crate::seeds;
use krafka::error::ErrorCode;
use krafka::testing::{ApiKey, Control};
use odradek::cli::workload::Random;
use odradek_tests_wasi::client::Operating;
use odradek_tests_wasi::client::types::{
    Event, GroupMetadata, OffsetToCommit, OperationEnded, OperationError, PreparedTransaction,
    TransactionCall, TransactionError, TransactionState,
};
use odradek_tests_wasi::peers::Cluster;
use odradek_tests_wasi::policy::Policy;
use std::collections::{BTreeMap, BTreeSet};

const TOPIC: &str = "t";

const SETTINGS: [(&str, &str); 7] = [
    ("transactional.id", "till-7"),
    ("buffer.memory", "262144"),
    ("batch.size", "1000"),
    ("max.block.ms", "300"),
    ("request.timeout.ms", "500"),
    ("delivery.timeout.ms", "1000"),
    ("retry.backoff.ms", "10"),
];

/// What the ends of the operations say of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// No commit was asked for, or it was refused, or an abort succeeded: nobody may see any of it.
    Hidden,
    /// A commit was asked for and has no end, or one that leaves it open: all or nothing.
    Unknown,
    /// The commit succeeded.
    Committed,
}

struct Run {
    dice: Random,
    opened: Opened,
    cluster: Cluster,
    topic: u32,
    /// The numbers of the records of each transaction, and its fate.
    transactions: Vec<(Vec<u64>, Fate)>,
    number: u64,
    accepted: Vec<u64>,
    reported: Reported,
    /// Operations that have had their last end.
    ended: BTreeSet<u32>,
    /// Which transaction an operation is about.
    about: BTreeMap<u32, usize>,
}

type Called = Result<Operating, TransactionError>;

impl Run {
    fn new(seed: u64) -> Self {
        let mut dice = Random::new(seed);
        let cluster = Cluster::start(2);
        cluster.create_topic(TOPIC, 3);
        cluster.set_transaction_version(1 + dice.below(2) as i16);
        let policy = Policy::default();
        let mut opened = Opened::within(&policy, &cluster.bootstrap(), &SETTINGS);
        let topic = opened.topic(TOPIC).expect("a name");
        Self {
            dice,
            opened,
            cluster,
            topic,
            transactions: Vec::new(),
            number: 0,
            accepted: Vec::new(),
            reported: Reported::default(),
            ended: BTreeSet::new(),
            about: BTreeMap::new(),
        }
    }

    fn state(&mut self) -> TransactionState {
        let (guest, store) = self.opened.instance.producer();
        let call = || guest.call_transaction_state(store, self.opened.producer);
        let state = within(0, call).expect("no trap");
        state.expect("the producer is transactional")
    }

    /// A time that an operation is waited for, in ms.
    fn time(&mut self) -> u64 {
        [0, 0, 20, 1000][self.dice.below(4) as usize]
    }

    fn call(&mut self, call: TransactionCall) {
        let time = self.time();
        let (guest, store) = self.opened.instance.producer();
        let producer = self.opened.producer;
        let called = within(time, || match call {
            TransactionCall::Init => guest.call_init_transactions(store, producer, false, time),
            TransactionCall::Prepare => guest.call_prepare_transaction(store, producer, time),
            TransactionCall::Commit => guest.call_commit_transaction(store, producer, time),
            TransactionCall::Abort => guest.call_abort_transaction(store, producer, time),
            TransactionCall::Complete => {
                let prepared = PreparedTransaction {
                    producer_id: 1,
                    producer_epoch: 0,
                };
                guest.call_complete_transaction(store, producer, prepared, time)
            }
            TransactionCall::SendOffsets => {
                let (offsets, group) = offsets();
                guest.call_send_offsets(store, producer, &offsets, &group, time)
            }
            TransactionCall::Begin | TransactionCall::Send => panic!("{call:?} begins nothing"),
        });
        self.note(call, called.expect("no trap"));
    }

    fn note(&mut self, call: TransactionCall, called: Called) {
        let Ok(operating) = called else {
            return;
        };
        let is_without_two_phases =
            !matches!(call, TransactionCall::Prepare | TransactionCall::Complete);
        assert!(is_without_two_phases, "{call:?} without two-phase commit");
        if let Some((at, (_, fate))) = self.transactions.iter_mut().enumerate().next_back() {
            self.about.insert(operating.operation, at);
            if matches!(call, TransactionCall::Commit) {
                *fate = Fate::Unknown;
            }
        }
    }

    fn begin(&mut self) {
        let before = self.state();
        let (guest, store) = self.opened.instance.producer();
        let call = || guest.call_begin_transaction(store, self.opened.producer);
        let begun = within(0, call).expect("no trap").is_ok();
        if begun {
            assert!(matches!(before, TransactionState::Ready), "{before:?}");
            self.transactions.push((Vec::new(), Fate::Hidden));
        }
    }

    fn send(&mut self) {
        let state = self.state();
        for _ in 0..self.dice.below(20) {
            let mut record = record(self.topic, format!("{}", self.number).as_bytes());
            record.key = Some(vec![self.dice.below(9) as u8]);
            let outcome = self.opened.send(&record);
            if outcome.accepted == 1 {
                let is_open = matches!(state, TransactionState::InTransaction);
                assert!(is_open, "accepted in {state:?}");
                let (numbers, _) = self.transactions.last_mut().expect("one is open");
                numbers.push(self.number);
                self.accepted.push(outcome.first_ticket);
            }
            self.number += 1;
        }
    }

    /// Something goes wrong once.
    fn spoil(&mut self) {
        let broker = self.cluster.broker();
        match self.dice.below(6) {
            0 => broker.on_once(ApiKey::EndTxn, |_| {
                Control::ApplyThen(Box::new(Control::Disconnect))
            }),
            1 => broker.on_once(ApiKey::Produce, |_| Control::Disconnect),
            2 => broker.on_once(ApiKey::AddPartitionsToTxn, |_| {
                Control::ApplyThen(Box::new(Control::Disconnect))
            }),
            3 => broker.on_once(ApiKey::Produce, |_| {
                Control::Error(ErrorCode::InvalidRecord)
            }),
            4 => broker.on_once(ApiKey::EndTxn, |_| {
                Control::Error(ErrorCode::ConcurrentTransactions)
            }),
            _ => broker.on_once(ApiKey::Produce, |_| {
                Control::ApplyThen(Box::new(Control::Disconnect))
            }),
        }
    }

    fn step(&mut self) {
        let few = self.dice.below(20);
        match self.dice.below(100) {
            0..10 => self.call(TransactionCall::Init),
            10..25 => self.begin(),
            25..50 => self.send(),
            50..60 => self.call(TransactionCall::Commit),
            60..65 => self.call(TransactionCall::Abort),
            65..70 => self.call(TransactionCall::SendOffsets),
            70 => self.call(TransactionCall::Prepare),
            71 => self.call(TransactionCall::Complete),
            72..75 => self.spoil(),
            75..80 => drop(self.opened.flush(few)),
            80..90 => drop(self.opened.wait(few)),
            90 => drop(self.opened.purge()),
            91..94 => drop(self.opened.pump_without_polling()),
            _ => self.take(),
        }
    }

    fn take(&mut self) {
        self.opened.take(&mut self.reported);
        for event in std::mem::take(&mut self.reported.others) {
            if let Event::OperationEnded(ended) = event {
                self.end(&ended);
            }
        }
    }

    fn end(&mut self, ended: &OperationEnded) {
        let OperationEnded {
            operation,
            call,
            result,
        } = ended;
        // The one end that others may follow: somebody called again and waits anew.
        if matches!(result, Err(OperationError::TimedOut)) {
            return;
        }
        assert!(self.ended.insert(*operation), "{ended:?}: it had ended");
        let about = self.about.get(operation).copied();
        let Some((_, fate)) = about.and_then(|at| self.transactions.get_mut(at)) else {
            return;
        };
        match (call, result) {
            (TransactionCall::Commit, Ok(_)) => *fate = Fate::Committed,
            (TransactionCall::Abort, Ok(_))
            | (TransactionCall::Commit, Err(OperationError::AbortRequired(_))) => {
                *fate = Fate::Hidden;
            }
            _ => {}
        }
    }

    /// Closes, and compares; how many transactions were committed with records in them.
    fn judge(mut self) -> usize {
        assert!(self.opened.close(2000).done);
        self.take();
        self.reported.tickets.sort_unstable();
        assert_eq!(self.reported.tickets, self.accepted);
        self.cluster.broker().clear_hooks();
        let stored = self.cluster.committed(TOPIC);
        let number = |value: Option<Vec<u8>>| {
            let text = String::from_utf8(value.unwrap_or_default()).expect("text");
            text.parse::<u64>().expect("a number")
        };
        let mut found: Vec<u64> = stored.into_iter().map(|it| number(it.value)).collect();
        found.sort_unstable();
        let mut expected: Vec<u64> = Vec::new();
        for (numbers, fate) in &self.transactions {
            let is_found = numbers
                .iter()
                .any(|number| found.binary_search(number).is_ok());
            if *fate == Fate::Committed || (*fate == Fate::Unknown && is_found) {
                expected.extend(numbers);
            }
        }
        expected.sort_unstable();
        assert_eq!(found, expected, "{:?}", self.transactions);
        let is_full =
            |(numbers, fate): &&(Vec<u64>, Fate)| *fate == Fate::Committed && !numbers.is_empty();
        self.transactions.iter().filter(is_full).count()
    }
}

/// An offset of a group.
fn offsets() -> ([OffsetToCommit; 1], GroupMetadata) {
    let offset = OffsetToCommit {
        topic: TOPIC.to_owned(),
        partition: 0,
        offset: 7,
        leader_epoch: None,
        metadata: None,
    };
    let group = GroupMetadata {
        group_id: "billing".to_owned(),
        generation_id: -1,
        member_id: String::new(),
        group_instance_id: None,
    };
    ([offset], group)
}

fn run(seed: u64) -> usize {
    let mut run = Run::new(seed);
    for _ in 0..400 {
        run.step();
    }
    run.judge()
}

#[test]
fn no_order_of_transactional_calls_traps_and_ends_tell_what_readers_see() {
    let committed: usize = seeds::each(12, 200, run).into_iter().sum();
    assert!(committed > 20, "only {committed} were committed");
}
