//! Where literals of CREATE and ALTER are data, so that a role's ARN in one is the role of nothing.

use crate::sql::cursor::Cursor;
use crate::sql::lexer::{Token, TokenKind};
use crate::sql::vocabulary::QUERY_VERBS;
use crate::sql::words::{is_one_of, is_same, made};

/// What is made, as far as it matters where its data stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Object {
    /// A table, an external one too: data stands in parentheses, unless they hold options, in defaults and in a query.
    Table,
    /// A view: in its query.
    View,
    /// A policy: in parentheses.
    Policy,
    /// A function: in statements of SQL that stand in place of a body.
    Function,
    /// Nothing in which literals are data.
    Other,
}

impl Object {
    fn of(words: &[&[u8]]) -> Self {
        let Some(object) = made(words) else { return Self::Other };
        let is = |name: &str| is_same(object, name);
        let is_external = words.get(1).is_some_and(|word| is_same(word, "external"));
        let external = words.get(2).filter(|_| is_external);
        match () {
            () if is("table") || external.is_some_and(|word| is_one_of(word, &["table", "view"])) => Self::Table,
            () if is("view") => Self::View,
            () if is("policy") => Self::Policy,
            () if is("function") => Self::Function,
            () => Self::Other,
        }
    }
}

/// Words of CREATE TABLE and ALTER TABLE behind which literals are options, until a query begins.
const OPTIONS: [&str; 6] = ["options", "properties", "serdeproperties", "stored", "using", "with"];

/// What was met of a statement so far, from its first token on.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "what was met in one pass, each on its own")]
pub struct Data {
    object: Object,
    depth: usize,
    is_query: bool,
    is_default: bool,
    has_options: bool,
    /// Behind the query of a view: WITH and options in parentheses.
    is_behind: bool,
}

impl Data {
    /// At the first token of a statement that begins with these words.
    #[must_use]
    pub fn of(words: &[&[u8]]) -> Self {
        let (is_query, is_default, has_options, is_behind) = (false, false, false, false);
        Self { object: Object::of(words), depth: 0, is_query, is_default, has_options, is_behind }
    }

    /// Whether the next token, at which the cursor stands, is data if it is a literal. Asked of every token once.
    pub fn holds(&mut self, cursor: &Cursor<'_>, token: Token) -> bool {
        match token.kind {
            TokenKind::Symbol(b'(') => self.depth = self.depth.saturating_add(1),
            TokenKind::Symbol(b')') => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        let is_outside = self.depth == 0;
        self.has_options |= is_outside && OPTIONS.iter().any(|word| cursor.sees(word));
        self.is_behind |= self.is_query && is_outside && cursor.sees("with") && is_list_next(cursor);
        let is_data = match self.object {
            Object::Table => self.is_query || (!self.has_options && (self.depth > 0 || self.is_default)),
            Object::View => self.is_query && !self.is_behind,
            Object::Policy => self.depth > 0,
            Object::Function => self.is_query,
            Object::Other => false,
        };
        self.is_query |= is_outside && self.begins_query(cursor);
        self.is_default = cursor.sees("default");
        is_data
    }

    /// Whether AS and a query stand here; `STORED AS` is followed by a format.
    fn begins_query(&self, cursor: &Cursor<'_>) -> bool {
        let mut ahead = cursor.clone();
        if self.object == Object::Function {
            return ahead.accept(&["begin"]) || ahead.accept(&["return"]);
        }
        ahead.accept(&["as"]) && (ahead.sees_symbol(b'(') || QUERY_VERBS.iter().any(|verb| ahead.sees(verb)))
    }
}

fn is_list_next(cursor: &Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    ahead.take();
    ahead.sees_symbol(b'(')
}
