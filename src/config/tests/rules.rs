//! Tests of the rules between keys.

use super::{accepted, ms, notes, refusal};
use crate::config::Transactional;
use core::time::Duration;

#[test]
fn idempotence_gives_way_unless_asked_for() {
    for (key, value, needed) in [
        ("acks", "0", "all"),
        ("acks", "1", "all"),
        ("retries", "0", "at least 1"),
        ("max.in.flight.requests.per.connection", "6", "at most 5"),
    ] {
        assert!(!accepted(&[(key, value)]).idempotence);
        let note = format!("enable.idempotence is off because of {key}={value}");
        assert_eq!(notes(&[(key, value)]), [note]);
        assert_eq!(
            refusal(&[(key, value), ("enable.idempotence", "true")]),
            format!(
                "enable.idempotence contradicts {key}={value}: idempotence needs {needed}; change \
                 {key} or leave enable.idempotence out"
            )
        );
        assert_eq!(
            refusal(&[(key, value), ("transactional.id", "t")]),
            format!(
                "transactional.id contradicts {key}={value}: idempotence needs {needed}; change \
                 {key} or leave transactional.id out"
            )
        );
        assert_eq!(
            notes(&[(key, value), ("enable.idempotence", "false")]),
            [""; 0]
        );
    }
    assert!(accepted(&[("acks", "all"), ("enable.idempotence", "true")]).idempotence);
}

#[test]
fn a_delivery_timeout_that_is_too_short_is_raised_or_refused() {
    let waits = [("linger.ms", "1000"), ("request.timeout.ms", "150000")];
    assert_eq!(accepted(&waits).delivery_timeout, ms(151_000));
    assert_eq!(
        notes(&waits),
        ["delivery.timeout.ms is raised to 151000, the sum of linger.ms and request.timeout.ms"]
    );
    let given = |text| [waits[0], waits[1], ("delivery.timeout.ms", text)];
    assert_eq!(notes(&given("151000")), [""; 0]);
    assert_eq!(
        refusal(&given("150999")),
        "delivery.timeout.ms=150999 is less than linger.ms=1000 plus request.timeout.ms=150000; \
         raise it to at least 151000 or lower the others"
    );
    let longest = [
        ("linger.ms", "2147483647"),
        ("request.timeout.ms", "2147483647"),
    ];
    assert_eq!(accepted(&longest).delivery_timeout, ms(2_147_483_647));
}

#[test]
fn a_batch_larger_than_the_memory_is_refused() {
    let sizes = |batch| [("buffer.memory", "65536"), ("batch.size", batch)];
    assert_eq!(accepted(&sizes("65536")).batch_size, 65_536);
    assert_eq!(
        refusal(&sizes("65537")),
        "batch.size=65537 is more than buffer.memory=65536: a full batch would never fit; lower the \
         one or raise the other"
    );
}

#[test]
fn a_first_wait_above_its_maximum_is_lowered() {
    for (key, max_key) in [
        ("retry.backoff.ms", "retry.backoff.max.ms"),
        ("reconnect.backoff.ms", "reconnect.backoff.max.ms"),
        (
            "socket.connection.setup.timeout.ms",
            "socket.connection.setup.timeout.max.ms",
        ),
    ] {
        let pairs = [(key, "20"), (max_key, "10")];
        assert_eq!(
            notes(&pairs),
            [format!("{key} is above {max_key} and is lowered to 10")]
        );
        let config = accepted(&pairs);
        let first = [
            config.retry_backoff,
            config.reconnect_backoff,
            config.connection_setup_timeout,
        ];
        assert!(first.contains(&ms(10)), "{key}");
    }
}

#[test]
fn a_reconnect_backoff_without_its_maximum_is_constant() {
    let config = accepted(&[("reconnect.backoff.ms", "2000")]);
    assert_eq!(
        (config.reconnect_backoff, config.reconnect_backoff_max),
        (ms(2000), ms(2000))
    );
    let lowered = accepted(&[("reconnect.backoff.max.ms", "20")]);
    assert_eq!(
        (lowered.reconnect_backoff, lowered.reconnect_backoff_max),
        (ms(20), ms(20))
    );
}

#[test]
fn transactions_have_a_name_a_timeout_and_idempotence() {
    assert_eq!(
        accepted(&[("transaction.timeout.ms", "5")]).transactional,
        None
    );
    let transactional = |pairs: &[(&str, &str)]| accepted(pairs).transactional;
    assert_eq!(
        transactional(&[
            ("transactional.id", "t"),
            ("transaction.timeout.ms", "1000")
        ]),
        Some(Transactional {
            id: "t".to_owned(),
            timeout: Duration::from_secs(1),
            two_phase: false,
        })
    );
    let two_phase = ("transaction.two.phase.commit.enable", "true");
    let timeout = transactional(&[("transactional.id", "t"), two_phase]).map(|all| all.timeout);
    assert_eq!(timeout, Some(Duration::from_millis(2_147_483_647)));
    assert_eq!(
        refusal(&[
            ("transactional.id", "t"),
            two_phase,
            ("transaction.timeout.ms", "1000")
        ]),
        "transactional.id contradicts the value of transaction.timeout.ms: with \
         transaction.two.phase.commit.enable=true nothing times out; leave one of them out"
    );
    assert_eq!(
        refusal(&[("transactional.id", "t"), ("enable.idempotence", "false")]),
        "transactional.id contradicts the value of enable.idempotence: leave it out"
    );
    assert_eq!(
        refusal(&[("transactional.id", "")]),
        "transactional.id has an empty value; it takes text of at most 255 bytes without control \
         characters"
    );
}
