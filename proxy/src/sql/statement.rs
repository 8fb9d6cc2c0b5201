//! The statement that is being read.

use std::ops::Range;

use crate::sql::cursor::Misfit;
use crate::sql::fault::{Fault, FaultKind};
use crate::sql::lexer::Token;
use crate::sql::literal::Literal;
use crate::sql::model::{Clause, Effect, Method, RoleUse, Statement, StatementKind, Target};
use crate::sql::watch::Watch;

/// Credential clauses of one statement, those of a procedure's body included. A statement with more is refused.
pub const MAX_ROLE_USES: usize = 1_000;

/// Bytes of the target that the clauses of one statement share, counted for each of them. A statement with more is refused.
pub const MAX_SHARED_TARGET_BYTES: usize = 64 * 1024;

/// Faults of one kind that are told of one statement one by one; one of them, or one more, says how many others there are.
pub const MAX_FAULTS_OF_A_KIND: usize = 16;

/// A statement under construction.
#[derive(Clone, Debug)]
pub struct StatementBuilder {
    statement: Statement,
    /// Literals and groups of which the grammar knows what they are, in the order of the text.
    accounted: Vec<Range<usize>>,
    /// Faults that are not told one by one.
    more: Vec<(FaultKind, usize)>,
}

impl StatementBuilder {
    /// A statement with nothing in it yet.
    #[must_use]
    pub fn new(kind: StatementKind, span: Range<usize>) -> Self {
        let (role_uses, faults) = (Vec::new(), Vec::new());
        let statement = Statement { kind, span, role_uses, faults, effects: Vec::new(), watch: Watch::default() };
        Self { statement, accounted: Vec::new(), more: Vec::new() }
    }

    /// Says what the statement is.
    pub fn set_kind(&mut self, kind: StatementKind) {
        self.statement.kind = kind;
    }

    /// What the statement is.
    #[must_use]
    pub fn kind(&self) -> StatementKind {
        self.statement.kind
    }

    /// Adds a credential clause.
    pub fn add_role_use(&mut self, clause: Clause, method: Method, span: Range<usize>) {
        self.push_role_use(RoleUse { clause, method, span, target: None, within: None });
    }

    fn push_role_use(&mut self, role_use: RoleUse) {
        self.account(role_use.span.clone());
        if self.statement.role_uses.len() < MAX_ROLE_USES {
            return self.statement.role_uses.push(role_use);
        }
        let detail = format!("the statement has more than {MAX_ROLE_USES} credential clauses");
        if !self.statement.faults.iter().any(|fault| fault.detail == detail) {
            self.add_fault(FaultKind::Unreadable, role_use.span, detail);
        }
    }

    /// Adds access keys, which are a fault by themselves.
    pub fn add_access_keys(&mut self, clause: Clause, span: Range<usize>) {
        self.add_role_use(clause, Method::AccessKeys, span.clone());
        self.add_fault(FaultKind::AccessKeys, span, String::new());
    }

