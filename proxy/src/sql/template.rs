//! What EXECUTE runs: an expression, read as a text with gaps. sqlparser's expression grammar reads our tokens; where a gap is a
//! whole name, string or number, what stands around it says what the statement is, whatever is put into it.

use std::cell::Cell;
use std::ops::Range;

use sqlparser::ast::{
    BinaryOperator, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Value,
};
use sqlparser::dialect::RedshiftSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token as ParserToken;

use crate::sql::context::{Context, MAX_DEPTH, Notes, Place};
use crate::sql::cursor::Cursor;
use crate::sql::lexer::{Lexer, Rules, Token, TokenKind};
use crate::sql::literal;
use crate::sql::model::Statement;
use crate::sql::outline::Outline;
use crate::sql::variables::{Value as Held, Variables};
use crate::sql::words::{Verb, is_one_of, made, setting, verb};

/// Tokens of an expression. What is longer is not taken apart: its tree, which leans to one side, is let go by recursion.
pub const MAX_TOKENS: usize = 1_024;

/// Texts that one expression can be. One that can be more is not taken apart.
pub const MAX_TEXTS: usize = 16;

/// Words of PL/pgSQL behind which the expression of EXECUTE has ended.
const AFTER_EXPRESSION: [&str; 2] = ["into", "using"];

/// Variables within variables.
const MAX_VARIABLES: u8 = 4;

/// The expression behind EXECUTE.
#[derive(Clone, Debug, Default)]
pub struct Expression {
    tokens: Vec<ParserToken>,
    is_too_long: bool,
}

impl Expression {
    /// Takes the tokens up to the end of the expression.
    pub fn take(cursor: &mut Cursor<'_>) -> Self {
        let mut expression = Self::default();
        let (mut depth, mut before) = (0_usize, None);
        while let Some(token) = cursor.peek() {
            let bytes = cursor.bytes(token);
            match token.kind {
                TokenKind::Symbol(b'(') => depth = depth.saturating_add(1),
                TokenKind::Symbol(b')') => depth = depth.saturating_sub(1),
                TokenKind::Word if depth == 0 && is_one_of(bytes, &AFTER_EXPRESSION) => break,
                _ => {}
            }
            expression.push(cursor.text(), token, before);
            before = Some(token);
            cursor.take();
        }
        expression
    }

    fn of(text: &[u8], rules: Rules) -> Self {
        Self::take(&mut Cursor::new(text, 0..text.len(), rules))
    }

    /// Whether it is a single constant, parameter or variable.
    #[must_use]
    pub fn is_one_token(&self) -> bool {
        self.tokens.len() == 1 && !self.is_too_long
    }

    fn push(&mut self, text: &[u8], token: Token, before: Option<Token>) {
        if self.tokens.len() >= MAX_TOKENS {
            self.is_too_long = true;
            return;
        }
        let touches = before.is_some_and(|before| before.end == token.start && before.kind == token.kind);
        let pair = match (token.kind, self.tokens.last()) {
            (TokenKind::Symbol(b'|'), Some(ParserToken::Pipe)) if touches => Some(ParserToken::StringConcat),
            (TokenKind::Symbol(b':'), Some(ParserToken::Colon)) if touches => Some(ParserToken::DoubleColon),
            _ => None,
        };
        match (pair, self.tokens.last_mut()) {
            (Some(pair), Some(last)) => *last = pair,
            _ => self.tokens.push(parser_token(text, token)),
        }
    }

    fn parse(self) -> Option<Expr> {
        if self.is_too_long {
            return None;
        }
        let dialect = RedshiftSqlDialect {};
        let mut parser = Parser::new(&dialect).with_tokens(self.tokens);
        let expression = parser.parse_expr().ok()?;
        (parser.peek_token().token == ParserToken::EOF).then_some(expression)
    }
}

