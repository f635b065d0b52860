//! `odradek produce` against Apache Kafka and franz-go's kfake: what it reports is what the brokers stored.

mod partitioning;

use odradek_tests_interop::case::{Case, PARTITIONS};
use odradek_tests_interop::committing;
use odradek_tests_interop::jars::Release;
use odradek_tests_interop::kfake::Kfake;
use odradek_tests_interop::process::Scratch;
use odradek_tests_interop::producer::produce;
use odradek_tests_interop::records::Records;
use odradek_tests_interop::verdict::judge_elsewhere;
use std::path::Path;

/// How many records a case has at full size.
const FULL: u64 = 1_000_000;

fn run(case: Case, backend: &'static str) {
    let sent = Records::for_case(PARTITIONS, FULL);
    case.run(&sent, &move |arguments, input, scratch| {
        let arguments = [arguments, &["--backend", backend]].concat();
        produce(&arguments, input, scratch)
    });
}

/// The same with batches up to a request's size, as far as the records go.
fn run_in_large_batches(case: Case, backend: &'static str) {
    let sent = Records::for_case(PARTITIONS, FULL);
    case.run(&sent, &move |arguments, input, scratch| {
        let large = ["-X", "batch.size=900000", "-X", "linger.ms=200"];
        let arguments = [arguments, &large, &["--backend", backend]].concat();
        produce(&arguments, input, scratch)
    });
}

/// The same against kfake, which keeps no files for Kafka's tools.
fn run_on_kfake(case: Case, backend: &'static str) {
    let Some(cluster) = Kfake::shared(case.name) else {
        return;
    };
    let sent = Records::for_case(PARTITIONS, FULL);
    let produce = move |arguments: &[&str], input: &Path, scratch: &Scratch| {
        let arguments = [arguments, &["--backend", backend]].concat();
        produce(&arguments, input, scratch)
    };
    case.run_at(cluster.bootstrap(), &sent, &produce, &|run, _| {
        judge_elsewhere(cluster.bootstrap(), case.name, &sent, run)
    });
}

macro_rules! cases {
    ($run:ident: $($name:ident: $release:ident, $backend:literal, acks $acks:literal, $codec:literal;)*) => {$(
        #[test]
        fn $name() {
            let (name, release) = (stringify!($name), Release::$release);
            $run(Case { name, release, acks: $acks, codec: $codec }, $backend);
        }
    )*};
}

cases! {
    run:
    component_idempotent_on_4_3_0: V4_3_0, "component", acks "all", "none";
    component_idempotent_lz4_on_4_3_0: V4_3_0, "component", acks "all", "lz4";
    component_idempotent_gzip_on_4_3_0: V4_3_0, "component", acks "all", "gzip";
    component_idempotent_snappy_on_4_3_0: V4_3_0, "component", acks "all", "snappy";
    component_idempotent_zstd_on_4_3_0: V4_3_0, "component", acks "all", "zstd";
    component_acks_1_on_4_3_0: V4_3_0, "component", acks "1", "none";
    component_acks_0_on_4_3_0: V4_3_0, "component", acks "0", "none";
    component_idempotent_on_3_9_1: V3_9_1, "component", acks "all", "none";
    component_idempotent_lz4_on_3_9_1: V3_9_1, "component", acks "all", "lz4";
    native_idempotent_on_4_3_0: V4_3_0, "native", acks "all", "none";
    native_idempotent_lz4_on_4_3_0: V4_3_0, "native", acks "all", "lz4";
    native_acks_1_on_4_3_0: V4_3_0, "native", acks "1", "none";
    native_acks_0_on_4_3_0: V4_3_0, "native", acks "0", "none";
    native_idempotent_on_3_9_1: V3_9_1, "native", acks "all", "none";
    native_idempotent_lz4_on_3_9_1: V3_9_1, "native", acks "all", "lz4";
    native_idempotent_gzip_on_3_9_1: V3_9_1, "native", acks "all", "gzip";
    native_idempotent_snappy_on_3_9_1: V3_9_1, "native", acks "all", "snappy";
    native_idempotent_zstd_on_3_9_1: V3_9_1, "native", acks "all", "zstd";
}

// Each codec in batches of several hundred kilobytes, judged by the broker, Kafka's tool and librdkafka with the C libraries.
cases! {
    run_in_large_batches:
    component_large_batches: V4_3_0, "component", acks "all", "none";
    component_large_batches_gzip: V4_3_0, "component", acks "all", "gzip";
    component_large_batches_snappy: V4_3_0, "component", acks "all", "snappy";
    component_large_batches_lz4: V4_3_0, "component", acks "all", "lz4";
    component_large_batches_zstd: V4_3_0, "component", acks "all", "zstd";
}

// The release is that of the Java client whose partitions the records are compared with.
cases! {
    run_on_kfake:
    kfake_idempotent: V4_3_0, "component", acks "all", "none";
    kfake_idempotent_lz4: V4_3_0, "component", acks "all", "lz4";
    kfake_acks_1: V4_3_0, "component", acks "1", "none";
    kfake_acks_0: V4_3_0, "component", acks "0", "none";
    kfake_native_idempotent: V4_3_0, "native", acks "all", "none";
}

fn transactions_are_committed(name: &str, backend: &'static str) {
    committing::transactions_are_committed(name, &move |arguments, input, scratch| {
        let arguments = [arguments, &["--backend", backend]].concat();
        produce(&arguments, input, scratch)
    });
}

#[test]
fn component_commits_transactions() {
    transactions_are_committed("component_commits_transactions", "component");
}

#[test]
fn native_commits_transactions() {
    transactions_are_committed("native_commits_transactions", "native");
}
