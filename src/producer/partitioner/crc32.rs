//! The key hash of librdkafka's partitioners `consistent` and `consistent_random`.

/// The remainder of each byte, computed when the crate is compiled.
const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    // The polynomial of IEEE 802.3, lowest bit first.
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        let mut remainder = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            let is_odd = remainder & 1 == 1;
            remainder >>= 1;
            if is_odd {
                remainder ^= POLYNOMIAL;
            }
            bit += 1;
        }
        table[byte] = remainder;
        byte += 1;
    }
    table
}

/// The CRC-32 of a key, as in zip and PNG; not the CRC-32C of record batches.
pub(super) fn crc32(key: &[u8]) -> u32 {
    !key.iter().fold(!0, |crc: u32, byte| {
        let index = (crc as u8) ^ byte;
        (crc >> 8) ^ TABLE[usize::from(index)]
    })
}

#[cfg(test)]
mod tests {
    use super::crc32;

    /// The check value of CRC-32, and test 0048 of librdkafka.
    #[test]
    fn hashes_are_those_of_librdkafka() {
        let vectors: [(&str, u32); 5] = [
            ("", 0),
            ("123456789", 0xcbf4_3926),
            ("23456", 0xb1b4_51d7),
            (
                "this is another string with more length to it perhaps",
                0xb015_0df7,
            ),
            ("hejsan", 0xd077_037e),
        ];
        for (key, hash) in vectors {
            assert_eq!(crc32(key.as_bytes()), hash, "{key}");
        }
    }
}
