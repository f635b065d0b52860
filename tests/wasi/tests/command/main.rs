//! `odradek.wasm` under wasmtime and jco, against clusters that are not ours.

mod delivery;
mod faults;
mod kafka;
mod policies;
mod run;
#[path = "../../../../host/tests/cli/transaction_cases.rs"]
mod transaction_cases;
mod transactions;
mod unsent;
mod usage;

use odradek_tests_wasi::runtime::Runtime;

/// Each case is a test under each runtime.
macro_rules! under_both {
    ($($file:ident::$case:ident,)*) => {
        mod wasmtime {
            $(#[test] fn $case() { crate::$file::$case(crate::Runtime::Wasmtime); })*
        }
        mod jco {
            $(#[test] fn $case() {
                if crate::Runtime::Jco.is_here(stringify!($case)) {
                    crate::$file::$case(crate::Runtime::Jco);
                }
            })*
        }
    };
}

under_both! {
    delivery::uncompressed_records_arrive_as_they_are,
    delivery::lz4_records_arrive_as_they_are,
    delivery::a_line_is_delivered_while_the_input_stays_open,
    delivery::bench_counts_what_it_sends,
    faults::a_broker_that_restarts_loses_and_repeats_nothing,
    faults::ten_cut_connections_lose_and_repeat_nothing,
    faults::unreached_brokers_are_explained_and_the_records_kept,
    kafka::kafka_stores_uncompressed_records,
    kafka::kafka_stores_lz4_records,
    kafka::kafka_commits_transactions,
    transactions::transactions_of_both_kinds_are_committed_and_reported,
    unsent::bad_lines_beyond_the_window_end_the_run,
    unsent::a_bad_line_is_reported_while_the_input_stays_open,
    usage::a_bad_line_is_kept_and_the_run_exits_1,
    usage::wrong_usage_exits_2_and_says_what_is_wrong,
    usage::the_file_of_failed_records_never_overwrites_an_input,
    usage::several_files_are_read_in_order_and_named,
    usage::properties_and_relative_files_are_found,
    usage::bench_prints_a_table,
    usage::config_prints_the_keys,
    usage::help_exits_0,
}
