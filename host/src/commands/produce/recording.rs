//! `produce --record`: the same producer around a machine that is written down.

use crate::commands::connect::{Connected, backend, print_notes};
use clap::Args;
use odradek::cli::args::Backend as BackendName;
use odradek::cli::properties::Configured;
use odradek::config::{Compression, Config};
use odradek_host::Producer;
use odradek_host::machine::random_seed;
use odradek_host::recording::{RecordError, RecordingEnd, key_partitioner, record};
use std::fs::File;
use std::path::PathBuf;

/// What is recorded, and where.
#[derive(Args, Debug)]
pub(super) struct RecordArgs {
    /// Write every input of the producer to FILE, for `odradek replay`: properties without secrets, seed,
    /// records, what brokers send, time. FILE is overwritten, and holds the records as they are.
    #[arg(long, value_name = "FILE")]
    pub(super) record: Option<PathBuf>,

    /// Keep keys, values and header values out of the recording: lengths and partitions stay. Goes with
    /// compression.type=none only.
    #[arg(long, requires = "record")]
    pub(super) mask_payloads: bool,
}

impl RecordArgs {
    /// Refuses what cannot be recorded, before any file is touched.
    pub(super) fn check(&self, config: &Config) -> Result<(), String> {
        if self.mask_payloads && config.compression != Compression::None {
            let error = RecordError::Compressed(config.compression);
            return Err(format!("--mask-payloads: {error}"));
        }
        Ok(())
    }

    /// Starts a producer that is recorded into `file`.
    pub(super) fn connect(
        &self,
        configured: Configured,
        backend_name: BackendName,
        file: File,
    ) -> Result<(Connected, RecordingEnd), String> {
        print_notes(&configured);
        let Configured { pairs, config, .. } = configured;
        let recorded = record(
            backend(backend_name),
            &pairs,
            random_seed(),
            self.mask_payloads,
            file,
        );
        let recorded = recorded.map_err(|error| format!("--record: {error}"))?;
        let mut builder = Producer::builder().properties(pairs);
        if self.mask_payloads {
            builder = builder.partitioner(key_partitioner(&config));
        }
        let producer = builder.build_with(recorded.machine);
        let producer = producer.map_err(|error| error.to_string())?;
        Ok((Connected { producer, config }, recorded.end))
    }
}