/// The parser's view of a token. Symbols that an expression of texts does not need are left as they are, and stop it.
fn parser_token(text: &[u8], token: Token) -> ParserToken {
    let bytes = text.get(token.start..token.end).unwrap_or_default();
    let shown = || String::from_utf8_lossy(bytes).into_owned();
    match token.kind {
        TokenKind::Word => ParserToken::make_word(&shown(), None),
        TokenKind::Quoted => ParserToken::make_word(&literal::identifier(text, token).unwrap_or_default(), Some('"')),
        // What may spell another text stops it, too.
        TokenKind::Escaped if literal::is_doubtful(text, token) => ParserToken::Placeholder(shown()),
        TokenKind::Escaped | TokenKind::Plain | TokenKind::Dollar => {
            let value = literal::decode(text, token).map(|literal| literal.to_text());
            ParserToken::SingleQuotedString(value.unwrap_or_default())
        }
        TokenKind::Number => ParserToken::Number(shown(), false),
        TokenKind::Symbol(b'(') => ParserToken::LParen,
        TokenKind::Symbol(b')') => ParserToken::RParen,
        TokenKind::Symbol(b',') => ParserToken::Comma,
        TokenKind::Symbol(b'.') => ParserToken::Period,
        TokenKind::Symbol(b'|') => ParserToken::Pipe,
        TokenKind::Symbol(b':') => ParserToken::Colon,
        TokenKind::Bits | TokenKind::Parameter | TokenKind::Symbol(_) => ParserToken::Placeholder(shown()),
    }
}

/// What stands in a gap.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Gap {
    /// A name, in quotes or harmless without.
    Name,
    /// A string constant.
    Literal,
    /// A number.
    Number,
}

impl Gap {
    /// What the gap is read as.
    const fn stand_in(self) -> &'static str {
        match self {
            Self::Name => "\"a name\"",
            Self::Literal => "'a value'",
            Self::Number => "7",
        }
    }
}

/// A text with gaps.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Template {
    text: Vec<u8>,
    gaps: Vec<(Gap, Range<usize>)>,
}

impl Template {
    fn text(text: &str) -> Self {
        Self { text: text.as_bytes().into(), gaps: Vec::new() }
    }

    fn gap(gap: Gap) -> Self {
        let text = gap.stand_in().as_bytes().to_vec();
        Self { gaps: vec![(gap, 0..text.len())], text }
    }

    fn then(&self, other: &Self) -> Self {
        let offset = self.text.len();
        let moved = other
            .gaps
            .iter()
            .map(|(gap, span)| (*gap, span.start.saturating_add(offset)..span.end.saturating_add(offset)));
        let gaps = self.gaps.iter().cloned().chain(moved).collect();
        Self { text: [self.text.as_slice(), &other.text].concat(), gaps }
    }

    fn gap_at(&self, start: usize) -> Option<&(Gap, Range<usize>)> {
        let place = self.gaps.partition_point(|(_, span)| span.start < start);
        self.gaps.get(place).filter(|(_, span)| span.start == start)
    }
}

/// What an expression can make.
#[derive(Clone, Debug)]
pub struct Made {
    /// The statements in it.
    pub statements: Vec<Statement>,
    /// It holds values that a function quotes which the search path finds.
    pub trusts_quoting: bool,
}

/// What an expression can make; `None`: it cannot be told.
#[must_use]
pub fn read(expression: &Expression, variables: &Variables, context: Context<'_>) -> Option<Made> {
    if context.depth >= MAX_DEPTH {
        return None;
    }
    let notes = context.notes;
    let reader = Reader { variables, rules: context.rules, notes, trusts_quoting: Cell::new(false) };
    let templates = reader.texts(expression.clone(), 0)?;
    let inner = Context { place: Place::Message, variables: None, ..context };
    let mut statements = Vec::new();
    for template in templates {
        if !notes.makes(template.text.len()) || !is_settled(&template, context.rules) {
            return None;
        }
        statements.extend(inner.read_within(&template.text)?);
    }
    Some(Made { statements, trusts_quoting: reader.trusts_quoting.get() })
}

/// Whether every gap is a whole token, and stands where neither a statement nor a clause of credentials can begin.
fn is_settled(template: &Template, rules: Rules) -> bool {
    let text = template.text.as_slice();
    let mut lexer = Lexer::starting_at(text, 0, rules);
    let (mut outline, mut gaps, mut met) = (Outline::default(), Gaps::default(), 0_usize);
    for token in lexer.by_ref() {
        if token.kind == TokenKind::Symbol(b';') {
            if !is_settled_statement(text, &outline, gaps) {
                return false;
            }
            (outline, gaps) = (Outline::default(), Gaps::default());
            continue;
        }
        if let Some((gap, span)) = template.gap_at(token.start).filter(|(_, span)| span.end == token.end) {
            if outline.span().is_none() || is_glued(text, span, *gap) {
                return false;
            }
            gaps.add(*gap);
            met = met.saturating_add(1);
        } else {
            met = met.saturating_add(numbers_within(template, token));
            gaps.pass(text, token);
        }
        outline.add(text, token);
    }
    let is_whole = lexer.trouble().is_none() && lexer.nested_comment().is_none();
    is_whole && met == template.gaps.len() && is_settled_statement(text, &outline, gaps)
}

