//! Any bytes decode or are refused: no panic, no allocation out of proportion to the frame.

use odradek::wire::api::add_offsets_to_txn::AddOffsetsToTxnResponse;
use odradek::wire::api::add_partitions_to_txn::AddPartitionsToTxnResponse;
use odradek::wire::api::api_versions::ApiVersionsAnswer;
use odradek::wire::api::end_txn::EndTxnResponse;
use odradek::wire::api::find_coordinator::FindCoordinatorResponse;
use odradek::wire::api::init_producer_id::InitProducerIdResponse;
use odradek::wire::api::metadata::MetadataResponse;
use odradek::wire::api::produce::ProduceResponse;
use odradek::wire::api::txn_offset_commit::TxnOffsetCommitResponse;
use odradek::wire::{ApiKey, Deframer, WireError, read_response_header};

use crate::allocation::largest_allocation;
use crate::dice::Dice;
use crate::judge::{CORRELATION_ID, response_frame};
use crate::{responses, transaction_responses, versions};

/// Largest frame that mutations begin with; a case costs as much as its frame is long.
const FRAME_LEN_MAX: usize = 1500;

/// The header and the body, whatever comes out of it.
fn decode(key: ApiKey, version: i16, frame: &[u8]) -> Result<(), WireError> {
    let body = read_response_header(frame, key, version, CORRELATION_ID)?;
    match key {
        ApiKey::Produce => ProduceResponse::decode(body, version).map(drop),
        ApiKey::Metadata => MetadataResponse::decode(body, version).map(drop),
        ApiKey::ApiVersions => ApiVersionsAnswer::decode(body, version).map(drop),
        ApiKey::InitProducerId => InitProducerIdResponse::decode(body, version).map(drop),
        ApiKey::FindCoordinator => FindCoordinatorResponse::decode(body, version).map(drop),
        ApiKey::AddPartitionsToTxn => AddPartitionsToTxnResponse::decode(body, version).map(drop),
        ApiKey::AddOffsetsToTxn => AddOffsetsToTxnResponse::decode(body, version).map(drop),
        ApiKey::EndTxn => EndTxnResponse::decode(body, version).map(drop),
        ApiKey::TxnOffsetCommit => TxnOffsetCommitResponse::decode(body, version).map(drop),
    }
}

/// Decodes and checks what must hold for all bytes.
fn decode_checked(key: ApiKey, version: i16, frame: &[u8]) -> Result<(), WireError> {
    let (result, largest) = largest_allocation(|| decode(key, version, frame));
    // A partition takes at least 22 bytes on the wire and some 150 in memory, and vectors double.
    assert!(
        largest <= 1024 + 16 * frame.len(),
        "{key} v{version}: {largest} for {frame:02x?}"
    );
    if let Err(error) = result {
        assert!(
            error.at <= frame.len(),
            "{key} v{version}: {error:?} in {frame:02x?}"
        );
    }
    result
}

fn valid_frame(dice: &mut Dice, key: ApiKey, version: i16) -> Vec<u8> {
    loop {
        let frame = match key {
            ApiKey::Produce => {
                let response = responses::produce(dice, version);
                response_frame(dice, &response, version)
            }
            ApiKey::Metadata => {
                let response = responses::metadata(dice, version);
                response_frame(dice, &response, version)
            }
            ApiKey::ApiVersions => {
                let response = responses::api_versions(dice, version);
                response_frame(dice, &response, version)
            }
            ApiKey::InitProducerId => {
                let response = responses::init_producer_id(dice, version);
                response_frame(dice, &response, version)
            }
            ApiKey::FindCoordinator => {
                let response = transaction_responses::find_coordinator(dice, version);
                response_frame(dice, &response, version)
            }
            ApiKey::AddPartitionsToTxn => {
                let response = transaction_responses::add_partitions_to_txn(dice, version);
                response_frame(dice, &response, version)
            }
            ApiKey::AddOffsetsToTxn => {
                let response = transaction_responses::add_offsets_to_txn(dice, version);
                response_frame(dice, &response, version)
            }
            ApiKey::EndTxn => {
                let response = transaction_responses::end_txn(dice, version);
                response_frame(dice, &response, version)
            }
            ApiKey::TxnOffsetCommit => {
                let response = transaction_responses::txn_offset_commit(dice, version);
                response_frame(dice, &response, version)
            }
        };
        if frame.len() <= FRAME_LEN_MAX {
            return frame;
        }
    }
}

fn for_each_version(mut check: impl FnMut(&mut Dice, ApiKey, i16)) {
    let mut dice = Dice::new(77);
    for key in ApiKey::ALL {
        for version in versions(key) {
            check(&mut dice, key, version);
        }
    }
}

