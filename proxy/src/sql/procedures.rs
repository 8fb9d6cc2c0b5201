//! CREATE PROCEDURE, CREATE FUNCTION, DO and CALL: statements within statements, and roles as arguments. Source: CREATE
//! PROCEDURE, "Supported PL/pgSQL statements", Amazon Redshift Database Developer Guide.

use std::ops::Range;

use crate::sql::context::{Context, MAX_DEPTH, Place};
use crate::sql::cursor::{Cursor, Misfit};
use crate::sql::executed::{self, Made};
use crate::sql::expression::Expression;
use crate::sql::fault::FaultKind;
use crate::sql::lexer::{Token, TokenKind};
use crate::sql::literal::{self, Literal, LiteralPlaces};
use crate::sql::model::{Dialect, Effect, Statement};
use crate::sql::quoting;
use crate::sql::signs::{names_role, unescaped};
use crate::sql::statement::StatementBuilder;
use crate::sql::variables::Variables;
use crate::sql::watch::{ParameterUse, Watch};

/// Bodies of one function: a file and a symbol in it, where PostgreSQL loads one.
const MAX_BODIES: usize = 2;

/// What is wrong with an EXECUTE whose text cannot be told.
pub const OPEN_EXECUTE: &str = "EXECUTE of an expression, whose text is known only when it runs";

/// `CREATE PROCEDURE name (arguments) ... AS body ...`, from the name on.
///
/// # Errors
/// The header has another shape.
pub fn create(cursor: &mut Cursor<'_>, context: Context<'_>, builder: &mut StatementBuilder) -> Result<(), Misfit> {
    // What the header sets holds for the procedure alone.
    let moves = builder.take_effect(&Effect::MovesCatalog);
    let arguments = header(cursor, builder)?;
    let mut bodies = 0_usize;
    // Statements of SQL may stand in place of a body.
    let (mut is_sql, mut before) = (false, None);
    while let Some(token) = cursor.peek() {
        is_sql |= ["begin", "return"].iter().any(|word| cursor.sees(word));
        if !is_sql && (cursor.accept(&["as"]) || (bodies > 0 && cursor.symbol(b','))) {
            let place = cursor.place();
            bodies = bodies.saturating_add(1);
            if bodies > MAX_BODIES {
                return Err(Misfit::new(place, "expected one body"));
            }
            let (token, body) = body(cursor)?;
            read_body(cursor.text(), arguments.clone(), token, &body, context, builder);
        } else if cursor.group()?.is_none() {
            if cursor.is_credential(token) && cursor.is_literal_after() {
                return Err(cursor.misfit("expected an option of CREATE PROCEDURE"));
            }
            if token.kind.is_literal() && !is_sql && !takes_literal(cursor, before) {
                return Err(cursor.misfit("expected AS before the body"));
            }
            cursor.take();
        }
        before = Some(token);
    }
    quoting::check_both(builder, moves);
    Ok(())
}

/// The body behind AS. PostgreSQL takes `E'...'` and `N'...'`, too; what else may stand between is no body to any server.
fn body<'t>(cursor: &mut Cursor<'t>) -> Result<(Token, Literal<'t>), Misfit> {
    let mut ahead = cursor.clone();
    let prefix = ahead.take();
    let touches = |prefix: Token| ahead.peek().is_some_and(|next| next.kind.is_literal() && next.start == prefix.end);
    if prefix.is_some_and(|prefix| (cursor.is_word(prefix, "e") || cursor.is_word(prefix, "n")) && touches(prefix)) {
        cursor.take();
    }
    cursor.require_literal("the body")
}

/// Whether a literal of the header may stand behind this token: the name of a language, or the value of a setting.
fn takes_literal(cursor: &Cursor<'_>, before: Option<Token>) -> bool {
    before.is_some_and(|before| {
        ["language", "to"].iter().any(|word| cursor.is_word(before, word))
            || matches!(before.kind, TokenKind::Symbol(b'=' | b','))
    })
}

/// `CREATE FUNCTION name (arguments) RETURNS ... AS body LANGUAGE ...`, from the name on. The body is read where its language can
/// run statements; a query or a Python program cannot.
///
/// # Errors
/// The header has another shape.
pub fn create_function(
    cursor: &mut Cursor<'_>,
    context: Context<'_>,
    builder: &mut StatementBuilder,
) -> Result<(), Misfit> {
    let languages = languages(cursor.clone());
    if languages.is_empty() || languages.contains(&Language::MayBePlpgsql) {
        return create(cursor, context, builder);
    }
    header(cursor, builder)?;
    while let Some(token) = cursor.take() {
        if cursor.is_credential(token) && cursor.sees_literal() {
            return Err(Misfit::new(token.start..token.end, "expected an option of CREATE FUNCTION"));
        }
        if cursor.is_word(token, "as")
            && let Some((token, body)) = cursor.literal()
        {
            builder.account(token.start..token.end);
            if languages.contains(&Language::Sql) {
                read_query(cursor.text(), token, &body, context, builder);
            }
        }
    }
    Ok(())
}

