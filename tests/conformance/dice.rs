//! A tiny seeded generator of varied values, rich in edges.

/// Pseudo-random numbers (splitmix64) from a seed.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.roll() % end as u64) as usize
    }

    pub(crate) fn bool(&mut self) -> bool {
        self.below(2) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub(crate) fn i16(&mut self) -> i16 {
        let any = self.roll() as i16;
        self.pick(&[0, 1, -1, i16::MAX, i16::MIN, any, any])
    }

    pub(crate) fn i32(&mut self) -> i32 {
        let any = self.roll() as i32;
        self.pick(&[0, 1, -1, i32::MAX, i32::MIN, any, any])
    }

    pub(crate) fn i64(&mut self) -> i64 {
        let any = self.roll() as i64;
        self.pick(&[0, 1, -1, i64::MAX, i64::MIN, any, any])
    }

    pub(crate) fn uuid(&mut self) -> [u8; 16] {
        let (high, low) = (self.roll(), self.roll());
        if self.below(4) == 0 {
            [0; 16]
        } else {
            (u128::from(high) << 64 | u128::from(low)).to_be_bytes()
        }
    }

    /// A string around the lengths where encodings change; the longest that fits at times.
    pub(crate) fn string(&mut self) -> String {
        let len = match self.below(60) {
            0 => 32_767,
            1 => 16_383,
            2 => 16_382,
            _ => self.pick(&[0, 1, 2, 3, 9, 40, 126, 127, 128, 200]),
        };
        let mut string = String::new();
        while string.len() < len {
            let next = self.pick(&[
                'a',
                'Z',
                '0',
                '.',
                '-',
                '\u{0}',
                '\u{e9}',
                '\u{20ac}',
                '\u{1f600}',
            ]);
            string.push(if string.len() + next.len_utf8() > len {
                'x'
            } else {
                next
            });
        }
        string
    }

    pub(crate) fn nullable_string(&mut self) -> Option<String> {
        if self.below(3) == 0 {
            None
        } else {
            Some(self.string())
        }
    }

    pub(crate) fn bytes(&mut self, len_max: usize) -> Vec<u8> {
        let len = self.below(len_max + 1);
        (0..len).map(|_| self.roll() as u8).collect()
    }

    /// How many elements a list has: few, none or, at times, so many that their number takes two
    /// bytes.
    pub(crate) fn list_len(&mut self) -> usize {
        if self.below(40) == 0 {
            130
        } else {
            self.below(4)
        }
    }

    /// A list of values.
    pub(crate) fn list<T>(&mut self, mut value: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let len = self.list_len();
        (0..len).map(|_| value(self)).collect()
    }
}
