//! `odradek sink`: a broker that acknowledges and discards.

use clap::Args;
use odradek::cli::exit::ExitStatus;
use odradek_host::sink::{Sink, SinkHandle};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// The arguments of `sink`.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct SinkArgs {
    /// The address to listen at; it is also the one that clients are told.
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    listen: IpAddr,

    /// The port; 0 lets the system choose one.
    #[arg(long, value_name = "P", default_value_t = 9092)]
    port: u16,

    /// How many partitions each topic has.
    #[arg(long, value_name = "N", default_value_t = 6)]
    #[arg(value_parser = clap::value_parser!(i32).range(1..=10_000))]
    partitions: i32,

    /// Keep every answer back for so many ms, as a broker does that waits for its replicas.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    delay: u64,

    /// Stop reading once so many bytes were read.
    #[arg(long, value_name = "BYTES", hide = true, requires = "pause_ms")]
    pause_after_bytes: Option<u64>,

    /// How long the pause is in ms; it happens once.
    #[arg(long, value_name = "MS", hide = true)]
    pause_ms: Option<u64>,
}

const HELP: &str = "\
Any topic exists as soon as it is named. Offsets grow as in a log, nothing is checked, and nothing can
be read back. Prints what it has taken when it is interrupted.

Example:
  odradek sink --port 9092 &
  odradek bench -b localhost:9092 -t bench";

/// Listens until it is interrupted.
pub(crate) async fn run(arguments: SinkArgs) -> ExitStatus {
    let address = SocketAddr::new(arguments.listen, arguments.port);
    let delay = Duration::from_millis(arguments.delay);
    let sink = match Sink::bind_delayed(address, arguments.partitions, delay).await {
        Ok(sink) => sink,
        Err(error) => {
            eprintln!("odradek: cannot listen at {address}: {error}");
            return ExitStatus::Usage;
        }
    };
    let handle = sink.handle();
    eprintln!("listening at {}", handle.address());
    if let (Some(bytes), Some(pause)) = (arguments.pause_after_bytes, arguments.pause_ms) {
        tokio::spawn(pause_once(
            handle.clone(),
            bytes,
            Duration::from_millis(pause),
        ));
    }
    let refused = |peer: SocketAddr, error: &std::io::Error| eprintln!("odradek: {peer}: {error}");
    let status = tokio::select! {
        ended = sink.run(refused) => match ended {
            Ok(()) => ExitStatus::Success,
            Err(error) => {
                eprintln!("odradek: the listener failed: {error}");
                ExitStatus::Undelivered
            }
        },
        () = super::signals::interrupted() => ExitStatus::Success,
    };
    let counts = handle.counts();
    eprintln!(
        "records={} batches={} bytes={} connections={}",
        counts.records, counts.batches, counts.bytes, counts.connections
    );
    status
}

async fn pause_once(handle: SinkHandle, after_bytes: u64, pause: Duration) {
    while handle.counts().bytes < after_bytes {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    handle.set_reading(false);
    tokio::time::sleep(pause).await;
    handle.set_reading(true);
}
