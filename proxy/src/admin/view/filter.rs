//! Which judged statements are meant. Pure.

use serde::Deserialize;
use utoipa::IntoParams;

use crate::admin::view::chain::{bucket_of, short};
use crate::admin::view::decision::OverallVerdict;
use crate::admin::view::graph::passes;
use crate::admin::view::words;
use crate::gate::codes::Code;
use crate::gate::enforcement::Action;
use crate::observe::audit::AuditRecord;
use crate::sql::StatementKind;

/// Which judged statements are meant: those that fit everything that is given.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct DecisionFilter {
    /// The gate.
    gate: Option<String>,
    /// The database user, or the user who logged in.
    user: Option<String>,
    /// A group that the user is in.
    group: Option<String>,
    /// The chain as `chain` of a role use has it.
    chain: Option<String>,
    /// A role of a chain: its ARN, or `account/name`.
    role: Option<String>,
    /// A finding's code.
    #[param(schema_with = words::code)]
    code: Option<Code>,
    /// The statement kind.
    #[param(schema_with = words::kind)]
    kind: Option<StatementKind>,
    /// The verdict in one word.
    verdict: Option<OverallVerdict>,
    /// What was done with it.
    #[param(schema_with = words::action)]
    action: Option<Action>,
    /// What enforcement would do with it.
    #[param(schema_with = words::action)]
    would_be: Option<Action>,
    /// A rule that applied.
    rule: Option<String>,
    /// `application_name`.
    application: Option<String>,
    /// The bucket of a target in S3.
    bucket: Option<String>,
    /// A node or an edge of the graph that it passes, by its `id` there.
    at: Option<String>,
}

impl DecisionFilter {
    /// The gate that is asked for; `None`: all.
    pub(in crate::admin) fn gate(&self) -> Option<&str> {
        self.gate.as_deref()
    }

    /// Whether this gate is meant.
    pub(in crate::admin) fn fits_gate(&self, gate: &str) -> bool {
        self.gate().is_none_or(|wanted| wanted == gate)
    }

    /// The roles of the chain that is asked for, in order.
    pub(in crate::admin) fn chain(&self) -> Option<Vec<&str>> {
        self.chain.as_deref().map(|chain| chain.split(',').collect())
    }

    /// Whether something is asked that only a judged statement has, so that what nobody used does not fit.
    pub(in crate::admin) fn is_of_statements(&self) -> bool {
        let texts = [&self.user, &self.group, &self.rule, &self.application];
        texts.into_iter().any(Option::is_some)
            || self.code.is_some()
            || self.kind.is_some()
            || self.verdict.is_some()
            || self.action.is_some()
            || self.would_be.is_some()
    }

    pub(in crate::admin) fn fits(&self, record: &AuditRecord) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        let is_user = is(&self.user, &record.user) || is(&self.user, &record.login_user);
        is(&self.gate, &record.gate)
            && is_user
            && is(&self.application, &record.application)
            && self.kind.is_none_or(|kind| kind == record.kind)
            && self.action.is_none_or(|action| action == record.action)
            && self.would_be.is_none_or(|action| action == record.would_be)
            && self.verdict.is_none_or(|verdict| verdict == OverallVerdict::of(record))
            && self.code.is_none_or(|code| record.findings.iter().any(|finding| finding.code == code))
            && self.group.as_ref().is_none_or(|group| record.groups.contains(group))
            && self.rule.as_ref().is_none_or(|rule| record.rules.iter().any(|hit| hit.id == *rule))
            && self.fits_roles(record)
            && self.at.as_ref().is_none_or(|id| passes(record, id))
    }

    fn fits_roles(&self, record: &AuditRecord) -> bool {
        let uses = || record.role_uses.iter();
        let has_role = |role: &String| {
            let in_hops = || record.hops.iter().any(|hop| hop.source == *role || hop.target == *role);
            let of_statement = uses().flat_map(|role_use| &role_use.roles);
            let of_stored = record.stored_uses.iter().flat_map(|used| &used.roles);
            of_statement.chain(of_stored).any(|found| found == role || short(found) == *role) || in_hops()
        };
        let has_bucket = |bucket: &String| {
            uses().filter_map(|role_use| role_use.target.as_ref()).any(|target| bucket_of(target) == Some(bucket))
        };
        let has_chain = |chain: &String| {
            uses().any(|role_use| role_use.credential() == *chain)
                || record.stored_uses.iter().any(|used| used.credential() == *chain)
        };
        self.chain.as_ref().is_none_or(has_chain)
            && self.role.as_ref().is_none_or(has_role)
            && self.bucket.as_ref().is_none_or(has_bucket)
    }
}
