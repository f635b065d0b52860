//! Waiting on a thread that has no runtime.

use std::future::Future;
use tokio::runtime::{Builder, Runtime};

thread_local! {
    /// It has a timer and nothing else: connections belong to the driver.
    static RUNTIME: Runtime = Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime without I/O asks nothing of the system");
}

/// Runs a future of the producer to its end on this thread, which blocks: for programs that have no
/// runtime, and threads outside of it.
///
/// ```no_run
/// use odradek_host::{Producer, Record, block_on};
///
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let producer = Producer::builder().set("bootstrap.servers", "localhost:9092").build()?;
/// let delivery = block_on(producer.send(&Record::to("orders").value("3 spools")))?;
/// let report = block_on(delivery).delivered()?;
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// Within a task of a tokio runtime, where waiting would hold up other tasks: `await` there.
pub fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.with(|runtime| runtime.block_on(future))
}
