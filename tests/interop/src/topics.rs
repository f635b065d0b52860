//! Topics created for a test, and whether a node answers at all.

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use crate::process::wait_until;

/// How long a node may take to create a topic and elect its leaders.
const CREATE_LIMIT: Duration = Duration::from_secs(30);

/// How long one question to a node may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// Creates a topic with one replica, such as with the configuration
/// `[("message.timestamp.type", "LogAppendTime")]`, and waits until all partitions have a leader.
///
/// # Panics
///
/// If the node refuses or does not do so in time.
pub fn create(bootstrap: &str, topic: &str, partitions: i32, config: &[(&str, &str)]) {
    let admin: AdminClient<DefaultClientContext> = client(bootstrap)
        .create()
        .expect("an admin client needs no more than an address");
    let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    for (key, value) in config {
        new = new.set(key, value);
    }
    let options = AdminOptions::new()
        .request_timeout(Some(CREATE_LIMIT))
        .operation_timeout(Some(CREATE_LIMIT));
    let results = block_on(admin.create_topics([&new], &options))
        .unwrap_or_else(|error| panic!("create topic {topic}: {error}"));
    for result in results {
        if let Err((name, code)) = result {
            panic!("create topic {name}: {code}");
        }
    }
    let asker: BaseConsumer = client(bootstrap)
        .create()
        .expect("a consumer needs no group");
    let led = wait_until(CREATE_LIMIT, || has_leaders(&asker, topic, partitions));
    assert!(
        led.is_some(),
        "topic {topic} has no leaders after {CREATE_LIMIT:?}"
    );
}

/// Whether a node answers at this address and knows itself as a broker.
///
/// # Panics
///
/// If the address is none.
#[must_use]
pub fn answers(bootstrap: &str) -> bool {
    let asker: BaseConsumer = client(bootstrap)
        .create()
        .expect("a consumer needs no group");
    asker
        .fetch_metadata(None, ANSWER_LIMIT)
        .is_ok_and(|metadata| !metadata.brokers().is_empty())
}

/// The properties that all our uses of librdkafka share.
pub(crate) fn client(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("broker.address.family", "v4");
    config
}

fn has_leaders(asker: &BaseConsumer, topic: &str, partitions: i32) -> bool {
    let Ok(metadata) = asker.fetch_metadata(Some(topic), ANSWER_LIMIT) else {
        return false;
    };
    let Some(found) = metadata.topics().first() else {
        return false;
    };
    let led = found
        .partitions()
        .iter()
        .filter(|partition| partition.leader() >= 0)
        .count();
    found.error().is_none() && i32::try_from(led).is_ok_and(|led| led == partitions)
}

/// Drives a future on this thread; librdkafka wakes it from a thread of its own.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        thread::park();
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
