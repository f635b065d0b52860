//! Brokers that read or write slowly, and requests that no single write takes.

use crate::session::LIMIT;
use crate::stage::{Stage, is_full};
use odradek_tests_wasi::peers::{Cluster, Conduct, Flow, Pace, Place};
use std::time::Duration;

/// The bytes of a large value: five requests with two of them are more than the kernel keeps for a
/// connection, so that writes are cut short and in the end come to a halt.
pub(crate) const LARGE: usize = 900 << 10;

/// Properties for large values.
pub(crate) const OF_LARGE: [(&str, &str); 2] =
    [("batch.size", "1000000"), ("max.request.size", "2000000")];

/// A cluster of one broker with a small buffer for requests.
pub(crate) fn narrow() -> Cluster {
    let place = Place {
        receive_buffer: Some(4096),
        ..Place::default()
    };
    let cluster = Cluster::start_at(1, &place);
    cluster.create_topic("t", 2);
    cluster
}

/// A flow of so many bytes per ms.
fn paced(bytes: usize) -> Flow {
    let pause = Duration::from_millis(1);
    Flow {
        faults: Vec::new(),
        pace: Some(Pace { bytes, pause }),
    }
}

/// A value in which no two places look alike, so that a piece that is lost or comes twice shows.
pub(crate) fn value(length: usize) -> Vec<u8> {
    let words = (0..length as u32).map(|n| n.wrapping_mul(0x9e37_79b9).to_be_bytes());
    words.flatten().take(length).collect()
}

pub(crate) fn a_slow_reader_gets_everything(stage: &Stage) {
    let cluster = narrow();
    let mut session = stage.open_at(&cluster, &OF_LARGE);
    session.send("t", 0, b"first");
    session.until_reported();
    cluster.proxy(0).behave(Conduct {
        requests: paced(4096),
        ..Conduct::default()
    });
    for round in 0..if is_full() { 8 } else { 1 } {
        for number in 0..10 {
            session.send("t", number % 2, &value(LARGE));
        }
        session.send("t", round % 2, b"small");
        session.until_reported();
    }
    assert!(session.failures().is_empty(), "{session:?}");
    session.finish(&cluster);
}

pub(crate) fn a_slow_writer_is_heard_to_the_end(stage: &Stage) {
    let cluster = narrow();
    cluster.proxy(0).behave(Conduct {
        responses: paced(1),
        ..Conduct::default()
    });
    let mut session = stage.open_at(&cluster, &[]);
    session.send("t", 0, &value(LARGE));
    for _ in 0..if is_full() { 100 } else { 4 } {
        session.send_small("t", 2, 10);
        session.until_reported();
    }
    assert!(session.failures().is_empty(), "{session:?}");
    session.finish(&cluster);
}

/// Batches of one byte to several hundred KiB, as fast as they go.
pub(crate) fn requests_of_all_sizes_arrive_whole(stage: &Stage) {
    let cluster = narrow();
    let properties = [("max.request.size", "4000000"), ("batch.size", "1")];
    let mut session = stage.open_at(&cluster, &properties);
    let near = |power: usize| [power - 1, power, power + 1];
    // Around the sizes at which buffers and permits of connections end.
    for length in [1, 4096, 16 << 10, 64 << 10, 128 << 10, 1 << 20].map(near) {
        for length in length {
            session.send("t", 0, &value(length));
            session.send("t", 1, &value(length.saturating_sub(100)));
        }
        assert!(session.flush(LIMIT), "{session:?}");
    }
    assert!(session.failures().is_empty(), "{session:?}");
    session.finish(&cluster);
}
