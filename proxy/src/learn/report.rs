//! What was learned, for people and for machines. Pure.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Serialize;

use crate::gate::codes::Code;
use crate::history::HistoryCounts;
use crate::learn::collect::Learned;
use crate::learn::propose::{Grantee, Proposals, ProposedPermit, RareUse};
use crate::learn::review::{ReviewKey, ReviewReason};
use crate::learn::uses::UseClass;
use crate::replay::groups::{GroupCount, Groups};
use crate::sql::StatementKind;

/// Rows that the report for people shows of each kind; the files hold all.
const SHOWN: usize = 20;

/// What was learned.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LearnReport {
    /// Counts over the whole history.
    pub(crate) summary: LearnSummary,
    /// The permits that are proposed.
    pub(crate) rules: Vec<RuleRow>,
    /// What is not learned.
    pub(crate) for_review: Vec<ReviewRow>,
}

/// Sums over a history.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LearnSummary {
    /// Records in the inputs.
    pub(crate) records: u64,
    /// Statements that were looked at.
    pub(crate) statements: u64,
    /// Those that carry credentials.
    pub(crate) with_roles: u64,
    /// Those that the permits let through.
    pub(crate) learned: u64,
    /// Statements that are listed for review.
    pub(crate) for_review: u64,
    /// Uses that were left out because there are too many distinct ones.
    pub(crate) left_out: u64,
    /// Records that could not be parsed.
    pub(crate) unreadable: u64,
    /// Permits without a case, because no statement was short enough to be kept.
    pub(crate) without_case: u64,
}

/// A proposed permit with its evidence.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RuleRow {
    /// Its `@id`.
    pub(crate) id: String,
    /// The group or user.
    pub(crate) principal: String,
    /// `group` or `user`.
    pub(crate) principal_kind: &'static str,
    /// The statement's kind.
    pub(crate) action: StatementKind,
    /// The chain, its last role, or the word for another credential.
    pub(crate) chain: String,
    /// The bucket and place, or other target.
    pub(crate) target: Option<String>,
    /// How often it was used.
    pub(crate) uses: u64,
    /// By how many users.
    pub(crate) users: u64,
    /// The earliest use.
    pub(crate) first_seen: Option<Timestamp>,
    /// The latest use.
    pub(crate) last_seen: Option<Timestamp>,
}

/// Statements that are not learned.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ReviewRow {
    /// Why it was not learned.
    pub(crate) reason: ReviewReason,
    /// The gravest finding.
    pub(crate) code: Option<Code>,
    /// Whose they are.
    pub(crate) user: String,
    /// The chain, or the word for another credential.
    pub(crate) chain: String,
    /// What they are.
    pub(crate) kind: StatementKind,
    /// The bucket or other target.
    pub(crate) target: Option<String>,
    /// How many uses there were.
    pub(crate) count: u64,
    /// When it was first used.
    pub(crate) first_seen: Option<Timestamp>,
    /// When it was last used.
    pub(crate) last_seen: Option<Timestamp>,
    /// One of them, secrets masked.
    pub(crate) example: String,
}

/// The report of a run.
#[must_use]
pub(crate) fn report(
    learned: &Learned,
    proposals: &Proposals,
    counts: HistoryCounts,
    without_case: u64,
) -> LearnReport {
    let mut for_review = review_rows(&learned.review);
    for_review.extend(proposals.rare.iter().map(rare_row));
    for_review.extend(proposals.unwritable.iter().map(unwritable_row));
    for_review.sort_by(|one, other| {
        (one.reason, std::cmp::Reverse(one.count), &one.user).cmp(&(
            other.reason,
            std::cmp::Reverse(other.count),
            &other.user,
        ))
    });
    let rare = proposals.rare.iter().map(|rare| rare.seen.count);
    let not_proposed =
        rare.chain(proposals.unwritable.iter().map(|permit| permit.seen.count)).fold(0, u64::saturating_add);
    LearnReport {
        summary: LearnSummary {
            records: counts.records,
            statements: learned.statements,
            with_roles: learned.with_roles,
            learned: learned.accepted.saturating_sub(not_proposed),
            for_review: for_review.iter().map(|row| row.count).fold(0, u64::saturating_add),
            left_out: proposals.left_out,
            unreadable: counts.unreadable,
            without_case,
        },
        rules: proposals.permits.iter().map(rule_row).collect(),
        for_review,
    }
}

