//! The arguments of `produce`, `bench` and `config`, which the native binary and the WASI command share.

use crate::cli::config_table;
use crate::cli::escape;
use crate::cli::input::{Defaults, Format, InputHeader};
use crate::cli::properties::parse_setting;
use crate::cli::retained::Limits;
use crate::config::Config;
use crate::config::keys::TRANSACTIONAL_ID;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Where the producer's state machine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// In the WebAssembly component, inside wasmtime.
    Component,
    /// In this process, without WebAssembly.
    Native,
}

/// How lines state records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatName {
    /// The line is the value, or with -K key, separator and value; any bytes.
    Lines,
    /// The line is an object with the members that are listed below.
    Json,
}

/// What standard output says about the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportForm {
    /// Nothing: the counts on standard error are all.
    Summary,
    /// One object per record, in the order of their tickets.
    Json,
}

/// How `bench` hands records over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BenchApi {
    /// One call and one future per record.
    Send,
    /// Many records per call.
    Batch,
}

/// Which cluster, and with which properties.
#[derive(Args, Clone, Debug)]
pub struct ConnectionArgs {
    /// Brokers to begin with; the cluster tells the others. Needed unless a property names them.
    #[arg(short = 'b', long = "brokers", value_name = "HOST:PORT[,...]")]
    pub bootstrap_servers: Option<String>,

    /// A property of the producer under Kafka's name, such as acks=1 or linger.ms=20; wins over -F.
    #[arg(short = 'X', long = "set", value_name = "KEY=VALUE", value_parser = parse_setting)]
    pub settings: Vec<(String, String)>,

    /// A Java properties file; of several the later one wins.
    #[arg(short = 'F', long = "properties", value_name = "FILE.properties")]
    pub properties_files: Vec<PathBuf>,

    /// Where the producer's state machine runs.
    #[arg(long, value_enum, default_value_t = Backend::Component)]
    pub backend: Backend,
}

/// The arguments of `produce`.
#[derive(Args, Clone, Debug)]
#[command(after_help = PRODUCE_HELP)]
pub struct ProduceArgs {
    /// The cluster and the properties.
    #[command(flatten)]
    pub connection: ConnectionArgs,

    /// The topic; json may name another one per record.
    #[arg(
        short = 't',
        long,
        required_if_eq("format", "lines"),
        value_name = "TOPIC"
    )]
    pub topic: Option<String>,

    /// What separates key and value in a line, split at its first occurrence. Escapes: \t \r \0 \\
    /// \xNN. A line without it has a null key.
    #[arg(short = 'K', long = "key-separator", value_name = "SEP", value_parser = parse_separator)]
    pub separator: Option<Separator>,

    /// The partition for all records; json may name another one per record. By default the key
    /// chooses (murmur2, as in Java), and records without a key stick to a partition for a batch.
    #[arg(short = 'p', long, value_name = "PARTITION")]
    #[arg(value_parser = clap::value_parser!(i32).range(0..))]
    pub partition: Option<i32>,

    /// A header for every record, before its own ones.
    #[arg(short = 'H', long = "header", value_name = "NAME=VALUE", value_parser = parse_header)]
    pub headers: Vec<InputHeader>,

    /// How lines state records.
    #[arg(long, value_enum, default_value_t = FormatName::Lines)]
    pub format: FormatName,

    /// What standard output says about the records.
    #[arg(long, value_enum, default_value_t = ReportForm::Summary)]
    pub report: ReportForm,

    /// Write every record that was not delivered to FILE in the format json, with outcome and error,
    /// so that it can be produced again. A bad line is written as line_base64. Records that are
    /// possibly written are among them, except with acks=0. FILE is overwritten.
    #[arg(long, value_name = "FILE")]
    pub failed: Option<PathBuf>,

    /// Send the records in transactions of this name; sets transactional.id. Fences producers of the
    /// same name, and aborts what they left open.
    #[arg(long, value_name = "ID")]
    pub transactional_id: Option<String>,

    /// Commit every N records [default with a transactional id: 1000].
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub transaction_size: Option<u32>,

    /// Files to read, in order; - or none is standard input.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