/// A language, as far as it matters what a body in it can do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Language {
    /// It can run statements, or it is not certain which language it is.
    MayBePlpgsql,
    /// Its body is a query.
    Sql,
    /// A program.
    Other,
}

/// The languages that the rest of a CREATE FUNCTION names. One that the server would not take for a name could be any.
fn languages(mut cursor: Cursor<'_>) -> Vec<Language> {
    let mut languages = Vec::new();
    while cursor.take().is_some() {
        while cursor.accept(&["language"]) {
            let text = cursor.text();
            let Some(token) = cursor.peek() else { continue };
            let decoded = literal::decode(text, token).map(|literal| literal.to_text());
            let name = decoded.or_else(|| literal::identifier(text, token)).unwrap_or_default();
            let mut behind = cursor.clone();
            behind.take();
            let is_prefix = behind.sees_literal() || behind.sees_symbol(b'&');
            let may_hide = literal::is_doubtful(text, token) || literal::is_unicode_identifier(text, token);
            languages.push(match name.to_ascii_lowercase().as_str() {
                "" | "plpgsql" => Language::MayBePlpgsql,
                _ if may_hide || is_prefix => Language::MayBePlpgsql,
                "sql" => Language::Sql,
                _ => Language::Other,
            });
        }
    }
    languages
}

/// The body of a function in SQL: a query, which names no credential, but may set what changes the session.
fn read_query(text: &[u8], token: Token, body: &Literal<'_>, context: Context<'_>, builder: &mut StatementBuilder) {
    let Some(mut found) = read_within(token, body, context, builder) else { return };
    for statement in &mut found {
        statement.role_uses.clear();
        statement.faults.retain(|fault| matches!(fault.kind, FaultKind::Encoding | FaultKind::ComputedSetting));
    }
    relocate(&mut found, text, token, body);
    builder.absorb(found);
}

/// Name and arguments; gives the bytes of the arguments.
fn header(cursor: &mut Cursor<'_>, builder: &mut StatementBuilder) -> Result<Range<usize>, Misfit> {
    let name = cursor.name()?;
    quoting::check_name(cursor, name, builder);
    let arguments = cursor.group()?.unwrap_or(name.end..name.end);
    builder.account(arguments.clone());
    Ok(arguments)
}

/// `DO body`. Redshift has no such statement; PostgreSQL has.
///
/// # Errors
/// The backend does not know the statement.
pub fn anonymous(cursor: &mut Cursor<'_>, context: Context<'_>, builder: &mut StatementBuilder) -> Result<(), Misfit> {
    if context.dialect == Dialect::Redshift {
        builder.add_misfit(cursor.misfit("expected a statement of Redshift, which has no DO"));
        return Ok(());
    }
    let end = cursor.place().end;
    while cursor.take().is_some() {
        if let Some((token, body)) = cursor.literal() {
            read_body(cursor.text(), end..end, token, &body, context, builder);
        }
    }
    Ok(())
}

/// Reads the body of a procedure.
fn read_body(
    text: &[u8],
    arguments: Range<usize>,
    token: Token,
    body: &Literal<'_>,
    context: Context<'_>,
    builder: &mut StatementBuilder,
) {
    let variables = Variables::of(text.get(arguments).unwrap_or_default(), &body.bytes, context.rules);
    let context = Context { place: Place::Body, variables: Some(&variables), ..context };
    within(text, token, body, context, builder);
}

/// EXECUTE in a body: a text that is known, but for values and names that are quoted, is read as the statement that it is; anything
/// else could become a carrier.
pub fn executes(mut cursor: Cursor<'_>, context: Context<'_>, builder: &mut StatementBuilder) {
    let is_grant = ["grant", "revoke"].iter().any(|word| cursor.sees(word));
    // What PostgreSQL executes names no role that means anything to it.
    if is_grant || context.dialect == Dialect::PostgreSql {
        return;
    }
    while let Some(execute) = cursor.take() {
        if !cursor.is_word(execute, "execute") {
            continue;
        }
        let constant = cursor.clone().literal();
        let expression = Expression::take(&mut cursor);
        if let Some((token, literal)) = constant.filter(|_| expression.is_one_token()) {
            let context = Context { place: Place::Message, variables: None, ..context };
            within(cursor.text(), token, &literal, context, builder);
        } else {
            let span = execute.start..execute.end;
            let found = context.variables.and_then(|variables| executed::read(&expression, variables, context));
            match found {
                Some(Made { mut statements, trusts_quoting }) => {
                    move_to(&mut statements, &span);
                    builder.absorb(statements);
                    if trusts_quoting {
                        builder.add_effect(Effect::TrustsQuoting);
                    }
                }
                None => {
                    builder.add_fault(FaultKind::DynamicSql, span, OPEN_EXECUTE.to_owned());
                }
            }
        }
    }
}

