//! What EXECUTE runs: an expression, read as a text with gaps. Where a gap is a whole name, string or number, what stands around it
//! says what the statement is, whatever is put into it.

use std::cell::Cell;

use sqlparser::ast::{
    BinaryOperator, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Value,
};

use crate::sql::context::{Context, MAX_DEPTH, Notes, Place};
use crate::sql::expression::Expression;
use crate::sql::gaps::is_settled;
use crate::sql::lexer::Rules;
use crate::sql::model::Statement;
use crate::sql::names;
use crate::sql::template::{Gap, TextTemplate};
use crate::sql::variables::{Value as Held, Variables};

/// Texts that one expression can be, those apart that are appended to it. One that can be more is not taken apart.
pub const MAX_TEXTS: usize = 16;

/// Expressions that one variable may be assigned.
const MAX_ASSIGNED: usize = 64;

/// Variables within variables.
const MAX_VARIABLES: u8 = 4;

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
    let templates = reader.expression(&expression.clone().parse()?, 0)?;
    let inner = Context { place: Place::Message, variables: None, ..context };
    let mut statements = Vec::new();
    for template in templates {
        if !notes.makes(template.text.len()) || !is_settled(&template, context.rules) {
            return None;
        }
        let read = inner.read_within(&template.text)?;
        // A gap in what is judged, a role or what it is used on, is known only when it runs.
        if !(template.gaps.is_empty() || read.is_empty()) && inner.read_within(&template.varied())? != read {
            return None;
        }
        statements.extend(read);
    }
    Some(Made { statements, trusts_quoting: reader.trusts_quoting.get() })
}

struct Reader<'v> {
    variables: &'v Variables,
    rules: Rules,
    notes: &'v Notes,
    trusts_quoting: Cell<bool>,
}

impl Reader<'_> {
    fn expression(&self, expression: &Expr, depth: u8) -> Option<Vec<TextTemplate>> {
        match expression {
            Expr::Value(value) => match &value.value {
                Value::SingleQuotedString(text) | Value::Number(text, _) => Some(vec![TextTemplate::text(text)]),
                _ => None,
            },
            Expr::Nested(inner) => self.expression(inner, depth),
            Expr::BinaryOp { left, op: BinaryOperator::StringConcat, right } => {
                self.before(left, &self.expression(right, depth)?, depth)
            }
            Expr::Cast { expr, data_type, .. } => match data_type {
                kind if is_number(kind) => Some(vec![TextTemplate::gap(Gap::Number)]),
                DataType::Text | DataType::Varchar(_) | DataType::CharacterVarying(_) => self.expression(expr, depth),
                _ => None,
            },
            // No function, but a word of the grammar: nothing can stand in for it.
            Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("coalesce") => {
                self.any_of(arguments(function)?.into_iter(), depth)
            }
            Expr::Function(function) => self.quoting(function).map(|gap| vec![TextTemplate::gap(gap)]),
            Expr::Identifier(name) => self.variable(&name.value, depth),
            _ => None,
        }
    }

    /// An expression and the texts that follow it; those are put together first, for what is appended to a variable's texts counts as one.
    fn before(&self, expression: &Expr, behind: &[TextTemplate], depth: u8) -> Option<Vec<TextTemplate>> {
        match expression {
            Expr::BinaryOp { left, op: BinaryOperator::StringConcat, right } => {
                self.before(left, &joined(&self.expression(right, depth)?, behind)?, depth)
            }
            _ => joined(&self.expression(expression, depth)?, behind),
        }
    }

    fn any_of<'e>(&self, results: impl Iterator<Item = &'e Expr>, depth: u8) -> Option<Vec<TextTemplate>> {
        let texts: Option<Vec<_>> = results.map(|result| self.expression(result, depth)).collect();
        texts.map(|texts| texts.concat()).filter(|texts| texts.len() <= MAX_TEXTS)
    }

    /// What a call of one of the functions that quote makes. Without its schema the name may be another function's, where the search
    /// path names a schema before `pg_catalog`: it is noted, for those who know the search path.
    fn quoting(&self, function: &Function) -> Option<Gap> {
        // In quotes case may count, and then another name is another function's.
        let folded = |part: &Ident| match part.quote_style {
            None => part.value.to_ascii_lowercase(),
            Some(_) => part.value.clone(),
        };
        let parts: Vec<String> = function.name.0.iter().filter_map(|part| part.as_ident()).map(folded).collect();
        let (name, is_found) = match parts.as_slice() {
            [name] => (name, true),
            [schema, name] if schema == "pg_catalog" => (name, false),
            _ => return None,
        };
        if arguments(function)?.len() != 1 {
            return None;
        }
        let gap = match name.as_str() {
            "quote_ident" => Gap::Name,
            "quote_literal" => Gap::Literal,
            _ => return None,
        };
        self.trusts_quoting.set(self.trusts_quoting.get() || is_found);
        Some(gap)
    }

    fn variable(&self, name: &str, depth: u8) -> Option<Vec<TextTemplate>> {
        let expressions = match self.variables.value(name) {
            Held::Number => return Some(vec![TextTemplate::gap(Gap::Number)]),
            Held::OneOf(expressions) if expressions.len() <= MAX_ASSIGNED => expressions,
            Held::OneOf(_) | Held::Anything => return None,
        };
        let depth = depth.saturating_add(1);
        if depth > MAX_VARIABLES {
            return None;
        }
        let (mut texts, mut appended) = (Vec::new(), Vec::new());
        for text in expressions {
            if !self.notes.makes(text.len()) {
                return None;
            }
            let expression = Expression::of(text.as_bytes(), self.rules).parse()?;
            if appends_to(name, &expression) {
                appended.extend(self.behind(name, &expression, depth)?);
            } else {
                texts.extend(self.expression(&expression, depth)?);
            }
        }
        let texts: Vec<TextTemplate> =
            texts.into_iter().map(|text| text.with_appended(appended.iter().cloned())).collect();
        (texts.len() <= MAX_TEXTS).then_some(texts)
    }

    /// What an expression that begins with a variable puts behind it.
    fn behind(&self, name: &str, expression: &Expr, depth: u8) -> Option<Vec<TextTemplate>> {
        match expression {
            Expr::Nested(inner) => self.behind(name, inner, depth),
            Expr::BinaryOp { left, op: BinaryOperator::StringConcat, right } => {
                joined(&self.behind(name, left, depth)?, &self.expression(right, depth)?)
            }
            _ => appends_to(name, expression).then(|| vec![TextTemplate::default()]),
        }
    }
}

