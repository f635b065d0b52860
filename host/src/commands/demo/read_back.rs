//! Reads the topic with krafka's consumer and compares it with what was sent and reported.

use super::records::DemoRecord;
use krafka::Kafka;
use krafka::consumer::{AutoOffsetReset, ConsumerRecord};
use krafka::testing::FakeBroker;
use odradek_host::Report;
use std::time::{Duration, Instant};

/// How long no record may arrive before the rest counts as missing.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads as many records as were sent, and any beyond, and compares them.
///
/// # Errors
///
/// The first difference, or what went wrong with reading.
pub(super) async fn read_back(
    broker: &FakeBroker,
    topic: &str,
    partitions: i32,
    sent: &[DemoRecord],
    reports: &[Report],
) -> Result<(), String> {
    let read = read(broker, topic, partitions, sent.len()).await;
    let read = read.map_err(|error| format!("reading back failed: {error}"))?;
    compare(partitions, sent, reports, &read)
}

async fn read(
    broker: &FakeBroker,
    topic: &str,
    partitions: i32,
    expected: usize,
) -> krafka::Result<Vec<ConsumerRecord>> {
    let kafka = Kafka::builder(broker.bootstrap_servers()).connect().await?;
    let consumer = kafka
        .consumer_without_group()
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .build()
        .await?;
    consumer.assign(topic, (0..partitions).collect()).await?;
    for partition in 0..partitions {
        consumer.seek_to_beginning(topic, partition).await?;
    }
    let (mut read, mut last) = (Vec::with_capacity(expected), Instant::now());
    while read.len() < expected && last.elapsed() < PATIENCE {
        let records = consumer.poll(Duration::from_millis(200)).await?;
        if !records.is_empty() {
            read.extend(records);
            last = Instant::now();
        }
    }
    // The broker knows where each partition ends: nothing may stand behind what was read.
    let ends = (0..partitions).filter_map(|partition| broker.next_offset(topic, partition));
    let ends: i64 = ends.sum();
    if ends > read.len() as i64 {
        read.extend(consumer.poll(Duration::from_millis(200)).await?);
    }
    consumer.close().await?;
    Ok(read)
}

/// Compares partition by partition, in the order of the log.
fn compare(
    partitions: i32,
    sent: &[DemoRecord],
    reports: &[Report],
    read: &[ConsumerRecord],
) -> Result<(), String> {
    if reports.len() != sent.len() || read.len() != sent.len() {
        let (sent, reports, read) = (sent.len(), reports.len(), read.len());
        return Err(format!(
            "{sent} records sent, {reports} reported, {read} read back"
        ));
    }
    for partition in 0..partitions {
        let pairs = sent.iter().zip(reports);
        let expected = pairs.filter(|(_, report)| report.partition == Some(partition));
        let found = read.iter().filter(|record| record.partition == partition);
        let (mut expected, mut found) = (expected, found);
        let mut position = 0;
        loop {
            match (expected.next(), found.next()) {
                (None, None) => break,
                (Some((record, report)), Some(found)) => {
                    let difference = difference(position, record, report, found);
                    if let Some(what) = difference {
                        return Err(format!(
                            "partition {partition}, record {position}: the {what} differs"
                        ));
                    }
                }
                (Some(_), None) => {
                    return Err(format!(
                        "partition {partition} ends after {position} records"
                    ));
                }
                (None, Some(_)) => {
                    return Err(format!(
                        "partition {partition} has more than {position} records"
                    ));
                }
            }
            position += 1;
        }
    }
    Ok(())
}

/// What differs between a record that was sent and the one at its place in the log.
fn difference(
    position: i64,
    sent: &DemoRecord,
    report: &Report,
    read: &ConsumerRecord,
) -> Option<&'static str> {
    let partition_is_kept = sent
        .partition
        .is_none_or(|partition| partition == read.partition);
    let timestamp = sent.timestamp.unwrap_or(report.timestamp);
    let headers = sent.headers.iter();
    let headers = headers.map(|(name, value)| (name.as_str(), value.as_deref()));
    let read_headers = read.headers.iter();
    let read_headers = read_headers.map(|(name, value)| (name.as_str(), value.as_deref()));
    let checks = [
        (
            "offset",
            read.offset == position && report.offset == Some(position),
        ),
        ("partition", partition_is_kept),
        (
            "timestamp",
            read.timestamp == timestamp && report.timestamp == timestamp,
        ),
        ("key", read.key.as_deref() == sent.key.as_deref()),
        ("value", read.value.as_deref() == sent.value.as_deref()),
        ("list of headers", headers.eq(read_headers)),
    ];
    let failed = checks.into_iter().find(|(_, is_same)| !is_same);
    failed.map(|(what, _)| what)
}

#[cfg(test)]
mod tests {
    use super::super::records::generate;
    use super::*;
    use odradek_host::{Outcome, Ticket};

    struct Case {
        sent: Vec<DemoRecord>,
        reports: Vec<Report>,
        read: Vec<ConsumerRecord>,
    }

    fn case() -> Case {
        let mut sent = generate(40, 2, 5);
        let mut next = [0, 0];
        let (mut reports, mut read) = (Vec::new(), Vec::new());
        for (index, record) in sent.iter_mut().enumerate() {
            let partition = record.partition.unwrap_or(index as i32 % 2);
            let offset = next[partition as usize];
            next[partition as usize] += 1;
            let bytes = |bytes: &Vec<u8>| bytes::Bytes::from(bytes.clone());
            let (key, value) = (
                record.key.as_ref().map(bytes),
                record.value.as_ref().map(bytes),
            );
            let mut found = ConsumerRecord::new("t", partition, offset, key, value);
            found.timestamp = record.timestamp.unwrap_or(77);
            let headers = record.headers.iter();
            found.headers = headers
                .map(|(name, value)| (name.clone(), value.as_ref().map(bytes)))
                .collect();
            reports.push(Report {
                ticket: Some(Ticket(index as u64)),
                topic: "t".into(),
                partition: Some(partition),
                offset: Some(offset),
                timestamp: found.timestamp,
                outcome: Outcome::Written,
                cause: None,
                message: None,
            });
            read.push(found);
        }
        Case {
            sent,
            reports,
            read,
        }
    }

    fn compare_after(change: impl FnOnce(&mut Case)) -> Result<(), String> {
        let mut case = case();
        change(&mut case);
        compare(2, &case.sent, &case.reports, &case.read)
    }

    #[test]
    fn what_was_sent_is_accepted() {
        assert_eq!(compare_after(|_| {}), Ok(()));
    }

    #[test]
    fn every_difference_is_found() {
        let flip = |bytes: &mut Option<bytes::Bytes>| {
            *bytes = Some(bytes::Bytes::from_static(b"other"));
        };
        assert!(compare_after(|case| flip(&mut case.read[20].key)).is_err());
        assert!(compare_after(|case| flip(&mut case.read[21].value)).is_err());
        assert!(compare_after(|case| case.read[22].timestamp += 1).is_err());
        assert!(compare_after(|case| case.read[23].offset += 1).is_err());
        assert!(compare_after(|case| case.read[24].headers.push(("x".into(), None))).is_err());
        assert!(compare_after(|case| case.reports[25].offset = None).is_err());
        assert!(compare_after(|case| case.read.truncate(39)).is_err());
        assert!(compare_after(|case| case.read[26].partition ^= 1).is_err());
        assert!(compare_after(|case| case.read.swap(0, 2)).is_err());
    }
}
