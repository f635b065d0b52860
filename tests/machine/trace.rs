//! Inputs and outputs as one line each.

use odradek::{Input, Output};

pub(crate) fn brief_input(input: &Input<'_>) -> String {
    match input {
        Input::Received { connection, bytes } => {
            format!(
                "Received {connection} {} bytes #{:08x}",
                bytes.len(),
                hash(bytes)
            )
        }
        Input::Resolved { .. }
        | Input::Connected { .. }
        | Input::Transmitted { .. }
        | Input::Disconnected { .. }
        | Input::Timeout => format!("{input:?}"),
    }
}

pub(crate) fn brief_output(output: &Output) -> String {
    match output {
        Output::Transmit { connection, slices } => {
            let bytes = slices.concat();
            let api = i16::from_be_bytes([bytes[4], bytes[5]]);
            let (len, hash) = (bytes.len(), hash(&bytes));
            format!("Transmit {connection} api {api} {len} bytes #{hash:08x}")
        }
        Output::Resolve { .. }
        | Output::Connect { .. }
        | Output::Disconnect { .. }
        | Output::Event(_)
        | Output::Wait { .. } => format!("{output:?}"),
    }
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u32 {
    let step = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    bytes.iter().fold(0x811c_9dc5, step)
}