/// `CALL name (arguments)`. In a body an argument may be a variable that holds a role.
pub fn call(cursor: &mut Cursor<'_>, context: Context<'_>, builder: &mut StatementBuilder) {
    let (mut joined, mut elsewhere) = (Vec::new(), Vec::new());
    let mut first: Option<Range<usize>> = None;
    while let Some(token) = cursor.peek() {
        if let Some((token, literal)) = cursor.literal() {
            first.get_or_insert(token.start..token.end);
            joined.extend_from_slice(&literal.bytes);
            let raw = cursor.bytes(token);
            elsewhere.extend(if literal.doubtful {
                unescaped(literal::inside(raw))
            } else {
                literal.bytes.into_owned()
            });
            continue;
        }
        if token.kind == TokenKind::Parameter {
            builder.watch().add(ParameterUse::CallArgument);
        }
        if holds_role(cursor.text(), token, context) {
            let detail = "a variable that is handed over holds a role's ARN".to_owned();
            builder.add_fault(FaultKind::CallArgument, token.start..token.end, detail);
        }
        cursor.take();
    }
    // All literals at once, so that an ARN put together from several is seen too; and as a server of another release reads escapes.
    if let (Some(span), true) = (first, names_role(&joined) || names_role(&elsewhere)) {
        builder.add_fault(FaultKind::CallArgument, span, String::new());
    }
}

/// `EXECUTE name (arguments)`. What was prepared, by SQL or by the protocol, is not told here, so that every constant counts for all that
/// a parameter can be.
pub fn execute(cursor: &mut Cursor<'_>, builder: &mut StatementBuilder) {
    let place = cursor.place();
    let mut values = Vec::new();
    while cursor.peek().is_some() {
        match cursor.literal() {
            Some((_, literal)) => values.push(literal.bytes),
            None => {
                cursor.take();
            }
        }
    }
    let values: Vec<&[u8]> = values.iter().map(AsRef::as_ref).collect();
    if let Some(fault) = Watch::of_execute().judge(&values) {
        builder.add_fault(fault.kind, place, fault.detail.to_owned());
    }
}

/// Whether a token names a variable of the body that is assigned a role.
fn holds_role(text: &[u8], token: Token, context: Context<'_>) -> bool {
    let names = context.variables.zip(literal::identifier(text, token));
    names.is_some_and(|(variables, name)| variables.is_assigned(&name, names_role))
}

/// The statements of the text that a literal holds, unless it stands too deep, which is told.
fn read_within(
    token: Token,
    literal: &Literal<'_>,
    context: Context<'_>,
    builder: &mut StatementBuilder,
) -> Option<Vec<Statement>> {
    let span = token.start..token.end;
    builder.account(span.clone());
    let inner = context.read_within(&literal.bytes);
    if inner.is_none() {
        builder.add_fault(FaultKind::DynamicSql, span, format!("more than {MAX_DEPTH} texts within texts"));
    }
    inner
}

/// Reads the text that a literal holds.
fn within(text: &[u8], token: Token, literal: &Literal<'_>, context: Context<'_>, builder: &mut StatementBuilder) {
    let Some(mut inner) = read_within(token, literal, context, builder) else { return };
    let span = token.start..token.end;
    if literal.doubtful {
        let detail = "the text holds an escape that can be read in two ways".to_owned();
        builder.add_fault(FaultKind::Disguised, span, detail);
    } else if literal.bytes.contains(&0) {
        builder.add_fault(FaultKind::Disguised, span, "the text holds a NUL".to_owned());
    }
    relocate(&mut inner, text, token, literal);
    builder.absorb(inner);
}

/// Turns places in a literal's text into places in the text around it.
fn relocate(inner: &mut [Statement], text: &[u8], token: Token, literal: &Literal<'_>) {
    if inner.is_empty() {
        return;
    }
    let places = LiteralPlaces::of(text, token, literal);
    let moved = |span: &Range<usize>| places.at(span.start)..places.at(span.end);
    for statement in inner {
        for role_use in &mut statement.role_uses {
            role_use.span = moved(&role_use.span);
        }
        for fault in &mut statement.faults {
            fault.span = moved(&fault.span);
        }
    }
}

/// Puts everything that was found at one place.
fn move_to(inner: &mut [Statement], span: &Range<usize>) {
    for statement in inner {
        for role_use in &mut statement.role_uses {
            role_use.span = span.clone();
        }
        for fault in &mut statement.faults {
            fault.span = span.clone();
        }
    }
}
