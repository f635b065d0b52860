//! Tests of what all codecs have in common. Other decoders judge them in `tests/record`.

use super::{Codec, Compressor};

/// Bytes of which each run of 64 starts with `repeated` bytes of text that comes back with changing
/// numbers in it, the others never come back.
fn mixed(len: usize, repeated: usize) -> Vec<u8> {
    const TEXT: &[u8] = b"level=INFO user=0000 path=/api/orders/0000 status=200 took=000 ms";
    let random = |i: usize| {
        let x = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 56) as u8
    };
    (0..len)
        .map(|i| match TEXT[i % TEXT.len()] {
            _ if i % 64 >= repeated => random(i),
            b'0' => b'0' + random(i) % 10,
            byte => byte,
        })
        .collect()
}

/// FNV-1a, 64 bits.
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Every codec at every level that it has.
fn every_level() -> Vec<(Codec, i32)> {
    let one = [(Codec::Snappy, 0), (Codec::Lz4, 0)];
    let gzip = (1..=9).chain([-1]).map(|level| (Codec::Gzip, level));
    let zstd = (-7..=4).map(|level| (Codec::Zstd, level));
    one.into_iter().chain(gzip).chain(zstd).collect()
}

/// From one byte to 1 MiB, from text to noise.
fn inputs() -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    for len in [1, 30, 1000, 16_384, 65_534, 140_000, 1 << 20] {
        for repeated in [64, 40, 8] {
            inputs.push(mixed(len, repeated));
        }
    }
    inputs
}

/// Written down from a 64-bit machine; a codec that depends on the width of a pointer, or another
/// version of a crate that writes other bytes, shows here.
#[test]
fn the_bytes_are_those_of_every_platform() {
    let inputs = inputs();
    let mut lines = Vec::new();
    for (codec, level) in every_level() {
        let mut compressor = Compressor::with_level(codec, level);
        let all: Vec<u8> = inputs
            .iter()
            .filter_map(|input| compressor.compress(input))
            .flatten()
            .collect();
        lines.push(format!(
            "{codec:?} {level} {} {:016x}",
            all.len(),
            digest(&all)
        ));
    }
    assert!(lines == GOLDEN, "{lines:#?}");
}

#[test]
fn the_bytes_do_not_depend_on_the_batches_before() {
    for (codec, level) in every_level() {
        let mut used = Compressor::with_level(codec, level);
        for len in [70_000, 300, 16_384, 300, 0, 16_384, 200_000, 5000, 16_384] {
            // Noise does not fit, which ends a codec in the middle of its work.
            for repeated in [60, 0, 30] {
                let input = mixed(len, repeated);
                let fresh = Compressor::with_level(codec, level).compress(&input);
                assert!(
                    used.compress(&input) == fresh,
                    "{codec:?} {level}, {len} bytes"
                );
            }
        }
    }
}

#[test]
fn what_was_compressed_is_read_again_and_nothing_else_is() {
    for (codec, level) in every_level() {
        let mut compressor = Compressor::with_level(codec, level);
        for input in inputs() {
            let Some(compressed) = compressor.compress(&input) else {
                continue;
            };
            let len = input.len();
            assert!(codec.decompress(&compressed, len) == Some(input));
            assert_eq!(codec.decompress(&compressed, len - 1), None);
            assert_eq!(codec.decompress(&compressed, len + 1), None);
            let cut = &compressed[..compressed.len() / 2];
            assert_eq!(codec.decompress(cut, len), None, "{codec:?}");
            assert_eq!(codec.decompress(b"", len), None, "{codec:?}");
        }
    }
}

