//! The lines of the scenario tables for Java's classes are the test methods of these classes: none is
//! left out, none invented. What the lines say is checked in `tests/conformance/table.rs`.

use odradek_tests_interop::archive::ClientJar;
use odradek_tests_interop::class_file::test_methods;
use odradek_tests_interop::jars::Release;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The classes, as they lie below `org/apache/kafka/clients` in the jar of Kafka's tests.
const CLASSES: [&str; 8] = [
    "MetadataTest",
    "NetworkClientTest",
    "producer/KafkaProducerTest",
    "producer/internals/BuiltInPartitionerTest",
    "producer/internals/ProducerBatchTest",
    "producer/internals/RecordAccumulatorTest",
    "producer/internals/SenderTest",
    "producer/internals/TransactionManagerTest",
];

/// The first column of the table for a class.
fn listed(class: &str) -> BTreeSet<String> {
    let (_, name) = class.rsplit_once('/').unwrap_or(("", class));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/scenarios");
    let text = fs::read_to_string(folder.join(name).with_extension("tsv")).expect("a table");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.split('\t').next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn tables_list_the_test_methods_of_javas_classes() {
    let release = Release::V4_3_0;
    let test = "tables_list_the_test_methods_of_javas_classes";
    if !ClientJar::Tests.is_readable(release, test) {
        return;
    }
    let paths = CLASSES.map(|class| format!("org/apache/kafka/clients/{class}.class"));
    let files = ClientJar::Tests.read(release, &paths.each_ref().map(String::as_str));
    let mut count = 0;
    for (class, file) in CLASSES.iter().zip(files) {
        let (methods, listed) = (test_methods(&file), listed(class));
        let left_out: Vec<&String> = methods.difference(&listed).collect();
        let invented: Vec<&String> = listed.difference(&methods).collect();
        assert!(left_out.is_empty(), "{class}: left out: {left_out:#?}");
        assert!(invented.is_empty(), "{class}: invented: {invented:#?}");
        count += methods.len();
    }
    assert!(count > 250, "only {count} test methods were found");
}