/// Numbers may also stand within a name, or within a string without escapes.
fn numbers_within(template: &Template, token: Token) -> usize {
    let bytes = template.text.get(token.start..token.end).unwrap_or_default();
    let is_string = matches!(token.kind, TokenKind::Escaped | TokenKind::Plain) && !bytes.contains(&b'\\');
    if !(token.kind == TokenKind::Word || is_string) {
        return 0;
    }
    let from = template.gaps.partition_point(|(_, span)| span.start <= token.start);
    let within = template.gaps.iter().skip(from).take_while(|(_, span)| span.end <= token.end);
    within.filter(|(gap, _)| *gap == Gap::Number).count()
}

/// Whether what touches a gap could make another token of it: `x''`, `"a""b"`, `--5`, `5.`.
fn is_glued(text: &[u8], span: &Range<usize>, gap: Gap) -> bool {
    let is_open = |byte: Option<&u8>| byte.is_none_or(|byte| b" \t\r\n\x0c(),;=<>.".contains(byte));
    let before = span.start.checked_sub(1).and_then(|place| text.get(place));
    let after = text.get(span.end);
    let dotted = before == Some(&b'.') || after == Some(&b'.');
    !(is_open(before) && is_open(after)) || (gap != Gap::Name && dotted)
}

/// The gaps of a statement.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "what was met in one pass, each on its own")]
struct Gaps {
    has_any: bool,
    has_literal: bool,
    /// One stands before the word ON: what is granted may be the right to assume a role.
    is_before_on: bool,
    has_on: bool,
    /// A string names a setting that matters: a gap may be the function that sets it.
    names_setting: bool,
}

impl Gaps {
    fn add(&mut self, gap: Gap) {
        self.has_any = true;
        self.has_literal |= gap == Gap::Literal;
        self.is_before_on |= !self.has_on;
    }

    /// A token that is no gap.
    fn pass(&mut self, text: &[u8], token: Token) {
        let word = text.get(token.start..token.end).unwrap_or_default();
        self.has_on |= token.kind == TokenKind::Word && is_one_of(word, &["on"]);
        let constant = literal::decode(text, token);
        self.names_setting |= constant.is_some_and(|constant| setting(&constant.bytes).is_some());
    }
}

/// Whether the gaps of a statement can only be what they stand for. A string in a carrier, a CALL or a SET would be a role, a
/// target or an encoding; a name behind GRANT, CREATE or ALTER would say what the statement is.
fn is_settled_statement(text: &[u8], outline: &Outline, gaps: Gaps) -> bool {
    let words = outline.words(text);
    let first = *words.first().unwrap_or(&b"".as_slice());
    let is_open = gaps.has_literal;
    let is = |verbs: &[&str]| is_one_of(first, verbs);
    match verb(&words) {
        _ if !gaps.has_any => true,
        _ if outline.sets || gaps.names_setting || outline.named && is_open => false,
        _ if is(&["grant", "revoke"]) => !is_open && !gaps.is_before_on,
        _ if is(&["create", "alter"]) && made(&words).is_none() => false,
        Verb::Naming => !(is(&["set", "reset"]) || is(&["call", "execute"]) && is_open),
        Verb::Known => !is_open,
        Verb::Unknown => false,
    }
}

struct Reader<'v> {
    variables: &'v Variables,
    rules: Rules,
    notes: &'v Notes,
    trusts_quoting: Cell<bool>,
}

