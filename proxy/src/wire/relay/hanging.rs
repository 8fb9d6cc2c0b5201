//! What the gate has to say about statements that the server has not reached: refusals in place of its errors, and warnings.
//! Each hangs on its statement's number; what the server skips is dropped. Pure.

use std::collections::VecDeque;
use std::ops::Range;

use crate::wire::answer::{Rejection, Report, sqlstate};
use crate::wire::relay::owed::{Number, Reached};

/// Above this many bytes of refusals the frontend is not read until the server has answered some.
const MAX_REFUSAL_BYTES: usize = 256 * 1024;

/// Warnings above this many bytes are counted, not kept.
const MAX_WARNING_BYTES: usize = 64 * 1024;

/// Stretches of statements without their warnings; what comes after them counts as one stretch.
const MAX_UNSAID_RANGES: usize = 1024;

/// What is attached to statements under way, in the order of their numbers.
#[derive(Debug, Default)]
pub(super) struct Hanging {
    refusals: VecDeque<(Number, Rejection)>,
    refusal_bytes: usize,
    warnings: VecDeque<(Number, Vec<u8>)>,
    warning_bytes: usize,
    /// Statements for whose warnings there was no room.
    unsaid: VecDeque<Range<Number>>,
}

impl Hanging {
    pub(super) fn is_empty(&self) -> bool {
        self.refusals.is_empty() && self.warnings.is_empty() && self.unsaid.is_empty()
    }

    /// Whether there is room for more refusals.
    pub(super) fn has_room(&self) -> bool {
        self.refusal_bytes < MAX_REFUSAL_BYTES
    }

    /// Whether an error from the server may be the answer to a refused statement.
    pub(super) fn has_refusals(&self) -> bool {
        !self.refusals.is_empty()
    }

    /// A statement is refused, and the server's error is to be rewritten.
    pub(super) fn refuse(&mut self, number: Number, refusal: Rejection) {
        self.refusal_bytes = self.refusal_bytes.saturating_add(refusal.bytes());
        self.refusals.push_back((number, refusal));
    }

    /// A statement goes on, and the client is to be warned.
    pub(super) fn warn(&mut self, number: Number, report: &Report) {
        let frame = report.warning();
        let bytes = self.warning_bytes.saturating_add(frame.len());
        if self.unsaid.is_empty() && bytes <= MAX_WARNING_BYTES {
            self.warning_bytes = bytes;
            self.warnings.push_back((number, frame));
        } else {
            self.leave_unsaid(number);
        }
    }

    fn leave_unsaid(&mut self, number: Number) {
        let is_full = self.unsaid.len() >= MAX_UNSAID_RANGES;
        match self.unsaid.back_mut() {
            Some(last) if last.end == number || is_full => last.end = number.saturating_add(1),
            _ => self.unsaid.push_back(number..number.saturating_add(1)),
        }
    }

    /// Drops the counted warnings up to where the server has come, and returns how many of them were due.
    fn count_unsaid(&mut self, reached: Reached) -> u64 {
        let mut due = 0_u64;
        while let Some(range) = self.unsaid.front_mut().filter(|range| range.start < reached.skipped) {
            due = due.saturating_add(range.end.min(reached.answered).saturating_sub(range.start));
            if range.end > reached.skipped {
                range.start = reached.skipped;
                break;
            }
            self.unsaid.pop_front();
        }
        due
    }

    /// The refusal that an error of the server quotes.
    pub(super) fn quoted(&mut self, body: &[u8]) -> Option<Rejection> {
        let place = self.refusals.iter().position(|(_, refusal)| refusal.is_quoted_in(body))?;
        let passed = self.refusals.drain(..=place).map(|(_, refusal)| refusal);
        let mut quoted = None;
        for refusal in passed {
            self.refusal_bytes = self.refusal_bytes.saturating_sub(refusal.bytes());
            quoted = Some(refusal);
        }
        quoted
    }

    /// Appends the warnings of the statements that the server has reached, and drops what it has passed.
    pub(super) fn reach(&mut self, reached: Reached, out: &mut Vec<u8>) {
        while self.warnings.front().is_some_and(|(number, _)| *number < reached.skipped) {
            let Some((number, frame)) = self.warnings.pop_front() else { break };
            self.warning_bytes = self.warning_bytes.saturating_sub(frame.len());
            if number < reached.answered {
                out.extend_from_slice(&frame);
            }
        }
        let due = self.count_unsaid(reached);
        if due > 0 {
            let report = Report::new(sqlstate::WARNING, format!("{due} more statements were annotated by the gate"));
            out.extend_from_slice(&report.hint("the gate's audit has them all").warning());
        }
    }

