//! What a comparison has found, as JSON and for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;
use serde::Serialize;

use crate::coverage::carrier::RoleCarrier;
use crate::coverage::evidence::Evidence;
use crate::history::trail::AssumedRole;
use crate::observe::escape;

/// Rows of one kind that a report holds; the others are counted.
pub(crate) const MAX_ROWS: usize = 10_000;

/// A statement that did not pass the gate, or of which that cannot be told.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct UnseenRow {
    pub(crate) time: Option<Timestamp>,
    pub(crate) user: Option<String>,
    pub(crate) client_address: Option<String>,
    pub(crate) application: Option<String>,
    /// The process of the cluster; of a role that was assumed, the name of the session.
    pub(crate) session: Option<String>,
    pub(crate) kind: &'static str,
    pub(crate) target: Option<String>,
    /// The text, masked and cut; of a role that was assumed, the role.
    pub(crate) text: String,
    /// Why it is listed.
    pub(crate) reason: &'static str,
}

impl UnseenRow {
    /// The row of a statement.
    #[must_use]
    pub(crate) fn of(carrier: &RoleCarrier, reason: &'static str) -> Self {
        Self {
            time: carrier.time,
            user: carrier.user.clone(),
            client_address: carrier.client_address.clone(),
            application: carrier.application.clone(),
            session: carrier.session.clone(),
            kind: carrier.kind.as_str(),
            target: carrier.target.clone(),
            text: carrier.text.clone(),
            reason,
        }
    }

    /// The row of a role that was assumed.
    #[must_use]
    pub(crate) fn of_role(role: &AssumedRole, reason: &'static str) -> Self {
        Self {
            time: Some(role.time),
            user: role.external_id.clone(),
            client_address: role.source_address.clone(),
            application: None,
            session: role.session_name.clone(),
            kind: "assume_role",
            target: None,
            text: role.role.clone(),
            reason,
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct CoverageReport {
    /// Statements with roles that passed the gate.
    pub(crate) seen: u64,
    /// Of these, by what that is known.
    pub(crate) seen_by: BTreeMap<&'static str, u64>,
    /// Statements that did not, the first of them.
    pub(crate) unseen: Vec<UnseenRow>,
    /// How many there are.
    pub(crate) unseen_count: u64,
    /// Statements of which it cannot be told, the first of them.
    pub(crate) cannot_tell: Vec<UnseenRow>,
    /// How many there are.
    pub(crate) cannot_tell_count: u64,
    /// What was not there to be read, and what follows from that.
    pub(crate) gaps: Vec<String>,
}

impl CoverageReport {
    pub(crate) fn seen(&mut self, evidence: Evidence) {
        self.seen = self.seen.saturating_add(1);
        let count = self.seen_by.entry(evidence.as_str()).or_default();
        *count = count.saturating_add(1);
    }

    pub(crate) fn unseen(&mut self, row: UnseenRow) {
        self.unseen_count = self.unseen_count.saturating_add(1);
        if self.unseen.len() < MAX_ROWS {
            self.unseen.push(row);
        }
    }

    pub(crate) fn cannot_tell(&mut self, row: UnseenRow) {
        self.cannot_tell_count = self.cannot_tell_count.saturating_add(1);
        if self.cannot_tell.len() < MAX_ROWS {
            self.cannot_tell.push(row);
        }
    }

    pub(crate) fn gap(&mut self, what: impl Into<String>) {
        self.gaps.push(what.into());
    }
}

/// The report for people.
#[must_use]
pub(crate) fn human(report: &CoverageReport) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _written = writeln!(
        text,
        "{} statements with roles: {} passed the gate, {} did not, {} cannot be told",
        report.seen.saturating_add(report.unseen_count).saturating_add(report.cannot_tell_count),
        report.seen,
        report.unseen_count,
        report.cannot_tell_count
    );
    for gap in &report.gaps {
        let _written = writeln!(text, "note: {gap}");
    }
    rows(&mut text, "did not pass the gate", &report.unseen, report.unseen_count);
    rows(&mut text, "cannot be told", &report.cannot_tell, report.cannot_tell_count);
    escape::lines(&text)
}

fn rows(text: &mut String, heading: &str, rows: &[UnseenRow], count: u64) {
    if rows.is_empty() {
        return;
    }
    let _written = writeln!(text, "\n{heading}:");
    for row in rows {
        let known = |value: &Option<String>| value.clone().unwrap_or_else(|| "?".to_owned());
        let time = row.time.map_or_else(|| "?".to_owned(), |time| time.to_string());
        let target = row.target.as_ref().map(|target| format!(" {target}")).unwrap_or_default();
        let _written = writeln!(
            text,
            "  {time} {} from {} ({}) process {}: {}{target} [{}]\n      {}",
            known(&row.user),
            known(&row.client_address),
            known(&row.application),
            known(&row.session),
            row.kind,
            row.reason,
            row.text.replace(['\n', '\r'], " ")
        );
    }
    let more = count.saturating_sub(u64::try_from(rows.len()).unwrap_or(u64::MAX));
    if more > 0 {
        let _written = writeln!(text, "  and {more} more");
    }
}
