//! `component` writes what the library carries.

use crate::tool::{TemporaryFile, command, end};
use odradek_host::{CLIENT_COMPONENT, COMMAND_COMPONENT, ENGINE_COMPONENT};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_component_is_written_whole() {
    let components = [
        ("engine", ENGINE_COMPONENT),
        ("client", CLIENT_COMPONENT),
        ("command", COMMAND_COMPONENT),
    ];
    for (name, expected) in components {
        // Something longer is there already.
        let before = vec![b'x'; expected.len() + 1];
        let file = TemporaryFile::new(name, &before);
        let mut command = command(&["component", name, "--out", file.path()]);
        let ended = end(command.spawn().expect("the binary starts"), b"").await;
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.stderr);
        let size = format!("{}: {} bytes", file.path(), expected.len());
        assert!(ended.stderr.contains(&size), "{name}: {}", ended.stderr);
        assert!(file.content() == expected, "{name}: other bytes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_cannot_be_written_exits_2_and_names_the_file() {
    let path = "/nonexistent/odradek.wasm";
    let mut command = command(&["component", "command", "--out", path]);
    let ended = end(command.spawn().expect("the binary starts"), b"").await;
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains(path), "{}", ended.stderr);
}