    /// Drops the refusals that the server has passed: it failed for another reason, or skipped them.
    pub(super) fn forget_refusals(&mut self, passed: Number) {
        while self.refusals.front().is_some_and(|(number, _)| *number < passed) {
            let bytes = self.refusals.pop_front().map_or(0, |(_, refusal)| refusal.bytes());
            self.refusal_bytes = self.refusal_bytes.saturating_sub(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::answer::Nonce;

    fn refusal(number: u8, bytes: usize) -> Rejection {
        Rejection {
            nonce: Nonce::new([number; 8]),
            report: Report::new(sqlstate::INSUFFICIENT_PRIVILEGE, "x".repeat(bytes)),
        }
    }

    fn quoting(number: u8) -> Vec<u8> {
        format!("Msyntax error at or near \"{}\"\0\0", Nonce::new([number; 8]).as_str()).into_bytes()
    }

    #[test]
    fn every_unanswered_refusal_survives_and_their_bytes_are_bounded() {
        let mut hanging = Hanging::default();
        for number in 0..200 {
            assert!(hanging.has_room());
            hanging.refuse(number.into(), refusal(number, 1000));
        }
        hanging.refuse(200, refusal(200, MAX_REFUSAL_BYTES));
        assert!(!hanging.has_room());
        assert_eq!(hanging.quoted(&quoting(0)), Some(refusal(0, 1000)));
        assert_eq!(hanging.quoted(&quoting(7)), Some(refusal(7, 1000)));
        assert_eq!(hanging.quoted(&quoting(3)), None, "the server has passed it");
        hanging.forget_refusals(201);
        assert!(hanging.is_empty() && hanging.has_room() && hanging.refusal_bytes == 0);
    }

    #[test]
    fn the_frontend_waits_above_so_many_bytes_of_refusals() {
        let alone = refusal(0, 0).bytes();
        for (bytes, has_room) in
            [(MAX_REFUSAL_BYTES - 1, true), (MAX_REFUSAL_BYTES, false), (MAX_REFUSAL_BYTES + 1, false)]
        {
            let mut hanging = Hanging::default();
            hanging.refuse(0, refusal(0, bytes - alone));
            assert_eq!((hanging.has_room(), hanging.refusals.len()), (has_room, 1), "{bytes}");
        }
    }

    #[test]
    fn warnings_are_kept_up_to_so_many_bytes() {
        let report = |length: usize| Report::new(sqlstate::WARNING, "x".repeat(length));
        let alone = report(0).warning().len();
        for (bytes, kept) in [(MAX_WARNING_BYTES - 1, 1), (MAX_WARNING_BYTES, 1), (MAX_WARNING_BYTES + 1, 0)] {
            let mut hanging = Hanging::default();
            hanging.warn(0, &report(bytes - alone));
            assert_eq!((hanging.warnings.len(), hanging.unsaid.len()), (kept, 1 - kept), "{bytes}");
        }
    }

    #[test]
    fn stretches_beyond_the_limit_are_one() {
        for (stretches, kept) in [
            (MAX_UNSAID_RANGES - 1, MAX_UNSAID_RANGES - 1),
            (MAX_UNSAID_RANGES, MAX_UNSAID_RANGES),
            (MAX_UNSAID_RANGES + 1, MAX_UNSAID_RANGES),
        ] {
            let mut hanging = Hanging::default();
            for number in 0..stretches {
                hanging.leave_unsaid(Number::try_from(number * 2).unwrap_or_default());
            }
            assert_eq!(hanging.unsaid.len(), kept, "{stretches}");
        }
    }

    #[test]
    fn skipped_statements_have_no_warnings_and_take_no_memory() {
        let mut hanging = Hanging::default();
        let report = Report::new(sqlstate::WARNING, "RG301: hm");
        for number in 0..300_000 {
            hanging.warn(number, &report);
        }
        assert!(hanging.warnings.len() < 2000);
        let mut out = Vec::new();
        hanging.reach(Reached { answered: 1, skipped: 300_000, is_failure: true }, &mut out);
        assert_eq!(out, [report.warning(), Vec::new()].concat(), "that of the statement that failed");
        assert!(hanging.is_empty());
    }

    #[test]
    fn warnings_without_room_are_counted() {
        let mut hanging = Hanging::default();
        let report = Report::new(sqlstate::WARNING, "x".repeat(1000));
        for number in 0..100 {
            hanging.warn(number, &report);
        }
        let kept = hanging.warnings.len();
        let mut out = Vec::new();
        hanging.reach(Reached { answered: 97, skipped: 99, is_failure: true }, &mut out);
        let text = String::from_utf8_lossy(&out).into_owned();
        assert_eq!(text.matches("\0Mxxx").count(), kept);
        assert!(text.contains(&format!("\0M{} more statements were annotated", 97 - kept)), "{text}");
        out.clear();
        hanging.reach(Reached { answered: 100, skipped: 100, is_failure: false }, &mut out);
        assert!(String::from_utf8_lossy(&out).contains("\0M1 more statements"), "99 is due, and two were skipped");
        assert!(hanging.is_empty());
    }
}
