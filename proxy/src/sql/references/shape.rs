//! What the first words of a statement say of its names: which of its tokens the tree is made of, and how names elsewhere count.

use std::ops::Range;

use crate::sql::lexer::{Token, TokenKind};
use crate::sql::references::tree::Grammar;
use crate::sql::vocabulary::QUERY_VERBS;
use crate::sql::words::is_one_of;

/// How names count that are no part of a tree.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Elsewhere {
    /// They are made, granted or removed, and nothing is used.
    Nothing,
    /// What stands in an external schema uses that.
    Within,
    /// They are read.
    Relation,
    /// Each counts, since nothing is known of it.
    Any,
}

/// Which literals of a statement are SQL.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Texts {
    /// None.
    Data,
    /// The one at this place is a statement.
    Statement(usize),
    /// Any may be, in part: a body.
    Body,
}

/// How a statement's names are read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct StatementShape {
    /// Where the statement begins that is run: before it stand names of what is prepared or declared.
    pub from: usize,
    /// The tokens that are parsed.
    pub parsed: Option<(Grammar, Range<usize>)>,
    /// How names of other tokens count.
    pub elsewhere: Elsewhere,
    /// Which literals are SQL.
    pub texts: Texts,
    /// Where the name of a procedure stands that is called,
    pub procedure: Option<usize>,
    /// of a statement that was prepared,
    pub prepared: Option<usize>,
    /// of a job that is run,
    pub job: Option<usize>,
    /// and of a temporary table that is made.
    pub temporary: Option<usize>,
}

impl StatementShape {
    const fn of(elsewhere: Elsewhere) -> Self {
        Self {
            from: 0,
            parsed: None,
            elsewhere,
            texts: Texts::Data,
            procedure: None,
            prepared: None,
            job: None,
            temporary: None,
        }
    }

    /// A statement of which not all tokens are at hand: nothing of it is parsed, and every name counts, but where a statement of this
    /// kind uses none.
    pub(super) fn of_long(text: &[u8], head: &[Token]) -> Self {
        let shape = Self::of_statement(text, head);
        let elsewhere = if shape.elsewhere == Elsewhere::Nothing && shape.parsed.is_none() && shape.texts == Texts::Data
        {
            Elsewhere::Nothing
        } else {
            Elsewhere::Any
        };
        Self { parsed: None, elsewhere, ..shape }
    }

    /// How the names of a statement are read.
    pub(super) fn of_statement(text: &[u8], tokens: &[Token]) -> Self {
        Self::read(&Head { text, tokens, depth: 0 }, 0)
    }

    fn read(head: &Head<'_>, at: usize) -> Self {
        let all = at..head.tokens.len();
        let parsed = |grammar, range| Self { parsed: Some((grammar, range)), ..Self::of(Elsewhere::Any) };
        let Some(word) = head.word(at) else {
            return if head.is_symbol(at, b'(') { parsed(Grammar::Query, all) } else { Self::of(Elsewhere::Any) };
        };
        match word.to_ascii_lowercase().as_slice() {
            verb if is_one_of(verb, &QUERY_VERBS) => parsed(Grammar::Query, all),
            b"insert" | b"update" | b"delete" | b"merge" => parsed(Grammar::Change, all),
            b"explain" => Self::read(head, head.past(at, &["explain", "analyze", "verbose"])),
            b"prepare" => Self::behind(head, at, "as"),
            b"declare" => Self::behind(head, at, "for"),
            b"create" => Self::create(head, at),
            b"call" => Self { procedure: at.checked_add(1), ..parsed(Grammar::Expression, head.rest(at)) },
            b"execute" => Self { prepared: at.checked_add(1), ..parsed(Grammar::Expression, head.rest(at)) },
            b"copy" => Self { job: Self::run_job(head, at), ..Self::of(Elsewhere::Within) },
            b"unload" => Self::unload(head, at),
            b"do" => Self { texts: Texts::Body, ..Self::of(Elsewhere::Nothing) },
            b"refresh" => Self::of(Elsewhere::Relation),
            verb if is_one_of(verb, &WITHIN) => Self::of(Elsewhere::Within),
            verb if is_one_of(verb, &NOTHING) => Self::of(Elsewhere::Nothing),
            _ => Self::of(Elsewhere::Any),
        }
    }

    /// A statement that stands behind a word.
    fn behind(head: &Head<'_>, at: usize, word: &str) -> Self {
        match head.find(at, |place| head.is(place, word)) {
            Some(place) if head.depth < MAX_STATEMENT_DEPTH => {
                let from = place.saturating_add(1);
                let inner = Self::read(&Head { depth: head.depth.saturating_add(1), ..*head }, from);
                Self { from: inner.from.max(from), ..inner }
            }
            Some(_) | None => Self::of(Elsewhere::Any),
        }
    }

