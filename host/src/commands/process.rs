//! What the system knows about this process; `None` where it does not tell.

use std::fs;
use std::time::Duration;

/// User and system time of this process, threads that have ended included. Linux counts it in hundredths
/// of a second.
pub(crate) fn cpu_time() -> Option<Duration> {
    parse_stat(&fs::read_to_string("/proc/self/stat").ok()?)
}

/// The peak of resident memory in bytes.
pub(crate) fn peak_rss() -> Option<u64> {
    parse_status(&fs::read_to_string("/proc/self/status").ok()?)
}

fn parse_stat(stat: &str) -> Option<Duration> {
    /// How long a tick is: Linux tells user space 100 per second on every architecture.
    const TICK: Duration = Duration::from_millis(10);
    // The name of the process stands in parentheses and may hold anything; user and system time are
    // the 14th and 15th field, the third follows the name.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    TICK.checked_mul(user.checked_add(system)?)
}

fn parse_status(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_a_strange_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 3 0 99 0\n";
        assert_eq!(parse_stat(stat), Some(Duration::from_secs(3)));
        assert_eq!(parse_stat("7 (a) S 1"), None);
    }

    #[test]
    fn the_peak_is_in_kibibytes() {
        let status = "Name:\ta\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n";
        assert_eq!(parse_status(status), Some(2 * 1024 * 1024));
        assert_eq!(parse_status("Name: a"), None);
    }
}
