//! One suite for every driver: whatever a network does, what is reported is what the logs hold.
//!
//! `ODRADEK_FULL=1` makes the heavy cases full size.

mod connect;
mod garbage;
mod host;
mod many;
mod order;
mod placing;
mod reset;
mod session;
mod slow;
mod stage;
mod stalled;
mod subject;
mod transactions;
mod wasi;

/// Every case, once for a subject.
macro_rules! suite {
    ($($subject:ident: $open:path;)*) => {
        $(mod $subject {
            use super::*;
            cases! { $open;
                connect::records_arrive_as_they_were_sent,
                connect::a_refused_address_is_named,
                connect::an_unreachable_address_is_named,
                connect::a_name_without_addresses_is_named,
                connect::dead_bootstrap_servers_are_passed_over,
                connect::a_silent_address_is_given_up,
                connect::the_addresses_of_a_name_are_tried_in_turn,
                reset::a_reset_within_requests_loses_nothing,
                reset::a_close_within_requests_loses_nothing,
                reset::a_reset_within_responses_loses_nothing,
                reset::a_close_within_responses_loses_nothing,
                reset::a_broker_that_says_no_more_is_left,
                reset::a_broker_that_hears_no_more_is_left,
                slow::a_slow_reader_gets_everything,
                slow::a_slow_writer_is_heard_to_the_end,
                slow::requests_of_all_sizes_arrive_whole,
                stalled::flush_and_close_end_in_time,
                stalled::a_close_without_time_ends_at_once,
                stalled::another_producer_works_meanwhile,
                stalled::a_broker_that_reads_again_gets_everything,
                garbage::random_bytes_are_no_answer,
                garbage::a_huge_length_is_no_answer,
                garbage::a_negative_length_is_no_answer,
                garbage::a_truncated_answer_is_none,
                garbage::another_correlation_id_is_no_answer,
                many::every_leader_gets_its_records,
                many::a_broker_that_comes_back_gets_its_records,
                placing::keys_stay_together_and_the_rest_is_spread,
                order::records_stay_in_order_while_connections_are_cut,
                transactions::what_is_committed_is_there_and_what_is_aborted_is_not,
                transactions::cut_connections_cost_no_transaction,
                transactions::offsets_wait_for_room,
            }
        })*
    };
}

macro_rules! cases {
    ($open:path; $($theme:ident::$case:ident,)*) => {
        $(#[test]
        fn $case() {
            stage::run($open, $theme::$case);
        })*
    };
}

suite! {
    native: host::native;
    component: host::component;
    client: wasi::open;
}
