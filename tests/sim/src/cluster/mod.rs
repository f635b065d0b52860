//! The fake cluster: brokers that keep logs and enforce the rules of sequences, epochs and transactions.
