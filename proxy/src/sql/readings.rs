//! A message read under every rule in which servers, or what is known of them, differ. Safety hangs on none of these rules: where a
//! server that follows another could do what was not judged, the message is refused.

use std::collections::HashMap;

use crate::sql::analyse::analyse;
use crate::sql::context::{Context, Notes, Place};
use crate::sql::fault::{Fault, FaultKind};
use crate::sql::lexer::{Doubts, Escapes, Rules};
use crate::sql::model::{Clause, Dialect, Effect, Method, Statement, StatementKind, Target};
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
            statements.extend(found);
            statements.push(difference(text, base, other));
            return statements;
        }
        absent.extend(found.into_iter().filter(is_without_credentials));
    }
    absent.retain(|one| !statements.contains(one));
    statements.extend(absent.into_iter().take(1));
    statements
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
        found.extend(statement.effect.iter().map(Judged::Effect));
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

/// The refusal, in words that say which rule makes the difference.
fn difference(text: &[u8], base: Rules, other: Rules) -> Statement {
    let what = if base.escapes != other.escapes {
        "a backslash in a string is an escape and where it is not (standard_conforming_strings)"
    } else if base.comment_ends_at_cr != other.comment_ends_at_cr {
        "a carriage return ends a -- comment and where it does not"
    } else {
        "\"$\" may continue a word and where it may not"
    };
    let span = 0..text.len();
    let detail = format!("the text carries something else on a server where {what}");
    let faults = vec![Fault { kind: FaultKind::Disguised, span: span.clone(), detail }];
    let (kind, role_uses, effect, watch) = (StatementKind::Unknown, Vec::new(), None, Watch::default());
    Statement { kind, span, role_uses, faults, effect, watch }
}
