//! The world `engine`: the driver contract of the core, exported as it is.

use super::bindings::exports::odradek::kafka::machine as wit;
use super::bindings::exports::odradek::kafka::types;
use super::transaction::{group, offsets};
use super::types::{addressed, bulk_index, length};
use crate::Producer;
use crate::bulk::Bulk;
use crate::config::Config;
use crate::driver::{DisconnectReason, Input, Output, ResolveError, WaitReason};
use crate::error_code::ErrorCode;
use crate::event::Event;
use crate::ids::{ConnectionId, OperationId, QueryId, TopicHandle};
use crate::time::Instant;
use crate::transaction::TransactionError;
use crate::wire::{WireError, WireErrorKind};
use bytes::Bytes;
use core::cell::RefCell;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;

/// The component as a whole, which has no state of its own.
pub(super) struct EngineComponent;

impl wit::Guest for EngineComponent {
    type Producer = Engine;
}

/// One producer behind the interface's resource. The borrows never meet: without imports no call can
/// begin inside another.
pub(super) struct Engine {
    producer: RefCell<Producer>,
    /// Emptied by every step; kept for its memory.
    outputs: RefCell<Vec<Output>>,
}

impl wit::GuestProducer for Engine {
    fn open(
        properties: Vec<(String, String)>,
        seed: u64,
        now: u64,
    ) -> Result<wit::Opened, types::ConfigError> {
        let (config, notes) = Config::from_properties(properties)?;
        let producer = Producer::new(&config, seed, Instant::from_nanos(now));
        Ok(wit::Opened {
            free_bytes: producer.free_bytes(),
            notes: notes.iter().map(ToString::to_string).collect(),
            producer: wit::Producer::new(Self {
                producer: RefCell::new(producer),
                outputs: RefCell::new(Vec::new()),
            }),
        })
    }

    fn topic(&self, name: String) -> Result<u32, types::TopicError> {
        let topic = self.producer.borrow_mut().topic(&name)?;
        Ok(topic.0)
    }

    fn send_bulk(
        &self,
        records: Vec<types::RecordIndex>,
        headers: Vec<types::HeaderIndex>,
        data: Vec<u8>,
        wall: i64,
        now: u64,
    ) -> types::SendOutcome {
        let (records, headers) = bulk_index(records, headers);
        let bulk = Bulk {
            records: &records,
            headers: &headers,
            data: &data,
        };
        let mut producer = self.producer.borrow_mut();
        producer
            .send_many(&bulk, wall, Instant::from_nanos(now))
            .into()
    }

    fn watch(&self, topic: u32, now: u64) {
        let mut producer = self.producer.borrow_mut();
        producer.watch(TopicHandle(topic), Instant::from_nanos(now));
    }

    fn want_room(&self, bytes: u64) {
        self.producer.borrow_mut().want_room(bytes);
    }

    fn flush(&self, now: u64) -> u32 {
        let mut producer = self.producer.borrow_mut();
        producer.flush(Instant::from_nanos(now)).0
    }

    fn purge(&self, now: u64) {
        self.producer.borrow_mut().purge(Instant::from_nanos(now));
    }

    fn close(&self, timeout: u64, now: u64) {
        let mut producer = self.producer.borrow_mut();
        producer.close(Duration::from_millis(timeout), Instant::from_nanos(now));
    }

    fn init_transactions(
        &self,
        keep_prepared: bool,
        now: u64,
    ) -> Result<u32, types::TransactionError> {
        self.transact(|producer| {
            producer.init_transactions(keep_prepared, Instant::from_nanos(now))
        })
    }

    fn begin_transaction(&self, now: u64) -> Result<(), types::TransactionError> {
        let mut producer = self.producer.borrow_mut();
        producer.begin_transaction(Instant::from_nanos(now))?;
        Ok(())
    }

    fn send_offsets(
        &self,
        committed: Vec<types::OffsetToCommit>,
        member: types::GroupMetadata,
        now: u64,
    ) -> Result<u32, types::TransactionError> {
        let (offsets, group) = (offsets(&committed), group(&member));
        self.transact(|producer| producer.send_offsets(&offsets, &group, Instant::from_nanos(now)))
    }

