use std::{fs, ops::Sub, time::Duration};

use crate::cli::CliError;

/// What a process has used so far, from `/proc/<pid>`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Time on a processor in its own code.
    pub user: Duration,
    /// Time on a processor in the kernel.
    pub system: Duration,
    /// Memory resident now, in bytes.
    pub resident: u64,
    /// Memory resident now, shared pages divided among those who share them, in bytes.
    pub proportional: u64,
}

impl Usage {
    /// Reads what the process `pid` has used.
    ///
    /// # Errors
    /// [`CliError::Io`] when there is no such process or it is somebody else's.
    pub fn of(pid: u32) -> Result<Self, CliError> {
        let read = |file: &str| {
            let path = format!("/proc/{pid}/{file}");
            fs::read_to_string(&path).map_err(CliError::io(format!("cannot read `{path}`")))
        };
        let unreadable = || CliError::Failed(format!("`/proc/{pid}` is not as on Linux 5; run without `--pid`"));
        let ticks = rustix::param::clock_ticks_per_second();
        let (user, system) = processor_time(&read("stat")?, ticks).ok_or_else(unreadable)?;
        let memory = read("smaps_rollup")?;
        let resident = kilobytes(&memory, "Rss").ok_or_else(unreadable)?;
        let proportional = kilobytes(&memory, "Pss").ok_or_else(unreadable)?;

        Ok(Self { user, system, resident, proportional })
    }

    /// Time on a processor, in its own code and in the kernel.
    pub fn processor(&self) -> Duration {
        self.user + self.system
    }
}

impl Sub for Usage {
    type Output = Self;

    /// What was used between two moments; memory that was given back counts as nothing.
    fn sub(self, earlier: Self) -> Self {
        Self {
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
            resident: self.resident.saturating_sub(earlier.resident),
            proportional: self.proportional.saturating_sub(earlier.proportional),
        }
    }
}

/// The files and sockets that the process `pid` has open, and its threads.
///
/// # Errors
/// [`CliError::Io`] when there is no such process or it is somebody else's.
pub fn handles_and_threads(pid: u32) -> Result<(usize, usize), CliError> {
    let count = |folder: &str| {
        let path = format!("/proc/{pid}/{folder}");
        fs::read_dir(&path).map(Iterator::count).map_err(CliError::io(format!("cannot read `{path}`")))
    };

    Ok((count("fd")?, count("task")?))
}

/// User and system time from `/proc/<pid>/stat` (proc(5), fields 14 and 15).
fn processor_time(stat: &str, ticks_per_second: u64) -> Option<(Duration, Duration)> {
    // The name of the program stands in parentheses and may hold spaces and parentheses of its own.
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ').skip(11);
    let mut next = || {
        let ticks: f64 = fields.next()?.parse().ok()?;
        Some(Duration::from_secs_f64(ticks / ticks_per_second as f64))
    };

    Some((next()?, next()?))
}

/// The bytes of a line such as `Rss:   1234 kB`.
fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;

    Some(value.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_an_odd_name() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194304 500 0 3 0 250 50 0 0 20 0 9 0 100 1000 10 1844";

        assert_eq!(processor_time(stat, 100), Some((Duration::from_millis(2500), Duration::from_millis(500))));
    }

    #[test]
    fn a_cut_off_line_is_no_time() {
        assert_eq!(processor_time("42 (carillon) S 1 42", 100), None);
    }

    #[test]
    fn memory_is_read_by_its_key() {
        let rollup =
            "55d0-7ffd ---p 00000000 00:00 0  [rollup]\nRss:     2048 kB\nPss:      1024 kB\nPss_Dirty: 8 kB\n";

        assert_eq!(kilobytes(rollup, "Rss"), Some(2048 * 1024));
        assert_eq!(kilobytes(rollup, "Pss"), Some(1024 * 1024));
        assert_eq!(kilobytes(rollup, "Swap"), None);
    }

    #[test]
    fn this_process_can_be_read() {
        assert!(Usage::of(std::process::id()).unwrap().resident > 0);
        let (handles, threads) = handles_and_threads(std::process::id()).unwrap();
        assert!(handles > 2 && threads > 0);
    }
}
