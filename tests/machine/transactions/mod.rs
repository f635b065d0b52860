//! Transactions, one file per subject: the core against a coordinator that answers as it is told.

mod abort;
mod add_partitions;
mod closing;
mod commit;
mod epochs;
mod errors;
mod fencing;
mod init;
mod lookup;
mod looping;
mod offsets;
mod records;
mod states;
mod timeouts;
mod tv2;
mod two_phase;
