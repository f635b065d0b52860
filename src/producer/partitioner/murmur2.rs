//! The key hash of Java's producer, and of librdkafka's partitioners `murmur2` and `murmur2_random`.

/// The 32-bit MurmurHash2 of a key with Kafka's seed.
pub(super) fn murmur2(key: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;

    // The algorithm hashes keys below 4 GiB; of a length beyond that it knows the low 32 bits.
    let mut h = SEED ^ key.len() as u32;
    let (words, tail) = key.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> R;
        h = h.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !tail.is_empty() {
        // The last one to three bytes, unsigned, form a little-endian number.
        h ^= tail
            .iter()
            .rev()
            .fold(0, |k, &byte| k << 8 | u32::from(byte));
        h = h.wrapping_mul(M);
    }
    h ^= h >> 13;
    h = h.wrapping_mul(M);
    h ^ (h >> 15)
}

#[cfg(test)]
mod tests {
    use super::murmur2;

    /// Apache Kafka's UtilsTest and the unit tests of KafkaJS.
    #[test]
    fn hashes_are_those_of_the_java_client() {
        let vectors: [(&str, i32); 8] = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            (
                "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
                -58_897_971,
            ),
            ("abc", 479_470_107),
            ("0", 971_027_396),
            ("1", -1_993_445_489),
        ];
        for (key, hash) in vectors {
            assert_eq!(murmur2(key.as_bytes()) as i32, hash, "{key}");
        }
    }

    /// The unit tests of librdkafka.
    #[test]
    fn hashes_are_those_of_librdkafka() {
        let vectors: [(&str, u32); 7] = [
            ("kafka", 0xd067_cf64),
            ("giberish123456789", 0x8f55_2b0c),
            ("1234", 0x9fc9_7b14),
            ("234", 0xe7c0_09ca),
            ("34", 0x8739_30da),
            ("4", 0x5a4b_5ca1),
            ("", 0x106e_08d9),
        ];
        for (key, hash) in vectors {
            assert_eq!(murmur2(key.as_bytes()), hash, "{key}");
        }
        assert_eq!(murmur2(b"23456") & 0x7fff_ffff, 0x058d_780f);
        assert_eq!(murmur2(b"hejsan") & 0x7fff_ffff, 0x5ec1_9395);
    }
}
