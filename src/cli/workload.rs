//! The varied records of `bench` and `demo`, generated from a seed.

/// Generates values and keys that differ from record to record: a constant payload would make
/// compression free.
///
/// Values are cut from half a mebibyte of text in which words and numbers alternate, which lz4 shrinks to
/// about two thirds, and begin with the number of their record. The same seed gives the same records.
#[derive(Clone, Debug)]
pub struct Workload {
    text: Vec<u8>,
    random: Random,
    size: usize,
    keys: u64,
    next: u64,
}

impl Workload {
    /// Records with values of `size` bytes and `keys` different keys; 0 means no keys.
    pub fn new(seed: u64, size: usize, keys: u64) -> Self {
        let mut random = Random::new(seed);
        // Room for any value at any of the offsets that may be drawn.
        let text = varied_text(&mut random, OFFSETS + size);
        Self {
            text,
            random,
            size,
            keys,
            next: 0,
        }
    }

    /// Appends the next record's key to `keys` and its value to `values`, and returns whether it has a
    /// key.
    pub fn append_record(&mut self, keys: &mut Vec<u8>, values: &mut Vec<u8>) -> bool {
        let number = self.next;
        self.next += 1;
        let offset = self.random.below(OFFSETS as u64) as usize;
        let start = values.len();
        values.extend_from_slice(&self.text[offset..offset + self.size]);
        let digits = decimal(number);
        for (place, digit) in values[start..].iter_mut().zip(digits) {
            *place = digit;
        }
        if self.keys > 0 {
            keys.extend_from_slice(b"key-");
            keys.extend_from_slice(&decimal(self.random.below(self.keys)));
        }
        self.keys > 0
    }
}

/// How many different places in the text a value may begin at.
const OFFSETS: usize = 512 * 1024;

/// A small generator of pseudo-random numbers (SplitMix64): fast, and good enough for test data.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// A generator; the same seed gives the same numbers.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number.
    pub const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, or 0 if `bound` is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        let wide = self.next_u64() as u128 * bound as u128;
        (wide >> 64) as u64
    }
}

fn varied_text(random: &mut Random, length: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(length + 32);
    while text.len() < length {
        let word = WORDS[random.below(WORDS.len() as u64) as usize];
        text.extend_from_slice(word.as_bytes());
        text.push(b' ');
        text.extend_from_slice(&decimal(random.below(1_000_000)));
        text.push(b' ');
    }
    text.truncate(length);
    text
}

fn decimal(number: u64) -> Vec<u8> {
    number.to_string().into_bytes()
}

const WORDS: [&str; 32] = [
    "stair",
    "spool",
    "thread",
    "star",
    "wood",
    "lung",
    "house",
    "laughter",
    "leaves",
    "attic",
    "corridor",
    "threshold",
    "father",
    "children",
    "origin",
    "name",
    "form",
    "purpose",
    "rest",
    "crossbar",
    "angle",
    "leg",
    "balance",
    "broken",
    "whole",
    "nimble",
    "mute",
    "answer",
    "dwelling",
    "winter",
    "question",
    "end",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn records(seed: u64, count: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut workload = Workload::new(seed, 100, 1000);
        let mut next = || {
            let (mut key, mut value) = (Vec::new(), Vec::new());
            assert!(workload.append_record(&mut key, &mut value));
            (key, value)
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(records(1, 100), records(1, 100));
        assert_ne!(records(1, 100), records(2, 100));
    }

    #[test]
    fn values_differ_and_have_their_size() {
        let mut values: Vec<Vec<u8>> = records(7, 1000)
            .into_iter()
            .map(|(_, value)| value)
            .collect();
        assert!(values.iter().all(|value| value.len() == 100));
        values.sort_unstable();
        values.dedup();
        assert_eq!(values.len(), 1000);
    }

    #[test]
    fn small_values_and_missing_keys_are_possible() {
        let mut workload = Workload::new(1, 0, 0);
        let (mut keys, mut values) = (b"k".to_vec(), b"v".to_vec());
        assert!(!workload.append_record(&mut keys, &mut values));
        assert_eq!((keys.as_slice(), values.as_slice()), (&b"k"[..], &b"v"[..]));
    }

    #[test]
    fn text_is_compressible_but_not_free() {
        let mut random = Random::new(3);
        let text = varied_text(&mut random, 16_384);
        let compressed = lz4_flex::block::compress(&text).len();
        let per_cent = compressed * 100 / text.len();
        assert!((40..80).contains(&per_cent), "{per_cent} %");
    }

    #[test]
    fn numbers_stay_below_their_bound() {
        let mut random = Random::new(9);
        let mut seen = [false; 6];
        for _ in 0..1000 {
            seen[random.below(6) as usize] = true;
        }
        assert_eq!(seen, [true; 6]);
        assert_eq!(random.below(0), 0);
    }
}
