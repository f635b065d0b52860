//! Where streams go whose peer has stopped reading.
//!
//! A host finishes the last write of an output stream before it lets the stream go (wasmtime waits for
//! it in the drop, without limit). A stream whose write has not ended is therefore kept here until it
//! has, or until the instance goes, and nothing ever waits for it.

use super::streams::Streams;
use ::wasi::sockets::tcp::ShutdownType;
use core::cell::RefCell;

/// How many streams may be parked in an instance before no further connection is opened. Each holds up to
/// 64 KiB in the host, and a socket.
const LIMIT: usize = 16;

thread_local! {
    /// One for all producers of the instance: a parked stream outlives its producer.
    static PARKED: RefCell<Vec<Streams>> = const { RefCell::new(Vec::new()) };
}

/// Lets a stream go, now or when its last write has ended. Never blocks.
pub(super) fn retire(streams: Streams) {
    if !streams.is_stalled() {
        return;
    }
    // Where this fails, or is put off until the write ends, the peer hears of the end later, which is all
    // that it is for.
    let _ = streams.socket.shutdown(ShutdownType::Both);
    PARKED.with_borrow_mut(|parked| parked.push(streams));
}

/// Lets those go whose write has ended.
pub(super) fn sweep() {
    PARKED.with_borrow_mut(|parked| parked.retain(Streams::is_stalled));
}

/// Whether as many are parked as may be.
pub(super) fn is_full() -> bool {
    let is_full = || PARKED.with_borrow(|parked| parked.len() >= LIMIT);
    if is_full() {
        // A host that had enough for a moment makes a stream look as if it were stalled.
        sweep();
    }
    is_full()
}