impl ProduceArgs {
    /// How the lines are read.
    ///
    /// # Errors
    ///
    /// What is missing or contradicts, where options do not go together.
    pub fn input_format(&self) -> Result<Format, &'static str> {
        match (self.format, &self.separator) {
            (FormatName::Lines, _) if self.topic.is_none() => Err("-t TOPIC is missing"),
            (FormatName::Lines, separator) => Ok(Format::Lines {
                separator: separator.clone().map(|separator| separator.0),
            }),
            (FormatName::Json, None) => Ok(Format::Json),
            (FormatName::Json, Some(_)) => {
                Err("-K goes with --format lines; with json the key is a member")
            }
        }
    }

    /// The cluster and the properties, the transactional id among them.
    pub fn connection(&self) -> ConnectionArgs {
        let mut connection = self.connection.clone();
        if let Some(id) = &self.transactional_id {
            let setting = (TRANSACTIONAL_ID.name.to_owned(), id.clone());
            connection.settings.push(setting);
        }
        connection
    }

    /// What a transaction may hold; `None` where none are made. They are made wherever `transactional.id`
    /// is set, whether by its own option or as a property.
    ///
    /// # Errors
    ///
    /// What is missing, where options do not go together.
    pub const fn transactions(&self, config: &Config) -> Result<Option<Limits>, &'static str> {
        match (&config.transactional, self.transaction_size) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err("--transaction-size goes with --transactional-id"),
            (Some(_), size) => {
                let records = match size {
                    Some(size) => size as usize,
                    None => TRANSACTION_SIZE,
                };
                Ok(Some(Limits {
                    records,
                    bytes: config.buffer_memory,
                }))
            }
        }
    }

    /// What holds for all records that do not state otherwise.
    pub fn defaults(&self) -> Defaults {
        Defaults {
            topic: self.topic.clone(),
            partition: self.partition,
            headers: self.headers.clone(),
        }
    }
}

/// How many records a transaction has where nothing is said about it.
const TRANSACTION_SIZE: usize = 1000;

/// The bytes between key and value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Separator(pub Vec<u8>);

/// The arguments of `bench`.
#[derive(Args, Clone, Debug)]
#[command(after_help = BENCH_HELP)]
pub struct BenchArgs {
    /// The cluster and the properties.
    #[command(flatten)]
    pub connection: ConnectionArgs,

    /// The topic.
    #[arg(short = 't', long, value_name = "TOPIC")]
    pub topic: String,

    /// How many records to send.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub records: u64,

    /// The size of each value in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 100)]
    #[arg(value_parser = clap::value_parser!(u32).range(..=16_777_216))]
    pub size: u32,

    /// How many different keys there are; 0 sends records without a key.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub keys: u64,

    /// How records are handed over.
    #[arg(long, value_enum, default_value_t = BenchApi::Batch)]
    pub api: BenchApi,

    /// Records per second at most; as fast as possible by default. Latency is worth reading at a rate
    /// that the cluster keeps up with: otherwise it is the time spent in the buffer.
    #[arg(long, value_name = "PER_SECOND")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub rate: Option<u64>,

    /// What the data is generated from: the same seed gives the same records.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

impl BenchArgs {
    /// Refuses what no measurement is made with.
    ///
    /// # Errors
    ///
    /// What to leave out.
    pub fn check(config: &Config) -> Result<(), String> {
        match config.transactional {
            Some(_) => Err("bench makes no transactions: leave transactional.id out".to_owned()),
            None => Ok(()),
        }
    }
}

/// The arguments of `config`.
#[derive(Args, Clone, Debug)]
#[command(after_help = CONFIG_HELP)]
pub struct ConfigArgs {
    /// Only keys with one of these in their names.
    #[arg(value_name = "PART")]
    pub parts: Vec<String>,

