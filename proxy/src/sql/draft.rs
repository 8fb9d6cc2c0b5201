//! The statement that is being read.

use std::ops::Range;

use crate::sql::cursor::Misfit;
use crate::sql::lexer::Token;
use crate::sql::literal::Literal;
use crate::sql::model::{Clause, Effect, Fault, FaultKind, Method, RoleUse, Statement, StatementKind, Target};

/// A statement under construction.
#[derive(Clone, Debug)]
pub struct Draft {
    statement: Statement,
}

impl Draft {
    /// A statement with nothing in it yet.
    #[must_use]
    pub fn new(kind: StatementKind, span: Range<usize>) -> Self {
        let (role_uses, faults) = (Vec::new(), Vec::new());
        Self { statement: Statement { kind, span, role_uses, faults, effect: None, parameters_may_name_roles: false } }
    }

    /// Says what the statement is.
    pub fn is(&mut self, kind: StatementKind) {
        self.statement.kind = kind;
    }

    /// Adds a credential clause.
    pub fn role_use(&mut self, clause: Clause, method: Method, span: Range<usize>) {
        self.statement.role_uses.push(RoleUse { clause, method, span, target: None });
    }

    /// Adds access keys, which are a fault by themselves.
    pub fn access_keys(&mut self, clause: Clause, span: Range<usize>) {
        self.role_use(clause, Method::AccessKeys, span.clone());
        self.fault(FaultKind::AccessKeys, span, String::new());
    }

    /// Adds what is wrong.
    pub fn fault(&mut self, kind: FaultKind, span: Range<usize>, detail: String) {
        self.statement.faults.push(Fault { kind, span, detail });
    }

    /// Adds what does not fit the grammar.
    pub fn misfit(&mut self, misfit: Misfit) {
        self.fault(FaultKind::Unreadable, misfit.span, misfit.detail);
    }

    /// No honest client needs an escape or a join in a credential, and releases of the server read some differently.
    pub fn check_credential(&mut self, span: &Range<usize>, literal: &Literal<'_>) {
        let what = match (literal.escaped, literal.joined) {
            (true, _) => "the credential holds a backslash",
            (false, true) => "the credential is joined from several literals",
            (false, false) => return,
        };
        self.fault(FaultKind::Disguised, span.clone(), what.to_owned());
    }

    /// Rules depend on the target, so what may be read in two ways is refused.
    pub fn check_target(&mut self, token: Token, literal: &Literal<'_>) {
        if literal.doubtful {
            let detail = "the target holds an escape that can be read in two ways".to_owned();
            self.fault(FaultKind::Disguised, token.start..token.end, detail);
        }
    }

    /// Says what the roles are used on.
    pub fn aim(&mut self, target: Option<&Target>) {
        for role_use in &mut self.statement.role_uses {
            role_use.target = target.cloned();
        }
    }

    /// Says what the last role is used on.
    pub fn aim_last(&mut self, target: Target) {
        if let Some(role_use) = self.statement.role_uses.last_mut() {
            role_use.target = Some(target);
        }
    }

    /// Whether a credential clause was found.
    #[must_use]
    pub fn has_uses(&self) -> bool {
        !self.statement.role_uses.is_empty()
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
                self.fault(FaultKind::SeveralMethods, second.clone(), format!("a second {name}"));
            }
        }
    }

    /// A carrier without a credential clause runs with the caller's own identity (S3 Access Grants).
    pub fn check_presence(&mut self) {
        if !self.has_uses() {
            let span = self.statement.span.clone();
            self.role_use(Clause::Absent, Method::None, span.clone());
            self.fault(FaultKind::NoCredentials, span, String::new());
        }
    }

    /// Says what the statement does to the session.
    pub fn effect(&mut self, effect: Effect) {
        self.statement.effect = Some(effect);
    }

    /// The statement's parameters must be looked at when they are bound.
    pub fn watch_parameters(&mut self) {
        self.statement.parameters_may_name_roles = true;
    }

    /// Takes over what was found in a text within this statement, such as a procedure's body.
    pub fn absorb(&mut self, inner: Vec<Statement>) {
        for statement in inner {
            self.statement.role_uses.extend(statement.role_uses);
            self.statement.faults.extend(statement.faults);
        }
    }

    /// The statement, unless there is nothing to say about it.
    #[must_use]
    pub fn finish(self) -> Option<Statement> {
        let Statement { role_uses, faults, effect, parameters_may_name_roles, .. } = &self.statement;
        let matters = !role_uses.is_empty() || !faults.is_empty() || effect.is_some() || *parameters_may_name_roles;
        matters.then_some(self.statement)
    }
}
