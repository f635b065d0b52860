//! A process that makes transactions until it is killed, and what it tells about them before.

use crate::host::Host;
use crate::pipeline::properties;
use crate::size::PARTITIONS;
use crate::source::Source;
use crate::transact::{Route, fill, insist, next};
use odradek_host::Backend;
use odradek_tests_interop::process::{Scratch, Watched};
use odradek_tests_interop::readback::committed_offsets;
use odradek_tests_interop::transactions::{Ending, Transaction};
use odradek_tests_interop::transactor::Transactor;
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

/// The variable that tells this program that it is such a process, and what to do.
const TASK: &str = "ODRADEK_GENERATION";

/// What begins a line that is meant for the process that started this one.
const MARK: &str = "@ ";

/// How many records of each partition a transaction consumes at most: few, to be killed between many.
const OF_EACH: i64 = 6;

/// What a generation does.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// Where the producer goes: `bootstrap.servers`.
    pub(crate) servers: String,
    /// Where the group's offsets are asked for.
    pub(crate) direct: String,
    /// The group, which is the transactional id, too.
    pub(crate) group: String,
    /// The topic that is consumed, and those that are written to.
    pub(crate) topics: [String; 3],
    /// Where each partition of the source ends.
    pub(crate) ends: Vec<i64>,
    /// The number of its first record.
    pub(crate) first: u64,
    /// It makes so many transactions, and leaves the next one open.
    pub(crate) count: usize,
}

/// A process that is to be killed.
pub(crate) struct Generation {
    watched: Watched,
    log: PathBuf,
    _scratch: Scratch,
}

impl Task {
    fn to_json(&self) -> Value {
        json!({
            "servers": self.servers, "direct": self.direct, "group": self.group,
            "topics": self.topics, "ends": self.ends, "first": self.first, "count": self.count,
        })
    }

    fn of_json(task: &Value) -> Self {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Self {
            servers: text(&task["servers"]),
            direct: text(&task["direct"]),
            group: text(&task["group"]),
            topics: [0, 1, 2].map(|index| text(&task["topics"][index])),
            ends: numbers(&task["ends"]),
            first: task["first"].as_u64().expect("a number"),
            count: task["count"].as_u64().expect("a number") as usize,
        }
    }

    /// Takes over the transactional id, goes on where the group is, and makes transactions; `tell` is told
    /// of each one before it begins, and of its end.
    pub(crate) fn carry_out(&self, backend: Backend, mut tell: impl FnMut(&Transaction, &str)) {
        let id = ("transactional.id".to_owned(), self.group.clone());
        let properties = [properties(&self.servers), vec![id]].concat();
        let mut host = Host::new(&properties, backend);
        insist(|| host.init()).unwrap_or_else(|trouble| panic!("init: {trouble}"));
        let [source, left, right] = self.topics.each_ref().map(String::as_str);
        let offsets = committed_offsets(&self.direct, &self.group, source, PARTITIONS);
        let offsets = offsets.expect("the group has a coordinator");
        let mut reached: Vec<i64> = offsets.into_iter().map(|it| it.unwrap_or(0)).collect();
        let consumed = Source::at(&self.ends);
        let targets = &[left, right];
        let route = Route {
            source,
            group: &self.group,
            targets,
        };
        let mut first = self.first;
        for position in 0..=self.count {
            let planned = next(position, first, &reached, &consumed, OF_EACH);
            let planned = planned.expect("there is enough to consume");
            first = planned.records.end;
            tell(&planned, "begins");
            let filled = fill(&mut host, route, &planned);
            filled.unwrap_or_else(|trouble| panic!("{trouble}"));
            if position == self.count {
                odradek_host::block_on(host.0.flush());
                tell(&planned, "is open");
                return std::mem::forget(host);
            }
            tell(&planned, "ends");
            let ended = match planned.ending {
                Ending::Committed | Ending::Unknown => insist(|| host.commit()),
                Ending::Aborted => insist(|| host.abort()),
            };
            ended.unwrap_or_else(|trouble| panic!("{trouble}"));
            tell(&planned, "has ended");
            if planned.ending == Ending::Committed {
                reached = planned.to;
            }
        }
    }
}

