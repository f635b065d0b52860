//! Where many tasks put records side by side, in the flat form in which the machine takes them.

mod command;
mod staged;

pub(crate) use command::{Command, CommandKind, Transact, TransactionResult};
pub(crate) use staged::{HEADER_BYTES, Owner, RECORD_BYTES, Run, Staged, ToStage, cost};

use crate::batch::Batch;
use crate::report::SendError;
use odradek::TransactionState;
use std::collections::HashMap;
use std::sync::Arc;
use std::task::Waker;

/// How many bytes are staged at most: what one call lowers into a component, and what the driver may
/// still be offered when the machine turns out to be full.
pub(crate) const STAGED_BYTES: u64 = 1 << 20;

/// What a driver that has nothing to do waits for. Commands wake it always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Commands alone.
    #[default]
    Commands,
    /// So many records that another call of the machine is worth it.
    Full,
    /// The first record.
    Any,
}

/// The place itself; one lock around it.
#[derive(Debug, Default)]
pub(crate) struct Staging {
    filling: Staged,
    topics: Topics,
    free_slots: Vec<u32>,
    slot_count: u32,
    staged_total: u64,
    commands: Vec<Command>,
    refusal: Option<SendError>,
    /// How far a transactional producer is, or will be after the commands that wait: records are taken
    /// within a transaction alone. `None` without transactions.
    transaction: Option<TransactionState>,
    /// How many commands wait that end the transaction, as far as records are concerned.
    shutting: u32,
    /// Whether a close was asked for, whatever else refuses records.
    closing: bool,
    ended: bool,
    /// A sender found no room: what is staged must go on, however little it is.
    starved: bool,
    /// The most room that a sender has begun to wait for since the driver last looked, in bytes.
    wanted: u64,
    driver: Option<Waker>,
    interest: Interest,
}

/// Whom to wake, once the lock is released: the driver, if any.
#[must_use = "a driver that is not woken leaves the records where they are"]
#[derive(Debug, Default)]
pub(crate) struct Wake(Option<Waker>);

impl Wake {
    pub(crate) fn wake(self) {
        if let Some(waker) = self.0 {
            waker.wake();
        }
    }
}

/// Which records the driver may take from the staging place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Nothing, or not yet.
    Nothing,
    /// Some records, but waiting a little may bring more.
    Some,
    /// Many records, or a sender that waits for room.
    Now,
}

impl Staging {
    /// Stages a record that is waited for alone; gives its topic and its delivery slot.
    pub(crate) fn push(&mut self, staged: &ToStage<'_, '_>) -> Result<(u32, u32), SendError> {
        let topic = self.admit(staged)?;
        let slot = self.free_slots.pop().unwrap_or_else(|| {
            self.slot_count += 1;
            self.slot_count - 1
        });
        self.filling.append(topic, staged);
        self.filling.slots.push(slot);
        match self.filling.owners.last_mut() {
            Some(Run {
                count,
                owner: Owner::Singles,
            }) => *count += 1,
            Some(_) | None => self.filling.owners.push(Run {
                count: 1,
                owner: Owner::Singles,
            }),
        }
        Ok((topic, slot))
    }

    /// Stages the record at `index` of a batch.
    pub(crate) fn push_of_batch(
        &mut self,
        batch: &Arc<Batch>,
        index: u32,
        staged: &ToStage<'_, '_>,
    ) -> Result<(), SendError> {
        let topic = self.admit(staged)?;
        self.filling.append(topic, staged);
        if let Some(Run { count, owner }) = self.filling.owners.last_mut()
            && let Owner::Batch { batch: last, .. } = owner
            && Arc::ptr_eq(last, batch)
        {
            *count += 1;
        } else {
            self.filling.owners.push(Run {
                count: 1,
                owner: Owner::Batch {
                    batch: Arc::clone(batch),
                    first: index,
                },
            });
        }
        Ok(())
    }

    fn admit(&mut self, staged: &ToStage<'_, '_>) -> Result<u32, SendError> {
        if let Some(refusal) = self.refusal {
            return Err(refusal);
        }
        if let Some(state) = self.transaction
            && state != TransactionState::InTransaction
        {
            return Err(SendError::NoTransaction { state });
        }
        self.filling.credits += staged.credits;
        self.staged_total += 1;
        Ok(self.topics.intern(staged.record.topic))
    }

    /// The driver, if what is staged is worth waking it.
    pub(crate) fn wake(&mut self) -> Wake {
        let worth = match self.interest {
            Interest::Commands => false,
            Interest::Full => self.due() == Due::Now,
            Interest::Any => self.due() != Due::Nothing,
        };
        Wake(if worth || !self.commands.is_empty() {
            self.driver.take()
        } else {
            None
        })
    }

