//! Whether the process may open as many sockets as its gates may have sessions.

use std::fs;

use crate::cli::doctor::checkup::Checkup;
use crate::config::Config;

/// Files, listeners and connections beside the sessions.
const OTHERS: u64 = 200;

/// Each session has a socket on either side.
const BY_SESSION: u64 = 2;

pub(super) fn check(config: &Config) -> Checkup {
    let sessions = config.gate.iter().map(|gate| u64::try_from(gate.limits.max_sessions).unwrap_or(u64::MAX));
    let sessions = sessions.fold(0, u64::saturating_add);
    let needed = sessions.saturating_mul(BY_SESSION).saturating_add(OTHERS);
    match fs::read_to_string("/proc/self/limits").ok().as_deref().and_then(limit) {
        None => Checkup::not_checked(
            "descriptors",
            "this process",
            "/proc/self/limits cannot be read",
            "raise `ulimit -n` yourself",
        ),
        Some(limit) if limit < needed => {
            let found = format!("{limit} may be open here, and {sessions} sessions need {needed}");
            let remedy = "raise LimitNOFILE of the unit or the container's nofile (`ulimit -n` of this shell), or lower max_sessions";
            Checkup::warning("descriptors", "this process", found, remedy)
        }
        Some(limit) => {
            Checkup::good("descriptors", "this process", format!("{limit} may be open, {needed} are needed at most"))
        }
    }
}

/// The soft limit of open files. Source: `proc(5)`, `/proc/pid/limits`.
fn limit(text: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let soft = rest.split_whitespace().next()?;
    if soft == "unlimited" { Some(u64::MAX) } else { soft.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_counts() {
        let line = |value| {
            format!(
                "Limit                     Soft Limit           Hard Limit           Units\nMax open files            {value}                 524288               files\n"
            )
        };
        assert_eq!(limit(&line("1024")), Some(1024));
        assert_eq!(limit(&line("unlimited")), Some(u64::MAX));
        assert_eq!(limit("Max processes 1 1 processes\n"), None);
    }
}
