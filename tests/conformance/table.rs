//! The table of other producers' scenarios: what each shows here, or why it shows nothing.
//!
//! One file per origin in `scenarios`, one line per scenario, columns between tabs:
//!
//! 1. the scenario, as its origin calls it; for Java's classes the name of the test method;
//! 2. what it is about, one of [`AREAS`];
//! 3. the kind, and in column 4 where:
//!    - `test`: tests of ours, as `path::name`, with a comma and a space between several;
//!    - `storm`: a test whose seeded sessions pass through it, as `path::name`;
//!    - `later`: the issue that brings it, as `6` or `7+`;
//!    - `none`: `-`, it does not concern this producer;
//! 5. a remark, which `later` and `none` must have.
//!
//! That the lines of Java's classes are its test methods, all of them and no others, is checked where
//! there is a jar to compare with: `tests/interop/tests/scenarios.rs`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What scenarios are about, and whether each scenario of it needs a counterpart: a reason is no
/// substitute then.
const AREAS: [(&str, bool); 22] = [
    ("api", false),
    ("backoff", true),
    ("batching", false),
    ("close", false),
    ("configuration", false),
    ("connections", false),
    ("content", false),
    ("epochs", true),
    ("expiry", true),
    ("flush", false),
    ("leaders", true),
    ("memory", false),
    ("metadata", false),
    ("metrics", false),
    ("ordering", true),
    ("outcomes", false),
    ("partitioning", false),
    ("sequences", true),
    ("splitting", true),
    ("throttling", true),
    ("transactions", false),
    ("versions", false),
];

/// The files whose tests run seeded sessions.
const STORMS: [&str; 2] = ["tests/machine/storms.rs", "tests/machine/hostile.rs"];

/// A line.
struct Row {
    /// Its file and number, for failures.
    place: String,
    origin: String,
    scenario: String,
    area: String,
    kind: String,
    target: String,
    remark: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn tables() -> Vec<PathBuf> {
    let folder = root().join("tests/conformance/scenarios");
    let entries = fs::read_dir(folder).expect("the folder of the tables");
    let mut tables: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a folder can be listed").path())
        .collect();
    tables.sort();
    tables
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for table in tables() {
        let origin = table.file_stem().expect("a name").to_string_lossy();
        let text = fs::read_to_string(&table).expect("a table is text");
        for (number, line) in (1..).zip(text.lines()) {
            if line.starts_with('#') {
                continue;
            }
            let place = format!("{origin}.tsv:{number}");
            let columns: Vec<&str> = line.split('\t').collect();
            let (Ok([scenario, area, kind, target]), remark) = (
                <[&str; 4]>::try_from(&columns[..columns.len().min(4)]),
                &columns[4.min(columns.len())..],
            ) else {
                panic!("{place}: there are {} columns", columns.len())
            };
            assert!(
                remark.len() <= 1,
                "{place}: there are {} columns",
                columns.len()
            );
            rows.push(Row {
                place,
                origin: origin.clone().into_owned(),
                scenario: scenario.to_owned(),
                area: area.to_owned(),
                kind: kind.to_owned(),
                target: target.to_owned(),
                remark: remark.concat(),
            });
        }
    }
    rows
}

/// What is wrong with a line, if anything is.
fn fault(row: &Row) -> Option<String> {
    let Some((_, is_required)) = AREAS.iter().find(|(area, _)| *area == row.area) else {
        return Some(format!("{} is no area", row.area));
    };
    let has_remark = !row.remark.trim().is_empty();
    match row.kind.as_str() {
        "test" => row.target.split(", ").find_map(missing_test),
        "storm" if !STORMS.iter().any(|file| row.target.starts_with(file)) => {
            Some(format!("{} runs no seeded sessions", row.target))
        }
        "storm" => missing_test(&row.target),
        "later" if !["6", "7+"].contains(&row.target.as_str()) => {
            Some(format!("{} is no later issue", row.target))
        }
        "none" if *is_required => Some(format!("{} requires a counterpart", row.area)),
        "none" if row.target != "-" => Some("a line of this kind has - in column 4".to_owned()),
        "later" | "none" => (!has_remark).then(|| "there is no remark".to_owned()),
        other => Some(format!("{other} is no kind")),
    }
}

/// Why `path::name` is no test of ours, if it is none.
fn missing_test(target: &str) -> Option<String> {
    let Some((path, name)) = target.split_once("::") else {
        return Some(format!("{target} is no path::name"));
    };
    let Ok(text) = fs::read_to_string(root().join(path)) else {
        return Some(format!("there is no file {path}"));
    };
    (!holds_test(&text, name)).then(|| format!("{path} holds no test {name}"))
}

/// Whether a source text holds `fn name` below an attribute that makes it a test.
fn holds_test(text: &str, name: &str) -> bool {
    let function = format!("fn {name}(");
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if !line.starts_with("#[") && !line.starts_with("//") {
            if is_test && line.contains(&function) {
                return true;
            }
            is_test = false;
        }
    }
    false
}

#[test]
fn every_scenario_has_a_test_or_a_reason() {
    let rows = rows();
    assert!(rows.len() > 300, "only {} lines were found", rows.len());
    let faults: Vec<String> = rows
        .iter()
        .filter_map(|row| Some(format!("{} {}: {}", row.place, row.scenario, fault(row)?)))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn no_scenario_stands_twice() {
    let mut seen = BTreeSet::new();
    for row in rows() {
        let is_new = seen.insert((row.origin, row.scenario.clone()));
        assert!(is_new, "{}: {} again", row.place, row.scenario);
    }
}

#[test]
fn tests_are_told_from_other_functions() {
    let text = "fn helper() {}\n#[test]\n// why\n#[should_panic]\nfn shows() {}\nasync fn other() {}\n\
        #[tokio::test(start_paused = true)]\nasync fn waits() {}\n";
    for name in ["shows", "waits"] {
        assert!(holds_test(text, name), "{name}");
    }
    for name in ["helper", "other", "show", "hows"] {
        assert!(!holds_test(text, name), "{name}");
    }
}
