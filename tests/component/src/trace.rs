//! Calls to a machine as values: recorded with one machine, replayed on another.

use bytes::Bytes;
use odradek::{
    Bulk, BulkHeader, BulkOutcome, BulkRecord, ConnectionId, DisconnectReason, FlushId, Input,
    Instant, Metrics, OperationId, Output, QueryId, ResolveError, Step, TopicError, TopicHandle,
    TransactionError, TransactionState,
};
use odradek_host::machine::{Machine, TransactionCommand};
use std::net::IpAddr;
use std::time::Duration;

/// One call of a machine.
#[derive(Clone, Debug)]
pub enum Call {
    /// Interns a topic name.
    Topic(String),
    /// Offers records.
    SendMany(Records),
    /// Asks for a topic's partitions.
    Watch(TopicHandle),
    /// Takes a snapshot of what is counted.
    Metrics,
    /// Overrides linger.
    Flush,
    /// Drops what was never handed out.
    Purge,
    /// Asks something that has to do with transactions.
    Transact(TransactionCommand),
    /// Asks how far the transactions are.
    TransactionState,
    /// Ends the producer within a time.
    Close(Duration),
    /// Hands over inputs and takes outputs.
    Step(Vec<Happening>),
}

/// Records in bulk form, owned.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// One entry per record.
    pub records: Vec<BulkRecord>,
    /// The headers of all records.
    pub headers: Vec<BulkHeader>,
    /// Their bytes.
    pub data: Vec<u8>,
    /// The wall clock in ms since 1970.
    pub wall: i64,
}

impl Records {
    /// The same, borrowed.
    pub fn bulk(&self) -> Bulk<'_> {
        Bulk {
            records: &self.records,
            headers: &self.headers,
            data: &self.data,
        }
    }
}

/// An [`Input`] that owns what it speaks of.
#[derive(Clone, Debug)]
pub enum Happening {
    /// A name was resolved.
    Resolved(QueryId, Result<Vec<IpAddr>, ResolveError>),
    /// A connection is open.
    Connected(ConnectionId),
    /// The transport took so many bytes.
    Transmitted(ConnectionId, usize),
    /// Bytes arrived.
    Received(ConnectionId, Vec<u8>),
    /// A connection ended.
    Disconnected(ConnectionId, DisconnectReason),
    /// Time passed.
    Timeout,
}

impl Happening {
    /// The input, borrowed.
    pub fn input(&self) -> Input<'_> {
        match self {
            Self::Resolved(query, result) => Input::Resolved {
                query: *query,
                result: result.as_deref().map_err(|error| *error),
            },
            Self::Connected(connection) => Input::Connected {
                connection: *connection,
            },
            Self::Transmitted(connection, bytes) => Input::Transmitted {
                connection: *connection,
                bytes: *bytes,
            },
            Self::Received(connection, bytes) => Input::Received {
                connection: *connection,
                bytes,
            },
            Self::Disconnected(connection, reason) => Input::Disconnected {
                connection: *connection,
                reason: *reason,
            },
            Self::Timeout => Input::Timeout,
        }
    }

    /// The connection that the input belongs to, if any.
    pub const fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::Connected(connection)
            | Self::Transmitted(connection, _)
            | Self::Received(connection, _)
            | Self::Disconnected(connection, _) => Some(*connection),
            Self::Resolved(..) | Self::Timeout => None,
        }
    }
}

/// What a machine answered to a [`Call`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Call::Topic`].
    Topic(Result<TopicHandle, TopicError>),
    /// To [`Call::SendMany`].
    Sent(BulkOutcome),
    /// To [`Call::Flush`].
    Flushing(FlushId),
    /// To [`Call::Transact`].
    Transacted(Result<Option<OperationId>, TransactionError>),
    /// To [`Call::TransactionState`].
    TransactionState(Option<TransactionState>),
    /// To [`Call::Watch`], [`Call::Purge`] and [`Call::Close`].
    Done,
    /// To [`Call::Metrics`].
    Counted(Box<Metrics>),
    /// To [`Call::Step`]: every frame in one piece, because pieces are no part of the contract.
    Step(Vec<Output>, Step),
}

/// Everything that was asked of a machine, and when.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The calls in order.
    pub calls: Vec<(Instant, Call)>,
}

impl Trace {
    /// How many inputs the trace hands over.
    pub fn inputs(&self) -> usize {
        let count = |(_, call): &(Instant, Call)| match call {
            Call::Step(inputs) => inputs.len(),
            Call::Topic(_)
            | Call::SendMany(_)
            | Call::Watch(_)
            | Call::Metrics
            | Call::Flush
            | Call::Purge
            | Call::Transact(_)
            | Call::TransactionState
            | Call::Close(_) => 0,
        };
        self.calls.iter().map(count).sum()
    }

    /// Asks another machine the same.
    pub fn replay(&self, machine: &mut dyn Machine) -> Vec<Answer> {
        let answer = |(now, call): &(Instant, Call)| perform(machine, call, *now);
        self.calls.iter().map(answer).collect()
    }
}

/// Carries out one call.
///
/// # Panics
///
/// When the machine is lost.
pub fn perform(machine: &mut dyn Machine, call: &Call, now: Instant) -> Answer {
    let answer = match call {
        Call::Topic(name) => machine.topic(name).map(Answer::Topic),
        Call::SendMany(records) => machine
            .send_many(&records.bulk(), records.wall, now)
            .map(Answer::Sent),
        Call::Watch(topic) => machine.watch(*topic, now).map(|()| Answer::Done),
        Call::Metrics => machine
            .metrics(now)
            .map(|metrics| Answer::Counted(Box::new(metrics))),
        Call::Flush => machine.flush(now).map(Answer::Flushing),
        Call::Purge => machine.purge(now).map(|()| Answer::Done),
        Call::Transact(command) => machine.transact(command, now).map(Answer::Transacted),
        Call::TransactionState => machine.transaction_state().map(Answer::TransactionState),
        Call::Close(timeout) => machine.close(*timeout, now).map(|()| Answer::Done),
        Call::Step(happenings) => {
            let inputs: Vec<Input<'_>> = happenings.iter().map(Happening::input).collect();
            let mut outputs = Vec::new();
            let step = machine.step(&inputs, now, &mut outputs);
            step.map(|step| Answer::Step(outputs.into_iter().map(whole).collect(), step))
        }
    };
    answer.unwrap_or_else(|lost| panic!("at {} ns, {call:?}: {lost}", now.as_nanos()))
}

/// A frame in one piece.
fn whole(output: Output) -> Output {
    match output {
        Output::Transmit { connection, slices } => Output::Transmit {
            connection,
            slices: vec![Bytes::from(slices.concat())],
        },
        Output::Resolve { .. }
        | Output::Connect { .. }
        | Output::Disconnect { .. }
        | Output::Event(_)
        | Output::Wait { .. } => output,
    }
}
