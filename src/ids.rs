//! Names for the things that the machine counts: connections, queries, topics, tickets, flushes.

use core::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty), $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

id!(
    /// One stream to one broker. Chosen by the machine in [`Output::Connect`](crate::Output), never
    /// used twice.
    ConnectionId(u32),
    "connection "
);
id!(
    /// One name resolution asked for in [`Output::Resolve`](crate::Output), never used twice.
    QueryId(u32),
    "query "
);
id!(
    /// A topic name interned by [`Producer::topic`](crate::Producer::topic), dense from 0. Not the
    /// UUID that Kafka calls a topic id: that one is [`TopicUuid`].
    TopicHandle(u32),
    "topic "
);
id!(
    /// An accepted record. Tickets are contiguous from 0 in the order of acceptance.
    Ticket(u64),
    "ticket "
);
id!(
    /// One call of [`Producer::flush`](crate::Producer::flush).
    FlushId(u32),
    "flush "
);
id!(
    /// One operation that a transactional command began, such as a commit.
    OperationId(u32),
    "operation "
);
id!(
    /// A broker's node id as the cluster numbers it.
    BrokerId(i32),
    "broker "
);

/// Kafka's topic id (KIP-516): 16 bytes, all zero when the broker gave none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicUuid(pub [u8; 16]);

impl TopicUuid {
    /// The id that stands for "none".
    pub const ZERO: Self = Self([0; 16]);
}
