//! A message read under every rule in which servers, or what is known of them, differ. Safety hangs on none of these rules: where a
//! server that follows another could do what was not judged, the message is refused.

use std::collections::HashMap;

use crate::sql::analyse::analyse;
use crate::sql::context::{Context, Notes, Place};
use crate::sql::fault::{Fault, FaultKind};
use crate::sql::lexer::{Doubts, Escapes, Rules};
use crate::sql::model::{Clause, Dialect, Effect, Method, RoleUse, Statement, StatementKind, Target};
use crate::sql::signs::holds_sign;
use crate::sql::watch::Watch;

/// The rules of a backend, as far as its dialect says.
const fn rules(dialect: Dialect) -> Rules {
    match dialect {
        Dialect::Redshift => Rules::with_escapes(Escapes::Always),
        Dialect::PostgreSql => Rules::with_escapes(Escapes::EPrefix),
    }
}

/// Every other set of rules that differs where a text has met a difference.
pub fn others(base: Rules, doubts: Doubts) -> impl Iterator<Item = Rules> {
    let turned = |escapes| match escapes {
        Escapes::Always => Escapes::EPrefix,
        Escapes::EPrefix => Escapes::Always,
    };
    doubts.subsets().map(move |set| Rules {
        escapes: if set.meet(Doubts::ESCAPES) { turned(base.escapes) } else { base.escapes },
        comment_ends_at_cr: base.comment_ends_at_cr != set.meet(Doubts::COMMENT_ENDS_AT_CR),
        dollar_in_words: base.dollar_in_words != set.meet(Doubts::DOLLAR_IN_WORDS),
    })
}

/// What is to be judged in a message, under all rules. `doubts` are those that a first pass has met.
#[must_use]
pub fn statements(text: &[u8], dialect: Dialect, doubts: Doubts) -> Vec<Statement> {
    // The first pass may have ended before it met one.
    let backslash = if memchr::memchr(b'\\', text).is_some() { Doubts::ESCAPES } else { Doubts::NONE };
    let doubts = doubts.or(backslash);
    let (notes, base) = (Notes::default(), rules(dialect));
    let context = Context {
        dialect,
        rules: base,
        place: Place::Message,
        depth: 0,
        notes: &notes,
        is_other: false,
        variables: None,
        reader: analyse,
    };
    let mut statements = analyse(text, context);
    let mut doubts = doubts.or(notes.doubts.get());
    if doubts.is_empty() {
        return statements;
    }
    let is_signed = holds_sign(text);
    let first = judged(&statements, is_signed);
    let mut absent = Vec::new();
    // A reading may meet more differences: it goes on until all of those met are read.
    let mut read: Vec<Rules> = Vec::new();
    while let Some(other) = others(base, doubts).find(|other| !read.contains(other)) {
        read.push(other);
        let notes = Notes::default();
        let found = analyse(text, Context { rules: other, notes: &notes, is_other: true, ..context });
        doubts = doubts.or(notes.doubts.get());
        if notes.is_void.get() {
            continue;
        }
        let must_equal = base.escapes != other.escapes && !notes.has_void.get();
        if differs(&first, &judged(&found, is_signed), must_equal) {
            merge(&mut statements, found);
            add_difference(text, base, other, &mut statements);
            return statements;
        }
        absent.extend(found.into_iter().filter(is_without_credentials));
    }
    merge(&mut statements, absent);
    statements
}

/// Adds what another reading found to what the first one did. A statement that both hold is one statement, and what is wrong with it
/// is told once.
fn merge(statements: &mut Vec<Statement>, found: Vec<Statement>) {
    for mut other in found {
        other.faults.retain(|fault| fault.kind != FaultKind::Disguised);
        let is_same = |one: &&mut Statement| one.span.start == other.span.start && one.kind == other.kind;
        match statements.iter_mut().find(is_same) {
            Some(one) => join(one, other),
            None if other.is_empty() => {}
            None => statements.push(other),
        }
    }
}

