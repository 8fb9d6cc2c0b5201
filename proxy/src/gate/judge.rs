//! Judging a message: chain syntax, attachment, every hop, then the rules. All findings are collected, not the first only.

mod chains;
mod context;
mod faults;
mod made;
mod organisation;
mod stored;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;

use crate::chain::{Chain, RoleArn};
use crate::gate::codes::Code;
use crate::gate::finding::Finding;
use crate::gate::judge::chains::{default_chain, judge_chain};
use crate::gate::judge::context::JudgeContext;
pub(in crate::gate) use crate::gate::judge::faults::fault_code;
use crate::gate::judge::faults::fault_finding;
use crate::gate::judge::made::{UsedBy, made};
use crate::gate::judge::organisation::{RuledUse, judge_use};
use crate::gate::judge::stored::{RuledStored, judge_stored};
use crate::gate::policy::Policy;
use crate::gate::principal::Principal;
use crate::gate::verdict::{JudgedStatement, JudgedUse, Verdict};
use crate::sql::statement::MAX_ROLE_USES;
use crate::sql::{Analysis, Clause, Effect, Fault, Method, RoleUse, Statement, StatementKind, StoredNames};

impl Policy {
    /// Judges what reading `text` found. `now` is what conditions and rules take for the time.
    #[must_use]
    pub fn judge(&self, text: &[u8], analysis: Analysis, principal: &Principal, now: Timestamp) -> Verdict {
        self.judge_with(text, (analysis, StoredNames::default()), principal, now)
    }

    /// The same, and what `text` does with the names of what the cluster stores.
    #[must_use]
    pub fn judge_with(
        &self,
        text: &[u8],
        (analysis, mut names): (Analysis, StoredNames),
        principal: &Principal,
        now: Timestamp,
    ) -> Verdict {
        let groups = self.groups_of_principal(principal);
        let context = JudgeContext { policy: self, principal, groups: &groups, now, length: text.len() };
        let mut judge = Judge { context: &context, depends_on_time: false, unknown_roles: Vec::new() };
        let mut statements: Vec<JudgedStatement> =
            analysis.statements.into_iter().map(|statement| judge.statement(statement)).collect();
        let changes = std::mem::take(&mut names.changes);
        let used_by = judge.names(names, &mut statements);
        let made = if self.stored().follows() { made(&context, &changes, &used_by, &statements) } else { Vec::new() };
        let changes_stored = !made.is_empty() || changes.iter().any(|(_, change)| !change.is_made());
        let Judge { depends_on_time, unknown_roles, .. } = judge;
        let verdict = Verdict {
            unknown_roles,
            depends_on_time,
            made: made.into(),
            changes_stored,
            ..Verdict::of(&self.enforcer_in(principal, &groups, now), statements)
        };
        let is_told = verdict.uses_stored() || verdict.statements.iter().any(JudgedStatement::is_told);
        Verdict { groups: if is_told { groups } else { Vec::new() }, ..verdict }.bounded()
    }
}

/// What is collected over a message's statements.
struct Judge<'a> {
    context: &'a JudgeContext<'a>,
    depends_on_time: bool,
    unknown_roles: Vec<RoleArn>,
}

