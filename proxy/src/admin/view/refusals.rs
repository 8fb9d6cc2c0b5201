//! Refusals in groups, as `/api/v1/refusals` says them. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::view::decision::OverallVerdict;
use crate::gate::codes::Severity;
use crate::gate::finding::Finding;
use crate::observe::audit::AuditRecord;
use crate::observe::recent::RecentDecision;
use crate::rules::RuleEffect;

/// Groups that are listed; of those beyond, the number is told.
const MAX_GROUPS: usize = 500;

/// Users that are counted of a group.
const MAX_USERS: usize = 1_000;

/// What refusals are grouped by.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::admin) enum GroupedBy {
    /// The codes of the findings that refuse.
    #[default]
    Code,
    /// The rules that forbid.
    Rule,
    /// The chains.
    Chain,
    /// The database user.
    User,
    /// `application_name`.
    Application,
}

/// Which refusals.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::admin) enum RefusalView {
    /// Those that were carried out.
    #[default]
    Refused,
    /// Those that enforcement would carry out.
    WouldBe,
}

impl RefusalView {
    pub(in crate::admin) fn holds(self, record: &AuditRecord) -> bool {
        match self {
            Self::Refused => OverallVerdict::of(record) == OverallVerdict::Refused,
            Self::WouldBe => OverallVerdict::of(record) == OverallVerdict::WouldBeRefused,
        }
    }
}

/// Refusals in groups, the largest first.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Refusals)]
pub(in crate::admin) struct RefusalsView {
    pub by: GroupedBy,
    pub view: RefusalView,
    /// When the oldest statement was judged that the gate keeps.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// The length of a bucket of `trend`; the first begins at `since`.
    pub bucket_seconds: f64,
    /// Statements, each once.
    pub total: u64,
    pub groups: Vec<RefusalGroup>,
    /// Groups that are not listed.
    pub left_out: usize,
}

/// Refusals that have something in common.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(in crate::admin) struct RefusalGroup {
    /// The code, rule, chain, user or application; empty for what has none.
    pub key: String,
    pub count: u64,
    #[schema(value_type = String, format = DateTime)]
    pub first_seen: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub last_seen: Timestamp,
    /// Refusals by time.
    pub trend: Vec<u64>,
    /// Different users, up to 1,000.
    pub users: usize,
    /// By what those were let through that were not refused.
    pub let_through: LetThrough,
    /// What is wrong with the last of them.
    pub message: Option<String>,
    /// Its remedy.
    pub hint: Option<String>,
    /// The id of the last of them.
    pub example: String,
}

/// By what statements were let through that enforcement would refuse.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize, ToSchema)]
pub(in crate::admin) struct LetThrough {
    /// Shadow mode alone.
    pub shadow: u64,
    /// An exception.
    pub exception: u64,
    /// Break-glass.
    pub break_glass: u64,
}

impl LetThrough {
    fn count(&mut self, record: &AuditRecord) {
        if OverallVerdict::of(record) != OverallVerdict::WouldBeRefused {
            return;
        }
        let count = match (&record.break_glass, record.exceptions.is_empty()) {
            (Some(_), _) => &mut self.break_glass,
            (None, false) => &mut self.exception,
            (None, true) => &mut self.shadow,
        };
        *count = count.saturating_add(1);
    }
}

/// The groups of these statements, which come the newest first.
pub(in crate::admin) fn grouped(
    decisions: impl Iterator<Item = RecentDecision>,
    (by, view): (GroupedBy, RefusalView),
    (since, until): (Option<Timestamp>, Timestamp),
    buckets: usize,
) -> RefusalsView {
    let since_or_now = since.unwrap_or(until);
    let bucket_seconds =
        (seconds(since_or_now, until) / f64::from(u16::try_from(buckets).unwrap_or(u16::MAX))).max(1.0);
    let (mut groups, mut total) = (BTreeMap::<String, Growing>::new(), 0_u64);
    for decision in decisions.filter(|decision| view.holds(&decision.record)) {
        total = total.saturating_add(1);
        let bucket = place(seconds(since_or_now, decision.time), bucket_seconds, buckets);
        for (key, finding) in keys(&decision.record, by) {
            let group = groups.entry(key.clone()).or_insert_with(|| Growing::begun(key, &decision, finding, buckets));
            group.add(&decision, bucket);
        }
    }
    let mut groups: Vec<RefusalGroup> = groups.into_values().map(|growing| growing.group).collect();
    groups.sort_by(|one, other| (other.count, &one.key).cmp(&(one.count, &other.key)));
    let left_out = groups.len().saturating_sub(MAX_GROUPS);
    groups.truncate(MAX_GROUPS);
    RefusalsView { by, view, since, until, bucket_seconds, total, groups, left_out }
}

/// A group that grows while statements are read.
struct Growing {
    group: RefusalGroup,
    users: BTreeSet<String>,
}

impl Growing {
    fn begun(key: String, newest: &RecentDecision, finding: Option<&Finding>, buckets: usize) -> Self {
        let group = RefusalGroup {
            key,
            count: 0,
            first_seen: newest.time,
            last_seen: newest.time,
            trend: vec![0; buckets],
            users: 0,
            let_through: LetThrough::default(),
            message: finding.map(|finding| finding.message.clone()),
            hint: finding.and_then(|finding| finding.hint.clone()),
            example: newest.record.id.as_deref().unwrap_or_default().to_owned(),
        };
        Self { group, users: BTreeSet::new() }
    }

    fn add(&mut self, decision: &RecentDecision, bucket: usize) {
        let Self { group, users } = self;
        group.count = group.count.saturating_add(1);
        group.first_seen = group.first_seen.min(decision.time);
        group.last_seen = group.last_seen.max(decision.time);
        group.let_through.count(&decision.record);
        if let Some(count) = group.trend.get_mut(bucket) {
            *count = count.saturating_add(1);
        }
        if users.len() < MAX_USERS && !users.contains(&decision.record.user) {
            users.insert(decision.record.user.clone());
        }
        group.users = users.len();
    }
}

/// What a refused statement counts under, each key once, with a finding that belongs to it.
fn keys(record: &AuditRecord, by: GroupedBy) -> BTreeMap<String, Option<&Finding>> {
    let refusing = || record.findings.iter().filter(|finding| finding.severity == Severity::Reject);
    let first = refusing().next().or(record.findings.first());
    let mut keys: BTreeMap<String, Option<&Finding>> = BTreeMap::new();
    match by {
        GroupedBy::Code => {
            for finding in refusing() {
                keys.entry(finding.code.as_str().to_owned()).or_insert(Some(finding));
            }
        }
        GroupedBy::Rule => {
            let forbidding = record.rules.iter().filter(|rule| rule.effect == RuleEffect::Forbid);
            keys.extend(forbidding.map(|rule| (rule.id.clone(), first)));
        }
        GroupedBy::Chain => {
            keys.extend(record.role_uses.iter().map(|role_use| (role_use.credential(), first)));
            keys.extend(record.stored_uses.iter().map(|used| (used.credential(), first)));
        }
        GroupedBy::User => _ = keys.insert(record.user.clone(), first),
        GroupedBy::Application => _ = keys.insert(record.application.clone(), first),
    }
    if keys.is_empty() {
        keys.insert(String::new(), first);
    }
    keys
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64().max(0.0)
}

/// The bucket of a moment.
fn place(after: f64, bucket_seconds: f64, buckets: usize) -> usize {
    let ends = (1..buckets).map(|number| f64::from(u16::try_from(number).unwrap_or(u16::MAX)) * bucket_seconds);
    ends.take_while(|end| *end <= after).count()
}
