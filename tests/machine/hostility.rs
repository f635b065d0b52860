//! Responses turned into something else, by dice.

/// What arrives instead of a response.
#[derive(Debug)]
pub(crate) enum Mangled {
    Bytes(Vec<u8>),
    /// These bytes, then the end of the connection.
    ThenClosed(Vec<u8>),
    /// These bytes, then nothing more: otherwise the next response would end the frame, with values
    /// that nobody sent.
    ThenSilent(Vec<u8>),
}

/// Seeded dice (xorshift) that mangle responses.
#[derive(Debug)]
pub(crate) struct Hostility {
    state: u64,
    /// Of a thousand responses, so many are mangled.
    pub(crate) per_mille: u64,
    /// Whole responses with other values as well, which a producer cannot tell from honest ones.
    pub(crate) lies: bool,
    pub(crate) mangled: usize,
}

impl Hostility {
    pub(crate) const fn new(seed: u64, per_mille: u64, lies: bool) -> Self {
        let state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self {
            state,
            per_mille,
            lies,
            mangled: 0,
        }
    }

    pub(crate) const fn below(&mut self, limit: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 16) % limit
    }

    fn bytes(&mut self, limit: u64) -> Vec<u8> {
        let count = self.below(limit);
        (0..count).map(|_| self.below(256) as u8).collect()
    }

    /// A response frame, or what becomes of it.
    pub(crate) fn mangle(&mut self, frame: Vec<u8>) -> Mangled {
        if self.below(1000) >= self.per_mille {
            return Mangled::Bytes(frame);
        }
        self.mangled += 1;
        let kinds = if self.lies { 13 } else { 10 };
        let cut = self.below(frame.len() as u64) as usize;
        let length = |body: &[u8]| [&(body.len() as u32).to_be_bytes(), body].concat();
        match self.below(kinds) {
            0 => Mangled::ThenClosed(frame[..cut].to_vec()),
            1 => Mangled::ThenSilent(frame[..cut].to_vec()),
            2 => Mangled::ThenSilent(self.bytes(200)),
            3 => Mangled::Bytes([&[0x7f, 0xff, 0xff, 0xff], &frame[4..]].concat()),
            4 => Mangled::Bytes([&[0xff, 0xff, 0xff, 0xfe], &frame[4..]].concat()),
            5 => Mangled::Bytes(length(&[&[1, 2, 3, 4], &frame[8..]].concat())),
            // The frame ends early, and says so.
            6 => Mangled::Bytes(length(&frame[4..cut.max(4)])),
            7 => Mangled::Bytes([&frame[..], &frame[..]].concat()),
            8 => Mangled::Bytes(length(&[&frame[4..], &self.bytes(20)[..], &[1]].concat())),
            9 => Mangled::ThenClosed(Vec::new()),
            10 => {
                let mut frame = frame;
                for _ in 0..=self.below(4) {
                    let at = 8 + self.below(frame.len() as u64 - 8) as usize;
                    frame[at] = self.below(256) as u8;
                }
                Mangled::Bytes(frame)
            }
            // Counts and lengths: negative, and larger than anything.
            11 => Mangled::Bytes(self.overwrite(frame, &[0xff, 0xff, 0xff, 0xff])),
            _ => Mangled::Bytes(self.overwrite(frame, &[0x7f, 0xff, 0xff, 0xff])),
        }
    }

    fn overwrite(&mut self, mut frame: Vec<u8>, with: &[u8]) -> Vec<u8> {
        let room = frame.len().saturating_sub(8 + with.len()) as u64;
        let at = 8 + self.below(room + 1) as usize;
        for (byte, new) in frame[at..].iter_mut().zip(with) {
            *byte = *new;
        }
        frame
    }
}