impl Judge<'_> {
    fn statement(&mut self, statement: Statement) -> JudgedStatement {
        let mut judged = JudgedStatement {
            findings: faults(self.context, &statement),
            effects: statement.effects,
            watch: statement.watch,
            ..JudgedStatement::new(statement.kind, statement.span)
        };
        for role_use in statement.role_uses {
            self.role_use(role_use, &mut judged);
        }
        judged
    }

    /// Judges what the message does with the names of what is stored, as part of the statement that does it. What each statement uses.
    fn names(&mut self, names: StoredNames, statements: &mut Vec<JudgedStatement>) -> UsedBy {
        let mut used_by = UsedBy::new();
        for statement in names.statements {
            let ruled = judge_stored(self.context, &statement);
            if ruled.is_empty() {
                continue;
            }
            let mut judged = take(statements, statement.span, StatementKind::Query);
            let used = used_by.entry(judged.span.start).or_default();
            for RuledStored { told, used: one, ruled } in ruled {
                used.push(one);
                self.depends_on_time |= ruled.depends_on_time;
                judged.rule_hits.extend(ruled.hits);
                judged.findings.extend(ruled.findings);
                judged.stored.push(told);
            }
            put(statements, judged);
        }
        if !names.turns.is_empty() {
            let is_turn = names.turns.iter().any(|effect| *effect != Effect::Redefines);
            let kind = if is_turn { StatementKind::Set } else { StatementKind::None };
            let mut first = take(statements, 0..self.context.length, kind);
            first.effects.extend(names.turns);
            put(statements, first);
        }
        used_by
    }

    fn role_use(&mut self, role_use: RoleUse, judged: &mut JudgedStatement) {
        let before = judged.findings.len();
        let written = self.written_chain(&role_use, judged);
        let is_assumed = is_assumed(judged.kind, role_use.clause);
        let default = match default_chain(self.context, role_use.span.start) {
            _ if role_use.method != Method::Default => None,
            Ok(chain) => chain,
            Err(finding) => {
                judged.findings.extend(Some(*finding).filter(|_| is_assumed));
                None
            }
        };
        let stands_for = written.as_ref().or(default.as_ref());
        if let Some(chain) = stands_for.filter(|_| is_assumed) {
            let steps = judge_chain(self.context, chain, role_use.span.start);
            self.depends_on_time |= steps.depends_on_time;
            self.unknown_roles.extend(steps.unknown_roles);
            judged.hops.extend(steps.hops);
            judged.findings.extend(steps.findings);
        }
        self.rules(&role_use, stands_for, judged);
        let judged_use = judged_use(role_use);
        let credential: Arc<str> = judged_use.credential().into();
        for finding in judged.findings.iter_mut().skip(before) {
            finding.credential = Some(Arc::clone(&credential));
        }
        judged.uses.push(judged_use);
    }

    /// What the rules say of a use. One in a body is judged as what stores it, and as what it is when it runs.
    fn rules(&mut self, role_use: &RoleUse, chain: Option<&Chain>, judged: &mut JudgedStatement) {
        let ruled = judge_use(self.context, RuledUse::of_clause(role_use, judged.kind), chain);
        self.depends_on_time |= ruled.depends_on_time;
        let within = role_use.within.filter(|kind| *kind != judged.kind);
        if let Some(kind) = within {
            let further = judge_use(self.context, RuledUse::of_clause(role_use, kind), chain);
            self.depends_on_time |= further.depends_on_time;
            judged.rule_hits.extend(further.hits.into_iter().filter(|hit| !ruled.hits.contains(hit)));
            judged.findings.extend(further.findings.into_iter().filter(|finding| !ruled.findings.contains(finding)));
        }
        judged.rule_hits.extend(ruled.hits);
        judged.findings.extend(ruled.findings);
    }

    /// The chain of a literal; a literal that is not a chain leaves a finding.
    fn written_chain(&self, role_use: &RoleUse, judged: &mut JudgedStatement) -> Option<Chain> {
        let Method::Chain(text) = &role_use.method else { return None };
        match Chain::parse(text) {
            Ok(chain) => Some(chain),
            Err(error) => {
                let finding = self.context.finding(Code::Rg101, role_use.span.start);
                judged.findings.push(finding.message(error.to_string()).detail(reads(text)));
                None
            }
        }
    }
}

/// Takes out the judged statement that begins where this one does; another one of this kind, if none does.
fn take(statements: &mut Vec<JudgedStatement>, span: Range<usize>, kind: StatementKind) -> JudgedStatement {
    match statements.iter().position(|statement| statement.span.start == span.start) {
        Some(at) => statements.remove(at),
        None => JudgedStatement::new(kind, span),
    }
}

/// Puts a statement in its place in the text.
fn put(statements: &mut Vec<JudgedStatement>, judged: JudgedStatement) {
    let at = statements.partition_point(|statement| statement.span.start <= judged.span.start);
    statements.insert(at, judged);
}

/// The findings for what is wrong with a statement's text. Such a finding is on the credential whose literal it names; where several stand
/// in that literal, as in a procedure's body, it is on one only if all read the same.
fn faults(context: &JudgeContext<'_>, statement: &Statement) -> Vec<Finding> {
    if statement.faults.is_empty() {
        return Vec::new();
    }
    let mut credentials: HashMap<usize, Option<Arc<str>>> = HashMap::new();
    for role_use in &statement.role_uses {
        let credential: Arc<str> = judged_use(role_use.clone()).credential().into();
        let held = credentials.entry(role_use.span.start).or_insert_with(|| Some(Arc::clone(&credential)));
        if held.as_ref() != Some(&credential) {
            *held = None;
        }
    }
    // Of more clauses the rest was not read: nobody can say that it reads the same.
    if statement.role_uses.len() >= MAX_ROLE_USES {
        credentials.clear();
    }
    let finding = |fault: &Fault| {
        let credential = credentials.get(&fault.span.start).cloned().flatten();
        Finding { credential, ..fault_finding(context, fault) }
    };
    statement.faults.iter().map(finding).collect()
}

/// Whether the role is assumed by the cluster on behalf of this statement: grants and grantees are only named.
fn is_assumed(kind: StatementKind, clause: Clause) -> bool {
    let named = matches!(clause, Clause::AssumeRole | Clause::Grantee);
    !named && kind != StatementKind::RevokeAssumerole
}

/// Characters of a literal that is no chain that are told; the longest chain is a little longer than half of that.
const MAX_TOLD: usize = 8_192;

fn reads(text: &str) -> String {
    let cut: String = text.chars().take(MAX_TOLD).collect();
    format!("the literal reads {cut:?}{}", if cut.len() < text.len() { ", and goes on" } else { "" })
}

fn judged_use(role_use: RoleUse) -> JudgedUse {
    let RoleUse { clause, method, span, target, within: _ } = role_use;
    let roles = match &method {
        Method::Chain(text) => text.split(',').map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    JudgedUse { clause, method, roles, target, span }
}
