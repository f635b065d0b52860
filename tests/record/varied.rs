//! Records of every shape, from a seed.

use odradek::TopicHandle;
use odradek::record::{Header, Record};

/// A record that owns its bytes.
pub(crate) struct Owned {
    pub(crate) timestamp: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Owned {
    pub(crate) fn headers(&self) -> Vec<Header<'_>> {
        self.headers
            .iter()
            .map(|(name, value)| Header {
                name,
                value: value.as_deref(),
            })
            .collect()
    }

    pub(crate) fn record<'a>(&'a self, headers: &'a [Header<'a>]) -> Record<'a> {
        Record {
            topic: TopicHandle(0),
            partition: None,
            timestamp: self.timestamp,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers,
        }
    }
}

/// Calls `check` with all records as the core borrows them.
pub(crate) fn borrowed<R>(owned: &[Owned], check: impl FnOnce(&[Record<'_>]) -> R) -> R {
    let headers: Vec<_> = owned.iter().map(Owned::headers).collect();
    let records: Vec<_> = owned
        .iter()
        .zip(&headers)
        .map(|(owned, headers)| owned.record(headers))
        .collect();
    check(&records)
}

/// xorshift64*, enough for test data.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 16) as usize % limit
    }

    /// Noise or text, of a length near one of the places where a length varint grows.
    pub(crate) fn bytes(&mut self) -> Vec<u8> {
        let length = match self.below(40) {
            0 => 8_190 + self.below(4),
            1..10 => 62 + self.below(4),
            10..14 => 0,
            _ => self.below(300),
        };
        let noise = self.below(3) == 0;
        (0..length)
            .map(|i| {
                if noise {
                    self.next() as u8
                } else {
                    b"{\"name\": \"value\"}, "[i % 19]
                }
            })
            .collect()
    }

    fn nullable(&mut self) -> Option<Vec<u8>> {
        if self.below(5) == 0 {
            None
        } else {
            Some(self.bytes())
        }
    }

    /// Header names do not repeat, since the outside decoder keeps one value for each.
    fn owned(&mut self, timestamp: i64) -> Owned {
        let headers = match self.below(30) {
            0 => 70,
            1..10 => self.below(4),
            _ => 0,
        };
        Owned {
            timestamp,
            key: self.nullable(),
            value: self.nullable(),
            headers: (0..headers)
                .map(|i| {
                    let name = if i == 0 {
                        String::new()
                    } else {
                        format!("h\u{e9}ader-{i}")
                    };
                    (name, self.nullable())
                })
                .collect(),
        }
    }

    /// Records whose timestamps jump back and forth, a few of them by years.
    pub(crate) fn records(&mut self, count: usize) -> Vec<Owned> {
        let base = 1_700_000_000_000_i64;
        (0..count)
            .map(|_| {
                let jump = match self.below(20) {
                    0 => self.below(1 << 40) as i64,
                    1..5 => self.below(20_000) as i64,
                    _ => self.below(130) as i64,
                };
                let timestamp = if self.below(2) == 0 {
                    base - jump
                } else {
                    base + jump
                };
                self.owned(timestamp)
            })
            .collect()
    }
}