    /// Adds what is wrong.
    pub fn add_fault(&mut self, kind: FaultKind, span: Range<usize>, detail: String) {
        let same_kind = self.statement.faults.iter().filter(|fault| fault.kind == kind).count();
        if same_kind < MAX_FAULTS_OF_A_KIND {
            return self.statement.faults.push(Fault { kind, span, detail });
        }
        match self.more.iter_mut().find(|(other, _)| *other == kind) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.more.push((kind, 1)),
        }
    }

    /// Adds what does not fit the grammar.
    pub fn add_misfit(&mut self, misfit: Misfit) {
        self.add_fault(FaultKind::Unreadable, misfit.span, misfit.detail);
    }

    /// The grammar knows what stands here: no role that it has missed.
    pub fn account(&mut self, span: Range<usize>) {
        self.accounted.push(span);
    }

    /// Whether the grammar knows what the token at `at` is.
    #[must_use]
    pub fn is_accounted(&self, at: usize) -> bool {
        let before = self.accounted.partition_point(|span| span.start <= at);
        let last = before.checked_sub(1).and_then(|place| self.accounted.get(place));
        last.is_some_and(|span| at < span.end)
    }

    /// No honest client needs an escape or a join in a credential, and releases of the server read some differently.
    pub fn check_credential(&mut self, span: &Range<usize>, literal: &Literal<'_>) {
        let what = match (literal.escaped, literal.joined) {
            (true, _) => "the credential holds a backslash",
            (false, true) => "the credential is joined from several literals",
            (false, false) if literal.bytes.contains(&0) => "the credential holds a NUL",
            (false, false) => return,
        };
        self.add_fault(FaultKind::Disguised, span.clone(), what.to_owned());
    }

    /// Rules depend on the target, so what may be read in two ways is refused.
    pub fn check_target(&mut self, token: Token, literal: &Literal<'_>) {
        let span = token.start..token.end;
        self.account(span.clone());
        if literal.bytes.contains(&0) {
            self.add_fault(FaultKind::Disguised, span, "the target holds a NUL".to_owned());
        } else if literal.doubtful {
            let detail = "the target holds an escape that can be read in two ways".to_owned();
            self.add_fault(FaultKind::Disguised, span, detail);
        }
    }

    /// Says what the roles are used on. One clause has a target of any length; several may share one that is not much longer than
    /// they are.
    pub fn set_target(&mut self, target: Option<&Target>) {
        let uses = self.statement.role_uses.len();
        let bytes = target.filter(|_| uses > 1).map_or(0, |target| target.name().len());
        if bytes.saturating_mul(uses) > MAX_SHARED_TARGET_BYTES {
            let detail = format!("{uses} credential clauses have a target of {bytes} bytes");
            return self.add_fault(FaultKind::Unreadable, self.statement.span.clone(), detail);
        }
        for role_use in &mut self.statement.role_uses {
            role_use.target = target.cloned();
        }
    }

    /// Says what the last role is used on.
    pub fn set_last_target(&mut self, target: Target) {
        if let Some(role_use) = self.statement.role_uses.last_mut() {
            role_use.target = Some(target);
        }
    }

    /// Whether a credential clause was found.
    #[must_use]
    pub fn has_uses(&self) -> bool {
        !self.statement.role_uses.is_empty()
    }

    /// Whether the text was found to have no known shape.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.statement.faults.iter().any(|fault| fault.kind == FaultKind::Unreadable)
    }

    /// One credential clause at most, beside `CATALOG_ROLE` and grants. CREDENTIALS with two pairs counts once here.
    pub fn check_methods(&mut self) {
        for (clauses, name) in [
            (&[Clause::IamRole, Clause::Credentials, Clause::Keys][..], "credential clause"),
            (&[Clause::CatalogRole][..], "CATALOG_ROLE"),
        ] {
            let uses = self.statement.role_uses.iter().filter(|role_use| clauses.contains(&role_use.clause));
            let mut spans: Vec<Range<usize>> = uses.map(|role_use| role_use.span.clone()).collect();
            spans.dedup();
            if let Some(second) = spans.get(1) {
                self.add_fault(FaultKind::SeveralMethods, second.clone(), format!("a second {name}"));
            }
        }
    }

    /// A carrier without a credential clause runs with the caller's own identity (S3 Access Grants).
    pub fn check_presence(&mut self) {
        if !self.has_uses() {
            let span = self.statement.span.clone();
            self.add_role_use(Clause::Absent, Method::None, span.clone());
            self.add_fault(FaultKind::NoCredentials, span, String::new());
        }
    }

    /// Says what the statement does to the session, or asks of it.
    pub fn add_effect(&mut self, effect: Effect) {
        if !self.has_effect(&effect) {
            self.statement.effects.push(effect);
        }
    }

    /// Whether the statement does this to the session, or asks this of it.
    #[must_use]
    pub fn has_effect(&self, effect: &Effect) -> bool {
        self.statement.effects.contains(effect)
    }

    /// The bytes of the statement.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.statement.span.clone()
    }

    /// Takes back what was said of the session; whether it was.
    pub fn take_effect(&mut self, effect: &Effect) -> bool {
        let known = self.statement.effects.len();
        self.statement.effects.retain(|one| one != effect);
        self.statement.effects.len() < known
    }

    /// What has to be looked at when the statement's parameters are bound.
    pub const fn watch(&mut self) -> &mut Watch {
        &mut self.statement.watch
    }

    /// Takes over what was found in a text within this statement, such as a procedure's body.
    pub fn absorb(&mut self, inner: Vec<Statement>) {
        for statement in inner {
            for role_use in statement.role_uses {
                let within = role_use.within.or(Some(statement.kind));
                self.push_role_use(RoleUse { within, ..role_use });
            }
            for fault in statement.faults {
                self.add_fault(fault.kind, fault.span, fault.detail);
            }
            for effect in statement.effects {
                self.absorb_effect(effect);
            }
            // No Bind shows what a parameter of such a text stands for.
            if statement.watch.sets() {
                self.add_unseen_setting(statement.span);
            }
        }
    }

    /// A parameter that the gate never sees may be the name or the value of a setting.
    pub fn add_unseen_setting(&mut self, span: Range<usize>) {
        let detail = "a parameter whose value the gate does not see could set client_encoding or the session's user";
        self.add_fault(FaultKind::ComputedSetting, span, detail.to_owned());
    }

    /// What a text within does to the session, it does when it runs, which the gate does not see.
    fn absorb_effect(&mut self, effect: Effect) {
        match effect {
            Effect::MovesCatalog | Effect::TrustsQuoting | Effect::Turn { .. } | Effect::Redefines => {
                self.add_effect(effect);
            }
            Effect::SetSessionAuthorization(_) | Effect::ResetSessionAuthorization => {
                let detail = "a text that runs later sets the session's user, whom the gate could not follow";
                self.add_fault(FaultKind::Unreadable, self.statement.span.clone(), detail.to_owned());
            }
        }
    }

    /// The statement, unless there is nothing to say about it.
    #[must_use]
    pub fn finish(mut self) -> Option<Statement> {
        for (kind, count) in self.more {
            let more = format!("{count} more of this kind in the statement");
            let Statement { role_uses, faults, span, .. } = &mut self.statement;
            // Told by one that is on no credential: what is borne with on one says nothing of the others.
            match faults.iter_mut().rfind(|fault| fault.kind == kind && !fault.is_on(role_uses)) {
                Some(last) if last.detail.is_empty() => last.detail = more,
                Some(last) => last.detail = format!("{}; {more}", last.detail),
                None => faults.push(Fault { kind, span: span.clone(), detail: more }),
            }
        }
        Some(self.statement).filter(|statement| !statement.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_FAULTS_OF_A_KIND, MAX_ROLE_USES, StatementBuilder};
    use crate::sql::fault::FaultKind;
    use crate::sql::model::{Clause, Method, StatementKind};

    #[test]
    fn faults_beyond_the_limit_are_counted() {
        let more = "1 more of this kind in the statement";
        // (faults, whether a credential stands where they are, how many are told, what the last says)
        for (faults, on_credential, told, last) in [
            (15, false, 15, ""),
            (MAX_FAULTS_OF_A_KIND, false, MAX_FAULTS_OF_A_KIND, ""),
            (MAX_FAULTS_OF_A_KIND, true, MAX_FAULTS_OF_A_KIND, ""),
            (MAX_FAULTS_OF_A_KIND + 1, false, MAX_FAULTS_OF_A_KIND, more),
            (MAX_FAULTS_OF_A_KIND + 1, true, MAX_FAULTS_OF_A_KIND + 1, more),
        ] {
            let mut builder = StatementBuilder::new(StatementKind::Copy, 0..5);
            builder.add_fault(FaultKind::Encoding, 3..4, "x".to_owned());
            if on_credential {
                builder.add_role_use(Clause::IamRole, Method::Default, 3..4);
            }
            for _ in 0..faults {
                builder.add_fault(FaultKind::AccessKeys, 3..4, String::new());
            }
            let found = builder.finish().unwrap();
            assert_eq!(found.faults.len(), told + 1);
            let end = found.faults.last().unwrap();
            assert_eq!(end.detail, last);
            assert!(last.is_empty() || !end.is_on(&found.role_uses));
        }
    }

    #[test]
    fn clauses_beyond_the_limit_refuse() {
        for (uses, refused) in [(MAX_ROLE_USES - 1, false), (MAX_ROLE_USES, false), (MAX_ROLE_USES + 1, true)] {
            let mut builder = StatementBuilder::new(StatementKind::GrantExternal, 0..1);
            for at in 0..uses {
                builder.add_role_use(Clause::Grantee, Method::Default, at..at + 1);
            }
            assert_eq!(builder.is_unreadable(), refused);
            assert_eq!(builder.finish().map(|statement| statement.role_uses.len()), Some(uses.min(MAX_ROLE_USES)));
        }
    }

    #[test]
    fn accounted_places_are_found() {
        let mut builder = StatementBuilder::new(StatementKind::Copy, 0..9);
        builder.account(2..4);
        builder.account(6..8);
        let known: Vec<bool> = (0..9).map(|at| builder.is_accounted(at)).collect();
        assert_eq!(known, [false, false, true, true, false, false, true, true, false]);
    }
}
