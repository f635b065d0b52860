//! What WASI's error codes mean to the machine: the only place that knows both.

use crate::driver::{DisconnectReason, ResolveError};
use ::wasi::io::streams::StreamError;
use ::wasi::sockets::network::ErrorCode;

/// Every other code is [`DisconnectReason::Transport`].
const REASONS: [(ErrorCode, DisconnectReason); 12] = [
    (ErrorCode::AccessDenied, DisconnectReason::Denied),
    (ErrorCode::ConnectionRefused, DisconnectReason::Refused),
    (ErrorCode::ConnectionReset, DisconnectReason::Reset),
    (ErrorCode::ConnectionAborted, DisconnectReason::Reset),
    (ErrorCode::RemoteUnreachable, DisconnectReason::Unreachable),
    // The host gave up sending packets: nobody answers at the address.
    (ErrorCode::Timeout, DisconnectReason::Unreachable),
    // The family is not there, or the address is none that can be connected to.
    (ErrorCode::NotSupported, DisconnectReason::Unreachable),
    (ErrorCode::InvalidArgument, DisconnectReason::Unreachable),
    (ErrorCode::AddressNotBindable, DisconnectReason::Unreachable),
    // All local ports are taken.
    (ErrorCode::AddressInUse, DisconnectReason::Exhausted),
    (ErrorCode::NewSocketLimit, DisconnectReason::Exhausted),
    (ErrorCode::OutOfMemory, DisconnectReason::Exhausted),
];

/// Every other code is [`ResolveError::Unavailable`].
const RESOLVE_ERRORS: [(ErrorCode, ResolveError); 4] = [
    (ErrorCode::NameUnresolvable, ResolveError::NotFound),
    // No name at all.
    (ErrorCode::InvalidArgument, ResolveError::NotFound),
    (ErrorCode::AccessDenied, ResolveError::Denied),
    // What wasmtime answers where the embedder does not allow look-ups.
    (ErrorCode::PermanentResolverFailure, ResolveError::Denied),
];

/// Why a connection could not be opened.
pub(super) fn connect_reason(code: ErrorCode) -> DisconnectReason {
    meaning(&REASONS, code).unwrap_or(DisconnectReason::Transport)
}

/// Why an open connection ended. WASI 0.2 does not say more about a failed operation than a text for
/// debugging; on an open TCP stream it is the peer, or the way to it, that is gone.
pub(super) fn stream_reason(error: &StreamError) -> DisconnectReason {
    match error {
        StreamError::Closed => DisconnectReason::Closed,
        StreamError::LastOperationFailed(_) => DisconnectReason::Reset,
    }
}

/// Why a name has no addresses.
pub(super) fn resolve_error(code: ErrorCode) -> ResolveError {
    meaning(&RESOLVE_ERRORS, code).unwrap_or(ResolveError::Unavailable)
}

fn meaning<T: Copy>(table: &[(ErrorCode, T)], code: ErrorCode) -> Option<T> {
    let row = table.iter().find(|(known, _)| *known == code);
    row.map(|(_, meaning)| *meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_reasons() {
        assert_eq!(
            connect_reason(ErrorCode::ConnectionRefused),
            DisconnectReason::Refused
        );
        assert_eq!(
            connect_reason(ErrorCode::Unknown),
            DisconnectReason::Transport
        );
        assert_eq!(
            resolve_error(ErrorCode::PermanentResolverFailure),
            ResolveError::Denied
        );
        assert_eq!(
            resolve_error(ErrorCode::TemporaryResolverFailure),
            ResolveError::Unavailable
        );
    }
}