    /// Print one JSON object per key, without librdkafka's names.
    #[arg(long)]
    pub json: bool,
}

impl ConfigArgs {
    /// What is to be printed.
    ///
    /// # Errors
    ///
    /// What to tell where no key fits.
    pub fn table(&self) -> Result<String, String> {
        let table = if self.json {
            config_table::json(&self.parts)
        } else {
            config_table::text(&self.parts)
        };
        table.ok_or_else(|| {
            let parts = self.parts.join(" or ");
            format!("no key has {parts} in its name; `odradek config` prints them all")
        })
    }
}

fn parse_separator(text: &str) -> Result<Separator, escape::EscapeError> {
    escape::separator(text).map(Separator)
}

fn parse_header(text: &str) -> Result<InputHeader, &'static str> {
    let Some((name, value)) = text.split_once('=') else {
        return Err("write NAME=VALUE");
    };
    Ok(InputHeader {
        name: name.to_owned(),
        value: Some(value.as_bytes().to_vec()),
    })
}

const PRODUCE_HELP: &str = "\
Format json: one object per line. Members, all optional:
  key, value                string; null or absent is null; any other JSON is sent as compact text
  key_base64, value_base64  any bytes, as base64
  headers                   {\"name\": VALUE, ...} or [[\"name\", VALUE], ...]
                            with VALUE a string, null or {\"base64\": \"...\"}
  topic, partition          override -t and -p
  timestamp                 ms since 1970
Other members are ignored. A bad line counts as failed, and the run goes on.

The last line on standard error is 'delivered=N failed=N possibly=N'. Possibly written are records that
were handed out without an answer that settles their fate; with acks=0 that is all of them.

With --transactional-id, or transactional.id set as a property, every N records are a transaction, and
what is left at the end of the input is the last one. Records are sent when their transaction is
complete, and retained until it is committed: at most N records, and no more bytes than buffer.memory,
for which a transaction ends early. Delivered is what is committed. A report waits for that and has
\"committed\": true, false or \"unknown\"; bad lines and records that are too large spoil no transaction.
A transaction that had to be aborted is sent again as a whole until delivery.timeout.ms has passed since
its first attempt. A commit without an answer is repeated for as long, then its records count as
possibly written. After a fatal error, such as being fenced, the rest counts as failed. The first signal
ends the input as its end does; the second one aborts the open transaction, unless it is being committed.

Exit codes: 0 all delivered, 1 some were not, 2 wrong usage or configuration.

Examples:
  seq 1000 | odradek produce -b localhost:9092 -t numbers
  odradek produce -b localhost:9092 -t users -K '\\t' users.tsv
  tail -F app.log | odradek produce -b kafka-1:9092,kafka-2:9092 -t logs -H host=web-3 -X linger.ms=50
  odradek produce -F producer.properties -t orders --format json --failed retry.json orders.json
  odradek produce -F producer.properties --format json retry.json
  odradek produce -b localhost:9092 -t orders --transactional-id import --transaction-size 500 orders.txt";

const BENCH_HELP: &str = "\
Prints records per second, CPU seconds (user and system, this process) per million records, the time
from send to report (median and 99th percentile) and the peak of resident memory.
Exit codes: 0 all delivered, 1 some were not, 2 wrong usage or configuration.

Examples:
  odradek sink --port 9092 &
  odradek bench -b localhost:9092 -t bench --records 5000000 --size 100
  odradek bench -b localhost:9092 -t bench --api send --rate 10000 --records 100000 --json
  odradek bench -b localhost:9092 -t bench -X compression.type=lz4 --backend native";

const CONFIG_HELP: &str = "\
Examples:
  odradek config
  odradek config linger batch
  odradek config --json acks";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::properties::configure;
    use clap::Parser;

    #[derive(Parser, Debug)]
    #[command(name = "odradek")]
    enum Tool {
        Produce(ProduceArgs),
        Bench(BenchArgs),
    }

    fn produce(arguments: &[&str]) -> Result<ProduceArgs, String> {
        let all = ["odradek", "produce"].iter().chain(arguments);
        match Tool::try_parse_from(all) {
            Ok(Tool::Produce(arguments)) => Ok(arguments),
            Ok(Tool::Bench(_)) => Err("bench".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Tool::command().debug_assert();
    }

    #[test]
    fn every_option_of_produce_is_understood() {
        let arguments = produce(&[
            "-b",
            "a:1,b:2",
            "-t",
            "topic",
            "-K",
            r"\t",
            "-p",
            "3",
            "-H",
            "a=1",
            "-H",
            "b=x=y",
            "-X",
            "acks=1",
            "-F",
            "p.properties",
            "--format",
            "lines",
            "--backend",
            "native",
            "--report",
            "json",
            "--failed",
            "f.json",
            "one",
            "two",
        ])
        .expect("all of these are options");
        let format = arguments.input_format().expect("-K goes with lines");
        assert_eq!(
            format,
            Format::Lines {
                separator: Some(b"\t".to_vec())
            }
        );
        assert_eq!(arguments.headers[1].name, "b");
        assert_eq!(arguments.headers[1].value.as_deref(), Some(&b"x=y"[..]));
        assert_eq!(arguments.partition, Some(3));
        assert_eq!(arguments.report, ReportForm::Json);
        assert_eq!(arguments.files.len(), 2);
        assert_eq!(arguments.connection.backend, Backend::Native);
    }

    fn transactions(arguments: &[&str]) -> Result<Option<Limits>, String> {
        let all = ["-b", "a:1", "-t", "t"].iter().chain(arguments);
        let all: Vec<&str> = all.copied().collect();
        let arguments = produce(&all)?;
        let configured = configure(&arguments.connection())?;
        Ok(arguments.transactions(&configured.config)?)
    }

    #[test]
    fn transactions_are_asked_for_by_their_id() {
        let limits = |records| {
            Ok(Some(Limits {
                records,
                bytes: 32 << 20,
            }))
        };
        assert_eq!(transactions(&[]), Ok(None));
        assert_eq!(transactions(&["--transactional-id", "a"]), limits(1000));
        assert_eq!(transactions(&["-X", "transactional.id=a"]), limits(1000));
        let sized = ["--transactional-id", "a", "--transaction-size", "7"];
        assert_eq!(transactions(&sized), limits(7));
        let alone = transactions(&["--transaction-size", "7"]);
        assert!(alone.is_err_and(|error| error.contains("--transactional-id")));
        let empty = transactions(&["--transactional-id", "a", "--transaction-size", "0"]);
        assert!(empty.is_err());
    }

    #[test]
    fn lines_need_a_topic_and_json_does_not() {
        let lines = produce(&["-b", "a:1"]).expect("clap does not know");
        assert_eq!(lines.input_format(), Err("-t TOPIC is missing"));
        let json = produce(&["-b", "a:1", "--format", "json"]).expect("all is there");
        assert_eq!(json.input_format(), Ok(Format::Json));
    }

    #[test]
    fn wrong_values_are_refused_with_the_reason() {
        let with = |more: &[&str]| {
            let all: Vec<&str> = ["-t", "t"].iter().chain(more).copied().collect();
            produce(&all).expect_err("the value is wrong")
        };
        assert!(with(&["-p", "-1"]).contains("-1"));
        assert!(with(&["-K", ""]).contains("at least one byte"));
        assert!(with(&["-X", "acks"]).contains("write KEY=VALUE"));
        assert!(with(&["-H", "name"]).contains("write NAME=VALUE"));
        let json = produce(&["-K", ",", "--format", "json"]).expect("clap sees no conflict");
        assert!(json.input_format().is_err());
    }
}
