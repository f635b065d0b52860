//! The two sizes of every scenario: that of CI, and the full one with `ODRADEK_FULL=1`.

use std::time::Duration;

/// How many partitions each topic has.
pub(crate) const PARTITIONS: i32 = 4;

/// What the proxies do follows from it.
pub(crate) const SEED: u64 = 6;

/// How much is sent, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// How many records an idempotent producer sends at least; it goes on until the faults are over.
    pub(crate) records: u64,
    /// How many records are sent at once.
    pub(crate) burst: u64,
    /// The pause between bursts. Without one, as many records are sent as there is room for.
    pub(crate) pause: Duration,
    /// Connections are cut after at most 2 to the power of so many bytes.
    pub(crate) cut_after: u32,
    /// How many transactions are made at least; they go on until the faults are over.
    pub(crate) transactions: usize,
    /// How many records they write together at least.
    pub(crate) transacted: u64,
    /// How many records a transaction consumes, and writes, of each partition at most.
    pub(crate) of_each: i64,
    /// Whether the faults are those of a long run.
    pub(crate) is_full: bool,
}

impl Size {
    /// The size of this run.
    pub(crate) fn get() -> Self {
        let is_full = std::env::var("ODRADEK_FULL").is_ok_and(|full| full == "1");
        if is_full { FULL } else { CI }
    }
}

const CI: Size = Size {
    records: 3_000,
    burst: 10,
    pause: Duration::from_millis(10),
    cut_after: 19,
    transactions: 30,
    transacted: 200,
    of_each: 6,
    is_full: false,
};

const FULL: Size = Size {
    records: 1_000_000,
    burst: 500,
    pause: Duration::ZERO,
    cut_after: 21,
    transactions: 500,
    transacted: 1_000_000,
    of_each: 480,
    is_full: true,
};