    fn prepare_transaction(&self, now: u64) -> Result<u32, types::TransactionError> {
        self.transact(|producer| producer.prepare_transaction(Instant::from_nanos(now)))
    }

    fn complete_transaction(
        &self,
        prepared: types::PreparedTransaction,
        now: u64,
    ) -> Result<u32, types::TransactionError> {
        self.transact(|producer| {
            producer.complete_transaction(prepared.into(), Instant::from_nanos(now))
        })
    }

    fn commit_transaction(&self, now: u64) -> Result<u32, types::TransactionError> {
        self.transact(|producer| producer.commit_transaction(Instant::from_nanos(now)))
    }

    fn abort_transaction(&self, now: u64) -> Result<u32, types::TransactionError> {
        self.transact(|producer| producer.abort_transaction(Instant::from_nanos(now)))
    }

    fn transaction_state(&self) -> Option<types::TransactionState> {
        let state = self.producer.borrow().transaction_state();
        state.map(Into::into)
    }

    fn metrics(&self, now: u64) -> types::Metrics {
        let producer = self.producer.borrow();
        producer.metrics(Instant::from_nanos(now)).into()
    }

    fn step(&self, inputs: Vec<wit::Input>, data: Vec<u8>, now: u64) -> wit::StepResult {
        let now = Instant::from_nanos(now);
        let mut producer = self.producer.borrow_mut();
        let mut blob = data.as_slice();
        for input in inputs {
            handle(&mut producer, input, &mut blob, now);
        }
        let mut outputs = self.outputs.borrow_mut();
        let step = producer.poll_outputs(now, &mut outputs);
        let mut data = Vec::with_capacity(outputs.iter().map(blob_bytes).sum());
        wit::StepResult {
            actions: outputs
                .drain(..)
                .filter_map(|output| action(output, &mut data))
                .collect(),
            data,
            until: step.until.map(Instant::as_nanos),
            reason: step.reason.into(),
            free_bytes: step.free_bytes,
            more: step.more,
        }
    }
}

impl Engine {
    /// Has the core begin an operation; gives its number.
    fn transact(
        &self,
        begin: impl FnOnce(&mut Producer) -> Result<OperationId, TransactionError>,
    ) -> Result<u32, types::TransactionError> {
        let operation = begin(&mut self.producer.borrow_mut())?;
        Ok(operation.0)
    }
}

/// Hands one input to the core; received bytes are the next ones of the blob.
fn handle(producer: &mut Producer, input: wit::Input, blob: &mut &[u8], now: Instant) {
    let addresses: Vec<IpAddr>;
    let input = match input {
        wit::Input::Resolved(resolved) => Input::Resolved {
            query: QueryId(resolved.query),
            result: match resolved.addresses {
                Ok(found) => {
                    addresses = found.into_iter().map(Into::into).collect();
                    Ok(&addresses)
                }
                Err(error) => Err(error.into()),
            },
        },
        wit::Input::Connected(connection) => Input::Connected {
            connection: ConnectionId(connection),
        },
        wit::Input::Transmitted(moved) => Input::Transmitted {
            connection: ConnectionId(moved.connection),
            bytes: moved.bytes as usize,
        },
        wit::Input::Received(moved) => {
            let bytes;
            (bytes, *blob) = blob.split_at(blob.len().min(moved.bytes as usize));
            Input::Received {
                connection: ConnectionId(moved.connection),
                bytes,
            }
        }
        wit::Input::Disconnected(end) => Input::Disconnected {
            connection: ConnectionId(end.connection),
            reason: end.reason.into(),
        },
        wit::Input::Timeout => Input::Timeout,
    };
    producer.handle_input(input, now);
}

/// How many bytes of the blob an output takes.
fn blob_bytes(output: &Output) -> usize {
    match output {
        Output::Transmit { slices, .. } => slices.iter().map(Bytes::len).sum(),
        Output::Event(Event::Delivered(report)) => report.tickets.encoded_len(),
        Output::Event(_)
        | Output::Resolve { .. }
        | Output::Connect { .. }
        | Output::Disconnect { .. }
        | Output::Wait { .. } => 0,
    }
}

