//! What `produce` sends and reports when all is well.

use crate::tool::{TemporaryFile, broker, end, produce, read, start_produce};
use std::io::Write;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_become_records_with_keys_and_headers() {
    let broker = broker(1).await;
    let servers = broker.bootstrap_servers();
    let arguments = ["-t", "t", "-K", r"\t", "-H", "a=1", "-H", "b="];
    let ended = produce(
        &servers,
        &arguments,
        b"k\tv\tw\nno key\n\n\xff\t\xfe\r\nlast",
    )
    .await;
    assert_eq!(ended.last_line(), "delivered=5 failed=0 possibly=0");
    assert_eq!(ended.code, Some(0));
    let records = read(&broker, "t", 5).await;
    let expected: [(Option<&[u8]>, &[u8]); 5] = [
        (Some(b"k"), b"v\tw"),
        (None, b"no key"),
        (None, b""),
        (Some(b"\xff"), b"\xfe\r"),
        (None, b"last"),
    ];
    for (record, (key, value)) in records.iter().zip(expected) {
        assert_eq!(
            (record.key.as_deref(), record.value.as_deref()),
            (key, Some(value))
        );
        let names: Vec<&str> = record
            .headers
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(record.headers[0].1.as_deref(), Some(&b"1"[..]));
        assert_eq!(record.headers[1].1.as_deref(), Some(&b""[..]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_states_everything_and_every_record_is_reported() {
    let broker = broker(3).await;
    broker.create_topic("other", 1);
    let input = concat!(
        r#"{"key":"k","value":{"a": 1},"partition":2,"timestamp":5,"headers":{"h":null}}"#,
        "\n",
        r#"{"topic":"other","value_base64":"/w=="}"#,
        "\nnonsense\n",
        r#"{"value":null,"partition":2}"#,
    );
    let arguments = ["-t", "t", "--format", "json", "--report", "json"];
    let ended = produce(&broker.bootstrap_servers(), &arguments, input.as_bytes()).await;
    assert_eq!(ended.last_line(), "delivered=3 failed=1 possibly=0");
    assert_eq!(ended.code, Some(1));
    let reports = ended.reports();
    let lines: Vec<_> = reports
        .iter()
        .map(|report| report["line"].clone())
        .collect();
    assert_eq!(lines, [1, 2, 3, 4]);
    assert_eq!(reports[0]["topic"], "t");
    assert_eq!(
        (&reports[0]["partition"], &reports[0]["offset"]),
        (&2.into(), &0.into())
    );
    assert_eq!(
        (&reports[0]["timestamp"], &reports[0]["outcome"]),
        (&5.into(), &"written".into())
    );
    assert_eq!(reports[1]["topic"], "other");
    assert!(reports[2]["ticket"].is_null());
    assert_eq!(reports[2]["outcome"], "not-written");
    assert_eq!(reports[3]["offset"], 1);
    let records = read(&broker, "t", 2).await;
    assert_eq!(records[0].value.as_deref(), Some(&br#"{"a":1}"#[..]));
    assert_eq!(records[0].headers, vec![("h".to_owned(), None)]);
    assert_eq!((records[0].timestamp, records[0].partition), (5, 2));
    assert_eq!(records[1].value, None);
    let other = read(&broker, "other", 1).await;
    assert_eq!(other[0].value.as_deref(), Some(&b"\xff"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_is_delivered_while_the_input_stays_open() {
    let broker = broker(1).await;
    let mut child = start_produce(&broker.bootstrap_servers(), &["-t", "t"]);
    // The tool has started and connected once the first line has arrived.
    for (count, line) in [b"first\n".as_slice(), b"second\n"].iter().enumerate() {
        let stdin = child.stdin.as_mut().expect("the input is a pipe");
        stdin.write_all(line).expect("the tool reads");
        let written = Instant::now();
        while broker.next_offset("t", 0) != Some(count as i64 + 1) {
            let limit = Duration::from_secs(if count == 0 { 10 } else { 1 });
            assert!(written.elapsed() < limit, "line {count} is not delivered");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let ended = end(child, b"").await;
    assert_eq!(ended.last_line(), "delivered=2 failed=0 possibly=0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_read_in_order_and_named_in_reports() {
    let broker = broker(1).await;
    let one = TemporaryFile::new("one", b"a\nb");
    let two = TemporaryFile::new("two", b"c\n");
    let arguments = ["-t", "t", "--report", "json", one.path(), two.path()];
    let ended = produce(&broker.bootstrap_servers(), &arguments, b"").await;
    let places: Vec<_> = ended
        .reports()
        .iter()
        .map(|report| {
            (
                report["file"].clone(),
                report["line"].clone(),
                report["offset"].clone(),
            )
        })
        .collect();
    let (one, two) = (one.path(), two.path());
    let expected = [
        (one.into(), 1.into(), 0.into()),
        (one.into(), 2.into(), 1.into()),
        (two.into(), 1.into(), 2.into()),
    ];
    assert_eq!(places, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_acks_zero_possibly_written_is_no_failure() {
    let broker = broker(1).await;
    let failed = TemporaryFile::new("acks-zero", b"");
    let arguments = ["-t", "t", "-X", "acks=0", "--failed", failed.path()];
    let ended = produce(&broker.bootstrap_servers(), &arguments, b"a\nb\n").await;
    assert_eq!(ended.last_line(), "delivered=0 failed=0 possibly=2");
    assert_eq!(ended.code, Some(0));
    assert_eq!(failed.content(), b"");
    read(&broker, "t", 2).await;
}
