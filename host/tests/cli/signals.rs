//! What `produce` does when a signal ends it.

use crate::tool::{TemporaryFile, broker, start_produce, terminate, wait, wait_read};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_ends_the_run_and_everything_is_reported() {
    let broker = broker(1).await;
    let failed = TemporaryFile::new("signal", b"");
    let mut child = start_produce(
        &broker.bootstrap_servers(),
        &[
            "-t",
            "t",
            "-X",
            "linger.ms=60000",
            "--failed",
            failed.path(),
        ],
    );
    let mut stdin = child.stdin.take().expect("the input is a pipe");
    stdin.write_all(b"a\nb\nc").expect("the tool reads");
    wait_read(&stdin).await;
    terminate(&child);
    let ended = wait(child).await;
    drop(stdin);
    // Nobody knows how the last line would have gone on, so it is kept and not sent.
    assert_eq!(ended.last_line(), "delivered=2 failed=1 possibly=0");
    assert_eq!(ended.code, Some(1));
    let kept: serde_json::Value =
        serde_json::from_slice(&failed.content()).expect("one object is kept");
    assert_eq!(kept["line_base64"], "Yw==");
    assert_eq!(kept["line"], 3);
    assert_eq!(kept["error"], "the input ended inside the line");
}

/// Writes lines of 64 bytes and counts their bytes, until nobody reads.
fn write_lines(mut pipe: std::io::PipeWriter, total: u64, written: &AtomicU64) {
    let block = [[b'x'; 63].as_slice(), b"\n"].concat().repeat(64);
    while written.load(Ordering::Relaxed) < total {
        if pipe.write_all(&block).is_err() {
            return;
        }
        written.fetch_add(block.len() as u64, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_loses_nothing_that_was_read() {
    const TOTAL: u64 = 16 * 1024 * 1024;
    // Much more than fits into a pipe that nobody reads yet.
    const BEGUN: u64 = 256 * 1024;
    // Connections succeed and nothing is ever answered, so everything stays where it is.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let server = silent.local_addr().expect("it is bound").to_string();
    let (mut reader, writer) = std::io::pipe().expect("pipes are there");
    let fixed = ["produce", "--backend", "native", "-b", &server, "-t", "t"];
    let more = ["-X", "buffer.memory=1048576", "-X", "batch.size=1000"];
    let mut command = crate::tool::command(&[&fixed[..], &more].concat());
    command.stdin(Stdio::from(
        reader.try_clone().expect("pipes can be shared"),
    ));
    let child = command.spawn().expect("the binary starts");
    drop(command);
    let written = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&written);
    let thread = std::thread::spawn(move || write_lines(writer, TOTAL, &count));
    let mut before = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = written.load(Ordering::Relaxed);
        if now > BEGUN && now == before {
            break;
        }
        before = now;
    }
    assert!(
        before < TOTAL,
        "the tool stops reading when it holds enough"
    );
    terminate(&child);
    tokio::time::sleep(Duration::from_millis(300)).await;
    terminate(&child);
    let ended = wait(child).await;
    let rest = tokio::task::spawn_blocking(move || {
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).map(|_| rest.len() as u64)
    });
    let rest = rest.await.expect("no panic").expect("the pipe is whole");
    thread.join().expect("no panic");
    let read = (written.load(Ordering::Relaxed) - rest) / 64;
    let expected = format!("delivered=0 failed={read} possibly=0");
    assert_eq!(ended.last_line(), expected, "{}", ended.stderr);
    assert_eq!(ended.code, Some(1));
}
