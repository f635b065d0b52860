//! `bench` against `sink`, and `demo`.

use crate::tool::{command, end};
use odradek_host::sink::Sink;
use std::net::SocketAddr;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bench_prints_its_figures_and_the_sink_counts_its_records() {
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let sink = Sink::bind(address, 6).await.expect("a port is free");
    let handle = sink.handle();
    tokio::spawn(sink.run(|peer, error| panic!("{peer}: {error}")));
    let server = handle.address().to_string();
    for (api, expected) in [("batch", 20_000), ("send", 40_000)] {
        let arguments = [
            "bench",
            "-b",
            &server,
            "-t",
            "t",
            "--records",
            "20000",
            "--size",
            "50",
            "--keys",
            "100",
            "--api",
            api,
            "--backend",
            "native",
            "--json",
        ];
        let child = command(&arguments).spawn().expect("the binary starts");
        let ended = end(child, b"").await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let figures = &ended.reports()[0];
        assert_eq!(
            (&figures["api"], &figures["backend"]),
            (&api.into(), &"native".into())
        );
        for name in ["records_per_second", "p50_us", "p99_us"] {
            assert!(
                figures[name].as_f64().is_some_and(|value| value > 0.0),
                "{figures}"
            );
        }
        assert_eq!(handle.counts().records, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bench_makes_no_transactions() {
    let arguments = [
        "bench",
        "-b",
        "127.0.0.1:1",
        "-t",
        "t",
        "-X",
        "transactional.id=a",
    ];
    let child = command(&arguments).spawn().expect("the binary starts");
    let ended = end(child, b"").await;
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("leave transactional.id out"),
        "{}",
        ended.stderr
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_reads_everything_back() {
    for backend in ["native", "component"] {
        let arguments = ["demo", "--records", "3000", "--backend", backend];
        let child = command(&arguments).spawn().expect("the binary starts");
        let ended = end(child, b"").await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(
            ended.stdout.contains("all 3000 read back and identical\n"),
            "{}",
            ended.stdout
        );
    }
}