    /// Notes that a sender waits for so many bytes of room, and wakes the driver to make some.
    pub(crate) fn starve(&mut self, bytes: u64) -> Wake {
        self.starved = true;
        let is_more = bytes > self.wanted;
        self.wanted = self.wanted.max(bytes);
        // A driver that waits for room itself looks here when it has some.
        if is_more && self.interest != Interest::Commands {
            Wake(self.driver.take())
        } else {
            self.wake()
        }
    }

    /// Whether a sender has begun to wait for more than what is free.
    pub(crate) const fn is_wanting(&self, free: u64) -> bool {
        self.wanted > free
    }

    /// The most room that a sender has begun to wait for since the last call, in bytes; 0 if none has.
    pub(crate) const fn take_wanted(&mut self) -> u64 {
        std::mem::replace(&mut self.wanted, 0)
    }

    /// Adds a command behind everything staged so far. A close refuses all later records. Once the
    /// driver has ended, the command is dropped, which tells its sender, or its waker is given back.
    pub(crate) fn command(&mut self, kind: CommandKind) -> Wake {
        if let CommandKind::Close { .. } = kind {
            self.closing = true;
            self.refuse(SendError::Closed);
        }
        if self.ended {
            return Wake(kind.into_waker());
        }
        if let CommandKind::Transact(transact) = &kind
            && let Some(state) = transact.shuts()
        {
            self.shutting += 1;
            self.transaction = self.transaction.and(Some(state));
        }
        self.commands.push(Command {
            after: self.staged_total,
            kind,
        });
        self.wake()
    }

    /// Notes that a command was carried out.
    pub(crate) const fn carried_out(&mut self, transact: &Transact) {
        if transact.shuts().is_some() {
            self.shutting -= 1;
        }
    }

    /// Notes how far the machine's transactions are, unless a command waits that is about to change that.
    pub(crate) const fn set_transaction(&mut self, state: Option<TransactionState>) {
        if self.shutting == 0 {
            self.transaction = state;
        }
    }

    /// Asks for the partitions of a topic; fails where no answer would come.
    pub(crate) fn watch(&mut self, topic: &str) -> Result<Wake, SendError> {
        if let Some(refusal) = self.refusal {
            return Err(refusal);
        }
        let topic = self.topics.intern(topic);
        Ok(self.command(CommandKind::Watch(topic)))
    }

    /// Refuses every later record with `error`, unless an earlier reason stands.
    pub(crate) fn refuse(&mut self, error: SendError) {
        self.refusal.get_or_insert(error);
    }

    /// Refuses every later record and command: no driver will come for them. Gives the commands that
    /// are left.
    #[must_use = "their wakers are to be woken"]
    pub(crate) fn end(&mut self, error: SendError) -> Vec<Command> {
        self.refuse(error);
        self.ended = true;
        self.take_commands()
    }

    /// Why records are refused, if they are.
    pub(crate) const fn refusal(&self) -> Option<SendError> {
        self.refusal
    }

    /// Whether a close was asked for.
    pub(crate) const fn is_closing(&self) -> bool {
        self.closing
    }

    /// Whether there are commands.
    pub(crate) const fn has_commands(&self) -> bool {
        !self.commands.is_empty()
    }

    /// Which records could be taken.
    pub(crate) fn due(&self) -> Due {
        if self.filling.records.is_empty() {
            Due::Nothing
        } else if self.starved || self.filling.is_full() {
            Due::Now
        } else {
            Due::Some
        }
    }

    /// Leaves the driver's waker here until something of interest is staged.
    pub(crate) fn register(&mut self, waker: &Waker, interest: Interest) {
        self.interest = interest;
        match &mut self.driver {
            Some(old) => old.clone_from(waker),
            None => self.driver = Some(waker.clone()),
        }
    }

    /// Swaps what is staged with `empty`, which must be empty.
    pub(crate) fn take_records(&mut self, empty: &mut Staged) {
        debug_assert!(empty.records.is_empty(), "swapped-in records would be lost");
        self.starved = false;
        std::mem::swap(&mut self.filling, empty);
    }

    /// Takes the commands; the [wakers](Self::take_wakers) go before them.
    pub(crate) fn take_commands(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.commands)
    }

    /// Takes the wakers that are to be woken behind all who are about to be woken, and before all who
    /// are settled from now on.
    pub(crate) fn take_wakers(&mut self, wakers: &mut Vec<Waker>) {
        if self.commands.is_empty() {
            return;
        }
        let is_waker = |command: &mut Command| matches!(command.kind, CommandKind::Wake(_));
        let taken = self.commands.extract_if(.., is_waker);
        wakers.extend(taken.filter_map(|command| command.kind.into_waker()));
    }

    /// The names from `known` on, to be interned by the machine.
    pub(crate) fn topics_from(&self, known: usize) -> &[Arc<str>] {
        self.topics.names.get(known..).unwrap_or(&[])
    }

    /// Gives delivery slots back for further use.
    pub(crate) fn recycle(&mut self, slots: &mut Vec<u32>) {
        self.free_slots.append(slots);
    }
}

