//! Batches byte for byte: against the outside encoder, and written out by hand.

use crate::varied::{Owned, Random, borrowed};
use crate::{sealed, wire};
use bytes::{Bytes, BytesMut};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{
    Compression, Record as Outside, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use odradek::record::{Codec, ProducerStamp};

const STAMP: ProducerStamp = ProducerStamp {
    producer_id: 9_000,
    producer_epoch: 3,
    base_sequence: 12,
    transactional: false,
};

fn outside(owned: &[Owned]) -> Bytes {
    let records: Vec<_> = (0..)
        .zip(owned)
        .map(|(i, owned)| Outside {
            transactional: STAMP.transactional,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: -1,
            producer_id: STAMP.producer_id,
            producer_epoch: STAMP.producer_epoch,
            timestamp_type: TimestampType::Creation,
            offset: i,
            sequence: STAMP.base_sequence + i as i32,
            timestamp: owned.timestamp,
            key: owned.key.clone().map(Bytes::from),
            value: owned.value.clone().map(Bytes::from),
            headers: owned
                .headers
                .iter()
                .map(|(n, v)| (StrBytes::from_string(n.clone()), v.clone().map(Bytes::from)))
                .collect(),
        })
        .collect();
    let mut bytes = BytesMut::new();
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::None,
    };
    RecordBatchEncoder::encode(&mut bytes, &records, &options).expect("records that fit");
    bytes.freeze()
}

/// The outside encoder takes the smallest timestamp as the base, so the first one is the smallest.
#[test]
fn batches_equal_those_of_the_outside_encoder() {
    for seed in 100..140 {
        let mut owned = Random::new(seed).records(1 + seed as usize % 17 * 10);
        owned.sort_by_key(|record| record.timestamp);
        let middle = owned.len() / 2;
        owned[middle..].reverse();
        let batch = borrowed(&owned, |records| sealed(records, Codec::None));
        assert!(wire(&batch, STAMP) == outside(&owned), "seed {seed}");
    }
}

/// The outside codec keeps one value per header name, so duplicates are written out here.
#[test]
fn headers_keep_their_order_and_names_may_repeat() {
    let header = |name: &str, value: Option<&[u8]>| (name.to_owned(), value.map(<[u8]>::to_vec));
    let headers = vec![
        header("a", Some(b"1")),
        header("", None),
        header("a", Some(b"")),
    ];
    let owned = [Owned {
        timestamp: 1,
        key: None,
        value: None,
        headers,
    }];
    let batch = borrowed(&owned, |records| sealed(records, Codec::None));
    #[rustfmt::skip]
    let expected = [
        // Length 15, attributes, timestamp delta, offset delta, null key, null value, three headers.
        0x1e, 0, 0, 0, 1, 1, 6,
        2, b'a', 2, b'1',
        0, 1,
        2, b'a', 0,
    ];
    assert_eq!(batch.records()[..], expected);
}

#[test]
fn the_header_is_laid_out_as_documented() {
    let at = |timestamp| Owned {
        timestamp,
        key: None,
        value: Some(vec![]),
        headers: vec![],
    };
    let owned = [at(1_000), at(5_000), at(0)];
    let batch = borrowed(&owned, |records| sealed(records, Codec::None));
    assert_eq!(
        (batch.base_timestamp(), batch.max_timestamp()),
        (1_000, 5_000)
    );

    let header = batch.header(STAMP);
    let crc = crc32c_bitwise(&[&header[21..], batch.records()].concat());
    let length = (49 + batch.records().len()) as i32;
    let expected: [&[u8]; 14] = [
        &0_i64.to_be_bytes(),
        &length.to_be_bytes(),
        &(-1_i32).to_be_bytes(),
        &[2],
        &crc.to_be_bytes(),
        &0_i16.to_be_bytes(),
        &2_i32.to_be_bytes(),
        &1_000_i64.to_be_bytes(),
        &5_000_i64.to_be_bytes(),
        &9_000_i64.to_be_bytes(),
        &3_i16.to_be_bytes(),
        &12_i32.to_be_bytes(),
        &3_i32.to_be_bytes(),
        &[],
    ];
    assert_eq!(header[..], expected.concat());
}

#[test]
fn attributes_name_the_codec_and_the_transaction() {
    let text = || {
        [Owned {
            timestamp: 0,
            key: None,
            value: Some(vec![1; 900]),
            headers: vec![],
        }]
    };
    let transactional = ProducerStamp {
        transactional: true,
        ..STAMP
    };
    let lz4 = borrowed(&text(), |records| sealed(records, Codec::Lz4));
    let none = borrowed(&text(), |records| sealed(records, Codec::None));
    assert_eq!(lz4.header(STAMP)[21..23], [0, 0b0_0011]);
    assert_eq!(lz4.header(transactional)[21..23], [0, 0b1_0011]);
    assert_eq!(none.header(transactional)[21..23], [0, 0b1_0000]);
    assert_eq!(lz4.uncompressed_len(), none.uncompressed_len());
    assert!(lz4.encoded_len() < none.encoded_len());
}

/// The checksum by its definition, one bit at a time.
fn crc32c_bitwise(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg())
        })
    })
}
