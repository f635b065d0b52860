//! Prints figures as a table.

use crate::measure::{Figures, Load};
use std::io::Write;

/// Prints what every way did under a load.
pub(crate) fn print(load: &Load, all: &[Figures]) {
    let mut text = format!(
        "\n{}\n{:<24} {:>12} {:>14} {:>9} {:>9} {:>9}\n",
        load.name, "", "records/s", "cpu s/million", "p50 us", "p99 us", "peak MiB"
    );
    for figures in all {
        let cpu = figures
            .cpu
            .map_or_else(|| "-".to_owned(), |cpu| format!("{cpu:.2}"));
        text += &format!(
            "{:<24} {:>12.0} {cpu:>14} {:>9} {:>9} {:>9}\n",
            figures.name,
            figures.per_second,
            figures.p50_us,
            figures.p99_us,
            figures.peak >> 20
        );
    }
    // Nobody is left to be told of a failure.
    let _ = std::io::stdout().write_all(text.as_bytes());
}
