//! Brokers that acknowledge and discard, for callers that must not be on a runtime themselves.

use odradek_host::sink::{Sink, SinkHandle};
use std::sync::OnceLock;
use std::time::Duration;
use tokio::runtime::Runtime;

/// Starts a sink on a free port of the loopback interface; it lives as long as the process.
///
/// # Panics
///
/// If it cannot be started.
pub fn start(partitions: i32) -> SinkHandle {
    start_delayed(partitions, Duration::ZERO)
}

/// The same, and every answer is kept back for `delay`.
///
/// # Panics
///
/// If it cannot be started.
pub fn start_delayed(partitions: i32, delay: Duration) -> SinkHandle {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let builder = builder.worker_threads(1).enable_all();
        builder.build().expect("a runtime starts")
    });
    let sink = runtime.block_on(Sink::bind_delayed(
        ([127, 0, 0, 1], 0).into(),
        partitions,
        delay,
    ));
    let sink = sink.expect("a port is free");
    let handle = sink.handle();
    // A peer that is cut off in a frame is no reason to stop.
    runtime.spawn(sink.run(|_, _| {}));
    handle
}
