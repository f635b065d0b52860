//! `odradek.wasm` against Apache Kafka, under both runtimes: what it reports is what the brokers stored.
//!
//! `ODRADEK_FULL=1` sends 500 000 records in each case; otherwise it is 20 000.

use odradek_host::COMMAND_COMPONENT;
use odradek_tests_interop::case::{Case, PARTITIONS};
use odradek_tests_interop::jars::Release;
use odradek_tests_interop::process::{self, Scratch};
use odradek_tests_interop::records::Records;
use odradek_tests_wasi::runtime::Runtime;
use std::time::Duration;

/// How long a run may take at full size.
const LIMIT: Duration = Duration::from_secs(900);

fn run(name: &'static str, runtime: Runtime, codec: &'static str) {
    if !runtime.is_here(name) {
        return;
    }
    let case = Case {
        name,
        release: Release::V4_3_0,
        acks: "all",
        codec,
    };
    let sent = Records::for_case(PARTITIONS, 500_000);
    case.run(&sent, &move |arguments, input, scratch: &Scratch| {
        let wasm = scratch.fresh("odradek.wasm");
        std::fs::write(&wasm, COMMAND_COMPONENT).expect("the scratch folder is writable");
        let arguments = [&["produce"], arguments].concat();
        let folder = wasm.parent().expect("a file lies in a folder");
        let mut command = runtime.with_folder(folder, &wasm, &arguments);
        process::run(&mut command, Some(input), scratch, LIMIT)
    });
}

macro_rules! cases {
    ($($name:ident: $runtime:ident, $codec:literal;)*) => {$(
        #[test]
        fn $name() {
            run(stringify!($name), Runtime::$runtime, $codec);
        }
    )*};
}

cases! {
    command_under_wasmtime: Wasmtime, "none";
    command_under_wasmtime_lz4: Wasmtime, "lz4";
    command_under_jco: Jco, "none";
    command_under_jco_lz4: Jco, "lz4";
}