impl Reader<'_> {
    fn texts(&self, expression: Expression, depth: u8) -> Option<Vec<Template>> {
        if depth > MAX_VARIABLES {
            return None;
        }
        self.expression(&expression.parse()?, depth)
    }

    fn expression(&self, expression: &Expr, depth: u8) -> Option<Vec<Template>> {
        match expression {
            Expr::Value(value) => match &value.value {
                Value::SingleQuotedString(text) | Value::Number(text, _) => Some(vec![Template::text(text)]),
                _ => None,
            },
            Expr::Nested(inner) => self.expression(inner, depth),
            Expr::BinaryOp { left, op: BinaryOperator::StringConcat, right } => {
                let (left, right) = (self.expression(left, depth)?, self.expression(right, depth)?);
                let joined = left.iter().flat_map(|left| right.iter().map(move |right| left.then(right)));
                (left.len().saturating_mul(right.len()) <= MAX_TEXTS).then(|| joined.collect())
            }
            Expr::Cast { expr, data_type, .. } => match data_type {
                kind if is_number(kind) => Some(vec![Template::gap(Gap::Number)]),
                DataType::Text | DataType::Varchar(_) | DataType::CharacterVarying(_) => self.expression(expr, depth),
                _ => None,
            },
            Expr::Function(function) => self.quoting(function).map(|gap| vec![Template::gap(gap)]),
            Expr::Identifier(name) => {
                let name =
                    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_ascii_lowercase() };
                self.variable(&name, depth)
            }
            _ => None,
        }
    }

    /// What a call of one of the functions that quote makes. Without its schema the name may be another function's, where the search
    /// path names a schema before `pg_catalog`: it is noted, for those who know the search path.
    fn quoting(&self, function: &Function) -> Option<Gap> {
        let parts: Vec<String> =
            function.name.0.iter().filter_map(|part| part.as_ident()).map(|part| part.value.clone()).collect();
        let (name, is_found) = match parts.as_slice() {
            [name] => (name, true),
            [schema, name] if schema.eq_ignore_ascii_case("pg_catalog") => (name, false),
            _ => return None,
        };
        let FunctionArguments::List(arguments) = &function.args else { return None };
        if !matches!(arguments.args.as_slice(), [FunctionArg::Unnamed(FunctionArgExpr::Expr(_))]) {
            return None;
        }
        let gap = match name.to_ascii_lowercase().as_str() {
            "quote_ident" => Gap::Name,
            "quote_literal" => Gap::Literal,
            _ => return None,
        };
        self.trusts_quoting.set(self.trusts_quoting.get() || is_found);
        Some(gap)
    }

    fn variable(&self, name: &str, depth: u8) -> Option<Vec<Template>> {
        let expressions = match self.variables.value(name) {
            Held::Number => return Some(vec![Template::gap(Gap::Number)]),
            Held::OneOf(expressions) if expressions.len() <= MAX_TEXTS => expressions,
            Held::OneOf(_) | Held::Anything => return None,
        };
        let mut texts = Vec::new();
        for text in expressions {
            if !self.notes.makes(text.len()) {
                return None;
            }
            texts.extend(self.texts(Expression::of(text.as_bytes(), self.rules), depth.saturating_add(1))?);
        }
        (texts.len() <= MAX_TEXTS).then_some(texts)
    }
}

const fn is_number(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Int(_)
            | DataType::Integer(_)
            | DataType::BigInt(_)
            | DataType::SmallInt(_)
            | DataType::Boolean
            | DataType::Date
    )
}

#[cfg(test)]
mod tests {
    use super::{Context, Expression, read};
    use crate::sql::analyse::analyse;
    use crate::sql::context::{Notes, Place};
    use crate::sql::lexer::{Escapes, Rules};
    use crate::sql::model::{Dialect, Method};
    use crate::sql::variables::Variables;

    /// The chains in what an expression makes; `None`: it cannot be told.
    fn chains(expression: &str) -> Option<Vec<String>> {
        let rules = Rules::with_escapes(Escapes::Always);
        let body = "declare n int; t text := 'sales'; q text; begin q := 'select ' || quote_literal(x); execute q; end";
        let variables = Variables::of(b"(a text)", body.as_bytes(), rules);
        let notes = Notes::default();
        let (dialect, place) = (Dialect::Redshift, Place::Body);
        let reader = analyse;
        let context =
            Context { dialect, rules, place, depth: 1, notes: &notes, is_other: false, variables: None, reader };
        let statements = read(&Expression::of(expression.as_bytes(), rules), &variables, context)?.statements;
        let uses = statements.into_iter().flat_map(|statement| statement.role_uses);
        Some(uses.filter_map(|it| if let Method::Chain(chain) = it.method { Some(chain) } else { None }).collect())
    }

