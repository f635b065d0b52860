//! What one connection owes: requests without an answer, and frames not yet taken by the transport.

use crate::time::{Instant, earliest};
use crate::wire::ApiKey;
use core::time::Duration;
use std::collections::VecDeque;

/// Who gets the answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestTag {
    /// The connection itself, while it is set up.
    ApiVersions,
    /// The cluster view.
    Metadata,
    /// The producer's identity.
    InitProducerId,
    /// The producer's transactions, which have one request out at a time.
    Transaction,
    /// The sender; the number is its own.
    Produce(u64),
}

/// A request that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InFlightRequest {
    pub(crate) correlation_id: i32,
    pub(crate) api: ApiKey,
    pub(crate) version: i16,
    pub(crate) tag: RequestTag,
    pub(crate) sent_at: Instant,
    /// When the connection is given up because the answer is missing (`request.timeout.ms`).
    pub(crate) deadline: Instant,
}

/// A frame that nobody answers, over when the transport has taken its last byte.
#[derive(Clone, Copy, Debug)]
struct UnansweredFrame {
    /// Where its last byte is among all bytes handed out.
    end: u64,
    tag: RequestTag,
    /// When the connection is given up because the transport does not take it.
    deadline: Instant,
}

/// The requests of one connection in the order in which they were handed out, which is the order in
/// which a broker answers.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    requests: VecDeque<InFlightRequest>,
    /// Frames without an answer to come (`acks=0`), in the same order.
    unanswered: VecDeque<UnansweredFrame>,
    /// Bytes handed out to the driver, and bytes that the transport took, since the start.
    handed_out: u64,
    transmitted: u64,
    /// Produce requests among the above: the ones that `max.in.flight` limits.
    produce_count: usize,
}

impl InFlight {
    /// Notes a frame of `bytes` bytes that will be answered.
    pub(crate) fn push(&mut self, request: InFlightRequest, bytes: u64) {
        self.handed_out += bytes;
        self.produce_count += usize::from(matches!(request.tag, RequestTag::Produce(_)));
        self.requests.push_back(request);
    }

    /// Notes a frame of `bytes` bytes that nobody will answer; the connection is given up when the
    /// transport has not taken it by `deadline`.
    pub(crate) fn push_unanswered(&mut self, tag: RequestTag, bytes: u64, deadline: Instant) {
        self.handed_out += bytes;
        self.produce_count += usize::from(matches!(tag, RequestTag::Produce(_)));
        self.unanswered.push_back(UnansweredFrame {
            end: self.handed_out,
            tag,
            deadline,
        });
    }

    /// The oldest request, whose answer comes next.
    pub(crate) fn pop(&mut self) -> Option<InFlightRequest> {
        let request = self.requests.pop_front()?;
        self.produce_count -= usize::from(matches!(request.tag, RequestTag::Produce(_)));
        Some(request)
    }

    /// Puts a request back that turned out not to be the one answered.
    pub(crate) fn push_front(&mut self, request: InFlightRequest) {
        self.produce_count += usize::from(matches!(request.tag, RequestTag::Produce(_)));
        self.requests.push_front(request);
    }

    /// The transport took `bytes` more.
    pub(crate) const fn on_transmitted(&mut self, bytes: u64) {
        let transmitted = self.transmitted.saturating_add(bytes);
        self.transmitted = if transmitted < self.handed_out {
            transmitted
        } else {
            self.handed_out
        };
    }

    /// The next frame without an answer that the transport took whole.
    pub(crate) fn pop_transmitted(&mut self) -> Option<RequestTag> {
        let UnansweredFrame { end, tag, .. } = *self.unanswered.front()?;
        if end > self.transmitted {
            return None;
        }
        self.unanswered.pop_front();
        self.produce_count -= usize::from(matches!(tag, RequestTag::Produce(_)));
        Some(tag)
    }

    /// Everything that was open, in order; afterwards nothing is.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = RequestTag> + '_ {
        self.produce_count = 0;
        let answered = self.requests.drain(..).map(|request| request.tag);
        answered.chain(self.unanswered.drain(..).map(|frame| frame.tag))
    }

    /// Everything that is open gets so much more time.
    pub(crate) fn postpone(&mut self, by: Duration) {
        for request in &mut self.requests {
            request.deadline = request.deadline.after(by);
        }
        for frame in &mut self.unanswered {
            frame.deadline = frame.deadline.after(by);
        }
    }

    /// When the connection is given up if nothing happens: the oldest of each kind has waited longest.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let answer = self.requests.front().map(|request| request.deadline);
        let transport = self.unanswered.front().map(|frame| frame.deadline);
        earliest(answer, transport)
    }

    pub(crate) const fn produce_count(&self) -> usize {
        self.produce_count
    }

    pub(crate) fn len(&self) -> usize {
        self.requests.len() + self.unanswered.len()
    }
}
