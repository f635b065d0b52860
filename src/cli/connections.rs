//! What went wrong with connections, for people to read.

use crate::failures::FailedAddress;
use core::fmt::Write as _;

/// Each address that failed, why and after how long; empty if none did.
pub fn describe_failures(failures: &[FailedAddress]) -> String {
    let mut text = String::new();
    for failed in failures {
        let failure = &failed.latest;
        let server = format!("{}:{}", failure.host, failure.port);
        let address = failure.address.map(|address| address.to_string());
        let place = match address {
            Some(address) if address != server => format!("{server} ({address})"),
            Some(_) | None => server,
        };
        let milliseconds = failure.after.as_secs_f64() * 1000.0;
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "  {place}: {} after {milliseconds:.1} ms",
            failure.reason
        );
        let _ = match failed.failures {
            1 => writeln!(text),
            count => writeln!(text, ", the last of {count} failures"),
        };
    }
    text
}

/// The same under a line that says what it is about; empty if no connection failed. Brokers are
/// unreached when nothing was ever heard from any.
pub fn explain_failures(failures: &[FailedAddress], is_unreached: bool) -> String {
    let about = match (failures, is_unreached) {
        ([], _) => return String::new(),
        (_, true) => "no broker could be reached",
        (_, false) => "connections that failed",
    };
    format!("odradek: {about}:\n{}", describe_failures(failures))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::DisconnectReason;
    use crate::event::ConnectionFailure;
    use core::time::Duration;

    fn failed(host: &str, address: Option<&str>, failures: u64) -> FailedAddress {
        FailedAddress {
            latest: ConnectionFailure {
                host: host.to_owned(),
                port: 9092,
                address: address.map(|address| address.parse().expect("an address")),
                reason: DisconnectReason::Refused,
                after: Duration::from_micros(1500),
                was_ready: false,
            },
            failures,
        }
    }

    #[test]
    fn an_address_is_named_where_it_is_not_the_name() {
        let list = [
            failed("kafka", Some("10.0.0.1:9092"), 1),
            failed("10.0.0.2", Some("10.0.0.2:9092"), 3),
            failed("nowhere", None, 1),
        ];
        let expected = "  kafka:9092 (10.0.0.1:9092): connection refused after 1.5 ms\n  \
             10.0.0.2:9092: connection refused after 1.5 ms, the last of 3 failures\n  \
             nowhere:9092: connection refused after 1.5 ms\n";
        assert_eq!(describe_failures(&list), expected);
    }

    #[test]
    fn brokers_that_were_never_reached_are_told_from_lost_connections() {
        assert_eq!(explain_failures(&[], true), "");
        let list = [failed("nowhere", None, 1)];
        let unreached = explain_failures(&list, true);
        assert!(unreached.starts_with("odradek: no broker could be reached:\n  nowhere:9092"));
        let lost = explain_failures(&list, false);
        assert!(lost.starts_with("odradek: connections that failed:\n  nowhere:9092"));
    }
}