#[test]
fn what_does_not_get_smaller_is_left_as_it_is() {
    for (codec, level) in every_level() {
        let mut compressor = Compressor::with_level(codec, level);
        for len in [0, 1, 2, 8, 11, 12, 18, 19, 100, 5000, 40_000, 140_000] {
            assert_eq!(
                compressor.compress(&mixed(len, 0)),
                None,
                "{codec:?}, {len}"
            );
            if let Some(compressed) = compressor.compress(&mixed(len, 64)) {
                assert!(compressed.len() < len, "{codec:?}, {len}");
            }
        }
        assert!(compressor.compress(&mixed(5000, 64)).is_some(), "{codec:?}");
    }
}

#[test]
fn a_level_that_is_none_is_the_nearest_and_the_default_is_javas() {
    let input = mixed(100_000, 50);
    let with = |codec, level| Compressor::with_level(codec, level).compress(&input);
    for (codec, asked, taken) in [
        (Codec::Gzip, -1, 6),
        (Codec::Gzip, 0, 1),
        (Codec::Gzip, 99, 9),
        (Codec::Zstd, 0, 3),
        (Codec::Zstd, -131_072, -7),
        (Codec::Zstd, 22, 4),
    ] {
        assert!(
            with(codec, asked) == with(codec, taken),
            "{codec:?} {asked}"
        );
    }
    for (codec, level) in [(Codec::Gzip, 6), (Codec::Zstd, 3)] {
        assert!(Compressor::new(codec).compress(&input) == with(codec, level));
    }
    assert!(with(Codec::Gzip, 1) != with(Codec::Gzip, 6));
    assert!(with(Codec::Zstd, 1) != with(Codec::Zstd, 3));
    assert_eq!(Compressor::new(Codec::None).compress(&input), None);
}

#[test]
fn frames_begin_as_their_formats_say() {
    let input = mixed(5000, 60);
    let begin = |codec| Compressor::new(codec).compress(&input).expect("smaller");
    assert_eq!(begin(Codec::Gzip)[..4], [0x1f, 0x8b, 8, 0]);
    assert_eq!(begin(Codec::Snappy)[..8], *b"\x82SNAPPY\0");
    assert_eq!(begin(Codec::Lz4)[..4], 0x184d_2204_u32.to_le_bytes());
    let zstd = begin(Codec::Zstd);
    assert_eq!(zstd[..4], 0xfd2f_b528_u32.to_le_bytes());
    assert_eq!(zstd[4] & 0b100, 0, "no checksum of the content");
}

/// Codec, level, bytes and digest of everything that [`inputs`] become.
const GOLDEN: [&str; 24] = [
    "Snappy 0 2459109 0f06953cf62733d3",
    "Lz4 0 2454581 a4b6468c2942d736",
    "Gzip 1 2261536 3346ea379392cbf7",
    "Gzip 2 2229267 df0176c3932038fe",
    "Gzip 3 2154933 d0a3b6a3daf8487c",
    "Gzip 4 2124132 8d761d3f00a6c04d",
    "Gzip 5 2109773 091f5b0adb852176",
    "Gzip 6 2093385 7b0fea93c4b5cf6a",
    "Gzip 7 2088719 64f5ba5c6287fddf",
    "Gzip 8 2086673 bc43d24cd956b2b7",
    "Gzip 9 2086571 f290cb6418539e76",
    "Gzip -1 2093385 7b0fea93c4b5cf6a",
    "Zstd -7 1170620 ac54560e5f045ac2",
    "Zstd -6 1229420 6dd09e99e10ee762",
    "Zstd -5 2227661 aebc9fbc9e5cf9a7",
    "Zstd -4 2160456 d43b24251f012e88",
    "Zstd -3 2154068 abf08af305c78fb9",
    "Zstd -2 2113646 50c92108bfdde28d",
    "Zstd -1 2174566 0f38e7ff906e686a",
    "Zstd 0 2188564 736e0bd16eb8b135",
    "Zstd 1 2137682 f8e7e5ed104d3fb5",
    "Zstd 2 2135633 1db5f3b5ab1bae2d",
    "Zstd 3 2188564 736e0bd16eb8b135",
    "Zstd 4 2145997 be2a7b3c804d7ac2",
];