fn rule_row(proposal: &ProposedPermit) -> RuleRow {
    let (principal_kind, principal) = match &proposal.grantee {
        Grantee::Group(name) => ("group", name.clone()),
        Grantee::User(name) => ("user", name.clone()),
    };
    RuleRow {
        id: proposal.id(),
        principal,
        principal_kind,
        action: proposal.class.kind,
        chain: chain(&proposal.class),
        target: proposal.target(),
        uses: proposal.seen.count,
        users: u64::try_from(proposal.users).unwrap_or(u64::MAX),
        first_seen: proposal.seen.first,
        last_seen: proposal.seen.last,
    }
}

fn chain(class: &UseClass) -> String {
    if class.roles.is_empty() { class.method.as_str().to_owned() } else { class.roles.clone() }
}

fn review_rows(groups: &Groups<ReviewKey>) -> Vec<ReviewRow> {
    let row = |(key, count): (&ReviewKey, &GroupCount)| ReviewRow {
        reason: key.reason,
        code: key.code,
        user: key.user.clone(),
        chain: key.chain.clone(),
        kind: key.kind,
        target: key.target.clone(),
        count: count.count,
        first_seen: count.first_seen,
        last_seen: count.last_seen,
        example: count.example.text.clone(),
    };
    let mut rows: Vec<_> = groups.0.iter().collect();
    rows.sort_by_key(|(key, _)| *key);
    rows.into_iter().map(row).collect()
}

fn rare_row(rare: &RareUse) -> ReviewRow {
    let place = format!("s3://{}/{}", rare.class.name, rare.place);
    let is_bucket = rare.class.target == crate::rules::TargetKind::S3;
    ReviewRow {
        reason: ReviewReason::Rare,
        code: None,
        user: rare.user.clone(),
        chain: chain(&rare.class),
        kind: rare.class.kind,
        target: if is_bucket { Some(place) } else { Some(rare.class.name.clone()).filter(|name| !name.is_empty()) },
        count: rare.seen.count,
        first_seen: rare.seen.first,
        last_seen: rare.seen.last,
        example: String::new(),
    }
}

fn unwritable_row(permit: &ProposedPermit) -> ReviewRow {
    let (Grantee::Group(name) | Grantee::User(name)) = &permit.grantee;
    ReviewRow {
        reason: ReviewReason::Unwritable,
        code: None,
        user: name.clone(),
        chain: chain(&permit.class),
        kind: permit.class.kind,
        target: permit.target(),
        count: permit.seen.count,
        first_seen: permit.seen.first,
        last_seen: permit.seen.last,
        example: permit.sample.as_ref().map(|(_, sample)| sample.text.clone()).unwrap_or_default(),
    }
}

/// The report for people.
#[must_use]
pub(crate) fn human(report: &LearnReport) -> String {
    let LearnSummary { statements, with_roles, learned, for_review, left_out, without_case, .. } = report.summary;
    let mut text = format!(
        "{statements} statements, {with_roles} with roles: {learned} are let through by {} rules, {for_review} are for review\n",
        report.rules.len()
    );
    for (count, what) in [
        (left_out, "uses are left out: there are too many distinct ones"),
        (without_case, "rules have no case: their statements are too long to be kept"),
    ] {
        if count > 0 {
            let _infallible = writeln!(text, "{count} {what}");
        }
    }
    if !report.rules.is_empty() {
        text.push_str("\nRules\n");
    }
    for rule in report.rules.iter().take(SHOWN) {
        let RuleRow { uses, principal_kind, principal, action, chain, .. } = rule;
        let target = rule.target.as_ref().map(|target| format!(" on {target}")).unwrap_or_default();
        let _infallible = writeln!(text, "  {uses:>9}  {principal_kind} {principal}: {action} through {chain}{target}");
    }
    more(&mut text, report.rules.len());
    if !report.for_review.is_empty() {
        text.push_str("\nFor review: never learned\n");
    }
    for row in report.for_review.iter().take(SHOWN) {
        let code = row.code.map(|code| format!(" ({code})")).unwrap_or_default();
        let through = if row.chain.is_empty() { String::new() } else { format!(" through {}", row.chain) };
        let target = row.target.as_ref().map(|target| format!(" on {target}")).unwrap_or_default();
        let user = if row.user.is_empty() { "somebody" } else { &row.user };
        let words = row.reason.words();
        let _infallible = writeln!(text, "  {:>9}  {user}: {}{through}{target} {words}{code}", row.count, row.kind);
    }
    more(&mut text, report.for_review.len());
    text
}

fn more(text: &mut String, rows: usize) {
    if rows > SHOWN {
        let _infallible = writeln!(text, "  {} more", rows.saturating_sub(SHOWN));
    }
}
