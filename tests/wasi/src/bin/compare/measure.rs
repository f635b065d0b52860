//! Runs one way under one load, and sees from outside what it takes.

use odradek_tests_wasi::kept::command_file;
use odradek_tests_wasi::runtime::Runtime;
use odradek_tests_wasi::sink;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// What is sent, and how.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) name: &'static str,
    pub(crate) records: u64,
    pub(crate) rate: Option<u64>,
    pub(crate) others: &'static [&'static str],
    /// How long the sink takes for each answer.
    pub(crate) delay: Duration,
}

impl Load {
    /// The loads of a comparison.
    pub(crate) fn all(records: u64) -> Vec<Self> {
        let fast = Self {
            name: "throughput, none",
            records,
            rate: None,
            others: &[],
            delay: Duration::ZERO,
        };
        let lz4 = Self {
            name: "throughput, lz4",
            others: &["-X", "compression.type=lz4"],
            ..fast.clone()
        };
        let singles = Self {
            name: "throughput, one call per record",
            others: &["--api", "send"],
            ..fast.clone()
        };
        let paced = Self {
            name: "latency, 1000/s, linger 0",
            records: 5000,
            rate: Some(1000),
            others: &["-X", "linger.ms=0"],
            delay: Duration::ZERO,
        };
        let nagle = Self {
            name: "latency, 1000/s, linger 0, answers after 5 ms",
            delay: Duration::from_millis(5),
            ..paced.clone()
        };
        vec![fast, lz4, singles, paced, nagle]
    }
}

/// A way to run the core.
struct Way {
    name: &'static str,
    program: OsString,
    arguments: Vec<OsString>,
    /// What the number of records is divided by, for ways that are much slower.
    divisor: u64,
}

/// All ways that are there.
pub(crate) struct Ways(Vec<Way>);

/// The figures of one way.
pub(crate) struct Figures {
    pub(crate) name: &'static str,
    pub(crate) per_second: f64,
    /// Seconds per million records, the start subtracted; `None` for paced loads.
    pub(crate) cpu: Option<f64>,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    /// The peak of resident memory of the largest process, in bytes.
    pub(crate) peak: u64,
}

impl Ways {
    /// Finds the programs beside this one.
    pub(crate) fn find(with_jco: bool) -> Self {
        let own = std::env::current_exe().expect("this program has a path");
        let odradek = own.with_file_name("odradek");
        assert!(
            odradek.exists(),
            "{} is missing: build it first",
            odradek.display()
        );
        let native = |name, backend: &str| Way {
            name,
            program: odradek.clone().into(),
            arguments: ["bench", "--backend", backend].map(Into::into).to_vec(),
            divisor: 1,
        };
        let mut ways = vec![
            native("native", "native"),
            native("engine in the host", "component"),
            Way {
                name: "client, wasmtime-wasi",
                program: own.into(),
                arguments: vec!["client".into()],
                divisor: 1,
            },
        ];
        let command = command_file();
        let mut add = |name, runtime: Runtime, divisor| {
            let command = runtime.command(&command, &["bench"]);
            ways.push(Way {
                name,
                program: command.get_program().to_owned(),
                arguments: command.get_args().map(ToOwned::to_owned).collect(),
                divisor,
            });
        };
        add("command, wasmtime-wasi", Runtime::Wasmtime, 1);
        if with_jco {
            add("command, jco", Runtime::Jco, 10);
        }
        Self(ways)
    }

    /// Runs every way.
    pub(crate) fn measure(&self, load: &Load) -> Vec<Figures> {
        self.0.iter().map(|way| way.measure(load)).collect()
    }
}

impl Way {
    fn measure(&self, load: &Load) -> Figures {
        let records = match load.rate {
            None => load.records / self.divisor,
            Some(_) => load.records,
        };
        let start = self.run(load, 1);
        let run = self.run(load, records);
        let number = |name: &str| run.report[name].as_f64().expect("a number");
        assert_eq!(number("delivered") as u64, records, "{}", self.name);
        let cpu = run.cpu.saturating_sub(start.cpu).as_secs_f64();
        Figures {
            name: self.name,
            per_second: number("records_per_second"),
            cpu: load.rate.is_none().then(|| cpu * 1e6 / records as f64),
            p50_us: number("p50_us") as u64,
            p99_us: number("p99_us") as u64,
            peak: run.peak,
        }
    }

    fn run(&self, load: &Load, records: u64) -> Run {
        let sink = sink::start_delayed(6, load.delay);
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).args(load.others);
        command.args(["-b", &sink.address().to_string(), "-t", "bench", "--json"]);
        command.args(["--records", &records.to_string()]);
        if let Some(rate) = load.rate {
            command.args(["--rate", &rate.to_string()]);
        }
        let before = children_cpu();
        let child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let (peak, output) = watch(child);
        let report = serde_json::from_str(&output);
        Run {
            report: report.unwrap_or_else(|error| panic!("{}: {error}: {output}", self.name)),
            cpu: children_cpu().saturating_sub(before),
            peak,
        }
    }
}

struct Run {
    report: Value,
    cpu: Duration,
    peak: u64,
}

/// Waits for the end of a process; the peak of memory of its largest descendant, and its output.
fn watch(mut child: Child) -> (u64, String) {
    let mut peaks = BTreeMap::new();
    while child.try_wait().expect("a child").is_none() {
        for process in descendants(child.id()) {
            if let Some(peak) = peak_memory(process) {
                peaks.insert(process, peak);
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    // One line of output waits in the pipe.
    let output = child.wait_with_output().expect("it has ended");
    assert!(output.status.success(), "{}", output.status);
    let peak = peaks.into_values().max().unwrap_or_default();
    (peak, String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A process and what it has started, as far as it lives.
fn descendants(root: u32) -> Vec<u32> {
    let mut parents = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(process) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        if let Some(parent) = stat_field(process, 1) {
            parents.insert(process, parent as u32);
        }
    }
    let mut found = vec![root];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        next += 1;
        found.extend(
            parents
                .iter()
                .filter(|(_, of)| **of == parent)
                .map(|(it, _)| *it),
        );
    }
    found
}

/// A number in a process's `stat`, counted from the field behind its name and state.
fn stat_field(process: u32, index: usize) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(index)?.parse().ok()
}

fn peak_memory(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Processor time of children that have ended, and of theirs; Linux counts in hundredths of a second.
fn children_cpu() -> Duration {
    let ticks = |index| stat_field(std::process::id(), index).unwrap_or_default();
    Duration::from_millis(10 * (ticks(13) + ticks(14)))
}
