//! Every codec at every level: what others decode is what was there before.

use crate::decoders::decompress;
use crate::varied::{Owned, Random, borrowed};
use kafka_protocol::records::Compression;
use odradek::record::{BatchBuilder, Codec, Compressor, SealedBatch};

/// Every codec at every level that it has.
fn every_level() -> impl Iterator<Item = (Codec, i32)> {
    let gzip = (1..=9).map(|level| (Codec::Gzip, level));
    let zstd = (-7..=4).map(|level| (Codec::Zstd, level));
    [(Codec::Snappy, 0), (Codec::Lz4, 0)]
        .into_iter()
        .chain(gzip)
        .chain(zstd)
}

fn outside(codec: Codec) -> Compression {
    match codec {
        Codec::None => Compression::None,
        Codec::Gzip => Compression::Gzip,
        Codec::Snappy => Compression::Snappy,
        Codec::Lz4 => Compression::Lz4,
        Codec::Zstd => Compression::Zstd,
    }
}

fn one_record(value: Vec<u8>) -> [Owned; 1] {
    [Owned {
        timestamp: 7,
        key: None,
        value: Some(value),
        headers: Vec::new(),
    }]
}

fn sealed(owned: &[Owned], compressor: &mut Compressor) -> SealedBatch {
    borrowed(owned, |records| {
        let mut batch = BatchBuilder::with_capacity(0);
        for record in records {
            batch.append(record);
        }
        batch.seal(compressor)
    })
}

/// Says whether the batch went out compressed; if so, others decode it.
fn assert_decodes(owned: &[Owned], compressor: &mut Compressor) -> bool {
    let plain = sealed(owned, &mut Compressor::new(Codec::None));
    let batch = sealed(owned, compressor);
    assert_eq!(batch.uncompressed_len(), plain.records().len());
    assert!(batch.encoded_len() <= plain.encoded_len());
    assert_eq!(
        batch.encoded_len() < plain.encoded_len(),
        batch.codec() != Codec::None
    );
    let decoded = decompress(batch.records(), outside(batch.codec()));
    assert!(decoded == plain.records()[..], "{:?}", compressor.codec());
    batch.codec() != Codec::None
}

/// Text and noise in turn, each for up to `longest` bytes, with copies of what came before.
fn patchwork(random: &mut Random, len: usize, longest: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + longest);
    while bytes.len() < len {
        let count = 1 + random.below(longest);
        match random.below(4) {
            0 => bytes.extend((0..count).map(|_| random.next() as u8)),
            1 => bytes.extend(core::iter::repeat_n(random.next() as u8, count)),
            2 => bytes.extend((0..count).map(|i| b"{\"name\": \"value\"}, "[i % 19])),
            _ => {
                let from = random.below(bytes.len() + 1);
                let to = bytes.len().min(from + count);
                bytes.extend_from_within(from..to);
            }
        }
    }
    bytes.truncate(len);
    bytes
}

#[test]
fn data_of_every_size_and_kind_is_decoded_by_others() {
    let sizes = [
        0,
        1,
        20,
        100,
        1000,
        4096,
        16_384,
        32_700,
        65_500,
        65_536,
        131_072,
        262_200,
        1 << 20,
    ];
    for (codec, level) in every_level() {
        let mut random = Random::new(11);
        let mut compressor = Compressor::with_level(codec, level);
        for size in sizes {
            for longest in [10, 300, 40_000] {
                let owned = one_record(patchwork(&mut random, size, longest));
                let is_compressed = assert_decodes(&owned, &mut compressor);
                // Long patches may be nothing but noise.
                let is_sure = size >= 1000 && longest == 300;
                assert!(is_compressed || !is_sure, "{codec:?} {level}, {size} bytes");
            }
        }
    }
}

#[test]
fn many_small_batches_of_varied_records_are_decoded_by_others() {
    for (codec, level) in every_level() {
        let mut compressor = Compressor::with_level(codec, level);
        for seed in 0..60 {
            let mut random = Random::new(seed);
            let owned = random.records(1 + seed as usize % 40);
            assert_decodes(&owned, &mut compressor);
        }
    }
}

/// Nothing can be won from noise, and almost nothing from noise with a little text: then stored pieces
/// of the codecs' own formats are decoded.
#[test]
fn noise_goes_out_as_it_is_or_is_decoded_by_others() {
    for (codec, level) in every_level() {
        let mut random = Random::new(5);
        let mut compressor = Compressor::with_level(codec, level);
        for size in [16, 1000, 16_384, 100_000, 1 << 20] {
            let noise: Vec<u8> = (0..size).map(|_| random.next() as u8).collect();
            let mut ended = noise.clone();
            ended.resize(size + size / 2 + 100, b'a');
            assert!(!assert_decodes(&one_record(noise), &mut compressor));
            let is_compressed = assert_decodes(&one_record(ended), &mut compressor);
            assert!(
                is_compressed || size < 20,
                "{codec:?} {level}, {size} bytes"
            );
        }
    }
}

#[test]
fn attributes_name_every_codec() {
    for (codec, bits) in [
        (Codec::None, 0),
        (Codec::Gzip, 1),
        (Codec::Snappy, 2),
        (Codec::Lz4, 3),
        (Codec::Zstd, 4),
    ] {
        let batch = sealed(&one_record(vec![1; 900]), &mut Compressor::new(codec));
        assert_eq!(batch.codec(), codec);
        let header = batch.header(odradek::record::ProducerStamp::NONE);
        assert_eq!(header[21..23], [0, bits]);
    }
}
