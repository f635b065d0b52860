//! The ten ways to break the core. Each text stands in its file once, and stays something that compiles.

/// One way to break the core.
pub(crate) struct Mutant {
    /// What goes wrong.
    pub(crate) name: &'static str,
    /// In which file, from the root of the repository.
    pub(crate) file: &'static str,
    /// What stands there.
    pub(crate) original: &'static str,
    /// What stands there instead.
    pub(crate) mutant: &'static str,
}

pub(crate) const TEN: [Mutant; 10] = [
    Mutant {
        name: "a batch that is given up leaves a gap that nobody notices",
        file: "src/producer/sequence.rs",
        original: "(true, false) => self.fall_to(Run::Broken),",
        mutant: "(true, false) => {}",
    },
    Mutant {
        name: "sequences are compared as if they did not wrap",
        file: "src/producer/sequence.rs",
        original: "ahead <= SEQUENCE_MASK / 2",
        mutant: "ahead <= SEQUENCE_MASK / 2 && sequence >= other",
    },
    Mutant {
        name: "a batch that may be in the log is taken for one that is not",
        file: "src/producer/sequence.rs",
        original: "(false, _) => self.fall_to(Run::Suspect),",
        mutant: "(false, _) => self.fall_to(Run::Over),",
    },
    Mutant {
        name: "a second batch leaves before the broker knows the producer",
        file: "src/producer/partition.rs",
        original: "            && self.sequence.is_confirmed()\n",
        mutant: "",
    },
    Mutant {
        name: "a sixth batch is in flight",
        file: "src/producer/partition.rs",
        original: "ordinal - oldest < REMEMBERED_BATCHES",
        mutant: "ordinal - oldest <= REMEMBERED_BATCHES",
    },
    Mutant {
        name: "a batch in doubt is sent again under another stamp",
        file: "src/producer/verdict.rs",
        original: "    Some(if batch.is_in_doubt {",
        mutant: "    Some(if batch.is_in_doubt && !about.may_restamp {",
    },
    Mutant {
        name: "a commit whose answer was lost is followed by an abort",
        file: "src/producer/transaction/requests.rs",
        original: "            Request::End { is_commit } => EndTxnRequest {",
        mutant: "            Request::End { .. } if self.failures > 0 => EndTxnRequest {
                transactional_id: self.id(),
                producer_id: bearer.producer_id,
                producer_epoch: bearer.producer_epoch,
                committed: false,
            }
            .encode(&mut frame, header),
            Request::End { is_commit } => EndTxnRequest {",
    },
    Mutant {
        name: "a transaction is ended while records of it are out",
        file: "src/producer/transaction/requests.rs",
        original: "let end = || is_settled.then(|| self.wants_end()).flatten();",
        mutant: "let end = || self.wants_end();",
    },
    Mutant {
        name: "the epoch that ends a transaction of the second kind is not taken",
        file: "src/producer/transaction/answers.rs",
        original: "        self.current.needs_new_epoch = false;
        Effect::Granted {
            producer_id: response.producer_id,
            producer_epoch: response.producer_epoch,
        }",
        mutant: "        self.current.needs_new_epoch = false;
        Effect::None",
    },
    Mutant {
        name: "a record that failed spoils no transaction",
        file: "src/producer/transaction/transitions.rs",
        original: "        if !is_open || self.fault.is_some() {",
        mutant: "        if !is_open || self.fault.is_some() || matches!(fault, TransactionFault::Record(_)) {",
    },
];
