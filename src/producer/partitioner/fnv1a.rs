//! The key hash of librdkafka's partitioners `fnv1a` and `fnv1a_random`.

/// The 32-bit FNV-1a hash of a key, taken as a signed number without its sign, as Sarama's hash
/// partitioner does and librdkafka after it.
pub(super) fn fnv1a(key: &[u8]) -> u32 {
    const OFFSET: u32 = 0x811c_9dc5;
    const PRIME: u32 = 0x0100_0193;
    let hash = key.iter().fold(OFFSET, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(PRIME)
    });
    hash.cast_signed().unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::fnv1a;

    /// The unit test of librdkafka's rdfnv1a.c, and its test 0048.
    #[test]
    fn hashes_are_those_of_librdkafka() {
        let vectors: [(&str, u32); 14] = [
            ("kafka", 0x0d33_c4e1),
            ("giberish123456789", 0x77a5_8295),
            ("1234", 0x023b_dd03),
            ("234", 0x2dea_3cd2),
            ("34", 0x740f_a83e),
            ("4", 0x310c_a263),
            ("PreAmbleWillBeRemoved,ThePrePartThatIs", 0x65cb_d69c),
            ("reAmbleWillBeRemoved,ThePrePartThatIs", 0x6e49_c79a),
            ("eAmbleWillBeRemoved,ThePrePartThatIs", 0x69ee_d356),
            ("AmbleWillBeRemoved,ThePrePartThatIs", 0x6abc_c023),
            ("", 0x7ee3_623b),
            ("23456", 0x27e6_f469),
            (
                "this is another string with more length to it perhaps",
                0x155e_3e5f,
            ),
            ("hejsan", 0x17b1_e27a),
        ];
        for (key, hash) in vectors {
            assert_eq!(fnv1a(key.as_bytes()), hash, "{key}");
        }
    }
}