    #[test]
    fn what_can_carry_no_role_passes() {
        for expression in [
            "'drop table ' || quote_ident(x)",
            "'drop table s.' || quote_ident(x)",
            "'select * from ' || pg_catalog.quote_ident(x) || ' where a = ' || quote_literal(y || z) || ' limit ' || n",
            "('insert into t values (' || quote_literal(a)) || ', ' || 7::varchar || ')'",
            "'delete from ' || t",
            "q",
            "'create table t_' || n || ' as select 1'",
            "'select ''part ' || n || ''''",
            "'truncate t' || cast(x as integer)",
            "'grant select on ' || quote_ident(x) || ' to bob'",
            "'grant select on s.' || quote_ident(x) || ' to ' || quote_ident(y)",
            "'create temp table ' || quote_ident(x) || ' (a int)'",
            "'alter table ' || quote_ident(x) || ' rename to ' || quote_ident(y)",
            "'insert into ' || quote_ident(x) || '(a, b) select 1, ' || quote_literal(y)",
        ] {
            assert_eq!(chains(expression), Some(Vec::new()), "{expression}");
        }
    }

    #[test]
    fn constant_roles_are_found() {
        let copy = "'copy ' || quote_ident(x) || ' from ''s3://b/p'' iam_role ''arn:aws:iam::1:role/A'''";
        assert_eq!(chains(copy), Some(vec!["arn:aws:iam::1:role/A".to_owned()]));
        assert_eq!(
            chains("'unload (''select 1'') to ''s3://b/' || n || ''' iam_role ''R'''"),
            Some(vec!["R".to_owned()])
        );
    }

    #[test]
    fn what_can_be_anything_is_told() {
        for expression in [
            "a",
            "x",
            "'drop table ' || a",
            "quote_ident(x) || ' t'",
            "'select 1; ' || quote_ident(x) || ' t'",
            "'copy t from ' || quote_literal(x) || ' iam_role ''R'''",
            "'copy t from ''s3://b'' iam_role ' || quote_literal(x)",
            "'grant ' || quote_ident(x) || ' on all to public for all'",
            "'revoke a, ' || quote_ident(x) || ' on default from u for all'",
            "'create ' || quote_ident(x) || ' p(a text) as $b$ begin execute a; end $b$'",
            "'create or replace ' || quote_ident(x) || ' p(a text) as $b$ begin execute a; end $b$'",
            "'alter ' || quote_ident(x) || ' u set global identity'",
            "'select ' || quote_ident(x) || '(''client_encoding'', ''sjis'', false)'",
            "'copy t from ''s3://b'' iam_role ''arn:aws:iam::1:role/' || quote_ident(x) || ''''",
            "'select ''' || quote_ident(x) || ''''",
            "'select x' || quote_literal(x)",
            "'select \"a' || quote_ident(x) || '\"'",
            "'select 1 -' || n",
            "'set client_encoding to ' || quote_literal(x)",
            "'set ' || quote_ident(x) || ' to ''sjis'''",
            "'select set_config(' || quote_literal(x) || ', ''sjis'', false)'",
            "'call p(' || quote_literal(x) || ')'",
            "'create external schema s from data catalog database ' || quote_literal(x)",
            "quote_literal(x, y)",
            "my.quote_ident(x)",
            "chr(99) || 'opy'",
            "'select ' || case when 1 = 1 then 'a' end",
            "'select /* ' || quote_literal(x) || ' */ 1'",
            "'select $' || n || '$ copy'",
            "'a' || 'b",
            "'c\\x6fpy t'",
            "'select ' || '\\u0031'",
        ] {
            assert_eq!(chains(expression), None, "{expression}");
        }
    }

    #[test]
    fn limits_refuse() {
        for (parts, told) in [(511, true), (512, true), (513, false)] {
            let expression =
                vec!["'select '"; 1].into_iter().chain(vec!["'1'"; parts - 1]).collect::<Vec<_>>().join("||");
            assert_eq!(chains(&expression).is_some(), told, "{parts}");
        }
    }
}