/// One output as an action, its bytes appended to the blob; `None` for a wait, which the result of
/// the step carries.
fn action(output: Output, blob: &mut Vec<u8>) -> Option<wit::Action> {
    Some(match output {
        Output::Resolve { query, host, port } => wit::Action::Resolve(wit::Resolve {
            query: query.0,
            host,
            port,
        }),
        Output::Connect {
            connection,
            address,
            host,
        } => wit::Action::Connect(wit::Connect {
            connection: connection.0,
            address: address.into(),
            host,
        }),
        Output::Transmit { connection, slices } => {
            let start = blob.len();
            for slice in &slices {
                blob.extend_from_slice(slice);
            }
            wit::Action::Transmit(wit::ConnectionBytes {
                connection: connection.0,
                bytes: length(blob.len() - start),
            })
        }
        Output::Disconnect { connection } => wit::Action::Disconnect(connection.0),
        Output::Event(event) => wit::Action::Event(addressed(event, blob)),
        Output::Wait { .. } => return None,
    })
}

impl From<WaitReason> for wit::WaitReason {
    fn from(reason: WaitReason) -> Self {
        match reason {
            WaitReason::Idle => Self::Idle,
            WaitReason::Linger => Self::Linger,
            WaitReason::DeliveryTimeout => Self::DeliveryTimeout,
            WaitReason::MaxBlock => Self::MaxBlock,
            WaitReason::RequestTimeout => Self::RequestTimeout,
            WaitReason::RetryBackoff => Self::RetryBackoff,
            WaitReason::ConnectionSetup => Self::ConnectionSetup,
            WaitReason::ReconnectBackoff => Self::ReconnectBackoff,
            WaitReason::MetadataAge => Self::MetadataAge,
            WaitReason::Close => Self::Close,
        }
    }
}

impl From<types::IpAddress> for IpAddr {
    fn from(address: types::IpAddress) -> Self {
        match address {
            types::IpAddress::Ipv4(bits) => Self::V4(Ipv4Addr::from_bits(bits)),
            types::IpAddress::Ipv6((high, low)) => Self::V6(Ipv6Addr::from_bits(
                u128::from(high) << 64 | u128::from(low),
            )),
        }
    }
}

impl From<types::ResolveError> for ResolveError {
    fn from(error: types::ResolveError) -> Self {
        match error {
            types::ResolveError::NotFound => Self::NotFound,
            types::ResolveError::Unavailable => Self::Unavailable,
            types::ResolveError::Denied => Self::Denied,
        }
    }
}

impl From<types::WireError> for WireError {
    fn from(error: types::WireError) -> Self {
        use types::WireErrorKind as Wit;
        Self {
            at: error.at as usize,
            kind: match error.kind {
                Wit::UnexpectedEnd => WireErrorKind::UnexpectedEnd,
                Wit::BadLength => WireErrorKind::BadLength,
                Wit::NotUtf8 => WireErrorKind::NotUtf8,
                Wit::VarintTooLong => WireErrorKind::VarintTooLong,
                Wit::UnexpectedNull => WireErrorKind::UnexpectedNull,
                Wit::TrailingBytes => WireErrorKind::TrailingBytes,
                Wit::WrongCorrelationId => WireErrorKind::WrongCorrelationId,
                Wit::Unasked => WireErrorKind::Unasked,
            },
        }
    }
}

impl From<types::DisconnectReason> for DisconnectReason {
    fn from(reason: types::DisconnectReason) -> Self {
        use types::DisconnectReason as Wit;
        match reason {
            Wit::Refused => Self::Refused,
            Wit::Reset => Self::Reset,
            Wit::Closed => Self::Closed,
            Wit::Unreachable => Self::Unreachable,
            Wit::Denied => Self::Denied,
            Wit::Exhausted => Self::Exhausted,
            Wit::Tls => Self::Tls,
            Wit::Transport => Self::Transport,
            Wit::Requested => Self::Requested,
            Wit::SetupTimedOut => Self::SetupTimedOut,
            Wit::RequestTimedOut => Self::RequestTimedOut,
            Wit::Malformed(error) => Self::Malformed(error.into()),
            Wit::Unresolved(error) => Self::Unresolved(error.into()),
            Wit::UnsupportedVersion(api_key) => Self::UnsupportedVersion { api_key },
            Wit::Rejected(code) => Self::Rejected(ErrorCode(code)),
        }
    }
}
