//! The client component from outside, in a stock WASI host.

mod calls;
mod deadlines;
mod limits;
mod opened;
mod pauses;
mod policies;
mod pollables;
mod property;
mod random_transactions;
mod seeds;
mod sending;
mod surface;
mod telling;
mod transacting;
