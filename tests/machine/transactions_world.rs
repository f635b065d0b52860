//! The words of tests about transactions: a world with a transactional producer, its commands, and what was
//! asked of the cluster.

use crate::broker::INIT_PRODUCER_ID;
use crate::coordinator::Asked;
use crate::world::World;
use odradek::{
    ErrorCode, GroupMetadata, OffsetToCommit, OperationError, OperationId, PreparedTransaction,
    Ticket, TransactionError, TransactionFault, TransactionState,
};

/// How an operation ended.
pub(crate) type Ended = Result<Option<PreparedTransaction>, OperationError>;

/// The levels of the feature `transaction.version` that make a difference.
pub(crate) const LEVELS: [i16; 2] = [1, 2];

/// What becomes of an operation after which the transaction can only be aborted.
pub(crate) const fn abort_required(code: ErrorCode) -> Ended {
    Err(OperationError::AbortRequired(TransactionFault::Broker(
        code,
    )))
}

impl World {
    /// A transactional producer, which is not initialized yet, and the topics `orders` with three partitions
    /// and `payments` with one, all led by broker 1. Coordinators are at broker 2.
    pub(crate) fn transactional(level: i16) -> Self {
        let mut world = Self::new()
            .topic("orders", 3)
            .topic("payments", 1)
            .brokers(2)
            .config("transactional.id", "me");
        world.cluster.coordinator.transactions_at = 2;
        world.cluster.coordinator.groups_at = 2;
        world.cluster.coordinator.level = Some(level);
        world
    }

    /// The same, when it is initialized; what was asked for until then is forgotten.
    pub(crate) fn ready(level: i16) -> Self {
        Self::transactional(level).initialized()
    }

    /// Initializes it.
    pub(crate) fn initialized(mut self) -> Self {
        let operation = self.init();
        assert_eq!(self.end_of(operation), Ok(None), "{}", self.story());
        self.forget();
        self
    }

    /// The same, with a record in the open transaction that is written.
    pub(crate) fn begun(level: i16) -> Self {
        Self::ready(level).with_first()
    }

    /// The same, where batches expire while requests with them are out.
    pub(crate) fn begun_in_a_hurry(level: i16) -> Self {
        let hurried = Self::transactional(level)
            .config("delivery.timeout.ms", "2500")
            .config("request.timeout.ms", "2400")
            .config("linger.ms", "0");
        hurried.initialized().with_first()
    }

    fn with_first(mut self) -> Self {
        self.begin();
        self.send_to("orders", 0, "first");
        self.run_until_idle();
        self
    }

    pub(crate) fn init(&mut self) -> OperationId {
        let now = self.now();
        let begun = self.producer().init_transactions(false, now);
        begun.expect("init is legal")
    }

    pub(crate) fn begin(&mut self) {
        let now = self.now();
        let begun = self.producer().begin_transaction(now);
        begun.expect("begin is legal");
    }

    pub(crate) fn try_commit(&mut self) -> Result<OperationId, TransactionError> {
        let now = self.now();
        self.producer().commit_transaction(now)
    }

    pub(crate) fn commit(&mut self) -> OperationId {
        self.try_commit().expect("commit is legal")
    }

    pub(crate) fn try_abort(&mut self) -> Result<OperationId, TransactionError> {
        let now = self.now();
        self.producer().abort_transaction(now)
    }

    pub(crate) fn abort(&mut self) -> OperationId {
        self.try_abort().expect("abort is legal")
    }

    pub(crate) fn try_offsets(
        &mut self,
        offsets: &[(&str, i32, i64)],
        group: &GroupMetadata<'_>,
    ) -> Result<OperationId, TransactionError> {
        let now = self.now();
        let offsets: Vec<OffsetToCommit<'_>> = offsets
            .iter()
            .map(|(topic, partition, offset)| OffsetToCommit {
                topic,
                partition: *partition,
                offset: *offset,
                leader_epoch: None,
                metadata: None,
            })
            .collect();
        self.producer().send_offsets(&offsets, group, now)
    }

