//! Apache Kafka 4.3.0: what is reported is what the brokers stored, to be read by their own tools.

use crate::run::wasm;
use odradek_tests_interop::case::{Case, PARTITIONS};
use odradek_tests_interop::committing;
use odradek_tests_interop::jars::Release;
use odradek_tests_interop::process;
use odradek_tests_interop::records::Records;
use odradek_tests_wasi::runtime::Runtime;
use std::time::Duration;

/// How long a run may take at full size.
const LIMIT: Duration = Duration::from_secs(900);

/// 20 000 records, or 500 000 with `ODRADEK_FULL=1`.
fn records_are_stored(name: &'static str, runtime: Runtime, codec: &'static str) {
    let case = Case {
        name,
        release: Release::V4_3_0,
        acks: "all",
        codec,
    };
    let sent = Records::for_case(PARTITIONS, 500_000);
    case.run(&sent, &move |arguments, input, scratch| {
        let arguments = [&["produce"], arguments].concat();
        let mut command = runtime.with_folder(scratch.path(), wasm(), &arguments);
        process::run(&mut command, Some(input), scratch, LIMIT)
    });
}

pub(crate) fn kafka_stores_uncompressed_records(runtime: Runtime) {
    let name = match runtime {
        Runtime::Wasmtime => "command_under_wasmtime",
        Runtime::Jco => "command_under_jco",
    };
    records_are_stored(name, runtime, "none");
}

pub(crate) fn kafka_stores_lz4_records(runtime: Runtime) {
    let name = match runtime {
        Runtime::Wasmtime => "command_under_wasmtime_lz4",
        Runtime::Jco => "command_under_jco_lz4",
    };
    records_are_stored(name, runtime, "lz4");
}

pub(crate) fn kafka_commits_transactions(runtime: Runtime) {
    let name = match runtime {
        Runtime::Wasmtime => "command_commits_under_wasmtime",
        Runtime::Jco => "command_commits_under_jco",
    };
    committing::transactions_are_committed(name, &move |arguments, input, scratch| {
        let arguments = [&["produce"], arguments].concat();
        let mut command = runtime.with_folder(scratch.path(), wasm(), &arguments);
        process::run(&mut command, Some(input), scratch, LIMIT)
    });
}