/// Takes over what the same statement holds in another reading alone. A literal of which nothing but its backslashes is read
/// otherwise names no other role.
fn join(one: &mut Statement, other: Statement) {
    for role_use in other.role_uses {
        let stands_here = |known: &RoleUse| known.clause == role_use.clause && known.span.start == role_use.span.start;
        let holds_backslash = matches!(&role_use.method, Method::Chain(chain) if chain.contains('\\'));
        let is_known = |known: &RoleUse| stands_here(known) && (known.method == role_use.method || holds_backslash);
        if !one.role_uses.iter().any(is_known) {
            one.role_uses.push(role_use);
        }
    }
    for fault in other.faults {
        let is_known = |known: &Fault| known.kind == fault.kind && known.detail == fault.detail;
        if !one.faults.iter().any(is_known) {
            one.faults.push(fault);
        }
    }
    for effect in other.effects {
        if !one.effects.contains(&effect) {
            one.effects.push(effect);
        }
    }
    one.watch = one.watch.and(other.watch);
}

/// What of a statement is judged.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Judged<'a> {
    Use(StatementKind, Clause, &'a Method, Option<&'a Target>),
    Effect(&'a Effect),
    Fault(FaultKind),
    Watch(Watch),
}

/// What is judged in statements. In a text without a sign of credentials, what the grammar does not know carries none.
fn judged(statements: &[Statement], is_signed: bool) -> Vec<Judged<'_>> {
    let mut found = Vec::new();
    for statement in statements {
        let uses = statement.role_uses.iter();
        found.extend(uses.map(|it| Judged::Use(statement.kind, it.clause, &it.method, it.target.as_ref())));
        found.extend(statement.effects.iter().map(Judged::Effect));
        found.extend(statement.faults.iter().map(|fault| Judged::Fault(fault.kind)));
        found.extend(Some(statement.watch).filter(|watch| !watch.is_empty()).map(Judged::Watch));
    }
    let counts = |it: &Judged<'_>| match it {
        Judged::Effect(_) | Judged::Fault(FaultKind::Encoding | FaultKind::ComputedSetting) => true,
        Judged::Use(_, clause, ..) => *clause != Clause::Absent || is_signed,
        Judged::Fault(_) | Judged::Watch(_) => is_signed,
    };
    found.retain(counts);
    found
}

/// Whether another reading holds what the first one does not. Where backslashes are read in two ways, which servers do, it must hold
/// as much, too. That it uses the caller's own identity is judged beside what the first one does.
fn differs(base: &[Judged<'_>], other: &[Judged<'_>], must_equal: bool) -> bool {
    if base == other {
        return false;
    }
    let mut counts: HashMap<Judged<'_>, isize> = HashMap::new();
    for one in base {
        let count = counts.entry(*one).or_default();
        *count = count.saturating_add(1);
    }
    for one in other {
        let count = counts.entry(*one).or_default();
        *count = count.saturating_sub(1);
    }
    let is_absent =
        |it: &Judged<'_>| matches!(it, Judged::Use(_, Clause::Absent, ..) | Judged::Fault(FaultKind::NoCredentials));
    counts.iter().any(|(one, count)| (*count < 0 && (must_equal || !is_absent(one))) || (*count > 0 && must_equal))
}

fn is_without_credentials(statement: &Statement) -> bool {
    statement.faults.iter().any(|fault| fault.kind == FaultKind::NoCredentials)
}

/// The refusal, in words that say which rule makes the difference, unless a literal is refused for its escapes anyway. It stands with
/// the first statement, where the text is first read in two ways.
fn add_difference(text: &[u8], base: Rules, other: Rules, statements: &mut Vec<Statement>) {
    if statements.iter().any(|one| one.faults.iter().any(|fault| fault.kind == FaultKind::Disguised)) {
        return;
    }
    let (what, sign) = if base.escapes != other.escapes {
        ("a backslash in a string is an escape and where it is not (standard_conforming_strings)", b'\\')
    } else if base.comment_ends_at_cr != other.comment_ends_at_cr {
        ("a carriage return ends a -- comment and where it does not", b'\r')
    } else {
        ("\"$\" may continue a word and where it may not", b'$')
    };
    let at = memchr::memchr(sign, text).unwrap_or_default();
    let detail = format!("the text carries something else on a server where {what}");
    let fault = Fault { kind: FaultKind::Disguised, span: at..at.saturating_add(1), detail };
    if let Some(first) = statements.first_mut() {
        return first.faults.push(fault);
    }
    let (span, role_uses, faults) = (0..text.len(), Vec::new(), vec![fault]);
    let (kind, effects, watch) = (StatementKind::Unknown, Vec::new(), Watch::default());
    statements.push(Statement { kind, span, role_uses, faults, effects, watch });
}