/// The arguments of a call, if they are nothing but expressions.
fn arguments(function: &Function) -> Option<Vec<&Expr>> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let expression = |argument| match argument {
        &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref expression)) => Some(expression),
        _ => None,
    };
    list.args.iter().map(expression).collect()
}

/// Whether a text begins with the value of a variable: what follows is appended to it.
fn appends_to(name: &str, expression: &Expr) -> bool {
    match expression {
        Expr::Nested(inner) => appends_to(name, inner),
        Expr::BinaryOp { left, op: BinaryOperator::StringConcat, .. } => appends_to(name, left),
        Expr::Identifier(first) => names::key(&first.value) == names::key(name),
        _ => false,
    }
}

/// Each text with each of those that may follow.
fn joined(left: &[TextTemplate], right: &[TextTemplate]) -> Option<Vec<TextTemplate>> {
    let joined = left.iter().flat_map(|left| right.iter().map(move |right| left.then(right)));
    (left.len().saturating_mul(right.len()) <= MAX_TEXTS).then(|| joined.collect())
}

const fn is_number(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Int(_)
            | DataType::Integer(_)
            | DataType::BigInt(_)
            | DataType::SmallInt(_)
            | DataType::Boolean
            | DataType::Numeric(_)
            | DataType::Decimal(_)
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
        let body = "declare n int; t text := 'sales'; q text; s text := ''; u text; v text; w text; c text; e text;
            begin q := 'select ' || quote_literal(x); execute q;
            if n = 1 then s = 'insert into t select '; s = s || quote_literal(x);
            else s := (s || ', ') || n::text || ' from t '; end if;
            u := 'delete from t where '; loop u := u || quote_ident(x) || ' = ' || quote_literal(x) || ' and '; end loop;
            v := 'select '; v := v || 'x; '; v := v || 'copy t'; w := ''; w := w || quote_ident(x); w := w || ' t';
            c := 'select '; c := c || quote_ident(x); c := c || '(a, b, false)';
            e := 'select a'; e := e || 'b'; end";
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
            "'insert into ' || quote_ident(x) || '(a, b, c) select 1, 2, ' || quote_literal(y)",
            "'create table ' || quote_ident(x) || '.' || quote_ident(y) || '(a int, b int, c int)'",
            "'drop procedure ' || quote_ident(x) || '(int, int, int)'",
            "'select ' || quote_ident(x) || '(' || quote_ident(y) || ') from t'",
            "'delete from t where x < '|| quote_literal(y) ||'-90'",
            "'delete from t where x < '|| quote_literal(y) ||'::date+90'",
            "'select 2*'|| quote_literal(y) ||'*2, '|| quote_ident(z) ||'-90 from t where a='|| n ||'-1'",
            "'show table ' || quote_ident(x)",
            "'alter function ' || quote_ident(x) || '(int, ' || quote_ident(y) || ') owner to ' || quote_ident(z)",
            "'drop table t_' || n || '_old'",
            "'select ' || coalesce(quote_ident(x), 'x') || ', ' || coalesce(quote_literal(x), 'null')",
            "'select ' || cast(x as numeric(3, 2))",
            "s",
            "s || ' limit ' || n || ' '",
            "u || ' true '",
            "u",
        ] {
            assert_eq!(chains(expression), Some(Vec::new()), "{expression}");
        }
    }

    #[test]
    fn constant_roles_are_found() {
        let copy = "'copy ' || quote_ident(x) || ' from ''s3://b/p'' iam_role ''arn:aws:iam::1:role/A'''";
        assert_eq!(chains(copy), Some(vec!["arn:aws:iam::1:role/A".to_owned()]));
        let unload =
            "'unload (''select ' || n || ' from t' || n || ''') to ''s3://b/'' iam_role ''R'' maxfilesize ' || n";
        assert_eq!(chains(unload), Some(vec!["R".to_owned()]));
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
            // What is used, and on what, is known only when it runs.
            "'unload (''select 1'') to ''s3://acct-' || n || '/x'' iam_role ''R'''",
            "'unload (''select 1'') to ''s3://b/x'' iam_role ''arn:aws:iam::' || n || ':role/R'''",
            "'grant assumerole on ''R'' to ' || quote_ident(x) || ' for all'",
            "'grant assumerole on ''R'' to bob for ' || quote_ident(x)",
            "'create external schema s from data catalog database ''d' || n || ''' iam_role ''R'''",
            "'create external function f(int) returns int stable lambda ''f' || n || ''' iam_role ''R'''",
            "'copy t from ''s3://b'' x' || n || 'iam_role default'",
            // A gap could be the name of a function that quotes, or of one that sets.
            "'create function ev.' || quote_ident(x) || '(text) returns text stable as $f$ select $1 $f$ language sql'",
            "'create or replace function f(text) returns text as ' || quote_literal(x) || ' language plpgsql'",
            "'create function f() returns int as ''begin execute a; end'' language ' || quote_ident(x)",
            "'create procedure p' || n || '() as ''begin x' || n || ' := a; end'' language plpgsql'",
            "'alter function ev.myq(text) rename to ' || quote_ident(x)",
            "'alter function f(varchar) ' || quote_ident(x) || ' to quote_ident'",
            "'alter routine f ' || quote_ident(x) || ' to quote_ident'",
            "'create external function ' || quote_ident(x) || '(int) returns int stable lambda ''f'' iam_role ''R'''",
            "'create external ' || quote_ident(x) || ' quote_ident(int) returns int stable lambda ''f'' iam_role ''R'''",
            "'create model m from t target b function ' || quote_ident(x) || ' iam_role ''R'' settings (s3_bucket ''b'')'",
            "'create model m from t target b ' || quote_ident(x) || ' quote_ident iam_role ''R'' settings (s3_bucket ''b'')'",
            "'select ' || quote_ident(x) || '(' || quote_literal(y) || ', ' || quote_literal(z) || ', false)'",
            "'select pg_catalog.' || quote_ident(x) || '(a, b, false) from t'",
            "'select 1 from t where a = ' || quote_ident(x) || ' (a, b, false'",
            "'alter user u set ' || quote_ident(x) || ' to sjis'",
            "'show ' || quote_ident(x) || ' from data catalog ' || quote_ident(x) || ' ' || quote_literal(x)",
            "'show ' || quote_ident(x) || ' from data catalog limit 3'",
            "'select u&' || quote_ident(x)",
            "'select ' || quote_ident(x) || '&\"a\"'",
            "'select --' || n",
            "\"QUOTE_IDENT\"(x)",
            "'select ' || \"Quote_Ident\"(x)",
            "'select ' || \"PG_CATALOG\".quote_ident(x)",
            // What is appended begins a statement, a token or a call.
            "v",
            "w",
            "c",
            "e",
            "s || 'x'",
            "s || ' -- '",
            "s || '; '",
            "s || ' copy '",
            "'copy ' || u",
            "nvl(quote_ident(x), 'x')",
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