/// Changes a few bytes behind the correlation id, or cuts, or adds.
fn mutate(dice: &mut Dice, frame: &mut Vec<u8>) {
    for _ in 0..=dice.below(3) {
        let at = 4 + dice.below(frame.len() - 4);
        match dice.below(6) {
            0 => frame[at] ^= 1 << dice.below(8),
            1 => frame[at] = dice.pick(&[0, 1, 0x7f, 0x80, 0xff]),
            2 => frame[at] = dice.roll() as u8,
            3 => frame.insert(at, dice.roll() as u8),
            4 => {
                let end = (at + 4).min(frame.len());
                frame[at..end].fill(dice.pick(&[0, 0x7f, 0xff]));
            }
            _ => frame.truncate(at + 1),
        }
    }
}

#[test]
fn every_cut_of_a_valid_response_is_refused() {
    for_each_version(|dice, key, version| {
        for _ in 0..4 {
            let frame = valid_frame(dice, key, version);
            assert_eq!(decode_checked(key, version, &frame), Ok(()));
            for cut in 0..frame.len() {
                let result = decode_checked(key, version, &frame[..cut]);
                assert!(result.is_err(), "{key} v{version}: {cut} of {frame:02x?}");
            }
        }
    });
}

#[test]
fn bytes_after_a_valid_response_are_refused() {
    for_each_version(|dice, key, version| {
        let mut frame = valid_frame(dice, key, version);
        frame.push(0);
        assert!(
            decode_checked(key, version, &frame).is_err(),
            "{key} v{version}"
        );
    });
}

#[test]
fn mutated_responses_never_panic_nor_allocate_out_of_proportion() {
    let mut refused = 0;
    let mut cases = 0;
    for_each_version(|dice, key, version| {
        for _ in 0..100 {
            let valid = valid_frame(dice, key, version);
            for _ in 0..40 {
                let mut frame = valid.clone();
                mutate(dice, &mut frame);
                cases += 1;
                refused += usize::from(decode_checked(key, version, &frame).is_err());
            }
        }
    });
    // Neither all nor nothing, or the mutations test little.
    assert!(
        cases >= 100_000 && refused > cases / 4 && refused < cases,
        "{refused} of {cases}"
    );
}

#[test]
fn random_bodies_never_panic_nor_allocate_out_of_proportion() {
    for_each_version(|dice, key, version| {
        for _ in 0..3000 {
            let mut frame = CORRELATION_ID.to_be_bytes().to_vec();
            let mostly = dice.pick(&[None, Some(0), Some(1), Some(0xff)]);
            for byte in dice.bytes(120) {
                frame.push(mostly.filter(|_| byte % 4 != 0).unwrap_or(byte));
            }
            // Refused or not, it ends.
            let _ = decode_checked(key, version, &frame);
        }
    });
}

#[test]
fn deframer_gives_the_same_frames_for_any_cuts() {
    for seed in 0..200 {
        let mut dice = Dice::new(seed);
        let frames: Vec<Vec<u8>> = (0..dice.below(40)).map(|_| dice.bytes(700)).collect();
        let stream: Vec<u8> = frames
            .iter()
            .flat_map(|frame| [&(frame.len() as u32).to_be_bytes()[..], frame].concat())
            .collect();
        let piece_max = dice.pick(&[1, 2, 5, 100, 5000]);
        let mut deframer = Deframer::new(700);
        let mut taken = Vec::new();
        let mut rest = &stream[..];
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.len().min(1 + dice.below(piece_max)));
            rest = after;
            deframer.push(piece);
            // Frames may be left for later.
            while dice.below(4) > 0 {
                let Some(frame) = deframer.next_frame().unwrap() else {
                    break;
                };
                taken.push(frame);
            }
        }
        while let Some(frame) = deframer.next_frame().unwrap() {
            taken.push(frame);
        }
        assert!(taken == frames, "seed {seed}");
        assert_eq!(deframer.held_bytes(), 0, "seed {seed}");
    }
}

#[test]
fn deframer_holds_no_more_than_arrived() {
    let mut deframer = Deframer::new(100 << 20);
    let mut held = 0;
    deframer.push(&(100i32 << 20).to_be_bytes());
    for _ in 0..1000 {
        let ((), largest) = largest_allocation(|| {
            deframer.push(&[1; 64]);
            assert_eq!(deframer.next_frame(), Ok(None));
        });
        held += 64;
        assert!(largest <= 1024 + 2 * held, "{largest} for {held}");
    }
}