impl Generation {
    /// Starts this program again, as a process that makes transactions.
    pub(crate) fn start(task: &Task) -> Self {
        let scratch = Scratch::new("generation");
        let log = scratch.fresh("log");
        let program = std::env::current_exe().expect("the running program has a path");
        let arguments = [
            format!("{TASK}={}", task.to_json()),
            program.to_str().expect("paths are UTF-8").to_owned(),
            "--exact".to_owned(),
            "generation::generation".to_owned(),
            "--nocapture".to_owned(),
        ];
        let watched = Watched::start("env", &arguments, &log, None);
        Self {
            watched,
            log,
            _scratch: scratch,
        }
    }

    /// What it has told so far: its transactions, as far as it knows their ends, and the last word.
    pub(crate) fn told(&self) -> (Vec<Transaction>, String) {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let (mut told, mut word): (Vec<Transaction>, String) = (Vec::new(), String::new());
        // The last line may be half written.
        let lines = text.split_inclusive('\n').filter(|it| it.ends_with('\n'));
        for line in lines {
            let Some((_, line)) = line.split_once(MARK) else {
                continue;
            };
            let line: Value = serde_json::from_str(line).expect("the process tells JSON");
            word = line["word"].as_str().expect("a text").to_owned();
            let transaction = of_json(&line);
            let last = told.last_mut();
            match (word.as_str(), last) {
                ("begins", _) => told.push(Transaction {
                    ending: Ending::Aborted,
                    ..transaction
                }),
                // A commit that is under way may come to its end, or not.
                ("ends", Some(last)) if transaction.ending == Ending::Committed => {
                    last.ending = Ending::Unknown;
                }
                ("has ended", Some(last)) => last.ending = transaction.ending,
                (_, _) => {}
            }
        }
        (told, word)
    }

    /// Kills it with SIGKILL; what it had told.
    pub(crate) fn kill(mut self) -> Vec<Transaction> {
        let id = self.watched.id().to_string();
        let ended = self.watched.ended();
        let log = || fs::read_to_string(&self.log).unwrap_or_default();
        assert_eq!(ended, None, "it was to be killed: {}", log());
        let killed = Command::new("kill").args(["-s", "KILL", &id]).status();
        assert!(killed.is_ok_and(|status| status.success()), "kill {id}");
        while self.watched.ended().is_none() {
            sleep(Duration::from_millis(5));
        }
        self.told().0
    }
}

fn to_json(transaction: &Transaction, word: &str) -> Value {
    json!({
        "word": word,
        "records": [transaction.records.start, transaction.records.end],
        "commits": transaction.ending == Ending::Committed,
        "from": transaction.from, "to": transaction.to,
    })
}

fn of_json(line: &Value) -> Transaction {
    let record = |index: usize| line["records"][index].as_u64().expect("a number");
    Transaction {
        records: record(0)..record(1),
        ending: if line["commits"] == true {
            Ending::Committed
        } else {
            Ending::Aborted
        },
        from: numbers(&line["from"]),
        to: numbers(&line["to"]),
    }
}

fn numbers(values: &Value) -> Vec<i64> {
    let values = values.as_array().expect("a list").iter();
    values
        .map(|value| value.as_i64().expect("a number"))
        .collect()
}

/// Not a test: what a process does that another test starts.
#[test]
fn generation() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let task = serde_json::from_str(&task).expect("a task");
    Task::of_json(&task).carry_out(Backend::Component, |transaction, word| {
        let line = to_json(transaction, word);
        let _ = writeln!(std::io::stderr(), "{MARK}{line}");
    });
    loop {
        sleep(Duration::from_secs(1));
    }
}