/// The topics that the application has named, numbered in order of appearance.
#[derive(Debug, Default)]
struct Topics {
    names: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
    /// The topic named last: most applications name it again.
    last: usize,
}

impl Topics {
    fn intern(&mut self, name: &str) -> u32 {
        if self.names.get(self.last).is_none_or(|last| **last != *name) {
            self.last = self.number(name);
        }
        self.last as u32
    }

    fn number(&mut self, name: &str) -> usize {
        if let Some(number) = self.numbers.get(name) {
            return *number as usize;
        }
        let number = self.names.len();
        let name = Arc::<str>::from(name);
        self.numbers.insert(Arc::clone(&name), number as u32);
        self.names.push(name);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::staged::FULL_RECORDS;
    use super::*;
    use crate::record::Record;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;
    use tokio::sync::oneshot;

    struct Count(AtomicUsize);

    impl std::task::Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn push(staging: &mut Staging, record: &Record<'_>) -> (u32, u32) {
        let staged = ToStage::new(record, record.partition, 7, 1);
        staging.push(&staged).expect("not refused")
    }

    #[test]
    fn records_of_many_senders_lie_back_to_back() {
        let mut staging = Staging::default();
        let first = Record::to("a").key("k").value("vv").header("h", "x");
        push(&mut staging, &first);
        let batch = Arc::new(Batch::default());
        for index in 0..2 {
            staging
                .push_of_batch(
                    &batch,
                    index,
                    &ToStage::new(&Record::to("b").timestamp(9), None, 7, 1),
                )
                .expect("not refused");
        }
        push(&mut staging, &Record::to("a").partition(3).value(""));
        let mut staged = Staged::default();
        staging.take_records(&mut staged);
        assert_eq!(staged.data, b"kvvhx");
        assert_eq!(staged.credits, 4);
        let topics: Vec<_> = staged.records.iter().map(|r| r.topic.0).collect();
        assert_eq!(topics, [0, 1, 1, 0]);
        let times: Vec<_> = staged.records.iter().map(|r| r.timestamp).collect();
        assert_eq!(times, [7, 9, 9, 7]);
        assert_eq!(staged.records[3].partition, 3);
        assert_eq!(
            (
                staged.records[3].key_length,
                staged.records[3].value_length,
                staged.records[1].value_length
            ),
            (-1, 0, -1)
        );
        let counts: Vec<_> = staged.owners.iter().map(|run| run.count).collect();
        assert_eq!(counts, [1, 2, 1]);
        assert_eq!(staged.slots, [0, 1]);
        assert_eq!(staging.topics_from(1), [Arc::<str>::from("b")]);
    }

    #[test]
    fn a_driver_is_woken_once_and_only_for_what_it_waits_for() {
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&count));
        let woken = || count.0.load(Ordering::Relaxed);
        let mut staging = Staging::default();
        staging.register(&waker, Interest::Full);
        for _ in 0..FULL_RECORDS - 1 {
            push(&mut staging, &Record::to("a"));
            staging.wake().wake();
        }
        assert_eq!((woken(), staging.due()), (0, Due::Some));
        for _ in 0..2 {
            push(&mut staging, &Record::to("a"));
            staging.wake().wake();
        }
        assert_eq!((woken(), staging.due()), (1, Due::Now));
        staging.take_records(&mut Staged::default());
        staging.register(&waker, Interest::Any);
        assert_eq!(staging.due(), Due::Nothing);
        push(&mut staging, &Record::to("a"));
        staging.wake().wake();
        assert_eq!((woken(), staging.due()), (2, Due::Some));
        staging.register(&waker, Interest::Commands);
        push(&mut staging, &Record::to("a"));
        staging.starve(9).wake();
        assert_eq!(woken(), 2);
        staging.register(&waker, Interest::Full);
        staging.starve(9).wake();
        assert_eq!((woken(), staging.due()), (3, Due::Now));
    }

    #[test]
    fn slots_are_used_again_and_a_closed_place_refuses() {
        let mut staging = Staging::default();
        assert_eq!(push(&mut staging, &Record::to("a")), (0, 0));
        assert_eq!(push(&mut staging, &Record::to("a")), (0, 1));
        staging.recycle(&mut vec![0]);
        assert_eq!(push(&mut staging, &Record::to("b")), (1, 0));
        let (done, _wait) = oneshot::channel();
        let timeout = Duration::ZERO;
        staging.command(CommandKind::Close { timeout, done }).wake();
        assert_eq!(
            staging.push(&ToStage::new(&Record::to("a"), None, 0, 1)),
            Err(SendError::Closed)
        );
        let commands = staging.take_commands();
        assert_eq!(commands[0].after, 3);
    }
}
