//! One suite for every driver: whatever a network does, what is reported is what the logs hold.
//!
//! `ODRADEK_FULL=1` makes the heavy cases full size.

mod connect;
mod host;
mod reset;
mod session;
mod stage;
mod subject;
mod wasi;

/// Every case, once for a subject.
macro_rules! suite {
    ($($subject:ident: $open:path;)*) => {
        $(mod $subject {
            use super::*;
            cases! { $open;
                connect::records_arrive_as_they_were_sent,
                connect::a_refused_address_is_named,
                connect::a_name_without_addresses_is_named,
                connect::dead_bootstrap_servers_are_passed_over,
                reset::a_reset_within_requests_loses_nothing,
                reset::a_close_within_requests_loses_nothing,
                reset::a_reset_within_responses_loses_nothing,
                reset::a_close_within_responses_loses_nothing,
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
