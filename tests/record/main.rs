//! Record batches, judged by a codec that is not ours: the `kafka-protocol` crate.

mod bytes_on_the_wire;
mod codecs;
mod decoders;
mod outside_decoder;
mod sizes;
mod varied;

use bytes::{Bytes, BytesMut};
use odradek::record::{BatchBuilder, Codec, Compressor, ProducerStamp, Record, SealedBatch};

/// The batch of all records.
fn sealed(records: &[Record<'_>], codec: Codec) -> SealedBatch {
    let mut batch = BatchBuilder::with_capacity(0);
    for record in records {
        batch.append(record);
    }
    batch.seal(&mut Compressor::new(codec))
}

/// The batch as it goes over the wire.
fn wire(batch: &SealedBatch, stamp: ProducerStamp) -> Bytes {
    let mut bytes = BytesMut::from(&batch.header(stamp)[..]);
    bytes.extend_from_slice(batch.records());
    bytes.freeze()
}
