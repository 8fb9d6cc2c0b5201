//! What a process costs the machine, as Linux counts it.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;

/// CPU time and memory of a process so far.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// CPU time of all its threads (first field of /proc/PID/task/*/schedstat).
    pub cpu: Duration,
    /// `VmRSS`.
    pub resident_kib: u32,
}

impl Usage {
    /// Of the process `pid`.
    ///
    /// # Errors
    /// There is no such process, or this is not Linux.
    pub fn of(pid: u32) -> anyhow::Result<Self> {
        let mut cpu = Duration::ZERO;
        let tasks = format!("/proc/{pid}/task");
        for task in fs::read_dir(&tasks).with_context(|| format!("process {pid}: cannot read {tasks}"))? {
            // A thread may end between the listing and the reading.
            let Ok(line) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
            let nanoseconds = line.split_whitespace().next().and_then(|first| first.parse().ok());
            cpu = cpu.saturating_add(Duration::from_nanos(nanoseconds.unwrap_or_default()));
        }
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident = resident.and_then(|rest| rest.split_whitespace().next()).and_then(|number| number.parse().ok());
        Ok(Self { cpu, resident_kib: resident.context("no VmRSS in /proc")? })
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_process_has_used_something() {
        let usage = super::Usage::of(std::process::id()).unwrap();
        assert!(usage.resident_kib > 100 && !usage.cpu.is_zero(), "{usage:?}");
        assert!(super::Usage::of(u32::MAX).is_err());
    }
}
