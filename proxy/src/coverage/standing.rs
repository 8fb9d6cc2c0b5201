//! What the looks of a running gate have found so far, for people. Pure.

use std::collections::VecDeque;

use jiff::Timestamp;

use crate::coverage::report::{CoverageReport, UnseenRow};

/// Statements that are kept; of those before, their number is told.
const KEPT: usize = 50;

/// How looking for statements that did not pass a gate goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct CoverageStanding {
    /// When the last look ended well; `None` if none has.
    pub(crate) looked_at: Option<Timestamp>,
    /// Back to when it looked.
    pub(crate) since: Option<Timestamp>,
    /// Statements with roles that passed the gate, in the last look.
    pub(crate) seen: u64,
    /// Those of which it cannot be told, in the last look.
    pub(crate) cannot_tell: u64,
    /// Those that did not pass it, since the start.
    pub(crate) unseen: u64,
    /// The last of these, the newest first.
    pub(crate) last: VecDeque<UnseenRow>,
    /// What was not there to be read.
    pub(crate) gaps: Vec<String>,
    /// Why the last look broke off.
    pub(crate) fault: Option<String>,
}

impl CoverageStanding {
    /// After a look back to `since` that ended at `now`; `new` are the statements that were not told of before, the oldest first.
    #[must_use]
    pub(crate) fn after(
        &self,
        report: &CoverageReport,
        gaps: Vec<String>,
        (since, now): (Timestamp, Timestamp),
        new: &[UnseenRow],
    ) -> Self {
        let last = new.iter().rev().chain(&self.last).take(KEPT).cloned().collect();
        Self {
            looked_at: Some(now),
            since: Some(since),
            seen: report.seen,
            cannot_tell: report.cannot_tell_count,
            unseen: self.unseen.saturating_add(u64::try_from(new.len()).unwrap_or(u64::MAX)),
            last,
            gaps,
            fault: None,
        }
    }

    /// After a look that broke off: what was found before stays.
    #[must_use]
    pub(crate) fn broken_off(&self, fault: String) -> Self {
        Self { fault: Some(fault), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: usize) -> UnseenRow {
        UnseenRow {
            time: None,
            user: None,
            client_address: None,
            application: None,
            session: None,
            kind: "copy",
            target: None,
            text: number.to_string(),
            reason: "no_session",
        }
    }

    #[test]
    fn the_newest_are_kept_and_all_are_counted() {
        let report = CoverageReport { seen: 7, cannot_tell_count: 2, ..CoverageReport::default() };
        let (first, second) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(60).unwrap());
        let old: Vec<_> = (0..KEPT).map(row).collect();
        let standing = CoverageStanding::default().after(&report, Vec::new(), (first, first), &old);
        let standing = standing.after(&report, vec!["a gap".to_owned()], (first, second), &[row(98), row(99)]);
        let texts: Vec<&str> = standing.last.iter().map(|row| row.text.as_str()).collect();
        assert_eq!((texts.len(), texts[0], texts[1], texts[2]), (KEPT, "99", "98", "49"));
        assert_eq!((standing.unseen, standing.seen, standing.cannot_tell), (52, 7, 2), "looks overlap: seen is of one");
        let broken = standing.broken_off("no connection".to_owned());
        assert_eq!(
            (broken.looked_at, broken.unseen, broken.fault.as_deref()),
            (Some(second), 52, Some("no connection"))
        );
        let again = broken.after(&report, Vec::new(), (first, second), &[]);
        assert_eq!((again.fault, again.unseen), (None, 52));
    }
}
