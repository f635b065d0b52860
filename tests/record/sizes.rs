//! The size of a record is known before it is encoded.

use crate::varied::{Random, borrowed};
use odradek::record::{BATCH_HEADER_BYTES, BatchBuilder, Codec, Compressor, first_record_size};

#[test]
fn a_record_takes_exactly_the_bytes_announced() {
    for (seed, count) in [(1, 1), (2, 100), (3, 10_000)] {
        let owned = Random::new(seed).records(count);
        borrowed(&owned, |records| {
            let mut batch = BatchBuilder::with_capacity(16_384);
            for record in records {
                let (before, announced) = (batch.len(), batch.encoded_size(record));
                batch.append(record);
                assert_eq!((batch.len() - before) as u64, announced);
            }
            assert_eq!(batch.count() as usize, count);
            let len = batch.len();
            let sealed = batch.seal(&mut Compressor::new(Codec::None));
            assert_eq!(sealed.encoded_len(), BATCH_HEADER_BYTES + len);
            assert_eq!(sealed.uncompressed_len(), len);
        });
    }
}

#[test]
fn the_size_of_a_first_record_is_that_of_its_batch() {
    let owned = Random::new(5).records(500);
    borrowed(&owned, |records| {
        for record in records {
            let mut batch = BatchBuilder::with_capacity(0);
            batch.append(record);
            let sealed = batch.seal(&mut Compressor::new(Codec::None));
            assert_eq!(sealed.encoded_len() as u64, first_record_size(record));
        }
    });
}

#[test]
fn a_later_record_is_larger_by_its_deltas_only() {
    let owned = Random::new(6).records(20_000);
    borrowed(&owned, |records| {
        let mut batch = BatchBuilder::with_capacity(0);
        for record in records {
            let alone = first_record_size(record) - BATCH_HEADER_BYTES as u64;
            let announced = batch.encoded_size(record);
            assert!(
                (alone..=alone + 14).contains(&announced),
                "{announced}, alone {alone}"
            );
            batch.append(record);
        }
    });
}