    fn create(head: &Head<'_>, at: usize) -> Self {
        let object = head.past(at, &MAKING);
        let made = head.word(object).map(<[u8]>::to_ascii_lowercase).unwrap_or_default();
        match made.as_slice() {
            b"table" | b"view" => {
                let begins = |place: usize| {
                    let next = place.saturating_add(1);
                    let is_query =
                        head.is_symbol(next, b'(') || head.word(next).is_some_and(|word| is_one_of(word, &QUERY_VERBS));
                    head.is(place, "as") && is_query
                };
                let query = head.find(object, begins).map(|place| place.saturating_add(1)..head.end_of_view());
                let is_temporary = (at..object).any(|place| head.is(place, "temp") || head.is(place, "temporary"));
                let name = head.past(object, &["table", "if", "not", "exists"]);
                Self {
                    parsed: query.map(|range| (Grammar::Query, range)),
                    temporary: Some(name).filter(|_| is_temporary),
                    ..Self::of(Elsewhere::Within)
                }
            }
            b"procedure" | b"function" => Self { texts: Texts::Body, ..Self::of(Elsewhere::Nothing) },
            b"model" => Self::of(Elsewhere::Any),
            made if is_one_of(made, &NAMED_ALONE) => Self::of(Elsewhere::Nothing),
            _ => Self::of(Elsewhere::Within),
        }
    }

    fn run_job(head: &Head<'_>, at: usize) -> Option<usize> {
        let is_run = head.is(at.saturating_add(1), "job") && head.is(at.saturating_add(2), "run");
        is_run.then(|| at.saturating_add(3))
    }

    /// `UNLOAD ('query')` or `UNLOAD (query)`.
    fn unload(head: &Head<'_>, at: usize) -> Self {
        let inside = at.saturating_add(2);
        if head.tokens.get(inside).is_some_and(|token| token.kind.is_literal()) {
            return Self { texts: Texts::Statement(inside), ..Self::of(Elsewhere::Nothing) };
        }
        let end = head.closing(at.saturating_add(1)).unwrap_or(head.tokens.len());
        Self { parsed: Some((Grammar::Query, inside..end)), ..Self::of(Elsewhere::Any) }
    }
}

/// Words between CREATE and what is made.
const MAKING: [&str; 11] = [
    "create",
    "or",
    "replace",
    "local",
    "global",
    "temp",
    "temporary",
    "external",
    "materialized",
    "recursive",
    "unlogged",
];

/// What CREATE makes without a name in a schema.
const NAMED_ALONE: [&str; 10] =
    ["schema", "database", "user", "group", "role", "library", "datashare", "identity", "template", "rls"];

/// Verbs of statements that look at, change or empty something in a schema.
const WITHIN: [&str; 9] = ["alter", "analyze", "analyse", "desc", "describe", "drop", "lock", "show", "truncate"];

/// Verbs of statements that use nothing that is named in them.
const NOTHING: [&str; 29] = [
    "abort",
    "begin",
    "cancel",
    "checkpoint",
    "close",
    "comment",
    "commit",
    "deallocate",
    "discard",
    "end",
    "fetch",
    "grant",
    "listen",
    "move",
    "notify",
    "release",
    "reset",
    "revoke",
    "rollback",
    "savepoint",
    "set",
    "start",
    "unlisten",
    "use",
    "vacuum",
    "attach",
    "detach",
    "reassign",
    "reindex",
];

/// Statements in statements that are looked into.
const MAX_STATEMENT_DEPTH: u8 = 4;

/// The tokens of a statement.
struct Head<'t> {
    text: &'t [u8],
    tokens: &'t [Token],
    /// Statements around it.
    depth: u8,
}

impl Head<'_> {
    fn word(&self, place: usize) -> Option<&[u8]> {
        let token = self.tokens.get(place).filter(|token| token.kind == TokenKind::Word)?;
        self.text.get(token.start..token.end)
    }

    fn is(&self, place: usize, word: &str) -> bool {
        self.word(place).is_some_and(|own| own.eq_ignore_ascii_case(word.as_bytes()))
    }

    fn is_symbol(&self, place: usize, symbol: u8) -> bool {
        self.tokens.get(place).is_some_and(|token| token.kind == TokenKind::Symbol(symbol))
    }

    /// The first place from `at` on where none of these words stands.
    fn past(&self, at: usize, words: &[&str]) -> usize {
        let stands = |place: &usize| self.word(*place).is_some_and(|word| is_one_of(word, words));
        at.saturating_add((at..self.tokens.len()).take_while(stands).count())
    }

    fn rest(&self, at: usize) -> Range<usize> {
        at.saturating_add(1)..self.tokens.len()
    }

    /// The first place from `at` on, outside of parentheses, of which something holds.
    fn find(&self, at: usize, holds: impl Fn(usize) -> bool) -> Option<usize> {
        let mut depth = 0_usize;
        (at..self.tokens.len()).find(|place| {
            if self.is_symbol(*place, b'(') {
                depth = depth.saturating_add(1);
            } else if self.is_symbol(*place, b')') {
                depth = depth.saturating_sub(1);
            }
            depth == 0 && holds(*place)
        })
    }

    /// Where the parenthesis closes that opens at `at`.
    fn closing(&self, at: usize) -> Option<usize> {
        self.find(at, |place| self.is_symbol(place, b')'))
    }

    /// The end of a view's query: before `WITH NO SCHEMA BINDING`, if that ends it.
    fn end_of_view(&self) -> usize {
        let end = self.tokens.len();
        let last = end.saturating_sub(4);
        let words = ["with", "no", "schema", "binding"];
        let is_unbound = words.iter().enumerate().all(|(place, word)| self.is(last.saturating_add(place), word));
        if is_unbound { last } else { end }
    }
}
