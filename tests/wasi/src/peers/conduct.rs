//! How a peer behaves: the faults and the pace of each direction.

use std::time::Duration;

/// How a proxy treats its connections, from when it is told on.
#[derive(Clone, Debug, Default)]
pub struct Conduct {
    /// What comes from the client.
    pub requests: Flow,
    /// What goes to the client.
    pub responses: Flow,
    /// Responses that are changed on their way.
    pub spoils: Vec<Spoil>,
}

/// One direction.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    /// In the order of their positions; each happens once.
    pub faults: Vec<Fault>,
    /// Without one, everything passes at once.
    pub pace: Option<Pace>,
}

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// After so many bytes of the direction, over all connections since the conduct was set. Exactly
    /// these have passed.
    pub after: u64,
    /// What happens to the connection that carried the last of them.
    pub kind: FaultKind,
}

/// What happens to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// It is reset.
    Reset,
    /// It is closed.
    Close,
    /// The peer closes the side that this direction is sent on, and goes on with the other one.
    /// Of requests: they are read and forgotten, for TCP cannot say that nobody will read.
    HalfClose,
}

/// A slow direction: so many bytes at most, then a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Bytes that pass at once.
    pub bytes: usize,
    /// The pause after them.
    pub pause: Duration,
}

/// A change of one response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoil {
    /// Which response, by the order in which they begin on any connection since the conduct was set.
    pub response: u64,
    /// From which byte of the frame on; its length is the first four.
    pub at: usize,
    /// The bytes that come instead; those past the end of the frame have no effect.
    pub bytes: Vec<u8>,
}

impl Conduct {
    /// Requests that meet faults, in the order of their positions.
    pub fn of_requests(faults: Vec<Fault>) -> Self {
        let requests = Flow { faults, pace: None };
        Self {
            requests,
            ..Self::default()
        }
    }

    /// Responses that meet faults, in the order of their positions.
    pub fn of_responses(faults: Vec<Fault>) -> Self {
        let responses = Flow { faults, pace: None };
        Self {
            responses,
            ..Self::default()
        }
    }
}
