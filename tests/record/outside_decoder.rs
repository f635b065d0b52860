//! What the outside decoder reads is what was appended.

use crate::decoders::decompress;
use crate::varied::{Owned, Random, borrowed};
use crate::{sealed, wire};
use bytes::Bytes;
use kafka_protocol::records::{Compression, Record as Decoded, RecordBatchDecoder, TimestampType};
use odradek::record::{Codec, ProducerStamp};

const STAMP: ProducerStamp = ProducerStamp {
    producer_id: 0x0123_4567_89ab_cdef,
    producer_epoch: 0x1234,
    base_sequence: 77_777,
    transactional: true,
};

/// Checks the checksum and the lengths, and decompresses with a decoder that is not ours.
fn decoded(batch: Bytes) -> (Compression, Vec<Decoded>) {
    let decompress = |records: &mut Bytes, compression: Compression| {
        Ok(Bytes::from(decompress(records, compression)))
    };
    let mut rest = batch;
    let set = RecordBatchDecoder::decode_with_custom_compression(&mut rest, Some(decompress))
        .expect("a batch");
    assert!(rest.is_empty(), "{} bytes after the batch", rest.len());
    assert_eq!(set.version, 2);
    (set.compression, set.records)
}

/// The batch of `owned`, decoded, has the same records in the same order; returns its compression.
fn assert_read_back(owned: &[Owned], codec: Codec, stamp: ProducerStamp) -> Compression {
    let batch = borrowed(owned, |records| sealed(records, codec));
    assert_eq!(batch.count() as usize, owned.len());
    assert_eq!(batch.encoded_len(), wire(&batch, stamp).len());
    let (compression, records) = decoded(wire(&batch, stamp));
    assert_eq!(records.len(), owned.len());
    for (i, (record, owned)) in records.iter().zip(owned).enumerate() {
        assert_eq!(record.offset, i as i64);
        assert_eq!(record.timestamp, owned.timestamp);
        assert_eq!(record.timestamp_type, TimestampType::Creation);
        assert_eq!(record.key.as_deref(), owned.key.as_deref());
        assert_eq!(record.value.as_deref(), owned.value.as_deref());
        let headers = record
            .headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_deref()));
        assert!(
            headers.eq(owned
                .headers
                .iter()
                .map(|(n, v)| (n.as_str(), v.as_deref())))
        );
        assert_eq!(record.producer_id, stamp.producer_id);
        assert_eq!(record.producer_epoch, stamp.producer_epoch);
        assert_eq!(record.sequence, stamp.base_sequence.wrapping_add(i as i32));
        assert_eq!(record.transactional, stamp.transactional);
        assert_eq!(record.partition_leader_epoch, -1);
        assert!(!record.control && !record.delete_horizon);
    }
    compression
}

#[test]
fn varied_batches_read_back_identical() {
    for seed in 0..40 {
        let owned = Random::new(seed).records(1 + seed as usize * 3);
        for stamp in [ProducerStamp::NONE, STAMP] {
            assert_eq!(
                assert_read_back(&owned, Codec::None, stamp),
                Compression::None
            );
            for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
                assert_read_back(&owned, codec, stamp);
            }
        }
    }
}

#[test]
fn thousands_of_records_read_back_identical() {
    let owned = Random::new(4).records(9_000);
    assert_eq!(
        assert_read_back(&owned, Codec::None, STAMP),
        Compression::None
    );
    for (codec, compression) in [
        (Codec::Gzip, Compression::Gzip),
        (Codec::Snappy, Compression::Snappy),
        (Codec::Lz4, Compression::Lz4),
        (Codec::Zstd, Compression::Zstd),
    ] {
        assert_eq!(assert_read_back(&owned, codec, STAMP), compression);
    }
}

#[test]
fn one_record_of_each_shape_reads_back_identical() {
    let bytes = [
        None,
        Some(Vec::new()),
        Some(b"x".to_vec()),
        Some(vec![b'y'; 3_000_000]),
    ];
    for key in &bytes[..3] {
        for value in &bytes {
            let owned = Owned {
                timestamp: 0,
                key: key.clone(),
                value: value.clone(),
                headers: Vec::new(),
            };
            assert_read_back(&[owned], Codec::None, ProducerStamp::NONE);
        }
    }
}

#[test]
fn a_batch_that_compression_does_not_shrink_goes_out_as_it_is() {
    let mut random = Random::new(1);
    let noise = (0..70_000).map(|_| random.next() as u8).collect();
    let owned = [Owned {
        timestamp: 5,
        key: None,
        value: Some(noise),
        headers: Vec::new(),
    }];
    assert_eq!(
        assert_read_back(&owned, Codec::Lz4, STAMP),
        Compression::None
    );

    let text = [Owned {
        timestamp: 5,
        key: None,
        value: Some(vec![7; 500]),
        headers: Vec::new(),
    }];
    assert_eq!(assert_read_back(&text, Codec::Lz4, STAMP), Compression::Lz4);
}

#[test]
fn another_stamp_changes_the_header_and_leaves_the_records_where_they_are() {
    let owned = Random::new(9).records(50);
    let batch = borrowed(&owned, |records| sealed(records, Codec::Lz4));
    let before = (batch.records().as_ptr(), batch.records().clone());
    let first = decoded(wire(&batch, STAMP)).1;
    let again = ProducerStamp {
        producer_epoch: 0x1235,
        base_sequence: 0,
        ..STAMP
    };
    let second = decoded(wire(&batch, again)).1;
    assert_eq!(first[49].sequence, 77_777 + 49);
    assert_eq!(
        (second[49].sequence, second[49].producer_epoch),
        (49, 0x1235)
    );
    assert_eq!(first[49].value, second[49].value);
    assert_eq!((batch.records().as_ptr(), batch.records().clone()), before);
}
