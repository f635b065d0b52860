//! Imports between rooms go down, and only the component room knows its bindings.

use crate::tree::{SourceFile, rust_files};

/// The rooms of the core from the ground up: a room may import from those before it. Files outside of
/// rooms are the ground itself.
const ROOMS: [&str; 5] = ["metrics", "wire", "record", "cluster", "producer"];

/// The rooms that see only the public face of the others.
const ADAPTERS: [&str; 4] = ["cli", "command", "component", "wasi"];

/// What goes up all the same, with the reason.
const EXCEPTIONS: [(&str, &str, &str); 3] = [
    (
        "src/driver.rs",
        "wire",
        "WireError is one of the reasons for a disconnect",
    ),
    (
        "src/error_code.rs",
        "wire",
        "what a code means for recovery depends on the ApiKey",
    ),
    ("src/bulk.rs", "record", "a bulk is records in another form"),
];

/// The modules of the core that a line imports from or names, without the standard library's.
fn rooms_named(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        &rest[..end.unwrap_or(rest.len())]
    })
}

fn code_lines(file: &SourceFile) -> impl Iterator<Item = &str> {
    file.text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
}

fn level(room: &str) -> usize {
    ROOMS
        .iter()
        .position(|name| *name == room)
        .map_or(0, |index| index + 1)
}

/// The room of a file of the core: the folder below `src`, or nothing for the ground.
fn room_of(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    inside.split_once('/').map_or("", |(room, _)| room)
}

#[test]
fn imports_between_rooms_only_go_down() {
    let mut climbing = Vec::new();
    let mut checked = 0;
    for file in rust_files() {
        let room = room_of(&file.path).to_owned();
        let is_checked = file.path.starts_with("src/")
            && !ADAPTERS.contains(&room.as_str())
            && file.path != "src/lib.rs";
        if !is_checked {
            continue;
        }
        for line in code_lines(&file) {
            for named in rooms_named(line) {
                checked += 1;
                let is_exception = EXCEPTIONS
                    .iter()
                    .any(|(path, target, _)| *path == file.path && *target == named);
                if level(named) > level(&room) && !is_exception {
                    climbing.push(format!("{}: {}", file.path, line.trim()));
                }
            }
        }
    }
    assert!(checked > 100, "only {checked} imports were found");
    assert!(climbing.is_empty(), "imports that go up: {climbing:#?}");
}

#[test]
fn record_and_cluster_do_not_know_each_other() {
    for file in rust_files() {
        let other = match room_of(&file.path) {
            "record" => "crate::cluster",
            "cluster" => "crate::record",
            _ => continue,
        };
        assert!(!file.text.contains(other), "{} imports {other}", file.path);
    }
}

#[test]
fn only_the_component_room_knows_wit_bindgen() {
    let knowing: Vec<String> = rust_files()
        .into_iter()
        .filter(|file| file.path.starts_with("src/") && !file.path.starts_with("src/component/"))
        .filter(|file| code_lines(file).any(|line| line.contains("wit_bindgen")))
        .map(|file| file.path)
        .collect();
    assert!(knowing.is_empty(), "{knowing:#?}");
}

#[test]
fn the_component_room_and_the_command_line_see_only_the_public_face() {
    const PRIVATE: [&str; 3] = ["crate::cluster", "crate::producer", "crate::random"];
    for file in rust_files() {
        let room = room_of(&file.path);
        if file.path.starts_with("src/") && ADAPTERS.contains(&room) {
            for inside in PRIVATE {
                assert!(!file.text.contains(inside), "{} names {inside}", file.path);
            }
        }
    }
}