    /// An offset of partition 0 of the topic `input`, for the group `group`.
    pub(crate) fn offsets(&mut self, offset: i64) -> OperationId {
        let group = GroupMetadata::of_group("group");
        let begun = self.try_offsets(&[("input", 0, offset)], &group);
        begun.expect("send_offsets is legal")
    }

    /// Runs until the operation ends, and says how. At most ten minutes.
    pub(crate) fn end_of(&mut self, operation: OperationId) -> Ended {
        let is_it = move |world: &Self| world.ended.iter().any(|(_, e)| e.operation == operation);
        assert!(
            self.run_until(600_000, is_it),
            "{operation} has no end\n{}",
            self.story()
        );
        let ended = self.ended.iter();
        let place = ended.clone().position(|(_, e)| e.operation == operation);
        let (_, ended) = self.ended.remove(place.expect("it has ended"));
        ended.result
    }

    /// Commits, which must succeed.
    pub(crate) fn committed(&mut self) {
        let operation = self.commit();
        assert_eq!(self.end_of(operation), Ok(None), "{}", self.story());
        assert_eq!(self.state(), TransactionState::Ready);
    }

    /// Aborts, which must succeed.
    pub(crate) fn aborted(&mut self) {
        let operation = self.abort();
        assert_eq!(self.end_of(operation), Ok(None), "{}", self.story());
        assert_eq!(self.state(), TransactionState::Ready);
    }

    /// One transaction with one record, from the beginning to the commit.
    pub(crate) fn transaction(&mut self, value: &str) -> Ticket {
        self.begin();
        let ticket = self.send_to("orders", 0, value);
        self.committed();
        ticket
    }

    pub(crate) fn state(&mut self) -> TransactionState {
        let state = self.producer().transaction_state();
        state.expect("a transactional producer")
    }

    /// What was asked of coordinators and leaders, in order.
    pub(crate) fn words(&self) -> String {
        let asked = self.cluster.coordinator.asked.iter();
        let words: Vec<&str> = asked.map(|asked| asked.word.as_str()).collect();
        words.join(" ")
    }

    /// The requests of one kind, such as `commit`.
    pub(crate) fn asked(&self, word: &str) -> Vec<Asked> {
        let asked = self.cluster.coordinator.asked.iter();
        asked
            .filter(|asked| asked.word.starts_with(word))
            .cloned()
            .collect()
    }

    /// Whether something of this kind was asked.
    pub(crate) fn is_asked(&self, word: &str) -> bool {
        !self.asked(word).is_empty()
    }

    /// Runs until something of this kind is asked. At most a minute.
    pub(crate) fn run_until_asked(&mut self, word: &str) {
        assert!(
            self.run_until(60_000, |world| world.is_asked(word)),
            "nobody asked for {word}: {}\n{}",
            self.words(),
            self.story()
        );
    }

    /// Forgets what was asked until now.
    pub(crate) fn forget(&mut self) {
        self.cluster.coordinator.asked.clear();
    }

    /// The next requests of an API get these errors.
    pub(crate) fn errors(&mut self, api: i16, errors: &[ErrorCode]) {
        let fates = errors.iter().map(|code| crate::faults::Fate::Error(*code));
        let fates: Vec<crate::faults::Fate> = fates.collect();
        self.cluster.faults.fate(api, &fates);
    }

    /// The producer id and epoch that the coordinator gave last.
    pub(crate) fn identity(&self) -> (i64, i16) {
        let identity = self.cluster.coordinator.identity;
        identity.expect("an identity was given")
    }

    /// How many InitProducerId requests arrived.
    pub(crate) fn inits(&self) -> usize {
        let seen = self.cluster.seen.iter();
        seen.filter(|seen| seen.api == INIT_PRODUCER_ID).count()
    }
}
