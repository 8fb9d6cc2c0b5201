//! One pass over a history: what is to be learned from, and what is to be reviewed.

use jiff::Timestamp;

use crate::gate::codes::{Code, Severity};
use crate::gate::policy::Policy;
use crate::gate::principal::database_user;
use crate::gate::verdict::{JudgedUse, Verdict};
use crate::history::StatementRecord;
use crate::learn::place::UseTimes;
use crate::learn::review::{ReviewKey, ReviewReason, objection};
use crate::learn::uses::{Sample, UseClass, UseKey, Uses, split};
use crate::replay::groups::{Groups, bucket, example};
use crate::replay::judged::{CannotTell, Judged, judge, kind_and_target};
use crate::rules::TargetKind;
use crate::sql::{MethodKind, StatementKind, mask};

/// The longest statement that is kept as an example.
const MAX_SAMPLE_BYTES: usize = 4 * 1024;

/// How a history is learned from.
#[derive(Debug)]
pub(crate) struct Learner {
    policy: Policy,
    prefix_depth: usize,
    by_last_role: bool,
}

/// What was learned from a part of a history, or from all of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Learned {
    /// Statements that were looked at.
    pub(crate) statements: u64,
    /// Those that carry credentials.
    pub(crate) with_roles: u64,
    /// Statements that rules are proposed from.
    pub(crate) accepted: u64,
    /// What they use.
    pub(crate) uses: Uses,
    /// What is not learned.
    pub(crate) review: Groups<ReviewKey>,
}

impl Learned {
    /// Adds what was learned from a later part.
    pub(crate) fn merge(&mut self, later: Self) {
        self.statements = self.statements.saturating_add(later.statements);
        self.with_roles = self.with_roles.saturating_add(later.with_roles);
        self.accepted = self.accepted.saturating_add(later.accepted);
        self.uses.merge(later.uses);
        self.review.merge(later.review);
    }
}

impl Learner {
    /// Learns what this policy allows but for the permits of its rules, which are what is to be proposed.
    #[must_use]
    pub(crate) fn new(policy: &Policy, prefix_depth: usize, by_last_role: bool) -> Self {
        Self { policy: policy.with_severity(Code::Rg302, Severity::Allow), prefix_depth, by_last_role }
    }

    /// Judges a record, and learns from it or lists it for review.
    pub(crate) fn take(&self, learned: &mut Learned, record: &StatementRecord<'_>) {
        learned.statements = learned.statements.saturating_add(record.count);
        match judge(&self.policy, record) {
            Judged::Plain => {}
            Judged::CannotTell(why) => self.cannot_tell(learned, record, why),
            Judged::Verdict(verdict) => self.verdict(learned, record, &verdict),
        }
    }

    fn verdict(&self, learned: &mut Learned, record: &StatementRecord<'_>, verdict: &Verdict) {
        let has_roles = verdict.statements.iter().any(|statement| !statement.uses.is_empty());
        if has_roles {
            learned.with_roles = learned.with_roles.saturating_add(record.count);
        }
        let failed = || (has_roles && record.failed()).then_some(ReviewReason::Failed);
        if let Some(reason) = objection(&self.policy, verdict).or_else(failed) {
            return Self::review(learned, record, verdict, reason);
        }
        if !has_roles {
            return;
        }
        learned.accepted = learned.accepted.saturating_add(record.count);
        let time = record.timestamp();
        let user = database_user(record.user.as_deref().unwrap_or_default());
        for statement in &verdict.statements {
            for role_use in &statement.uses {
                let (class, path) = self.class(statement.kind, role_use);
                let key = UseKey { user: user.to_owned(), class };
                let seen = UseTimes::at(record.count, time);
                // The statement alone: others of its message have rules of their own.
                let text = record.text.as_bytes().get(statement.span.clone()).unwrap_or(record.text.as_bytes());
                let sample = || Self::sample(record, text, time, role_use);
                learned.uses.add(key, path, self.prefix_depth, seen, sample);
            }
        }
    }

    fn class<'u>(&self, kind: StatementKind, role_use: &'u JudgedUse) -> (UseClass, &'u str) {
        let (target, name, path) = split(role_use.target.as_ref());
        let roles = if self.by_last_role {
            role_use.roles.last().cloned().unwrap_or_default()
        } else {
            role_use.roles.join(",")
        };
        let method = role_use.method.kind();
        let path = if target == TargetKind::S3 { path } else { "" };
        (UseClass { kind, method, roles, target, name: name.to_owned() }, path)
    }

    fn sample(
        record: &StatementRecord<'_>,
        text: &[u8],
        time: Option<Timestamp>,
        role_use: &JudgedUse,
    ) -> Option<Sample> {
        let text = mask(text);
        let known = |known: &Option<std::borrow::Cow<'_, str>>| known.as_deref().unwrap_or_default().to_owned();
        (text.len() <= MAX_SAMPLE_BYTES).then(|| Sample {
            text,
            target: role_use.target.as_ref().map(ToString::to_string),
            chain: role_use.roles.join(","),
            database: known(&record.database),
            application: known(&record.application),
            client_address: record.client_address.as_deref().map(str::to_owned),
            time,
        })
    }

    fn review(learned: &mut Learned, record: &StatementRecord<'_>, verdict: &Verdict, reason: ReviewReason) {
        let findings = verdict.findings();
        let code = findings.first().filter(|finding| finding.severity > Severity::Allow).map(|finding| finding.code);
        let uses = || verdict.statements.iter().flat_map(|one| one.uses.iter().map(|role_use| (one.kind, role_use)));
        let keys = |(_, role_use): &(StatementKind, &JudgedUse)| role_use.method.kind() == MethodKind::AccessKeys;
        let shown = uses().find(|one| reason == ReviewReason::StaticKeys && keys(one)).or_else(|| uses().next());
        let kind = verdict.statements.first().map_or(StatementKind::Unknown, |statement| statement.kind);
        let key = ReviewKey {
            reason,
            code,
            user: record.user.as_deref().map(database_user).unwrap_or_default().to_owned(),
            chain: shown.map(|(_, role_use)| role_use.credential()).unwrap_or_default(),
            kind: shown.map_or(kind, |(kind, _)| kind),
            target: shown.and_then(|(_, role_use)| role_use.target.as_ref()).map(bucket),
        };
        Self::list(learned, record, key, verdict.codes());
    }

    fn cannot_tell(&self, learned: &mut Learned, record: &StatementRecord<'_>, why: CannotTell) {
        let (kind, target) = kind_and_target(&self.policy, &record.text);
        let user = record.user.as_deref().map(database_user).unwrap_or_default().to_owned();
        let key = ReviewKey { reason: why.into(), code: None, user, chain: String::new(), kind, target };
        Self::list(learned, record, key, Vec::new());
    }

    fn list(learned: &mut Learned, record: &StatementRecord<'_>, key: ReviewKey, codes: Vec<Code>) {
        let time = record.timestamp();
        learned.review.add(key, record, time, || example(record, time, codes));
    }
}
