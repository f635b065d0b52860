//! `odradek produce` against Apache Kafka: what it reports is what the brokers stored.

use odradek_tests_interop::case::{Case, PARTITIONS};
use odradek_tests_interop::jars::Release;
use odradek_tests_interop::producer::produce;
use odradek_tests_interop::records::Records;

fn run(case: Case, backend: &'static str) {
    let sent = Records::for_case(PARTITIONS, 1_000_000);
    case.run(&sent, &move |arguments, input, scratch| {
        let arguments = [arguments, &["--backend", backend]].concat();
        produce(&arguments, input, scratch)
    });
}

macro_rules! cases {
    ($($name:ident: $release:ident, $backend:literal, acks $acks:literal, $codec:literal;)*) => {$(
        #[test]
        fn $name() {
            let (name, release) = (stringify!($name), Release::$release);
            run(Case { name, release, acks: $acks, codec: $codec }, $backend);
        }
    )*};
}

cases! {
    component_idempotent_on_4_3_0: V4_3_0, "component", acks "all", "none";
    component_idempotent_lz4_on_4_3_0: V4_3_0, "component", acks "all", "lz4";
    component_acks_1_on_4_3_0: V4_3_0, "component", acks "1", "none";
    component_acks_0_on_4_3_0: V4_3_0, "component", acks "0", "none";
    component_idempotent_on_3_9_1: V3_9_1, "component", acks "all", "none";
    component_idempotent_lz4_on_3_9_1: V3_9_1, "component", acks "all", "lz4";
    native_idempotent_on_4_3_0: V4_3_0, "native", acks "all", "none";
    native_idempotent_lz4_on_4_3_0: V4_3_0, "native", acks "all", "lz4";
    native_idempotent_on_3_9_1: V3_9_1, "native", acks "all", "none";
    native_idempotent_lz4_on_3_9_1: V3_9_1, "native", acks "all", "lz4";
}
